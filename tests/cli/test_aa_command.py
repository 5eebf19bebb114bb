"""Identical code against itself, in one command."""

import json
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from stand_in_checkout import entered, git, results_files, write_suites

from rsc_bench.cli import main
from rsc_bench.cli.aa import round_arguments
from rsc_bench.harness.ab import AlternatingError
from rsc_bench.harness.records.file import read


@pytest.fixture
def repo(tmp_path, monkeypatch):
    return entered(tmp_path / "repo", monkeypatch)


def test_two_copies_of_the_working_tree_are_measured_in_turns(repo, capsys):
    write_suites(repo, 0.5)
    assert main(["aa", "--rounds", "6", "--json", "--", "--graph", "g"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rounds"] == 6
    assert found["whole"]["counts"]["slower"] == 0
    sides = [read(path) for path in results_files(repo)]
    assert [side.environment["checkout"]["folder"] for side in sides] == ["side0", "side1"]
    assert all(0.5 <= record.measurement.timing.times_s[0] < 0.51 for side in sides for record in side.records)
    assert git(repo, "worktree", "list").count("\n") == 1
    # What was measured can be judged again.
    assert main(["aa", "--read", *map(str, results_files(repo)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == found["trials"]
    assert len(results_files(repo)) == 2


def test_an_injected_slow_down_is_really_measured_on_one_side(repo, capsys):
    assert main(["aa", "--rounds", "3", "--inject", "10%", "--", "--graph", "g"]) == 3
    assert (
        "one side slowed by 10%, all 3 rounds of each side as one comparison: 2 of 2 cases called slower" in capsys.readouterr().out
    )
    assert [read(path).environment.get("slow_down") for path in results_files(repo)] == [None, 0.1]


def test_too_few_rounds_say_nothing(repo):
    assert main(["aa", "--rounds", "3", "--", "--graph", "g"]) == 3


def test_a_folder_without_git_is_measured_in_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_suites(tmp_path, 1.0)
    assert main(["aa", "--rounds", "3", "--", "--graph", "g"]) == 3
    assert [len(read(path).rounds) for path in results_files(tmp_path)] == [3, 3]


def test_a_folder_without_suites_measures_those_of_the_package(tmp_path):
    options = ("exact", "--graph", "small:hub")
    write_suites(tmp_path, 1.0)
    assert round_arguments(tmp_path, options[1:], lambda path: True) == ("suites", "--graph", "small:hub")
    without = round_arguments(tmp_path / "elsewhere", options, lambda path: True)
    assert without[-3:] == ("--benchmark", "--graph", "small:hub")
    assert [Path(argument).name for argument in without if argument.endswith(".py")] == ["test_exact.py"]
    with pytest.raises(AlternatingError, match=r"^--results cannot be given"):
        round_arguments(tmp_path / "elsewhere", ("--results", "mine.jsonl"), lambda path: True)


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        (["--inject", "0%"], "--inject must be above 0% and below 100% (got '0%'): write 5% or 0.05"),
        (["--catch", "much"], "--catch must be above 0% and below 100% (got 'much'): write 5% or 0.05"),
        (["--rounds", "2"], "--rounds"),
        (["--", "--results", "mine.jsonl"], "--results cannot be given to the suites here"),
        (["--read", "none.jsonl", "none.jsonl"], "none.jsonl: cannot be read"),
        (["--read", "a.jsonl", "b.jsonl", "--inject", "5%"], "--read measures nothing: leave --inject, --set-up and what"),
    ],
)
def test_bad_usage_is_one_line(repo, capsys, arguments, summary):
    assert main(["aa", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert summary in lines[0]
