"""Checks a piece of work, then times it, then checks it again: into one record, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any, Protocol

from rsc_bench.harness import energy
from rsc_bench.harness.clocks import CannotTime, Clock, Timed
from rsc_bench.harness.device_memory import Memory
from rsc_bench.harness.faults import out_of_memory
from rsc_bench.harness.record import Case, Measurement, Record, Status
from rsc_bench.harness.sampling import Limits, sample
from rsc_bench.harness.timing import Timing
from rsc_bench.harness.watch import Watch, watched


class Skip(Exception):
    """The work cannot be done here; the message is the reason that the record keeps."""


class Wrong(Exception):
    """The work computes something else than it should; the message says by how much."""


@dataclass(frozen=True)
class Checked:
    """What a check found: facts of the result that are no times."""

    rel_error: float
    """Relative error against the exact product in float64."""
    check_error: float
    """Relative error against float64 of what was asked for."""
    nnz: int
    """Non-zeros of the matrix."""
    kept_nnz: int
    """Non-zeros that were multiplied."""
    rows: int
    """Rows of the matrix."""
    columns: int
    """Columns of the matrix."""
    kept_pairs: int | None = None
    """Column-row pairs that were multiplied; None where nothing is selected."""
    value_bytes: int | None = None
    """Bytes of values that must be read for each non-zero."""
    graph_digest: str | None = None
    """Digest of the graph's contents."""


class Work(Protocol):
    """One case, prepared: what the harness calls, without knowing what it computes."""

    period: int
    """Calls that belong together in one sample: the interval of a cached kernel, else 1."""
    device: str
    """Where it runs: ``cpu``, ``cuda:0``."""
    tune_s: float | None
    """Seconds of searching and compiling before it was prepared; None where there was nothing to."""
    select: Callable[[], object] | None
    """Selecting alone; None where nothing is selected."""
    multiply: Callable[[], object] | None
    """Multiplying alone, over a held selection; None where nothing is selected."""

    def __call__(self) -> Any:
        """Do the work once and return its result."""
        ...

    def check(self, result: Any) -> Checked:
        """Compare a result with its float64 reference; raise `Wrong` where they differ."""
        ...

    def result_bytes(self, result: Any) -> int:
        """Return the size of a result: it is no workspace."""
        ...

    def synchronise(self) -> None:
        """Wait until the device is done."""
        ...


def attempt(case: Case, ready: Callable[[], Callable[[], Work]], clock: Clock, limits: Limits) -> Record:
    """Return the record of a case: its measurement, or why there is none. Only an interruption gets past it.

    Args:
        case: its identity.
        ready: makes the operands and tunes, which is neither timed nor counted as memory of the case, and returns the preparation.
        clock: what times the calls.
        limits: when to stop sampling.
    """
    try:
        with watched(case) as watch:
            return Record(case=case, status="ok", measurement=measure(ready(), clock, limits, watch))
    except Exception as error:
        return Record(case=case, status=_status(error), reason=reason_of(error))


def reason_of(error: Exception) -> str:
    """Return an exception as the one-line reason of a record."""
    first = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, Skip | Wrong | CannotTime):
        return first
    return out_of_memory(error) or f"{type(error).__name__}: {first}".rstrip(": ")


def _status(error: Exception) -> Status:
    return "skipped" if isinstance(error, Skip | CannotTime) else "wrong" if isinstance(error, Wrong) else "failed"


def measure(prepare: Callable[[], Work], clock: Clock, limits: Limits, watch: Watch) -> Measurement:
    """Return what was observed; raises `Wrong` before anything is timed where the result is wrong, and after it too."""
    watch.mark("prepare")
    held = watch.memory.resident()
    start = perf_counter()
    work = prepare()
    work.synchronise()
    prepare_s = perf_counter() - start
    facts, left = _checked(work, watch.memory)
    peak_bytes, workspace_bytes = _memory(work, None if held is None else held + left, watch.memory)
    warmup_calls = _warm_up(work, limits)
    watch.mark("sample")
    timing = Timing(clock, Timed(work, work.period, work.synchronise, work.device))
    times_s, stop = watch.sampled(timing, limits)
    watch.mark("parts")
    select_s, multiply_s = (_part(work, part, clock, limits) for part in (work.select, work.multiply))
    watch.measure_energy(energy.bursts(lambda: _period(work), work.period, work.synchronise))
    watch.mark("check")
    work.check(work())
    return Measurement(
        times_s=times_s,
        select_s=select_s,
        multiply_s=multiply_s,
        prepare_s=prepare_s,
        tune_s=work.tune_s,
        peak_bytes=peak_bytes,
        workspace_bytes=workspace_bytes,
        calls_per_sample=work.period,
        warmup_calls=warmup_calls,
        stop=stop,
        **timing.facts(),
        **facts,
        **watch.facts(),
    )


def _checked(work: Work, memory: Memory) -> tuple[dict[str, Any], int]:
    """Return the facts of the first call, and the bytes by which checking it has changed what is held.

    A reference is kept for the cases that share it, and others make room for it: neither is memory of this case.
    """
    result = work()
    before = memory.resident()
    facts = asdict(work.check(result))
    after = memory.resident()
    return facts, 0 if before is None or after is None else after - before


def _memory(work: Work, held: int | None, memory: Memory) -> tuple[int | None, int | None]:
    """Return the peak of one period of calls above `held`, and what of it is workspace, in bytes.

    Not on the first call: what that loads or compiles is no call's memory.
    """
    before = memory.resident()
    result, above = memory.peak_of(lambda: _period(work))
    if above is None or held is None or before is None:
        return None, None
    return max(0, before + above - held), max(0, above - work.result_bytes(result))


def _period(work: Work) -> Any:
    for _ in range(work.period - 1):
        work()
    return work()


def _warm_up(work: Work, limits: Limits) -> int:
    """Call for a while, so that lazy set-up and clock ramps are over; return all calls so far, the checked ones included."""
    end = perf_counter() + limits.warmup_s
    calls = 1 + work.period
    while True:
        work()
        work.synchronise()  # each time: a queue takes a thousand calls in no time, and seconds to work them off
        calls += 1
        if perf_counter() >= end:
            return calls


def _part(work: Work, part: Callable[[], object] | None, clock: Clock, limits: Limits) -> list[float] | None:
    """Return samples of a part of the work, with a quarter of the whole's time: it explains, it is not the result."""
    if part is None:
        return None
    part()
    shorter = replace(limits, time_s=limits.time_s / 4)
    return sample(Timing(clock, Timed(part, 1, work.synchronise, work.device)), shorter)[0]
