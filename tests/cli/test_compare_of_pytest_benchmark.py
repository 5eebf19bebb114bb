"""`compare` takes pytest-benchmark's JSON: each file is a round, of folders or one by one."""

import json

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_documents import document

WOBBLE = (1.0, 1.004, 0.998, 1.002, 0.997)


@pytest.fixture
def saved(tmp_path):
    """Writes a folder of rounds of some benchmarks."""

    def folder(name, rounds=5, **times_s):
        (tmp_path / name / "Linux-CPython-3.12").mkdir(parents=True)
        for place in range(rounds):
            made = document({f"t.py::{test}": time * WOBBLE[place] for test, time in times_s.items()}, place)
            (tmp_path / name / f"Linux-CPython-3.12/{place}.json").write_text(json.dumps(made))
        return tmp_path / name

    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def changes(text):
    return {verdict["case"]["kernel"]: (verdict["change"], verdict["rounds"]) for verdict in json.loads(text)["verdicts"]}


def test_two_folders_are_judged_each_file_a_round(call, saved):
    base, new = saved("base", test_a=1.0, test_b=1.0, test_old=1.0), saved("new", test_a=1.3, test_b=1.0, test_fresh=1.0)
    status, out, err = call("compare", base, new, "--json")
    assert (status, err) == (1, "")
    found = changes(out)
    assert (found["test_a"][0], found["test_b"][0]) == ("slower", "same")
    assert (found["test_old"][0], found["test_fresh"][0]) == ("missing", "new")


def test_files_of_a_side_may_be_named_one_by_one(call, saved):
    base, new = (sorted(saved(name, test_a=time).rglob("*.json")) for name, time in (("base", 1.0), ("new", 1.0)))
    options = [word for side, files in (("--base-round", base), ("--new-round", new)) for file in files for word in (side, file)]
    status, out, _ = call("compare", *options, "--all")
    assert status == 0
    assert "PASS" in out


def test_one_file_of_each_side_is_a_round_and_not_enough(call, saved):
    base, new = (next(saved(name, rounds=1, test_a=time).rglob("*.json")) for name, time in (("base", 1.0), ("new", 1.5)))
    assert call("compare", base, new)[0] == 3


def test_a_folder_and_a_results_file_are_compared_as_well(call, saved, tmp_path):
    base, new = saved("base", test_a=1.0), saved("new", test_a=1.3)
    call("import", *sorted(base.rglob("*.json")), "--results", tmp_path / "base.jsonl")
    assert call("compare", tmp_path / "base.jsonl", new)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        (["base", "empty"], "empty: has no .json file: give a file of `pytest --benchmark-json`"),
        (["base", "odd"], "is not of pytest-benchmark ("),
        (["base", "two"], "is of another environment than"),
        (["--base-round", "base", "--base-round", "base", "--new-round", "base"], "its round of 2026-01-01T00:00:00+00:00 is in"),
        (["base", "--new-round", "base"], "BASE and NEW are given as such, or each file by --base-round and --new-round"),
        (["--base-round", "base"], "Missing option '--new-round': give both sides a file at least"),
        (
            ["base", "base", "base"],
            "(got 3 files): name those of a side by --base-round or --new-round",
        ),
        (["--base-round", "base", "--kernel", "a", "--against", "b"], "--kernel and --against are of one file (got 1)"),
        ([], "Missing argument 'BASE'"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_read_as_rounds_is_one_line(call, saved, tmp_path, arguments, summary):
    saved("base", rounds=1, test_a=1.0)
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/verdict.json").write_text("{}")
    other = saved("two", rounds=2, test_a=1.0) / "Linux-CPython-3.12/1.json"
    other.write_text(json.dumps(document({"t.py::test_a": 1.0}, 1, commit_info={"id": "beef", "dirty": False})))
    status, out, err = call("compare", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert summary in err
