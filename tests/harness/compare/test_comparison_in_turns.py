import msgspec
import pytest
from made_runs import run, timed

from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.output.wording import remarks
from rsc_bench.text import call

# A machine that becomes 20 % slower from each round to the next: between the rounds of a pair there is next to no change.
DRIFT = (1.0, 1.2, 1.44, 1.73, 2.07)


def in_turns(of, name="now", indices=None):
    """The run with its rounds marked as taken in turns with those of another."""
    marked = [
        (msgspec.structs.replace(start, alternated=name, index=start.index if indices is None else indices[place]), records)
        for place, (start, records) in enumerate(of.rounds)
    ]
    return msgspec.structs.replace(of, rounds=marked)


def only(base, new):
    (verdict,) = compare(base, new, 0.05).verdicts
    return verdict


def test_rounds_taken_in_turns_are_compared_pair_by_pair():
    base, new = timed(*DRIFT), timed(*(1.1 * t for t in DRIFT))
    assert (only(base, new).change, only(base, new).paired) == ("unclear", False)
    found = only(in_turns(base), in_turns(new))
    assert (found.change, found.paired, found.rounds) == ("slower", True, (5, 5))
    assert found.ratio == pytest.approx(1.1)


def test_rounds_of_two_occasions_make_no_pairs():
    base, new = timed(*DRIFT), timed(*(1.1 * t for t in DRIFT))
    assert not only(in_turns(base, "monday"), in_turns(new, "tuesday")).paired
    assert not only(in_turns(base), new).paired


def test_pairs_are_made_by_index_whatever_the_order_in_the_file():
    base, new = timed(*DRIFT), timed(*(1.1 * t for t in reversed(DRIFT)))
    found = only(in_turns(base), in_turns(new, indices=[5, 4, 3, 2, 1]))
    assert (found.change, found.ratio) == ("slower", pytest.approx(1.1))


def test_a_round_without_its_partner_is_left_out():
    found = only(in_turns(timed(*DRIFT)), in_turns(timed(*(1.1 * t for t in DRIFT[:4]))))
    assert (found.rounds, found.change) == ((4, 4), "slower")


def test_with_fewer_than_three_pairs_all_rounds_count_by_themselves():
    found = only(in_turns(timed(1.0, 1.01, 1.0, 1.02)), in_turns(timed(1.0, 1.01, 1.0, 1.02), indices=[1, 2, 8, 9]))
    assert (found.paired, found.rounds, found.change) == (False, (4, 4), "same")


def test_a_change_between_files_that_were_not_taken_in_turns_says_what_it_may_be():
    steady = (1.0, 1.01, 1.0, 1.02)
    base, new = timed(*steady), timed(*(2 * t for t in steady))
    found = [line for line in remarks(compare(base, new, 0.05)) if "in turns" in line]
    assert found == [f"the rounds were not taken in turns, so a drifting machine looks like a change: `{call('ab')}` takes them so"]
    assert list(remarks(compare(in_turns(base), in_turns(new), 0.05))) == []
    assert list(remarks(compare(base, timed(*(1.001 * t for t in steady)), 0.05))) == []


def test_a_round_carried_on_after_a_kill_is_still_one_round():
    base = timed(1.0, 1.01, 1.02)
    again = [*base.rounds, base.rounds[-1]]
    assert only(in_turns(msgspec.structs.replace(base, rounds=again), indices=[1, 2, 3, 3]), in_turns(base)).rounds == (3, 3)


def test_runs_without_rounds_have_no_pairs():
    assert compare(in_turns(run()), in_turns(run()), 0.05).exit_status == 3
