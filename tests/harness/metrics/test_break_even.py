import math

import pytest
from made_runs import case, measurement, ok

from rsc_bench.harness.metrics import Baselines
from rsc_bench.harness.metrics.break_even import METRIC, break_even
from rsc_bench.plugins import load

# Prepared in 1 s, called in 2 s.
REFERENCE = measurement(2.0, prepare_s=1.0)


def calls(before_s, call_s, **parts):
    return break_even(measurement(call_s, prepare_s=before_s, **parts), REFERENCE)


@pytest.mark.parametrize(
    ("before_s", "call_s", "expected"),
    [
        (11.0, 1.0, 10),  # 11 + 10 x 1 = 1 + 10 x 2
        (11.5, 1.0, 11),  # from 10.5 on: the 11th call is the first behind it
        (1.5, 1.0, 1),
        (1.0, 1.0, 0),
        (0.5, 1.0, 0),
        (1.0, 2.0, 0),  # the reference itself
        (0.5, 2.0, 0),
        (1.5, 2.0, math.inf),  # as fast in each call, and what it paid before does not come back
        (1.5, 3.0, math.inf),
        (0.0, 2.5, math.inf),  # ahead for two calls, and behind in all that follow
    ],
)
def test_calls_until_the_time_before_the_first_has_come_back(before_s, call_s, expected):
    assert calls(before_s, call_s) == expected


def test_from_the_break_even_point_on_the_total_is_no_longer_and_before_it_is():
    at = int(calls(11.5, 1.0))
    assert 11.5 + at * 1.0 <= 1.0 + at * 2.0
    assert 11.5 + (at - 1) * 1.0 > 1.0 + (at - 1) * 2.0


def test_rounding_is_no_call_more():
    # (0.124 - 0.004) / (0.02 - 0.01) is 12, and a little more in floating point.
    assert break_even(measurement(0.01, prepare_s=0.124), measurement(0.02, prepare_s=0.004)) == 12


def test_tuning_is_paid_as_well_on_both_sides():
    assert calls(1.0, 1.0, tune_s=10.0) == 10
    tuned = measurement(2.0, prepare_s=1.0, tune_s=4.0)
    assert break_even(measurement(1.0, prepare_s=11.0), tuned) == 6


def test_calls_are_the_fastest_of_as_many_samples_each():
    # The fast kernel was lucky once, after its baseline had stopped: by its first sample it is as fast as that.
    assert break_even(measurement(2.0, 1.0, prepare_s=11.0), REFERENCE) == math.inf


def test_a_sampled_kernel_pays_for_selecting_in_its_calls():
    assert calls(11.0, 1.0, select_s=[5.0], multiply_s=[0.5], calls_per_sample=10) == 10


@pytest.mark.parametrize(
    ("measured", "baseline", "reason"),
    [
        (measurement(1.0, prepare_s=None), REFERENCE, "the time to prepare was not recorded"),
        (measurement(1.0), None, "no exact kernel of the same product has its time to prepare recorded"),
        (measurement(1.0, epoch_s=[1.0]), REFERENCE, None),  # a training is no call
    ],
)
def test_where_it_is_not_known_there_is_no_number_but_a_reason(measured, baseline, reason):
    assert METRIC.value(case(), measured, baseline, None) is None
    assert METRIC.why_not_known(measured, baseline) == reason


def test_never_is_a_value_and_no_reason_is_given_beside_one():
    slow = measurement(3.0, prepare_s=0.5)
    assert METRIC.value(case(), slow, REFERENCE, None) == math.inf
    assert METRIC.why_not_known(slow, REFERENCE) is None


def reference(*records, of=None):
    found = Baselines(records).of(METRIC, of or case("topk(mkl)", budget=0.1, suite="sampled"))
    return found and found[0]


def test_the_reference_is_the_exact_kernel_that_has_its_first_result_soonest():
    slow, fast = ok(case("slow"), 2.0, prepare_s=1.0), ok(case("fast"), 1.0, prepare_s=3.0)
    assert reference(slow, fast) == "slow"
    assert Baselines([slow, fast]).of(load("metric")["speedup"], case())[0] == "fast"
    # Prepared in less than a call of its own, which is no reason to take it for one that needs none.
    assert reference(slow, ok(case("fast"), 1.9, prepare_s=1.8)) == "slow"
    assert reference(slow, ok(case("fast"), 1.0, prepare_s=0.5, tune_s=9.0)) == "slow"


def test_a_kernel_whose_preparing_was_not_timed_is_no_reference_and_neither_is_a_sampled_one():
    known = ok(case("known"), 2.0, prepare_s=1.0)
    assert reference(known, ok(case("unknown"), 0.1, prepare_s=None)) == "known"
    assert reference(known, ok(case("topk(mkl)", budget=0.1, suite="sampled"), 0.1, prepare_s=0.0)) == "known"
    assert reference(ok(case("unknown"), 0.1, prepare_s=None)) is None


def test_the_reference_computes_the_same_product():
    records = [ok(case("known"), 2.0), ok(case("other", freed_memory="kept"), 1.0), ok(case("third", reorder="degree"), 1.0)]
    assert reference(*records) == "known"
    assert reference(*records, of=case(freed_memory="kept")) == "other"
    assert reference(*records, of=case(reorder="degree")) == "third"
    assert reference(*records, of=case(width=16)) is None
