import importlib
import math
import pkgutil

import pytest
from made_runs import case, measurement

from rsc_bench.harness.metrics import Metric, speedup_of
from rsc_bench.harness.records.ceilings import Ceilings, Probe
from rsc_bench.harness.records.gpu_trace import Energy, GpuTrace
from rsc_bench.plugins import KINDS, PluginError, load

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
# A sampled kernel on a GPU of which everything is known.
FULL = measurement(
    *[1.0, 2.0, 4.0],
    select_s=[0.25, 0.5, 0.5],
    multiply_s=[0.75, 1.0, 1.0],
    launch_s=[1e-5],
    tune_s=0.25,
    spent_s={"kernel": 9.0, "check": 1.0},
    flush_probe_s={"hot": [1.0], "flushed": [2.0], "memory": [2.0]},
    rel_error=0.5,
    rows=10,
    columns=10,
    kept_nnz=10,
    kept_pairs=2,
    peak_bytes=3_000_000,
    workspace_bytes=1_000_000,
    throttled=[],
    energy=Energy(step_s=[0.0, 1.0], counter_j=[0.0, 100.0], calls=10, pass_s=1.0, idle_w=50.0),
    telemetry=GpuTrace(
        period_s=1.0,
        offset_s=[0.5],
        mark_s={"sample": 0.0, "end": 1.0},
        power_w=[100.0],
        sm_clock_mhz=[1980],
        temperature_c=[45],
        used_bytes=[10**9],
    ),
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


CASE = case(width=64)
CEILINGS = Ceilings(
    device="cpu",
    probes=[
        Probe(what="copy", means="copy_", operand_bytes=1 << 26, moved_bytes=1 << 27, times_s=[0.01]),
        Probe(what="gather", means="triton", operand_bytes=1 << 26, row_bytes=256, moved_bytes=1 << 27, times_s=[0.02]),
    ],
)


@pytest.fixture(params=sorted(METRICS))
def metric(request):
    return METRICS[request.param]


def families():
    """Names of the files of metrics: one metric a file, or one family."""
    package = importlib.import_module(KINDS["metric"].package)
    return sorted(entry.name for entry in pkgutil.iter_modules(package.__path__))


@pytest.mark.parametrize("family", families())
def test_every_metric_of_a_family_is_found_under_its_own_name(family):
    module = importlib.import_module(f"{KINDS['metric'].package}.{family}")
    several = getattr(module, "METRICS", None) or (module.METRIC,)
    assert type(several) is tuple
    assert several
    assert all(METRICS[metric.name] is metric for metric in several)


def test_no_metric_is_missing():
    assert METRICS.missing == {}
    assert {"error", "latency", "speedup", "memory"} <= set(METRICS)


def test_a_metric_has_a_name_a_direction_and_one_sentence(metric):
    assert isinstance(metric, Metric)
    assert metric.summary.endswith(".")
    assert "\n" not in metric.summary
    assert metric.better in {"higher", "lower"}
    assert metric.label.startswith(metric.name)
    assert metric.label.endswith({"higher": "↑", "lower": "↓"}[metric.better])


@pytest.mark.parametrize("measured", [EXACT, SAMPLED], ids=["exact", "sampled"])
@pytest.mark.parametrize("baseline", [EXACT, None], ids=["baseline", "no-baseline"])
@pytest.mark.parametrize("ceilings", [CEILINGS, None], ids=["ceilings", "no-ceilings"])
def test_a_metric_is_a_finite_number_or_absent(metric, measured, baseline, ceilings):
    value = metric.value(CASE, measured, baseline, ceilings)
    assert value is None or (value >= 0 and (math.isfinite(value) or metric.can_be_never))


def test_a_metric_has_a_value_where_all_is_known_of_a_product_or_of_a_training(metric):
    known = [metric.value(CASE, measured, baseline, CEILINGS) for measured, baseline in ((FULL, EXACT), (TRAINED, TRAINED_EXACTLY))]
    assert any(value is not None for value in known)


def test_a_metric_works_on_a_record_with_only_the_agreed_fields(metric):
    value = metric.value(CASE, measurement(1.0), None, None)
    assert value is None or math.isfinite(value)


def test_a_metric_of_a_matrix_without_entries_does_not_divide_by_zero(metric):
    value = metric.value(CASE, measurement(1.0, nnz=0, kept_nnz=0, rows=0, columns=0), None, CEILINGS)
    assert value is None or math.isfinite(value)


def test_an_infinite_value_is_absent_unless_it_has_a_meaning():
    endless = {"compute": lambda measurement, baseline: math.inf, "unit": "s", "better": "lower", "summary": "Mine."}
    assert Metric("mine", **endless).value(CASE, EXACT, None, None) is None
    assert Metric("mine", **endless, can_be_never=True).value(CASE, EXACT, None, None) == math.inf
    below = endless | {"compute": lambda measurement, baseline: -math.inf}
    assert Metric("mine", **below, can_be_never=True).value(CASE, EXACT, None, None) is None


def test_a_metric_that_says_why_it_is_absent_says_it_in_a_text():
    mine = Metric("mine", "s", "lower", "Mine.", lambda measurement, baseline: None, why_absent=lambda measurement, baseline: 3)
    with pytest.raises(PluginError, match=r"^metric 'mine': why_absent must return a text or None \(got 3\)$"):
        mine.why_not_known(EXACT, None)
    silent = Metric("mine", "s", "lower", "Mine.", lambda measurement, baseline: None)
    assert silent.why_not_known(EXACT, None) is None


@pytest.mark.parametrize("better", ["more", "Higher", "", None])
def test_a_metric_of_no_known_direction_is_refused(better):
    with pytest.raises(ValueError, match=rf"^metric 'mine': better must be 'higher' or 'lower' \(got {better!r}\)$"):
        Metric("mine", "s", better, "Mine.", lambda measurement, baseline: 1.0)


def test_a_metric_that_would_never_have_a_value_is_refused():
    with pytest.raises(ValueError, match=r"^metric 'mine': must have compute, or within in its place \(got neither\)$"):
        Metric("mine", "s", "lower", "Mine.")


def test_a_metric_of_which_one_function_would_never_be_called_is_refused():
    with pytest.raises(ValueError, match=r"\(got both\)$"):
        Metric("mine", "s", "lower", "Mine.", lambda measurement, baseline: 1.0, lambda case, measurement, ceilings: 2.0)


def test_a_metric_computes_from_a_measurement_and_its_baseline_or_from_the_case():
    by_baseline = Metric("mine", "s", "lower", "Mine.", lambda measurement, baseline: baseline.timing.fastest_s)
    by_case = Metric("mine", "s", "lower", "Mine.", within=lambda case, measurement, ceilings: case.width)
    assert by_baseline.value(CASE, SAMPLED, EXACT, None) == 2.0
    assert by_case.value(CASE, SAMPLED, EXACT, None) == 64


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
    assert METRICS[name].compute(SAMPLED, EXACT) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"), [("memory", 3.0), ("workspace", 0.0), ("select", None), ("multiply", 2000.0), ("tune", None)]
)
def test_the_value_of_an_exact_kernel(name, expected):
    assert METRICS[name].compute(EXACT, None) == expected


