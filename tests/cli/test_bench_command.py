from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench.cli.bench import SUITES, arguments


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
