"""A kernel that only one side has is measured on that side, and what both have on both."""

import json

import pytest
from stand_in_checkout import write_suites

from rsc_bench.harness.ab import Side
from rsc_bench.harness.ab.commands import of_suites
from rsc_bench.harness.ab.kernels import for_sides
from rsc_bench.harness.ab.session import Plan, measure
from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.records.file import read

LIST = """
import json, pathlib, sys
named = [argument.partition("=")[2] for argument in sys.argv if argument.startswith("--plugin=")]
kernels = {kernels!r} + [pathlib.Path(file).stem for file in named]
listed = dict(kernels=[dict(name=name, available=name != "absent") for name in kernels], selections=[dict(name="topk(KERNEL)")])
if "fresh" in kernels:
    listed["baselines"] = [dict(name="theirs", available=True)]
pathlib.Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps(listed))
"""


@pytest.fixture(autouse=True)
def quick_pytest(monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def checkout(folder, *kernels):
    """A checkout whose command line lists these kernels, and whose suites measure those that they are asked for, beside mkl."""
    folder.mkdir()
    write_suites(folder, 1.0)
    conftest = folder / "suites/conftest.py"
    text = conftest.read_text().replace('in ("ours", "theirs")', 'in dict.fromkeys(["mkl", *option("--kernel")])')
    more = '    parser.addoption("--kernel", action="append", default=[])\n    for option in'
    conftest.write_text(text.replace("    for option in", more, 1))
    (folder / "harness").mkdir()
    (folder / "harness/__main__.py").write_text(LIST.format(kernels=["mkl", "absent", *kernels]))
    return folder


@pytest.fixture
def folders(tmp_path):
    base, new = checkout(tmp_path / "base", "old"), checkout(tmp_path / "new", "fresh")
    return {"base": base, "new": new}


@pytest.fixture
def options(folders, tmp_path):
    """The options of either side before "suites", those of both behind it, and what is said."""

    def of(*arguments):
        found, said = for_sides(folders, ("suites", *arguments), tmp_path)
        own, rest = zip(*((each[: each.index("suites")], each[each.index("suites") :]) for each in found), strict=True)
        assert rest[0] == rest[1]
        return list(map(list, own)), list(rest[0]), said

    return of


def test_a_kernel_of_one_side_is_asked_of_that_side_alone(options):
    own, rest, said = options("--kernel", "fresh", "--kernel=old", "--kernel", "mkl", "--width", "8")
    assert own == [["--kernel=old", "--kernel=mkl"], ["--kernel=fresh", "--kernel=mkl"]]
    assert rest == ["suites", "--width", "8"]
    assert said == ["base has no kernel fresh: its cases will be new", "new has no kernel old: its cases will be missing"]


def test_a_kernel_behind_a_selection_is_there_where_both_are(options):
    assert options("--kernel", "topk(fresh)", "--kernel", "mkl")[0] == [["--kernel=mkl"], ["--kernel=topk(fresh)", "--kernel=mkl"]]


def test_where_a_side_has_none_of_them_both_get_one_that_both_have(options):
    # Suites that are asked for no kernel choose their own, which would be missing on the other side.
    assert options("--kernel", "fresh")[0] == [["--kernel=mkl"], ["--kernel=fresh", "--kernel=mkl"]]


def test_a_baseline_and_the_word_for_all_are_asked_of_the_side_that_knows_them(options):
    own, _, said = options("--kernel", "baselines", "--kernel", "theirs", "--kernel", "mkl")
    assert own == [["--kernel=mkl"], ["--kernel=baselines", "--kernel=theirs", "--kernel=mkl"]]
    assert said == [f"base has no kernel {name}: its cases will be new" for name in ("baselines", "theirs")]


def test_a_cached_approximation_is_asked_of_the_side_that_has_it(options, folders):
    main = folders["new"] / "harness/__main__.py"
    main.write_text(main.read_text().replace("'fresh'", "'fresh', 'cached_fresh'"))
    assert options("--kernel", "cached_fresh", "--kernel", "mkl")[0] == [
        ["--kernel=mkl"],
        ["--kernel=cached_fresh", "--kernel=mkl"],
    ]


def test_a_kernel_that_cannot_run_here_is_known_all_the_same(options):
    assert options("--kernel", "absent")[0] == [["--kernel=absent"], ["--kernel=absent"]]


def test_a_kernel_that_no_side_has_is_left_to_the_suites_to_refuse(options):
    assert options("--kernel", "frsh")[0] == [["--kernel=frsh"], ["--kernel=frsh"]]


def test_a_file_of_one_checkout_is_of_one_side_and_one_from_outside_of_both(options, folders, tmp_path):
    (folders["new"] / "mine.py").touch()
    (tmp_path / "outside.py").touch()
    outside = f"--kernel={tmp_path}/outside.py"
    assert options("--kernel", "mine.py", outside)[0] == [[outside], ["--kernel=mine.py", outside]]


def test_a_file_of_plugins_of_one_checkout_brings_its_kernels_to_one_side(options, folders):
    (folders["new"] / "more.py").touch()
    own, _, said = options("--plugin", "more.py", "--kernel", "more", "--kernel", "mkl")
    assert own == [["--kernel=mkl"], ["--kernel=more", "--kernel=mkl", "--plugin=more.py"]]
    assert said == ["base has no kernel more: its cases will be new"]


def test_without_a_named_kernel_nobody_is_asked(options, folders):
    (folders["base"] / "harness/__main__.py").write_text("raise SystemExit('asked')")
    assert options("--width", "8") == ([[], []], ["suites", "--width", "8"], [])


@pytest.mark.parametrize("answer", ["raise SystemExit(2)", "import sys; open(sys.argv[-1], 'w').write('[1]')"])
def test_a_side_that_cannot_say_what_it_has_is_asked_as_it_was(options, folders, answer):
    (folders["base"] / "harness/__main__.py").write_text(answer)
    assert options("--kernel", "fresh") == ([[], []], ["suites", "--kernel", "fresh"], [])


def test_the_rest_is_judged(folders, tmp_path):
    own, said = for_sides(folders, ("suites", "--kernel", "fresh", "--kernel", "old"), tmp_path)
    sides = tuple(
        Side(name, folder, tmp_path / f"{name}.jsonl", of_suites(arguments))
        for (name, folder), arguments in zip(folders.items(), own, strict=True)
    )
    measure(Plan(sides, 3), said.append)
    comparison = compare(*(read(side.results) for side in sides))
    assert {verdict.case.kernel: verdict.change for verdict in comparison.verdicts} == {
        "mkl": "same",
        "old": "missing",
        "fresh": "new",
    }
    assert said[:2] == ["base has no kernel fresh: its cases will be new", "new has no kernel old: its cases will be missing"]
    assert json.dumps(said).count("round ") == 6
