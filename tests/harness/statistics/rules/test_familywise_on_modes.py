"""Processes that differ from run to run: two modes of 22.5 and 25.5 ms, with almost no spread inside a run."""

import numpy as np
import pytest
from made_noise import APART, IN_TURNS, Suite, caught, false_alarms, two_modes, two_modes_of_all

ENOUGH = 9
"""Rounds of each side by which identical code is not called slower: the default of `ab`."""
TO_SEE_10_PERCENT = 60
draw = pytest.fixture(lambda: np.random.default_rng(1))


@pytest.mark.parametrize("cases", [1, 5, 50])
@pytest.mark.parametrize("noise", [two_modes, two_modes_of_all])
def test_nine_rounds_in_turns_call_none_of_them_slower(noise, cases, draw):
    suites, share = false_alarms(Suite(noise, IN_TURNS, ENOUGH, cases=cases), 500, draw)
    # Of 500 suites 5 may; where the chance is 1 %, more than 10 are seen in one of 70 tries.
    assert suites <= 10 / 500
    assert share <= 0.005


def test_nine_rounds_of_one_file_after_the_other_do_so_too_for_one_case(draw):
    assert false_alarms(Suite(two_modes, APART, ENOUGH, cases=1), 500, draw)[0] <= 0.01


@pytest.mark.parametrize("rounds", [3, 5])
def test_fewer_rounds_are_not_enough_which_the_guide_says(rounds, draw):
    # All three pairs, or four of five, are fast and slow in one in 64: nothing tells that from a slowdown.
    assert false_alarms(Suite(two_modes, IN_TURNS, rounds, cases=1), 1000, draw)[0] > 0.01


def test_a_true_change_that_is_smaller_than_the_modes_takes_sixty_rounds(draw):
    assert caught(Suite(two_modes, IN_TURNS, ENOUGH, cases=5), 1.10, 100, draw) < 0.3
    assert caught(Suite(two_modes, IN_TURNS, TO_SEE_10_PERCENT, cases=5), 1.10, 100, draw) >= 0.95
