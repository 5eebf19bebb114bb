"""Turns what was observed into typed records, and results files into runs: the seam between measuring and reading."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import msgspec

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
    """Columns of the dense operand (features of the layer)."""
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
    variant: str | None = None
    """What of the method is left out or changed, ``no-switch``, ``forward``; None: the method as it is (training only)."""

    def __str__(self) -> str:
        budget = "" if self.budget is None else f" C={self.budget:g}"
        beyond = "" if self.reduce == "sum" else f" {self.reduce}"
        beyond += "".join(f" {name}={value}" for name, value in self._training() if value is not None)
        return f"{self.suite} {self.graph} d={self.width} {self.dtype} {self.device} {self.clock} {self.kernel}{budget}{beyond}"

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
    prepare_s: float
    """Seconds to prepare the kernel for its matrix, once."""
    rel_error: float | None
    """Relative Frobenius error against the exact product in float64; None for a training."""
    nnz: int
    """Non-zeros of the whole matrix."""
    kept_nnz: int
    """Non-zeros that were multiplied; equal to `nnz` for an exact kernel."""
    peak_bytes: int | None
    """Highest memory of one call above what was held before preparing; None where it cannot be read."""
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
    graph_digest: str | None = None
    """Digest of the graph's structure and values: two runs of a case with different digests saw different graphs."""
    calls_per_sample: int = 1
    """Calls timed together in one sample: the caching interval of a cached kernel."""
    warmup_calls: int = 0
    """Calls made before the first sample."""
    stop: str | None = None
    """Why sampling stopped: ``precise``, ``time`` or ``samples``."""

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


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """The start of one pass over the whole sweep: the unit of replication."""

    index: int
    """From 1, over all sessions that wrote to the file."""
    of: int
    """The last index that the session planned."""
    cases: int
    """Cases planned in this round."""
    started: str
    """UTC, ISO 8601."""


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
