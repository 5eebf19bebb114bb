"""What every decision rule keeps, those of plug-ins too."""

import pytest

from rsc_bench.harness.statistics.effects import Sides
from rsc_bench.harness.statistics.rules import MIN_ROUNDS, Question
from rsc_bench.plugins import load

STEADY = [1.00, 1.001, 0.999, 1.002]
TWICE = [2 * value for value in STEADY]


@pytest.fixture(params=load("rule").values(), ids=lambda rule: rule.name)
def rule(request):
    return request.param


def question(base, new, **parts):
    return Question(Sides(base, new), 0.05, **parts)


def test_a_summary_is_one_sentence(rule):
    assert rule.summary.endswith(".")
    assert "\n" not in rule.summary


def test_every_question_has_its_answer_in_its_place(rule):
    found = rule.judge([question(STEADY, STEADY), question(STEADY, TWICE), question(TWICE, STEADY)])
    assert [answer.ratio for answer in found] == [pytest.approx(ratio, rel=0.01) for ratio in (1.0, 2.0, 0.5)]
    assert [answer.looks for answer in found] == ["same", "slower", "faster"]
    assert rule.judge([]) == []


def test_worse_is_slower_also_where_higher_is_better(rule):
    (found,) = rule.judge([question(TWICE, STEADY, higher_is_better=True)])
    assert (found.looks, found.ratio) == ("slower", pytest.approx(0.5, rel=0.01))


def test_what_is_unclear_is_never_called_changed_and_asks_for_more_rounds_or_for_none(rule):
    few = [STEADY[0], 3.0, 0.3][:MIN_ROUNDS]
    (found,) = rule.judge([question(few, few[::-1])])
    assert found.change == "unclear"
    assert found.rounds_needed is None or found.rounds_needed > len(few)
