import math

import pytest
from made_runs import case, measurement, ok, run, timed

from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.compare.reasons import NoRatio, OneSided, TooFew
from rsc_bench.harness.output.wording import counts_line, headline, name, word
from rsc_bench.harness.records.run import Record

TIMES = (1.00, 1.01, 1.02)


def measured(of=None, times=TIMES, **parts):
    return run(*([ok(of or case(), time_s, **parts)] for time_s in times))


def changes(base, new, *metrics, **options):
    found = compare(base, new, metrics=dict.fromkeys(metrics), **options)
    return [(verdict.metric, verdict.change) for verdict in found.verdicts]


def test_by_default_the_time_is_compared_and_nothing_else():
    base, new = measured(peak_bytes=1_000_000), measured(peak_bytes=9_000_000)
    assert [(v.metric, v.change) for v in compare(base, new).verdicts] == [("time", "same")]


def test_what_is_asked_for_is_compared_instead():
    base, new = measured(peak_bytes=1_000_000), measured(peak_bytes=9_000_000, times=[2 * t for t in TIMES])
    assert changes(base, new, "memory") == [("memory", "slower")]
    assert changes(base, new, "time", "memory") == [("time", "slower"), ("memory", "slower")]


@pytest.mark.parametrize(("error", "change"), [(0.30, "same"), (0.36, "slower"), (0.24, "faster")])
def test_an_error_that_grew_is_worse(error, change):
    (found,) = compare(measured(rel_error=0.3), measured(rel_error=error), metrics={"error": None}).verdicts
    assert (found.change, found.ratio) == (change, pytest.approx(error / 0.3))
    assert word(found) == {"slower": "worse", "faster": "better"}.get(change, change)


def test_a_metric_of_which_more_is_better_is_worse_where_it_fell():
    base, new = measured(rows=10), measured(rows=10, times=[1.5 * t for t in TIMES])
    (found,) = compare(base, new, metrics={"arithmetic": None}).verdicts
    assert (found.change, found.ratio, found.higher_is_better) == ("slower", pytest.approx(1 / 1.5), True)


def test_a_metric_against_a_baseline_is_that_of_its_own_round():
    def rounds(sampled_s):
        return run(*([ok(case("mkl"), t), ok(case("topk(mkl)", budget=0.1), sampled_s * t, kept_nnz=10)] for t in (1.0, 2.0, 4.0)))

    found = compare(rounds(0.5), rounds(0.25), metrics={"speedup": None}).verdicts
    assert [(v.case.kernel, v.change, v.ratio) for v in found if v.case.budget] == [("topk(mkl)", "faster", pytest.approx(2.0))]


def test_a_metric_may_have_a_margin_of_its_own():
    base, new = measured(peak_bytes=1_000_000), measured(peak_bytes=1_030_000)
    assert compare(base, new, metrics={"memory": None}).exit_status == 0
    (found,) = compare(base, new, metrics={"memory": 0.01}).verdicts
    assert (found.change, found.margin) == ("slower", 0.01)


def test_a_metric_that_neither_side_has_is_not_mentioned_and_one_that_was_lost_is_unclear():
    base, new = measured(peak_bytes=1_000_000), measured()
    assert changes(new, new, "memory") == []
    assert changes(new, base, "memory") == [("memory", "new")]
    (found,) = compare(base, new, metrics={"memory": None}).verdicts
    assert (found.change, found.reason) == ("unclear", OneSided("memory", "base"))


def test_zero_has_no_ratio_and_is_never_the_same_by_mistake():
    (found,) = compare(measured(rel_error=0.0), measured(rel_error=0.1), metrics={"error": None}).verdicts
    assert (found.change, found.ratio) == ("unclear", None)
    assert found.reason == NoRatio("error", 0.0, 0.1)


@pytest.mark.parametrize("rounds", [1, 3])
def test_zero_in_every_round_of_both_sides_is_the_same_from_three_rounds_on(rounds):
    zero = measured(times=TIMES[:rounds], rel_error=0.0)
    copy = measured(times=[2 * t for t in TIMES[:rounds]], rel_error=0.0)
    (found,) = compare(zero, copy, metrics={"error": None}).verdicts
    expected = ("same", 1.0, None) if rounds == 3 else ("unclear", None, NoRatio("error", 0.0, 0.0))
    assert (found.change, found.ratio, found.reason) == expected


def rounds_of(*prepare_s, call_s=1.0):
    """A reference that is prepared in 1 s and called in 2 s, and a kernel that is prepared in so many in each round."""
    return run(*([ok(case("simple"), 2.0, prepare_s=1.0), ok(case(), call_s, prepare_s=paid_s)] for paid_s in prepare_s))


def break_even_of(base, new):
    found = compare(base, new, metrics={"break-even": None})
    return {verdict.case.kernel: verdict for verdict in found.verdicts}["mkl"], found


