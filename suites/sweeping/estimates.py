"""Estimates from its size how long a case takes before it is measured: to share work out, and for a plan."""

from __future__ import annotations

from rsc_bench.harness.records.run import Record
from rsc_bench.suites import graphs
from rsc_bench.suites.graphs import twins
from rsc_bench.suites.graphs.synthetic.twin_table import TWINS
from rsc_bench.suites.measuring.bench import AnySetting
from rsc_bench.suites.options import Options
from rsc_bench.suites.training.sweep import TrainingSetting

CASE_S = 0.5
"""Of a product beside its calls: operands, references and checks of a small graph."""
TRAINING_S = 3.0
"""The same of a training."""
CALLS = 15
"""Of a product: warm-up, samples, checks and looks between them."""
FLOPS = {"cpu": 10e9, "cuda": 2e12}
"""Of a sparse product, each second, of a core and of a GPU: between the slow kernels and the fast ones."""
DENSE_FLOPS = {"cpu": 40e9, "cuda": 50e12}
SPMMS, GEMMS = 3, 4
"""Products that a layer takes in one epoch, with that of the evaluation; and dense ones, with the gradient of the weights."""
UNKNOWN_NODES, UNKNOWN_DEGREE = 100_000, 20
"""Of a graph that is known only when it is made or read."""


def size(graph: str, options: Options) -> tuple[int, int]:
    """Return about how many nodes and non-zeros a graph has, without making it."""
    name, _, share = graph.removeprefix(twins.PREFIX).partition("@")
    scale = float(share) if share else 1.0
    if name in TWINS:
        return round(TWINS[name].nodes * scale), round(TWINS[name].directed_edges * scale)
    nodes = graphs.nodes(graph, options.data_root, not options.no_cache) or UNKNOWN_NODES
    return nodes, nodes * UNKNOWN_DEGREE


def seconds(setting: AnySetting, options: Options, cores: int, sized: tuple[int, int]) -> float:
    """Return about how many seconds a case takes on a device with so many cores; `sized` are its nodes and non-zeros."""
    nodes, nnz = sized
    kind = setting.device.partition(":")[0]
    many = cores if kind == "cpu" else 1
    spmm_s = 2.0 * nnz * setting.width / (FLOPS.get(kind, FLOPS["cpu"]) * many)
    if not isinstance(setting, TrainingSetting):
        return CASE_S + options.limits.time_s + CALLS * spmm_s
    gemm_s = 2.0 * nodes * setting.width**2 / (DENSE_FLOPS.get(kind, DENSE_FLOPS["cpu"]) * many)
    return TRAINING_S + setting.epochs * setting.layers * (SPMMS * spmm_s + GEMMS * gemm_s)


def measured_s(record: Record) -> float | None:
    """Return how long the case of a record took; None where that was not recorded."""
    measured = record.measurement
    if measured is None:
        return None
    training = measured.training
    if training is not None and training.epoch_s:
        evaluating_s = sum((training.phase_s or {}).get("evaluation", ()))
        return TRAINING_S + (measured.timing.prepare_s or 0.0) + (training.warmup_s or 0.0) + sum(training.epoch_s) + evaluating_s
    spent = measured.timing.spent_s
    return sum(spent.values()) if spent else None
