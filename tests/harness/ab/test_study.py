"""What the rule makes of a pool of rounds whose noise is known."""

import random
import re
from dataclasses import replace

import pytest

pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import case, ok

from rsc_bench.harness.ab import AlternatingError, turns
from rsc_bench.harness.ab.pool import pool
from rsc_bench.harness.ab.study import caught, recommended, study
from rsc_bench.harness.ab.study_text import as_text, as_tree
from rsc_bench.harness.output.console import Screen
from rsc_bench.harness.records.run import Round, Run

CASES = [case(kernel) for kernel in ("mkl", "rows_numba", "torch_reduce", "topk(mkl)")]


def taken(rounds, time_s, slow_down=0.0, said=None, session="one"):
    """Two runs that were taken in turns; `time_s` gives the time of a round from its place in time."""
    sides = ([], [])
    for place, (index, side) in enumerate(turns(rounds)):
        started = f"2026-01-01T00:{place // 6:02d}:{place % 6 * 10:02d}Z"
        start = Round(index=index, of=rounds, cases=len(CASES), started=started, alternated=session)
        slower = 1 + slow_down * side
        sides[side].append((start, [ok(of, slower * time_s(place)) for of in CASES]))
    slowed = {"slow_down": slow_down if said is None else said} if slow_down else {}
    return [
        Run(path=name, environment=environment, rounds=records)
        for name, environment, records in zip("ab", ({}, slowed), sides, strict=True)
    ]


def noisy(spread, seed=0):
    generator = random.Random(seed)
    return lambda _: generator.lognormvariate(0.0, spread)


@pytest.fixture(scope="module")
def quiet():
    return study(pool(*taken(18, noisy(0.0005))), threshold=0.05, catch=0.07)


def of_places(windows):
    """The places in time of the rounds of each comparison: a round takes as many seconds as rounds came before it, and one."""
    return [(places(window.base), places(window.new)) for window in windows]


def places(run):
    return [int(records[0].measurement.timing.times_s[0]) - 1 for _, records in run.rounds]


def test_comparisons_are_stretches_of_the_pool_dealt_in_turns_and_both_ways():
    windows = pool(*taken(3, lambda place: place + 1)).windows(2, most=100)
    assert of_places(windows) == [
        ([0, 3], [1, 2]),
        ([1, 2], [0, 3]),
        ([1, 4], [2, 3]),
        ([2, 3], [1, 4]),
        ([2, 5], [3, 4]),
        ([3, 4], [2, 5]),
    ]


def test_rounds_of_a_comparison_are_pairs_of_neighbours():
    for window in pool(*taken(5, lambda place: place + 1)).windows(3, most=100):
        assert [start.index for start, _ in window.base.rounds] == [start.index for start, _ in window.new.rounds] == [1, 2, 3]
        assert {start.alternated for run in (window.base, window.new) for start, _ in run.rounds} == {"one"}


def test_a_slowed_side_stays_a_side():
    windows = pool(*taken(3, lambda place: place + 1, slow_down=1e-9)).windows(2, most=100)
    assert of_places(windows) == [([0, 3], [1, 2]), ([3, 4], [2, 5])]


def test_no_more_comparisons_are_made_than_asked_for_and_they_are_spread_over_the_pool():
    windows = pool(*taken(30, lambda place: place + 1)).windows(3, most=20)
    assert 10 <= len(windows) <= 20
    firsts = [min(base + new) for base, new in of_places(windows)]
    assert firsts[0] == 0
    assert firsts[-1] > 45


def test_a_round_that_has_no_partner_is_left_out():
    base, new = taken(3, lambda place: place + 1)
    new.rounds.pop()
    assert pool(base, new).rounds == 2


def test_a_pool_knows_how_long_a_round_takes():
    assert pool(*taken(4, lambda _: 1.0)).round_s == 10.0


@pytest.mark.parametrize("session", [None, "other"])
def test_rounds_that_were_not_taken_in_turns_are_refused(session):
    base, new = taken(3, lambda _: 1.0)[0], taken(3, lambda _: 1.0, session=session)[1]
    with pytest.raises(AlternatingError, match="a and b: must be the two files of one `aa`"):
        pool(base, new)


def test_the_slowed_side_given_first_is_refused():
    with pytest.raises(AlternatingError, match="give them in that order"):
        pool(*reversed(taken(3, lambda _: 1.0, slow_down=0.1)))


