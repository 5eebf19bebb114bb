"""Builds training records whose every number is known: exact training, four budgets and the ablations, over seeds."""

import math
import random
from dataclasses import dataclass
from itertools import product

from synthetic_results import bad

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import measured
from rsc_bench.harness.records.run import Record

NODES = 1000
KERNEL = "cached_topk(rows_numba)"
EXACT_MS = {"rows_numba": 20.0, "mkl": 36.0, "torch_sparse": 90.0}
BUDGETS = (0.05, 0.1, 0.2, 0.5)
LAYERS = {"gcn": 3, "gcnii": 4}
# Points that a budget loses against exact training; the second graph is the one where sampling breaks.
DROP = {
    "twin:reddit2@0.05": {0.05: 1.9, 0.1: 0.15, 0.2: 0.08, 0.5: 0.02},
    "Cornell5": {0.05: 24.0, 0.1: 11.0, 0.2: 2.5, 0.5: 0.9},
}
METRIC = {"twin:reddit2@0.05": 95.3, "Cornell5": 61.0}
# Ablations at C = 0.1: points beyond the method's own drop, and how many times as long its sampled epochs take.
VARIANTS = {
    "forward": (6.0, 1.0),
    "both": (9.0, 0.8),
    "no-cache": (-0.02, 1.25),
    "no-switch": (0.4, 0.8),
    "uniform": (0.2, 1.0),
    "optimal": (-0.04, 0.98),
    "random": (3.0, 0.97),
    "importance": (4.5, 1.1),
    "sampled-diagonal": (0.35, 1.0),
}
INTERVAL = 10
SWITCH_AT = 0.8


@dataclass(frozen=True)
class Trainings:
    graphs: tuple[str, ...] = tuple(DROP)
    models: tuple[str, ...] = tuple(LAYERS)
    budgets: tuple[float, ...] = BUDGETS
    variants: tuple[str, ...] = tuple(VARIANTS)
    seeds: int = 5
    epochs: int = 40


def trainings(plan: Trainings) -> list[Record]:
    """One round."""
    records = [record for place in product(plan.graphs, plan.models, range(plan.seeds)) for record in _seed(plan, *place)]
    broken = training(plan.graphs[-1], plan.models[-1], 0, kernel=KERNEL, budget=0.02, epochs=plan.epochs)
    return [*records, bad(broken, "failed", "the loss is NaN at epoch 7")]


def training(graph: str = "Cornell5", model: str = "gcn", seed: int = 0, **beyond) -> Case:
    given = {"kernel": "rows_numba", "budget": None, "width": 256, "epochs": 40, "layers": LAYERS.get(model), "clock": "host"}
    return Case(suite="training", graph=graph, model=model, seed=seed, dtype="float32", device="cpu", **(given | beyond))


def _seed(plan: Trainings, graph: str, model: str, seed: int) -> list[Record]:
    about = (graph, model, seed)
    records = [trained(training(*about, kernel=kernel, epochs=plan.epochs), METRIC[graph]) for kernel in EXACT_MS]
    for budget in plan.budgets:
        case = training(*about, kernel=KERNEL, budget=budget, epochs=plan.epochs)
        records.append(trained(case, METRIC[graph] - DROP[graph][budget]))
    for variant in plan.variants:
        case = training(*about, kernel=_kernel(variant), budget=0.1, epochs=plan.epochs, variant=variant)
        records.append(trained(case, METRIC[graph] - DROP[graph][0.1] - VARIANTS[variant][0]))
    return records


def _kernel(variant: str) -> str:
    return {
        "no-cache": "topk(rows_numba)",
        "random": "cached_random(rows_numba)",
        "importance": "cached_importance(rows_numba)",
    }.get(variant, KERNEL)


def trained(case: Case, points: float, spread: float = 0.06, **beyond) -> Record:
    """A training that ends at `points`; a seed shifts every setting alike, and by `spread` each one on its own."""
    luck = random.Random(f"{case.seed}").gauss(0, 0.2) + random.Random(repr(case)).gauss(0, spread)
    phases = _phases(case)
    epoch_s = [sum(seconds) for seconds in zip(*phases.values(), strict=True)]
    # The best epoch is a tenth before the end: training has converged.
    best = max(1, 0.9 * case.epochs)
    curve = [(points + luck) / 100 * (1 - math.exp(-min(epoch + 1, best) / 4)) for epoch in range(case.epochs)]
    fields = {
        "times_s": [sum(epoch_s)],
        "epoch_s": epoch_s,
        "phase_s": {**phases, "evaluation": [0.03] * case.epochs},
        "loss": [4 * math.exp(-epoch / 6) for epoch in range(case.epochs)],
        "val_metric": curve,
        "test_metric": list(curve),
        "metric_name": "accuracy",
        "k_per_layer": [_kept(case, epoch) for epoch in range(case.epochs)],
        "flops_share": [case.budget if _samples(case, epoch) else 1.0 for epoch in range(case.epochs)],
        "columns": NODES,
    }
    nothing = {"select_s": None, "prepare_s": 0.2, "rel_error": None, "nnz": 9000, "kept_nnz": 9000, "peak_bytes": 400_000_000}
    return Record(case=case, status="ok", measurement=measured(**(nothing | fields | beyond)))


def _samples(case: Case, epoch: int) -> bool:
    last = case.epochs if case.variant == "no-switch" else SWITCH_AT * case.epochs
    return case.budget is not None and 1 <= epoch < last


def _phases(case: Case) -> dict[str, list[float]]:
    epochs, layers = range(case.epochs), case.layers / 3
    _, slower = VARIANTS.get(case.variant, (0.0, 1.0))
    spmm = EXACT_MS.get(case.kernel, EXACT_MS["rows_numba"]) / 1e3 * layers
    fresh = [_samples(case, epoch) and epoch % INTERVAL == 1 for epoch in epochs]
    return {
        "forward_spmm": [spmm for _ in epochs],
        "backward_spmm": [spmm * (case.budget * slower if _samples(case, epoch) else 1) for epoch in epochs],
        "select": [0.004 * layers if each else 0.0 for each in fresh],
        "allocate": [0.001 * layers if each else 0.0 for each in fresh],
        "dense": [0.012 * layers for _ in epochs],
        "optimiser": [0.001 for _ in epochs],
    }


def _kept(case: Case, epoch: int) -> list[int]:
    """Later layers keep more, and what they keep moves a little at each allocation."""
    if not _samples(case, epoch):
        return [NODES] * case.layers
    turn = epoch // INTERVAL
    return [int(NODES * case.budget * (0.3 + 0.4 * layer + 0.05 * turn * (1 - layer))) for layer in range(case.layers)]
