import math

import pytest
from made_runs import measurement

from harness.metrics import Metric, speedup_of
from harness.plugins import load

METRICS = load("harness.metrics", "METRIC")
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


@pytest.fixture(params=sorted(METRICS))
def metric(request):
    return METRICS[request.param]


def test_no_metric_is_missing():
    assert METRICS.missing == {}
    assert {"error", "latency", "speedup", "memory"} <= set(METRICS)


def test_a_metric_says_what_it_is_in_one_sentence(metric):
    assert isinstance(metric, Metric)
    assert metric.says.endswith(".")
    assert "\n" not in metric.says
    assert metric.better in {"higher", "lower"}
    assert metric.label.startswith(metric.name)


@pytest.mark.parametrize("measured", [EXACT, SAMPLED], ids=["exact", "sampled"])
@pytest.mark.parametrize("baseline", [EXACT, None], ids=["baseline", "no-baseline"])
def test_a_metric_is_a_finite_number_or_absent(metric, measured, baseline):
    value = metric.of(measured, baseline)
    assert value is None or (math.isfinite(value) and value >= 0)


def test_a_metric_works_on_a_record_with_only_the_agreed_fields(metric):
    value = metric.of(measurement(1.0), None)
    assert value is None or math.isfinite(value)


def test_a_metric_of_a_matrix_without_entries_does_not_divide_by_zero(metric):
    metric.of(measurement(1.0, nnz=0, kept_nnz=0), None)


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