def test_tuning_has_a_time_of_its_own_where_a_kernel_is_tuned():
    assert METRICS["tune"].compute(FULL, None) == 250.0
    assert METRICS["prepare"].compute(FULL, None) == 500.0


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
    assert METRICS[name].compute(TRAINED, TRAINED_EXACTLY) == pytest.approx(expected)


def test_metrics_of_a_training_are_absent_for_a_product_and_the_other_way_round():
    assert {name for name in OF_TRAINING if METRICS[name].compute(SAMPLED, EXACT) is not None} == set()
    assert {name for name in OF_A_PRODUCT if METRICS[name].compute(TRAINED, TRAINED_EXACTLY) is not None} == set()


def test_a_training_without_its_baseline_or_its_series_has_no_drop():
    assert METRICS["metric drop"].compute(TRAINED, None) is None
    assert METRICS["metric drop"].compute(TRAINED, measurement(1.0)) is None
    assert METRICS["backward speedup"].compute(TRAINED, measurement(1.0)) is None


def test_exact_training_spends_nothing_on_sampling_and_is_its_own_measure():
    assert METRICS["overhead"].compute(TRAINED_EXACTLY, None) is None
    assert METRICS["backward speedup"].compute(TRAINED_EXACTLY, TRAINED_EXACTLY) == 1.0
    assert METRICS["metric drop"].compute(TRAINED_EXACTLY, TRAINED_EXACTLY) == 0.0


def test_a_training_more_accurate_than_exact_has_a_negative_drop():
    assert METRICS["metric drop"].compute(TRAINED_EXACTLY, TRAINED) == -12.5
