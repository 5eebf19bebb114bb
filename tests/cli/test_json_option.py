"""``--json [FILE]`` means the same in every command that has it."""

import json
import re

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import case, ok, written
from made_trainings import exact, sampled
from stand_in_checkout import entered, results_files

from rsc_bench.cli import main
from rsc_bench.harness.ab import turns
from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.run import Round

COMMANDS = {
    "list": (["list"], "kernels"),
    "doctor": (["doctor"], "findings"),
    "recommend": (["recommend", "trained.jsonl"], "recommendations"),
    "aa": (["aa", "--read", "a.jsonl", "b.jsonl"], "trials"),
    "compare": (["compare", "base.jsonl", "base.jsonl"], "verdicts"),
    "history": (["history", "a.jsonl", "b.jsonl", "base.jsonl"], "without_a_history"),
}
every_command = pytest.mark.parametrize(("command", "key"), COMMANDS.values(), ids=COMMANDS)


def written_in_turns(paths, rounds):
    """Two results files whose rounds were taken in turns."""
    files = [ResultsFile(path, {}) for path in paths]
    for index, side in turns(rounds):
        started = f"2026-01-01T00:{index:02d}:{30 * side:02d}Z"
        files[side].start_round(Round(index=index, of=rounds, cases=1, started=started, alternated="session"))
        files[side].append(ok(case(), 1.0 + index / 1000))
    for file in files:
        file.close()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with what each of the commands reads."""
    written(tmp_path / "base.jsonl", [ok(case(), 1.0)])
    written(tmp_path / "trained.jsonl", [*exact(), *sampled(0.1, [0.0] * 3, 4.0)])
    written_in_turns([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], 6)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def repo(tmp_path, monkeypatch):
    return entered(tmp_path / "repo", monkeypatch)


def beginning(text):
    """The first line, without numbers: what is free of a machine's memory and disk, and its noise, change from look to look."""
    return re.sub(r"\d+", "", text.partition("\n")[0])


@every_command
def test_without_a_file_it_takes_the_place_of_the_text_and_with_one_it_stands_beside_it(here, capsys, command, key):
    status, text = main(command), capsys.readouterr().out
    assert main([*command, "--json"]) == status
    printed = json.loads(capsys.readouterr().out)
    assert main([*command, "--json", "out/found.json"]) == status
    assert beginning(capsys.readouterr().out) == beginning(text)
    found = json.loads((here / "out/found.json").read_text())
    assert found["origin"].startswith("written by rsc-bench")
    assert printed.keys() - {"origin"} == found.keys() - {"origin"}
    assert len(found[key]) == len(printed[key]) > 0
    assert main([*command, "--json", "out/found.json"]) == status, "what we wrote is replaced"


@every_command
def test_a_file_that_is_not_ours_stays(here, capsys, command, key):
    (here / "mine.json").write_text("{}")
    for target in ("mine.json", "base.jsonl"):
        before = (here / target).read_text()
        assert main([*command, "--json", target]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith(f"error: {target}: ")
        assert (here / target).read_text() == before


def test_ab_has_it_as_compare_has(repo, capsys):
    assert main(["ab", "--base", "fast", "--new", "slow", "--rounds", "1", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["counts"]["unclear"] == 2


@pytest.mark.parametrize("command", ["aa", "ab --base fast"])
def test_a_file_that_must_not_be_written_is_refused_before_anything_is_measured(repo, capsys, command):
    (repo / "mine.json").write_text("{}")
    assert main([*command.split(), "--rounds", "3", "--json", "mine.json"]) == 2
    assert "mine.json: was not written by this program" in capsys.readouterr().err
    assert not results_files(repo)


@pytest.mark.parametrize("command", [["recommend"], ["compare"], ["compare", "base.jsonl"]])
def test_a_results_file_that_stands_behind_it_is_not_taken_for_its_own(here, capsys, command):
    assert main([*command, "--json", "base.jsonl"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: base.jsonl: is a results file, and results are never overwritten: put --json last\n")