def test_a_kernel_that_pays_later_is_worse():
    found, _ = break_even_of(rounds_of(11.0, 11.0, 11.0), rounds_of(21.0, 21.0, 21.0))
    assert (found.change, found.values, found.ratio) == ("slower", (10.0, 20.0), pytest.approx(2.0))


def test_a_kernel_that_never_pays_is_no_worse_where_it_never_did_and_has_no_ratio_where_it_did():
    never = rounds_of(11.0, 11.0, 11.0, call_s=3.0)
    found, _ = break_even_of(never, rounds_of(21.0, 21.0, 21.0, call_s=3.0))
    assert (found.change, found.values) == ("same", (math.inf, math.inf))
    found, _ = break_even_of(rounds_of(11.0, 11.0, 11.0), never)
    assert (found.change, found.reason) == ("unclear", NoRatio("break-even", 10.0, math.inf))


def test_of_how_many_cases_a_metric_is_not_known_is_said_with_the_reason():
    _, found = break_even_of(rounds_of(11.0, 11.0, 11.0), rounds_of(11.0, None, None))
    assert found.notes == ()  # known in one round at least
    lost, found = break_even_of(rounds_of(11.0, 11.0, 11.0), rounds_of(None, None, None))
    assert lost.reason == OneSided("break-even", "base")
    assert found.notes == ("break-even is not known of 1 case in new: the time to prepare was not recorded",)


def test_a_vanished_case_is_missing_once_however_many_metrics_are_asked_for():
    assert changes(measured(), run(), "memory", "time") == [("memory", "missing")]


def trained(accuracy, seed, time_s=100.0):
    """A training that ends with this test metric."""
    of = case(suite="training", model="GCN", layers=2, epochs=2, seed=seed)
    series = {"epoch_s": [1.0, 1.0], "val_metric": [0.1, 0.9], "test_metric": [0.1, accuracy], "rel_error": None}
    return Record(case=of, status="ok", measurement=measurement(time_s, **series))


def trainings(*accuracies, rounds=1):
    return run(*([trained(accuracy, seed) for seed, accuracy in enumerate(accuracies)] for _ in range(rounds)))


BASE = (0.950, 0.940, 0.955, 0.945)


@pytest.mark.parametrize(
    ("drop", "change", "status"), [(0.0, "same", 0), (0.002, "same", 0), (0.01, "slower", 1), (-0.01, "faster", 0)]
)
def test_the_accuracy_of_trainings_is_compared_over_their_seeds_in_points(drop, change, status):
    comparison = compare(trainings(*BASE), trainings(*(accuracy - drop for accuracy in BASE)), metrics={"accuracy": None})
    (found,) = comparison.verdicts
    assert (found.change, comparison.exit_status) == (change, status)
    assert (found.case.seed, found.rounds, found.unit, found.paired, found.metric) == (None, (4, 4), "seeds", True, "test metric")
    # 0.3 points of 94.75.
    assert found.margin == pytest.approx(0.3 / 94.75)


def test_more_rounds_of_a_seed_are_no_more_seeds():
    (found,) = compare(trainings(0.95, 0.94, rounds=9), trainings(0.90, 0.89, rounds=9), metrics={"accuracy": None}).verdicts
    assert (found.change, found.reason) == ("unclear", TooFew("seeds", (2, 2)))


def test_the_margin_of_an_accuracy_is_given_in_points():
    base, new = trainings(*BASE), trainings(*(accuracy - 0.01 for accuracy in BASE))
    assert compare(base, new, metrics={"accuracy": 2.0}).exit_status == 0


def test_the_time_of_a_training_is_compared_over_all_seeds_and_rounds():
    def times(factor):
        return run(*([trained(0.9, seed, factor * (100 + seed + round_)) for seed in range(2)] for round_ in range(2)))

    (found,) = compare(times(1.0), times(1.5)).verdicts
    assert (found.change, found.rounds, found.unit, found.case.seed) == ("slower", (4, 4), "trainings", None)


def test_one_training_is_too_few_and_a_seed_that_is_gone_is_missing():
    (found,) = compare(trainings(0.9), trainings(0.91)).verdicts
    assert (found.change, found.reason) == ("unclear", TooFew("trainings", (1, 1)))
    gone = compare(trainings(*BASE), trainings(*BASE[:3]))
    assert [(verdict.case.seed, verdict.change) for verdict in gone.verdicts] == [(3, "missing"), (None, "same")]


def test_accuracy_says_nothing_of_a_product():
    assert changes(timed(*TIMES), timed(*TIMES), "accuracy") == []


def test_the_texts_say_worse_and_what():
    comparison = compare(
        measured(rel_error=0.3), measured(rel_error=0.4, times=[2 * t for t in TIMES]), metrics={"time": None, "error": None}
    )
    assert headline(comparison) == "FAIL: 1 slower, 1 worse (threshold 5 %)"
    assert counts_line(comparison) == "1 slower, 1 worse"
    assert [name(verdict).rpartition(" mkl")[2] for verdict in comparison.verdicts] == ["", ": error"]
