import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench.cli.bench import arguments
from rsc_bench.suites.measuring.asked import asked

OPTIONS = ["--graph", "small:hub", "-k", "mkl or topk", "--kernel=my kernel.py"]


def of_bench(*options):
    given = arguments(options)
    return asked(given, [each for each in given if "/suites" in each and "ini" not in each and each != given[3]])


@pytest.mark.parametrize(
    ("given", "modules", "suites"),
    [
        (["suites/", "--benchmark", *OPTIONS], ["suites/"], []),
        (["suites/test_exact.py", *OPTIONS, "--benchmark"], ["suites/test_exact.py"], ["exact"]),
        (["--benchmark", *OPTIONS, "--results", "a.jsonl", "--rounds=3"], [], []),
        (["-c", "x.ini", "--results=a.jsonl", "--rounds", "9", "-p", "no:cacheprovider", *OPTIONS], [], []),
    ],
)
def test_what_was_asked_for_is_all_but_what_is_of_one_session(given, modules, suites):
    assert asked(given, modules) == [*suites, *OPTIONS]


def test_the_installed_program_is_asked_for_the_same():
    assert of_bench("sampled", *OPTIONS, "--rounds", "2") == ["sampled", *OPTIONS]


@pytest.mark.parametrize(
    ("given", "modules"),
    [
        (["suites/test_exact.py::test_exact[a]"], ["suites/test_exact.py::test_exact[a]"]),
        (["mine/test_mine.py"], ["mine/test_mine.py"]),
        (["--kernel", "Z\udcfcrich.py"], []),
        (["-k", "a" * 5000], []),
    ],
    ids=["one test", "another module", "no UTF-8", "too long to be read"],
)
def test_what_a_results_file_cannot_say_is_not_known(given, modules):
    assert asked(given, modules) is None