def test_quiet_identical_code_passes_and_a_small_change_is_caught(quiet):
    assert quiet.whole.exit_status == 0
    nine = next(trial for trial in quiet.trials if (trial.rounds, trial.threshold) == (9, 0.05))
    # 19 stretches of 18 among 36 rounds, dealt both ways.
    assert (nine.tally.comparisons, nine.tally.failed, nine.tally.passed) == (38, 0, 38)
    assert nine.tally.cases == 38 * len(CASES)
    # A change of 5 % is not above a threshold of 5 %; the next larger one that is tried is 7 %.
    assert nine.smallest == 0.07
    assert 0.05 not in nine.caught


def test_noise_that_hides_a_change_is_not_said_to_catch_it():
    found = study(pool(*taken(10, noisy(0.2))), threshold=0.05, catch=0.05)
    assert all(trial.smallest is None or trial.smallest >= 0.2 for trial in found.trials)
    assert recommended(found) is None


def test_the_cheapest_setting_that_does_it_is_recommended(quiet):
    best = recommended(quiet)
    # 5 % is the largest threshold below 7 %, and so quiet a machine needs no more rounds than the fewest that are tried.
    assert (best.rounds, best.threshold) == (3, 0.05)


@pytest.mark.parametrize("tally", [{"failed": 1}, {"passed": 30}])
def test_a_setting_that_fails_or_cannot_judge_identical_code_is_not_recommended(quiet, tally):
    trials = tuple(replace(trial, tally=replace(trial.tally, **tally)) for trial in quiet.trials)
    assert recommended(replace(quiet, trials=trials)) is None


def test_only_some_cases_are_made_slower_to_see_whether_they_are_caught():
    windows = pool(*taken(12, noisy(0.001))).windows(5, most=8)
    assert caught(windows, 0.05, 0.2) == 1.0
    assert caught(windows, 0.05, 0.001) == 0.0


def test_an_injected_slow_down_is_counted_where_it_is_caught():
    found = study(pool(*taken(8, noisy(0.002), slow_down=0.1)), threshold=0.05, catch=0.1)
    assert found.whole.exit_status == 1
    assert all(trial.tally.failed_share == 1.0 for trial in found.trials if trial.threshold == 0.05)
    assert all(trial.tally.ratio == pytest.approx(1.1, abs=0.005) for trial in found.trials)
    assert all(trial.caught == {} for trial in found.trials)


def test_the_text_says_what_was_found_and_what_to_use(quiet):
    text = as_text(quiet, Screen(160))
    found = "0 of 4 cases called slower at a threshold of 5% (exit status 0)"
    assert text.startswith(f"identical code, all 18 rounds of each side as one comparison: {found}\n")
    assert "they are not independent" in text
    # Two sides of three rounds, 10 s each.
    assert "To catch 7% on this machine: --rounds 3 and --threshold 5%, about 1.0 minutes for this sweep." in text


def test_the_text_of_an_injection_says_how_often_it_was_caught():
    text = as_text(study(pool(*taken(8, noisy(0.002), slow_down=0.1)), threshold=0.05, catch=0.1), Screen(160))
    assert text.startswith("one side slowed by 10%, all 8 rounds of each side as one comparison: 4 of 4 cases called slower")
    assert "median ratio" in text
    assert re.search(r" 1\.(09|10)\d$", text, re.MULTILINE)


def test_a_small_pool_says_that_it_is_one():
    found = study(pool(*taken(3, noisy(0.002))), threshold=0.05, catch=0.1)
    assert "too few rounds for more" in as_text(found, Screen(160))


def test_the_tree_holds_every_number():
    found = study(pool(*taken(8, noisy(0.002))), threshold=0.05, catch=0.1)
    tree = as_tree(found)
    assert (tree["rounds"], tree["round_s"], tree["injected"], tree["catch"]) == (8, 10.0, None, 0.1)
    assert len(tree["whole"]["cases"]) == len(CASES)
    assert tree["recommended"] == {"rounds": 3, "threshold": 0.05}
    first = tree["trials"][0]
    assert (first["rounds"], first["threshold"], first["tally"]["comparisons"]) == (3, 0.02, 22)
    assert first["apart"] == 2
    assert {"change": 0.1, "share": 1.0} in first["caught"]
