import sys
from pathlib import Path

import pytest
from made_runs import case, not_ok, ok, run

from rsc_bench.suites.measuring.doubts import busy, busy_share, doubts
from rsc_bench.text import again


def of(*rounds):
    return list(doubts(run(*rounds).rounds, Path("run.jsonl")))


def test_three_rounds_that_agree_leave_no_doubt():
    assert of(*([ok(case("a"), 1.0 + index / 3), ok(case("b"), 9.0)] for index in range(3))) == []


def test_rounds_that_disagree_more_than_twofold_are_named_with_the_worst():
    (line,) = of(*([ok(case("a"), time), ok(case("b"), 2 * time), ok(case("c"), 1.0)] for time in (1.0, 1.0, 487.0)))
    assert line.startswith("warning: 2 of 3 cases took more than twice as long in one round as in another (up to 487 times)")


def test_too_few_rounds_to_judge_by_are_said_with_the_command_that_adds_them():
    (line,) = of([ok(case("a"), 1.0), ok(case("b"), 1.0)], [ok(case("a"), 1.0), not_ok(case("b"), "failed", "x")])
    assert line == f"note:    `compare` judges from 3 rounds on, and some cases have 1: {again((), Path('run.jsonl'), 2)}"


def test_trainings_are_repeated_by_their_seeds_and_need_no_rounds():
    assert of([ok(case("a", model="GCN", seed=0), 1.0)]) == []


def test_where_nothing_was_measured_there_is_nothing_to_doubt():
    assert of() == of([not_ok(case("a"), "wrong", "x")]) == []


@pytest.mark.parametrize(
    ("percent", "said"), [(3.0, ""), (64.0, "warning: 64 % of all cores busy with other processes: stop other programs")]
)
def test_a_machine_that_is_busy_when_a_run_begins_is_said(percent, said, monkeypatch):
    pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: percent)
    assert (busy(busy_share()) or "").partition(",")[0] == said


def test_where_nobody_can_tell_whether_a_machine_is_busy_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert (busy(busy_share()) or "").startswith(
        "note:    whether other programs keep the cores busy is not known: psutil is not installed"
    )
