"""No name from a file, a folder or a plug-in reaches the terminal as an escape sequence, whatever command prints it."""

import json

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import MACHINE, case, not_ok, ok, written
from made_trainings import exact, sampled
from stand_in_checkout import entered

from rsc_bench.cli import main
from rsc_bench.cli.list import Section, as_text
from rsc_bench.fields import Plugin
from rsc_bench.harness.machine import doctor
from rsc_bench.harness.machine.findings import Finding
from rsc_bench.plugins import Plugins
from rsc_bench.text import plain_json

EVIL = "a\x1b[31m\x9b2J\x07\x08\x7f\u202eb"
"""Escape sequences of seven and eight bits, a bell, steps back, and a turn of the order of letters."""


def steering(text):
    """The letters in a text that a terminal would not show but do."""
    return [letter for letter in text if not letter.isprintable() and letter != "\n"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder whose name, and whose files' names and contents, would steer a terminal."""
    folder = tmp_path / EVIL
    folder.mkdir()
    monkeypatch.chdir(folder)
    environment = {**MACHINE, "cpu": {"model": EVIL}}
    for name, factor in (("base", 1.0), ("new", 2.0)):
        rounds = ([ok(case(EVIL), factor * t), ok(case(), t), not_ok(case("bad"), "wrong", EVIL)] for t in (1.0, 1.01, 1.02))
        written(folder / f"{name}{EVIL}.jsonl", *rounds, environment={**environment, "checkout": {"commit": name + EVIL}})
    trained = [*exact(graph=EVIL), *sampled(0.1, [0.1, 0.2, 0.3], 4.0, graph=EVIL, kernel=f"topk({EVIL})")]
    written(folder / "trained.jsonl", trained, environment=environment)
    return folder


COMPARE = ["compare", f"base{EVIL}.jsonl", f"new{EVIL}.jsonl"]


@pytest.mark.parametrize(
    "command",
    [
        [*COMPARE, "--all"],
        [*COMPARE, "--markdown"],
        [*COMPARE, "--junit"],
        [*COMPARE, "--json"],
        [*COMPARE, "--accept", f"slower {EVIL}: {EVIL}"],
        [*COMPARE, "--accept", f"nothing: {EVIL}"],
        [*COMPARE, "--json", f"{EVIL}.jsonl"],
        [*COMPARE[:2], "--kernel", EVIL, "--against", "mkl"],
        [*COMPARE[:2], "--kernel", f"{EVIL}{EVIL}", "--against", "mkl"],
        ["compare", f"{EVIL}.jsonl", "none.jsonl"],
        ["recommend", "trained.jsonl"],
        ["recommend", "trained.jsonl", "--json"],
        ["export", f"base{EVIL}.jsonl"],
        ["history", *[f"{name}{EVIL}.jsonl" for name in ("base", "new", "base")]],
        ["history", f"base{EVIL}.jsonl", "--json"],
        ["export", f"base{EVIL}.jsonl", "--format", "csv", "--output", "-"],
        ["export", f"base{EVIL}.jsonl", "--format", "latex", "--output", "-"],
        ["show", f"base{EVIL}.jsonl", "trained.jsonl"],
        ["doctor"],
        ["doctor", "--json"],
        ["list", "--plugin", f"{EVIL}.py"],
    ],
    ids=lambda command: "-".join(word for word in command if word.isprintable()),
)
def test_no_command_prints_what_steers_a_terminal(here, capsys, command):
    main(command)
    out, err = capsys.readouterr()
    assert out + err
    assert steering(out + err) == []


def test_neither_does_ab_of_its_folders_and_revisions(tmp_path, monkeypatch, capsys):
    entered(tmp_path / "repo", monkeypatch)
    main(["ab", "--base", "fast", "--new", "fast", "--rounds", "1", "--output", f"results{EVIL}"])
    main(["ab", "--base", f"fast{EVIL}"])
    out, err = capsys.readouterr()
    assert "results: results" in err
    assert steering(out + err) == []


def test_what_is_listed_and_found_is_shown_plain():
    class Thing(Plugin):
        name, summary = "thing", EVIL

        def missing(self):
            return None

    found = Plugins({"thing": Thing()}, {"absent": EVIL})
    assert steering(as_text((Section("things", "thing"),), lambda kind: found)) == []
    assert steering(doctor.as_text([Finding("a", "hint", EVIL, EVIL)])) == []


def test_json_says_the_same_with_every_such_letter_escaped():
    text = json.dumps([EVIL, "é 中 \U0001f600", "\U000e0001"], ensure_ascii=False)
    assert json.loads(plain_json(text)) == [EVIL, "é 中 \U0001f600", "\U000e0001"]
    assert steering(plain_json(text)) == []
    assert "é 中 \U0001f600" in plain_json(text)
