"""Builds results files whose every number is known: times follow from simple rules, so that expectations can be worked out."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

pytest.importorskip("pandas", reason="the page needs pandas: pip install pandas")
pytest.importorskip("plotly", reason="the page needs plotly: pip install plotly")

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import measured
from rsc_bench.harness.records.run import Record, Round

EXACT_MS = {"mkl": 20.0, "torch_reduce": 16.0, "rows_numba": 12.0, "torch_sparse": 60.0}
ERROR = {"topk": 0.5, "cached_topk": 0.51, "random": 0.95, "importance": 1.4}
SELECT_MS = 1.5
INTERVAL = 10
SAMPLED_BEFORE = ("rows_numba", "mkl", "torch_reduce")
BUDGETS = (0.05, 0.1, 0.2, 0.5)
ENVIRONMENT = {
    "cpu": {"model": "Example CPU 9000", "usable_cores": 2, "governor": None},
    "memory_bytes": 16 * 2**30,
    "gpus": [],
    "python": "3.11.9",
    "versions": {"torch": "2.13.0", "torch-sparse": None},
    "checkout": {"commit": "0123abc", "dirty": False},
}


@dataclass(frozen=True)
class Sweep:
    graphs: tuple[str, ...] = ("twin:reddit2@0.1", "twin:ogbn-products@0.05")
    widths: tuple[int, ...] = (64, 256)
    budgets: tuple[float, ...] = BUDGETS
    rounds: int = 3
    absent: tuple[str, ...] = ("torch_sparse",)
    """Exact kernels that are skipped."""


def case(kernel: str = "rows_numba", budget: float | None = None, graph: str = "ring", width: int = 64, **beyond) -> Case:
    fields = {"suite": "exact" if budget is None else "sampled", "dtype": "float32", "device": "cpu", "clock": "host"}
    return Case(kernel=kernel, graph=graph, width=width, budget=budget, **(fields | beyond))


def ok(of: Case, time_ms: float, **beyond) -> Record:
    kept = 1000 if of.budget is None else int(1000 * of.budget)
    fields = {"select_s": None, "prepare_s": 0.004, "rel_error": 1e-7, "nnz": 1000, "kept_nnz": kept, "peak_bytes": 5_000_000}
    fields |= {"rows": 100, "columns": 100, "kept_pairs": None if of.budget is None else int(100 * of.budget)}
    return Record(case=of, status="ok", measurement=measured(times_s=[time_ms / 1e3] * 20, **(fields | beyond)))


def bad(of: Case, status: str, reason: str) -> Record:
    return Record(case=of, status=status, reason=reason)


def write_results(path: Path, rounds: list[list[Record]], environment: dict | None = None) -> Path:
    file = ResultsFile(path, ENVIRONMENT if environment is None else environment)
    for index, records in enumerate(rounds, start=1):
        file.start_round(Round(index=index, of=len(rounds), cases=len(records), started=f"2026-03-0{index % 9 + 1}T10:00:00Z"))
        for record in records:
            file.append(record)
    file.close()
    return path


def sweep(plan: Sweep) -> list[list[Record]]:
    return [_round(plan, index) for index in range(plan.rounds)]


def _round(plan: Sweep, index: int) -> list[Record]:
    records = []
    for place, (graph, width) in enumerate(product(plan.graphs, plan.widths)):
        # Rounds differ by 2 %, as a machine's luck does; within a round every kernel shares it, so speedups do not move.
        scale = (1 + place % 5) * (width / 64) * (1 + 0.02 * index)
        records += _exact(plan, graph, width, scale)
        records += _sampled(plan, graph, width, scale)
    return [*records, *_troubles(plan)]


def _exact(plan: Sweep, graph: str, width: int, scale: float) -> list[Record]:
    found = []
    for kernel, time_ms in EXACT_MS.items():
        of = case(kernel, None, graph, width)
        found.append(bad(of, "skipped", f"{kernel} is not installed") if kernel in plan.absent else ok(of, time_ms * scale))
    return found


def _sampled(plan: Sweep, graph: str, width: int, scale: float) -> list[Record]:
    return [
        _sampled_record(case(f"{selection}({base})", budget, graph, width), selection, base, scale)
        for selection, base, budget in product(ERROR, SAMPLED_BEFORE, plan.budgets)
    ]


def _sampled_record(of: Case, selection: str, base: str, scale: float) -> Record:
    multiply_ms = EXACT_MS[base] * of.budget * scale
    paid_ms = SELECT_MS * scale / (INTERVAL if selection.startswith("cached") else 1)
    held = {"select_s": [SELECT_MS * scale / 1e3] * 20, "multiply_s": [multiply_ms / 1e3] * 20}
    return ok(of, multiply_ms + paid_ms, rel_error=ERROR[selection] * (1 - of.budget), **held)


def _troubles(plan: Sweep) -> list[Record]:
    graph, width = plan.graphs[0], plan.widths[0]
    return [
        bad(case("cusparse", None, graph, width, device="cuda:0"), "skipped", "no GPU: run on a machine with a CUDA device"),
        bad(case("mine", None, graph, width), "wrong", "error 0.31 is above 0.001 against float64"),
        bad(case("topk(mine)", 0.1, graph, width), "failed", "RuntimeError: out of memory"),
    ]
