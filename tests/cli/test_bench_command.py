from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench.cli import main
from rsc_bench.cli.bench import SUITES, arguments, suite_options


def suites(found):
    return [Path(argument).name for argument in found if Path(argument).name.partition(".")[0] in ("suites", *names())]


def names():
    return [f"test_{name}" for name in SUITES]


def test_all_suites_are_measured_where_none_is_named():
    found = arguments(["--graph", "small:hub"])
    assert suites(found) == ["suites"]
    assert found[-3:] == ["--benchmark", "--graph", "small:hub"]


def test_suites_are_named_by_a_word():
    assert suites(arguments(["exact", "training", "--width", "8"])) == ["test_exact.py", "test_training.py"]


def test_checking_measures_nothing():
    found = arguments(["exact", "--check", "--graph", "small:hub"])
    assert "--benchmark" not in found
    assert "--check" not in found, "it is no option of pytest"


def test_every_suite_that_can_be_named_is_there_and_has_settings_of_its_own():
    found = arguments(list(SUITES))
    assert all(Path(argument).is_file() for argument in found if argument.endswith(".py"))
    assert Path(found[found.index("-c") + 1]).is_file()


def test_a_word_that_an_option_is_given_names_no_suite():
    found = arguments(["--width", "8", "-k", "sampled"])
    assert suites(found) == ["suites"]
    assert found[-4:] == ["--width", "8", "-k", "sampled"]
    assert suites(arguments(["--check", "exact", "-k", "training"])) == ["test_exact.py"]


def test_plug_ins_are_loaded_by_pytest_which_puts_their_digests_into_the_results():
    from rsc_bench.cli import cli

    context = cli.make_context("rsc-bench", ["bench"])
    command = cli.get_command(context, "bench")
    made = command.make_context("bench", ["--plugin", "mine.py", "--width", "8"], parent=context)
    assert list(made.params["options"]) == ["--plugin", "mine.py", "--width", "8"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--widht", "3"], "unrecognized arguments: --widht 3"),
        (["--width"], "argument --width: expected one argument"),
        (["exct"], "'exct' is no suite: nearest is exact"),
        (["exact", "xyz"], "'xyz' is no suite: "),
        (
            ["--width", "3", "exact"],
            "'exact' is a suite, which must stand in front of the options: write `rsc-bench bench exact ...`",
        ),
    ],
)
def test_an_option_that_cannot_be_used_is_one_line_and_status_2(capsys, tmp_path, monkeypatch, options, reason):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *options]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"error: {reason}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", [["--help"], ["exact", "-h"]])
def test_help_lists_the_options_of_the_suites_and_not_those_of_pytest(capsys, place):
    assert main(["bench", *place]) == 0
    shown = capsys.readouterr().out
    assert {usage.split()[0] for usage, _ in suite_options()} <= set(shown.split())
    assert "--maxfail" not in shown
