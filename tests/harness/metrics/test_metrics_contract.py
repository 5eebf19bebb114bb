import math

import pytest
from made_runs import measurement

from rsc_bench.harness.metrics import Metric, speedup_of
from rsc_bench.plugins import load

METRICS = load("metric")
EXACT = measurement(2.0, 4.0, 9.0, rows=10, columns=10, peak_bytes=3_000_000, workspace_bytes=0)
SAMPLED = measurement(
    1.0,
    2.0,
    4.0,
    select_s=[0.25, 0.5, 0.5],
    multiply_s=[0.75, 1.0, 1.0],
    rel_error=0.5,
    kept_nnz=10,
    kept_pairs=2,
    calls_per_sample=10,
)
# Three epochs: one exact, two sampled. Its best validation metric comes second.
TRAINED = measurement(
    6.0,
    epoch_s=[3.0, 1.0, 2.0],
    phase_s={
        "backward_spmm": [2.0, 0.25, 0.25],
        "select": [0.0, 0.125, 0.0],
        "allocate": [0.0, 0.0, 0.125],
        "dense": [1.0, 0.5, 1.5],
    },
    val_metric=[0.5, 0.75, 0.75],
    test_metric=[0.25, 0.5, 1.0],
    flops_share=[1.0, 0.25, 0.25],
    rel_error=None,
)
TRAINED_EXACTLY = measurement(
    9.0,
    epoch_s=[3.0, 3.0, 3.0],
    phase_s={"backward_spmm": [5.0, 1.5, 1.5]},
    val_metric=[0.5, 0.75, 1.0],
    test_metric=[0.25, 0.5, 0.625],
    flops_share=[1.0, 1.0, 1.0],
    rel_error=None,
)
OF_TRAINING = {"test metric", "metric drop", "training", "epoch", "backward speedup", "overhead"}
OF_A_PRODUCT = {"latency", "median", "multiply", "select", "error"}


@pytest.fixture(params=sorted(METRICS))
def metric(request):
    return METRICS[request.param]


def test_no_metric_is_missing():
    assert METRICS.missing == {}
    assert {"error", "latency", "speedup", "memory"} <= set(METRICS)


def test_a_metric_says_what_it_is_in_one_sentence(metric):
    assert isinstance(metric, Metric)
    assert metric.summary.endswith(".")
    assert "\n" not in metric.summary
    assert metric.better in {"higher", "lower"}
    assert metric.label.startswith(metric.name)


@pytest.mark.parametrize("measured", [EXACT, SAMPLED], ids=["exact", "sampled"])
@pytest.mark.parametrize("baseline", [EXACT, None], ids=["baseline", "no-baseline"])
def test_a_metric_is_a_finite_number_or_absent(metric, measured, baseline):
    value = metric.compute(measured, baseline)
    assert value is None or (math.isfinite(value) and value >= 0)


def test_a_metric_works_on_a_record_with_only_the_agreed_fields(metric):
    value = metric.compute(measurement(1.0), None)
    assert value is None or math.isfinite(value)


def test_a_metric_of_a_matrix_without_entries_does_not_divide_by_zero(metric):
    metric.compute(measurement(1.0, nnz=0, kept_nnz=0), None)


# Worked out by hand from EXACT and SAMPLED above.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("latency", 1000.0),
        ("median", 2000.0),
        ("select", 250.0),
        ("multiply", 750.0),
        ("prepare", 500.0),
        ("error", 0.5),
        ("kept", 10.0),
        ("speedup", 2.0),
    ],
)
def test_the_value_of_a_sampled_kernel(name, expected):
    assert METRICS[name].of(SAMPLED, EXACT) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "expected"), [("memory", 3.0), ("workspace", 0.0), ("select", None), ("multiply", 2000.0)])
def test_the_value_of_an_exact_kernel(name, expected):
    assert METRICS[name].of(EXACT, None) == expected


def test_a_speedup_is_by_the_fastest_samples_and_absent_without_a_baseline():
    assert speedup_of(SAMPLED, EXACT) == 2.0
    assert speedup_of(SAMPLED, None) is None


def test_a_speedup_gives_both_sides_the_same_number_of_chances():
    # The fast kernel was timed eight times, and was lucky once, after its baseline had stopped.
    assert speedup_of(measurement(1.0, 1.0, 1.0, 1.0, 0.1), measurement(4.0, 2.0)) == 2.0


# Worked out by hand from TRAINED and TRAINED_EXACTLY above.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test metric", 50.0),  # the first of the two best validation epochs
        ("metric drop", 12.5),
        ("training", 6.0),
        ("epoch", 2000.0),
        ("speedup", 1.5),
        ("backward speedup", 4.0),  # 1.5 s against 0.25 + 0.125 s, in the two epochs that sample
        ("overhead", 100 * 0.125 / 1.5),
        ("kept", 50.0),
    ],
)
def test_the_value_of_a_training(name, expected):
    assert METRICS[name].of(TRAINED, TRAINED_EXACTLY) == pytest.approx(expected)


def test_metrics_of_a_training_are_absent_for_a_product_and_the_other_way_round():
    assert {name for name in OF_TRAINING if METRICS[name].of(SAMPLED, EXACT) is not None} == set()
    assert {name for name in OF_A_PRODUCT if METRICS[name].of(TRAINED, TRAINED_EXACTLY) is not None} == set()


def test_a_training_without_its_baseline_or_its_series_has_no_drop():
    assert METRICS["metric drop"].of(TRAINED, None) is None
    assert METRICS["metric drop"].of(TRAINED, measurement(1.0)) is None
    assert METRICS["backward speedup"].of(TRAINED, measurement(1.0)) is None


def test_exact_training_spends_nothing_on_sampling_and_is_its_own_measure():
    assert METRICS["overhead"].of(TRAINED_EXACTLY, None) is None
    assert METRICS["backward speedup"].of(TRAINED_EXACTLY, TRAINED_EXACTLY) == 1.0
    assert METRICS["metric drop"].of(TRAINED_EXACTLY, TRAINED_EXACTLY) == 0.0


def test_a_training_more_accurate_than_exact_has_a_negative_drop():
    assert METRICS["metric drop"].of(TRAINED_EXACTLY, TRAINED) == -12.5
