"""What was observed of one case in one round, in parts that a case has or has not.

On disk the fields of all parts stand side by side: `to_flat` and `from_flat` turn one form into the other.
"""

from __future__ import annotations

import math
from operator import itemgetter
from statistics import median
from typing import Any

import msgspec
from msgspec import field

from rsc_bench.harness.records.gpu_trace import Energy, GpuTrace
from rsc_bench.harness.records.ranges import (
    LONGEST_S,
    SHORTEST_S,
    Count,
    Duration,
    Level,
    Name,
    Positive,
    Seconds,
    Share,
    Text,
    Value,
)

PROBES = ("hot", "flushed", "memory")
"""Where the reads of `Timing.flush_probe_s` find what they read."""
KERNEL = "kernel"
"""What of `Timing.spent_s` was spent in the kernel of a case; all else is outside of kernels."""
DISTINCT = 1.2
"""A read from memory that takes less than this many times one from the L2 may as well be one from the L2."""


class Timing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the clock measured: samples in order and complete; no mean and no speedup."""

    times_s: list[float]
    """Seconds per call, one entry a sample; selecting is in it as often as a training step would pay it.
    Of a training: the seconds of the whole of it, evaluation left out; one entry."""
    select_s: list[Seconds] | None
    """Seconds of selecting and compacting alone, one entry a sample; None for an exact kernel."""
    prepare_s: Seconds | None
    """Seconds to prepare the kernel for its matrix, once; None where another program measured and did not say."""
    tune_s: Seconds | None = None
    """Seconds to search for settings and compile, before preparing: a process, or a machine, pays them once. None: nothing to."""
    multiply_s: list[Duration] | None = None
    """Seconds of the multiply alone over a selection that is made already; None for an exact kernel."""
    calls_per_sample: Positive = 1
    """Calls timed together in one sample: the caching interval of a cached kernel."""
    launch_s: list[Seconds] | None = None
    """Host seconds to enqueue one call, off the clock of `times_s`: one entry a sample that has such calls; None on a CPU."""
    exposed_calls: list[Count] | None = None
    """Calls of each sample that the GPU began with before the host had enqueued them whole; None on a clock of the host."""
    flush_probe_s: dict[Name, list[Duration]] | None = None
    """Seconds of one read from a ``hot`` L2, ``flushed`` and from ``memory``: how cold a flush is; None where none is made."""
    warmup_calls: Count = 0
    """Calls made before the first sample."""
    stop: Name | None = None
    """Why sampling stopped: ``precise``, ``time`` or ``samples``."""
    spent_s: dict[Name, Seconds] | None = None
    """Seconds of the whole case by what they were spent on: ``kernel``, its tuning, preparing and every call, timed or not, and
    outside of it ``graph, operands, reference, check, probe, memory, state, rest``. None: not known."""

    def __post_init__(self) -> None:
        times_s = self.times_s
        # Loops in C: a file has millions of samples. A sum is NaN where any of them is.
        if times_s and sum(times_s) < math.inf and min(times_s) >= SHORTEST_S and max(times_s) <= LONGEST_S:
            pass
        elif not times_s or not all(math.isfinite(each) and each > 0 for each in times_s):
            raise ValueError(f"times_s must be positive, finite and not empty (got {times_s[:3]})")
        else:
            raise ValueError(f"times_s must lie between {SHORTEST_S:g} and {LONGEST_S:g} s (got {min(times_s)} to {max(times_s)})")
        if (probed := self.flush_probe_s) is not None and not all(map(probed.get, PROBES)):
            raise ValueError(f"flush_probe_s must have times of {', '.join(PROBES)} (got {', '.join(probed) or 'none'})")

    @property
    def fastest_s(self) -> float:
        """Seconds of the fastest sample: what else runs on a machine only ever adds time."""
        return min(self.times_s)


def coldness(probe_s: dict[str, list[float]]) -> float | None:
    """Return how far, from a read out of a hot L2 (0) to one from memory (1), a read after the flush is.

    None where the two take the same time. See `Timing.flush_probe_s`.
    """
    hot, flushed, memory = (median(probe_s[name]) for name in PROBES)
    return (flushed - hot) / (memory - hot) if memory >= DISTINCT * hot else None


class Matrix(msgspec.Struct, frozen=True, omit_defaults=True):
    """The sparse matrix of a case, and how much of it was multiplied."""

    nnz: Count
    """Non-zeros of the whole matrix; 0: there is none, as in another program's benchmark."""
    kept_nnz: Count | None
    """Non-zeros that were multiplied; equal to `nnz` for an exact kernel. None where an approximation does not say."""
    rows: Count | None = None
    """Rows of the matrix."""
    columns: Count | None = None
    """Columns of the matrix: the column-row pairs."""
    kept_pairs: Count | None = None
    """Column-row pairs that were multiplied; None for an exact kernel."""
    value_bytes: Count | None = None
    """Bytes of values that must be read for each non-zero: 0 where all are one, or a row's factor times a column's."""
    graph_digest: Name | None = None
    """Digest of the graph's structure and values, of a training's features, labels and split too: two runs of a case with different
    digests saw different graphs."""


