import math

import pytest

from rsc_bench.harness.statistics.effects import Sides
from rsc_bench.harness.statistics.rules import Question
from rsc_bench.harness.statistics.rules.familywise import judge

STEADY = [1.00, 1.01, 1.00, 1.02]


def answer(base, new, margin=0.05, **parts):
    (only,) = judge([Question(Sides(base, new), margin, **parts)])
    return only


def scaled(factor, of=STEADY):
    return [factor * value for value in of]


@pytest.mark.parametrize(("factor", "change"), [(1.0, "same"), (1.02, "same"), (1.2, "slower"), (0.8, "faster")])
def test_a_clear_change_is_called_by_its_name(factor, change):
    found = answer(STEADY, scaled(factor))
    assert (found.change, found.looks, found.rounds_needed) == (change, change, None)
    assert found.ratio == pytest.approx(factor)
    assert found.interval[0] < factor < found.interval[1]


@pytest.mark.parametrize(("factor", "change"), [(0.8, "slower"), (1.25, "faster"), (1.0, "same")])
def test_where_higher_is_better_the_directions_are_turned_over_and_the_ratio_is_not(factor, change):
    found = answer(STEADY, scaled(factor), higher_is_better=True)
    assert found.change == change
    assert found.ratio == pytest.approx(factor)
    assert found.interval[0] < factor < found.interval[1]


def test_the_margin_is_the_same_in_both_directions():
    exact = [1.0, 1.0, 1.0]
    changes = [answer(exact, scaled(factor, exact)).change for factor in (1.049, 1.051, 1 / 1.049, 1 / 1.051)]
    assert changes == ["same", "slower", "same", "faster"]


def test_an_interval_that_reaches_beyond_the_margin_is_not_the_same():
    found = answer([1.0, 1.03, 0.97], [1.0, 0.98, 1.03])
    assert (found.change, found.looks, found.no_slower) == ("unclear", "same", False)


def test_what_is_surely_no_slower_says_so_though_it_is_unclear():
    found = answer([1.0, 1.06, 0.94, 1.0], [0.9, 0.96, 0.84, 0.9])
    assert (found.change, found.looks, found.no_slower) == ("unclear", "faster", True)


def test_with_the_rounds_that_it_asks_for_it_is_settled():
    base, new = [1.0, 1.05, 0.95], [1.12, 1.18, 1.05]
    few = answer(base, new)
    assert (few.change, few.looks) == ("unclear", "slower")
    times = math.ceil(few.rounds_needed / 3)
    assert answer(base * times, new * times).change == "slower"


def test_what_lies_on_the_margin_is_settled_by_no_number_of_rounds():
    found = answer([1.0, 1.02, 0.98], scaled(1.0499, [1.0, 1.02, 0.98]))
    assert (found.change, found.rounds_needed) == ("unclear", None)


def test_among_many_cases_more_evidence_is_asked_for():
    base, new = [1.0, 1.03, 0.98, 1.0], [1.15, 1.11, 1.18, 1.15]
    alone = Question(Sides(base, new), 0.05, kind=("alone",))
    others = [Question(Sides(STEADY, STEADY), 0.05, kind=(str(place),)) for place in range(1000)]
    found = judge([alone, *others])[0]
    assert (judge([alone])[0].change, found.change) == ("slower", "unclear")
    assert found.chance_limit == pytest.approx(0.005 / 1001)
    assert found.chance == pytest.approx(judge([alone])[0].chance)


def test_the_noise_of_one_kind_says_nothing_of_another():
    still = [Question(Sides([1.0] * 3, [1.0] * 3), 0.05, kind=("memory",)) for _ in range(20)]
    noisy = [Question(Sides(scaled(1 + place), [1.1, 0.9, 1.2, 0.8]), 0.05, kind=("time",)) for place in range(20)]
    assert all(found.interval == (1.0, 1.0) for found in judge([*still, *noisy])[:20])


def test_nothing_asked_is_nothing_answered():
    assert judge([]) == []
