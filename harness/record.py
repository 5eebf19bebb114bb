"""Turns what was observed into typed records, and results files into runs: the seam between measuring and reading."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import msgspec
from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.gpu_record import Energy, Telemetry

SCHEMA = 1

Status = Literal["ok", "skipped", "wrong", "failed"]


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The identity of one measured thing: two records are comparable when their cases are equal."""

    suite: str
    """The suite that made it: ``exact``, ``sampled``, ``training``."""
    kernel: str
    """Kernel name, composed where it samples: ``rows_numba``, ``topk(rows_numba)``."""
    graph: str
    """Graph name with its scale: ``twin:reddit2@0.05``."""
    width: int
    """Columns of the dense operand (features of the layer); 0: it multiplies none, as another program's benchmark."""
    budget: float | None
    """Share of the exact FLOPs that may be spent, in (0, 1]; None for an exact kernel."""
    dtype: str
    """``float32``, ``bfloat16``."""
    device: str
    """``cpu``, ``cuda:0``."""
    clock: str
    """The clock that timed it; numbers of two clocks are never compared."""
    reduce: str = "sum"
    """Aggregation: ``sum`` or ``mean``."""
    model: str | None = None
    """Model name (training only)."""
    layers: int | None = None
    """Number of layers (training only)."""
    seed: int | None = None
    """Seed of the initialisation and of the sampling (training only)."""
    epochs: int | None = None
    """Epochs of the training (training only)."""
    reorder: str | None = None
    """The order that the graph's nodes were put in, ``degree``; None: the source's own."""
    variant: str | None = None
    """What of the method is left out or changed, ``no-switch``, ``forward``; None: the method as it is (training only)."""

    def __str__(self) -> str:
        budget = "" if self.budget is None else f" C={self.budget:g}"
        beyond = "" if self.reduce == "sum" else f" {self.reduce}"
        beyond += "".join(f" {name}={value}" for name, value in self._training() if value is not None)
        width = f" d={self.width}" if self.width else ""
        operation = f"{self.graph_as_run}{width} {self.dtype} {self.device} {self.clock}"
        return f"{self.suite} {operation} {self.kernel}{budget}{beyond}"

    @property
    def graph_as_run(self) -> str:
        """Name of the graph and of the order of its nodes, where it is not the source's own: ``twin:reddit2 (degree)``."""
        return self.graph if self.reorder is None else f"{self.graph} ({self.reorder})"

    def _training(self) -> list[tuple[str, Any]]:
        names = ("model", "layers", "epochs", "seed", "variant")
        return [(name, getattr(self, name)) for name in names]


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was observed of one case in one round, in order and complete; no mean and no speedup."""

    times_s: list[float]
    """Seconds per call, one entry a sample; selecting is in it as often as a training step would pay it.

    Of a training: the seconds of the whole of it, evaluation left out; one entry.
    """
    select_s: list[float] | None
    """Seconds of selecting and compacting alone, one entry a sample; None for an exact kernel."""
    prepare_s: float | None
    """Seconds to prepare the kernel for its matrix, once; None where another program measured and did not say."""
    rel_error: float | None
    """Relative Frobenius error against the exact product in float64; None for a training."""
    nnz: int
    """Non-zeros of the whole matrix; 0: there is none, as in another program's benchmark."""
    kept_nnz: int
    """Non-zeros that were multiplied; equal to `nnz` for an exact kernel."""
    peak_bytes: int | None
    """Highest memory of one call above what was held before preparing; None where it cannot be read."""
    tune_s: float | None = None
    """Seconds to search for settings and compile, before preparing: a process, or a machine, pays them once. None: nothing to."""
    multiply_s: list[float] | None = None
    """Seconds of the multiply alone over a held selection; None for an exact kernel."""
    workspace_bytes: int | None = None
    """Highest memory of one call above what was held before it, less its result; None where it cannot be read."""
    check_error: float | None = None
    """Relative error against float64 of the very product that was asked for (the sampled one where it samples)."""
    rows: int | None = None
    """Rows of the matrix."""
    columns: int | None = None
    """Columns of the matrix: the column-row pairs."""
    kept_pairs: int | None = None
    """Column-row pairs that were multiplied; None for an exact kernel."""
    value_bytes: int | None = None
    """Bytes of values that must be read for each non-zero: 0 where all are one, or a row's factor times a column's."""
    graph_digest: str | None = None
    """Digest of the graph's structure and values, of a training's features, labels and split too: two runs of a case with different
    digests saw different graphs."""
    calls_per_sample: int = 1
    """Calls timed together in one sample: the caching interval of a cached kernel."""
    launch_s: list[float] | None = None
    """Host seconds to enqueue one call, off the clock of `times_s`: one entry a sample that has such calls; None on a CPU."""
    exposed_calls: list[int] | None = None
    """Calls of each sample that the GPU began with before the host had enqueued them whole; None on a clock of the host."""
    flush_probe_s: dict[str, list[float]] | None = None
    """Seconds of one read from a ``hot`` L2, ``flushed`` and from ``memory``: how cold a flush is; None where none is made."""
    warmup_calls: int = 0
    """Calls made before the first sample."""
    stop: str | None = None
    """Why sampling stopped: ``precise``, ``time`` or ``samples``."""
    summarised_samples: int | None = None
    """Samples that are gone but for their ``min, q1, median, q3, max`` in `times_s` (imported); None: `times_s` are samples."""

    allocated_peak_bytes: int | None = None
    """Highest memory that torch's allocator had handed out during one call, operands included (GPU only, as all that follows)."""
    reserved_peak_bytes: int | None = None
    """Highest memory that torch's allocator had reserved during one call."""
    telemetry: Telemetry | None = None
    """Readings of the GPU's sensors around the case."""
    telemetry_missing: str | None = None
    """Why there are none; None on a CPU."""
    throttled: list[int] | None = None
    """Places in `times_s` of samples taken while the GPU was slowed down; each was repeated, at the end. None: not known."""
    energy: Energy | None = None
    """The energy counter during a pass of its own."""
    energy_missing: str | None = None
    """Why there is none; None on a CPU."""
    gpu_shared_with: list[str] | None = None
    """Other processes that computed on the GPU at the end of the case; None where there were none or NVML does not tell."""

    epoch_s: list[float] | None = None
    """Seconds of each epoch, evaluation left out (training only, as all that follows)."""
    phase_s: dict[str, list[float]] | None = None
    """Seconds of each epoch by phase: ``forward_spmm, backward_spmm, select, allocate, dense, optimiser, evaluation``."""
    loss: list[float] | None = None
    """Training loss of each epoch."""
    val_metric: list[float] | None = None
    """Metric on the validation nodes after each epoch, in [0, 1]."""
    test_metric: list[float] | None = None
    """Metric on the test nodes after each epoch, in [0, 1]."""
    metric_name: str | None = None
    """``accuracy``, ``micro-F1`` or ``ROC-AUC``."""
    k_per_layer: list[list[int]] | None = None
    """Pairs kept in each layer, for each epoch; all of them where the epoch was exact."""
    flops_share: list[float] | None = None
    """Share of the exact backward SpMM FLOPs that each epoch spent."""

    def __post_init__(self) -> None:
        if not self.times_s or not all(math.isfinite(t) and t > 0 for t in self.times_s):
            raise ValueError(f"times_s must be positive, finite and not empty (got {self.times_s[:3]})")
        if self.rel_error is not None and not math.isfinite(self.rel_error):
            raise ValueError(f"rel_error must be finite (got {self.rel_error})")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one case in one round; a measurement is present exactly when the status is ``ok``."""

    case: Case
    status: Status
    reason: str | None = None
    """Why there is no measurement; None when the status is ``ok``."""
    measurement: Measurement | None = None

    def __post_init__(self) -> None:
        if (self.status == "ok") != (self.measurement is not None):
            raise ValueError(f"a measurement is present exactly when the status is 'ok' (got {self.status!r})")
        if (self.status == "ok") != (self.reason is None):
            raise ValueError(f"a reason is present exactly when the status is not 'ok' (got {self.status!r})")


class Round(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The start of one pass over the whole sweep: the unit of replication."""

    index: int
    """From 1, over all sessions that wrote to the file."""
    of: int
    """The last index that the session planned."""
    cases: int
    """Cases planned in this round."""
    started: str
    """UTC, ISO 8601."""
    ceilings: Ceilings | None = None
    """What the device reached when the session began, in the first round that it started; None: see an earlier round."""
    alternated: str | None = None
    """Name of the session that took two sides in turns, a round of each: rounds of two files with one such name and one
    `index` were taken one right after the other, and make a pair. None: not taken in turns."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One results file: its environment and its rounds, in the order they were written."""

    path: Path
    environment: dict[str, Any]
    rounds: list[tuple[Round, list[Record]]]
    """Each round with its records; a round that was cut short has fewer than it planned."""

    @property
    def records(self) -> list[Record]:
        """Every record of every round, in order."""
        return [record for _, records in self.rounds for record in records]

    @property
    def ceilings(self) -> list[Ceilings | None]:
        """What the device had reached last when each round started; None where no session had measured it."""
        known: list[Ceilings | None] = []
        for start, _ in self.rounds:
            known.append(start.ceilings or (known[-1] if known else None))
        return known