class Accuracy(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a product is from the exact one."""

    rel_error: Level | None
    """Relative Frobenius error against the exact product in float64; None for a training."""
    check_error: Level | None = None
    """Relative error against float64 of the very product that was asked for (the sampled one where it samples)."""

    def __post_init__(self) -> None:
        if self.rel_error is not None and not math.isfinite(self.rel_error):
            raise ValueError(f"rel_error must be finite (got {self.rel_error})")


class MemoryUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """Memory at its highest."""

    peak_bytes: Count | None
    """Highest memory of one call above what was there before preparing; None where it cannot be read."""
    workspace_bytes: Count | None = None
    """Highest memory of one call above what was there before it, less its result; None where it cannot be read."""
    allocated_peak_bytes: Count | None = None
    """Highest memory that torch's allocator had handed out during one call, operands included (GPU only)."""
    reserved_peak_bytes: Count | None = None
    """Highest memory that torch's allocator had reserved during one call (GPU only)."""


class GpuReadings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a GPU's sensors reported around the case, each with the reason where they did not."""

    trace: GpuTrace | None = field(default=None, name="telemetry")
    """Readings around the case."""
    trace_missing: Text | None = field(default=None, name="telemetry_missing")
    """Why there are none."""
    throttled: list[Count] | None = None
    """Places in `times_s` of samples taken while the GPU was slowed down; each was repeated, at the end. None: not known."""
    energy: Energy | None = None
    """The energy counter during a pass of its own."""
    energy_missing: Text | None = None
    """Why there is none."""
    shared_with: list[Text] | None = field(default=None, name="gpu_shared_with")
    """Other processes that computed on the GPU at the end of the case; None where there were none or NVML does not know."""


class Training(msgspec.Struct, frozen=True, omit_defaults=True):
    """A training, epoch by epoch."""

    epoch_s: list[Duration] | None = None
    """Seconds of each epoch, evaluation left out."""
    phase_s: dict[Name, list[Seconds]] | None = None
    """Seconds of each epoch by phase: ``forward_spmm, backward_spmm, select, allocate, dense, optimiser, evaluation``.
    And ``batches``, where mini-batches are drawn anew; of PyTorch Geometric's own code only the last two of those, and this."""
    loss: list[Value] | None = None
    """Training loss of each epoch."""
    val_metric: list[Share] | None = None
    """Metric on the validation nodes after each epoch, in [0, 1]."""
    test_metric: list[Share] | None = None
    """Metric on the test nodes after each epoch, in [0, 1]."""
    metric_name: Name | None = None
    """``accuracy``, ``micro-F1`` or ``ROC-AUC``."""
    k_per_layer: list[list[Count]] | None = None
    """Pairs kept in each layer, for each epoch; all of them where the epoch was exact."""
    warmup_s: Seconds | None = None
    """Seconds of the exact steps behind which training started again; None: there were none."""
    flops_share: list[Level] | None = None
    """Share of the exact backward SpMM FLOPs that each epoch spent."""


class Imported(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is different where another program measured."""

    summarised_samples: Count
    """Samples that are gone but for their ``min, q1, median, q3, max`` in `times_s`."""


class Measurement(msgspec.Struct, frozen=True):
    """What was observed of one case in one round."""

    timing: Timing
    matrix: Matrix
    accuracy: Accuracy | None = None
    """None for a training, and where another program measured."""
    memory: MemoryUse | None = None
    """None where it cannot be read."""
    gpu: GpuReadings | None = None
    """None on a CPU."""
    training: Training | None = None
    """None for a product."""
    imported: Imported | None = None
    """None where we measured, and where another program kept its samples."""

    def __post_init__(self) -> None:
        samples, throttled = len(self.timing.times_s), self.gpu and self.gpu.throttled
        if throttled and max(throttled) >= samples:
            raise ValueError(f"throttled must be places in the {samples} times_s, from 0 (got {max(throttled)})")


PARTS: dict[str, type[msgspec.Struct]] = {
    "timing": Timing,
    "matrix": Matrix,
    "accuracy": Accuracy,
    "memory": MemoryUse,
    "gpu": GpuReadings,
    "training": Training,
    "imported": Imported,
}
"""The parts of a measurement, by the field that holds each."""
RARE = ("gpu", "training", "imported")
"""Parts that most measurements have not; the last ones."""

_FIELDS = {part: msgspec.structs.fields(kind) for part, kind in PARTS.items()}
_REQUIRED = ("times_s", "select_s", "prepare_s", "rel_error", "nnz", "kept_nnz", "peak_bytes")
"""What every line on disk names first, null where it is absent."""


def _on_disk() -> list[tuple[Any, ...]]:
    """Name and type of every field of every part, and the default of those that a line may leave out."""
    entries = {entry.encode_name: entry for part in _FIELDS.values() for entry in part}
    required = [(name, entries[name].type) for name in _REQUIRED]
    return required + [_optional(entry) for name, entry in entries.items() if name not in _REQUIRED]


def _optional(entry: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    return entry.encode_name, entry.type | None if _absent(entry) is None else entry.type, _absent(entry)


def _absent(entry: msgspec.structs.FieldInfo) -> Any:
    """What stands for a field that was not observed."""
    return None if entry.default is msgspec.NODEFAULT else entry.default


Flat: type[msgspec.Struct] = msgspec.defstruct(
    "Flat", _on_disk(), frozen=True, kw_only=True, omit_defaults=True, namespace={"__doc__": "A measurement on disk."}
)
"""A measurement as it stands in a results file: the fields of all parts, side by side."""


class _Reader:
    """Takes one part out of the values of a line, or says that it has none."""

    def __init__(self, part: str) -> None:
        entries = _FIELDS[part]
        self._kind = PARTS[part]
        self.places = [Flat.__struct_fields__.index(entry.encode_name) for entry in entries]
        self.absent = tuple(map(_absent, entries))
        # There are 100,000 lines in a file, and this is what they cost. Two places at least, so that the answer is a tuple.
        self._values = itemgetter(*self.places, *self.places[: len(entries) == 1])
        self._none = None if part in ("timing", "matrix") else self.absent + self.absent[: len(entries) == 1]
        self._count = len(entries)

    def __call__(self, values: tuple[Any, ...]) -> Any:
        """Return the part of a line; None where it has none."""
        own = self._values(values)
        return None if own == self._none else self._kind(*own[: self._count])


_USUAL = [_Reader(part) for part in PARTS if part not in RARE]
_SELDOM = [_Reader(part) for part in PARTS if part in RARE]
_rare_values = itemgetter(*(place for reader in _SELDOM for place in reader.places))
_NO_RARE = tuple(value for reader in _SELDOM for value in reader.absent)


def from_flat(flat: Any) -> Measurement:
    """Return the measurement of a line on disk; raises ``ValueError`` where a part is not valid."""
    values = msgspec.structs.astuple(flat)
    usual = [reader(values) for reader in _USUAL]
    # Most lines have none of the others, which one look says.
    return Measurement(*usual) if _rare_values(values) == _NO_RARE else Measurement(*usual, *[each(values) for each in _SELDOM])


def to_flat(measurement: Measurement) -> Any:
    """Return a measurement as it is written to disk."""
    values: dict[str, Any] = {}
    for part, entries in _FIELDS.items():
        holder = getattr(measurement, part)
        for entry in entries:
            if holder is not None:
                values[entry.encode_name] = getattr(holder, entry.name)
            elif entry.encode_name in _REQUIRED:
                values[entry.encode_name] = None
    return Flat(**values)


def measured(**fields: Any) -> Measurement:
    """Return a measurement from the names of its fields on disk, whichever part they belong to."""
    return from_flat(Flat(**fields))
