"""Checks a piece of work, then times it, then checks it again: into one record, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from math import inf
from statistics import median
from time import perf_counter
from typing import Any

from rsc_bench import allocator
from rsc_bench.harness.measure.gpu import energy
from rsc_bench.harness.measure.gpu.faults import out_of_memory
from rsc_bench.harness.measure.memory.device import Memory
from rsc_bench.harness.measure.memory.process import page_faults
from rsc_bench.harness.measure.sampling import Limits, sample
from rsc_bench.harness.measure.spending import SPENDING, AccountedProbe, AccountedWork
from rsc_bench.harness.measure.state import State
from rsc_bench.harness.measure.timing import CannotTime, Clock, Stopwatch, Timed
from rsc_bench.harness.measure.watch import Watch, watched
from rsc_bench.harness.measure.work import Checked, Probe, Skip, Work, Wrong
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import KERNEL, Measurement, MemoryUse, Timing
from rsc_bench.harness.records.run import Record, Status
from rsc_bench.plugins import REGISTRY, PluginError
from rsc_bench.text import error_line, first_line

SHORT_S = 5e-3
"""Seconds below which a call would notice what was done between two samples."""


def attempt(
    case: Case,
    ready: Callable[[], Callable[[], Work]],
    clock: Clock,
    limits: Limits,
    watch: Callable[[Case], AbstractContextManager[Watch]] = watched,
) -> Record:
    """Return the record of a case: its measurement, or why there is none. Only an interruption gets past it.

    Args:
        case: its identity.
        ready: makes the operands and tunes, which is neither timed nor counted as memory of the case, and returns the preparation.
        clock: what times the calls.
        limits: when to stop sampling.
        watch: reads what the device reports beside the clock, for as long as the case runs.
    """
    with SPENDING.on("state"):
        state = State.read()
    try:
        with watch(case) as watching:
            record = Record(case=case, status="ok", measurement=measure(ready(), clock, limits, watching))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a kernel may leave the program, or skip a test: it is its record that says so
        record = Record(case=case, status=status_of(error), reason=reason_of(error))
    return unchanged(record, state)


def unchanged(record: Record, state: State) -> Record:
    """Return a record, `wrong` where its case has changed the process for those behind it; what it changed is put back."""
    with SPENDING.on("state"):
        return blamed(record, state.put_back())


def blamed(record: Record, changed: Sequence[str]) -> Record:
    """Return a record that says what its case has changed, of what others find; `wrong` where it said nothing before."""
    if not changed:
        return record
    reason = f"changed {', '.join(changed)}"
    if record.status == "ok":
        return Record(case=record.case, status="wrong", reason=reason)
    return Record(case=record.case, status=record.status, reason=f"{record.reason}; it also {reason}")


def reason_of(error: BaseException) -> str:
    """Return an exception as the one-line reason of a record; where a file of the user raised it, with the file and the line."""
    if isinstance(error, Skip | Wrong | CannotTime | PluginError):
        return first_line(error)
    return out_of_memory(error) or REGISTRY.blame(error) or error_line(error)


def status_of(error: BaseException) -> Status:
    """Return how a case ended that raised an exception."""
    return "skipped" if isinstance(error, Skip | CannotTime) else "wrong" if isinstance(error, Wrong) else "failed"


def measure(prepare: Callable[[], Work], clock: Clock, limits: Limits, watch: Watch) -> Measurement:
    """Return what was observed; raises `Wrong` before anything is timed where the result is wrong, and after it too."""
    watch.mark("prepare")
    with SPENDING.on("memory"):
        before = watch.memory.resident()
    with SPENDING.on(KERNEL):
        start = perf_counter()
        unaccounted = prepare()
        unaccounted.synchronise()
        prepare_s = perf_counter() - start
    work: Work = AccountedWork(unaccounted)
    with SPENDING.on("memory"):
        checked, left = _checked(work, watch.memory)
        memory = _memory(work, None if before is None else before + left, watch.memory)
    work.check_memory()
    warmup_calls, stopwatch, (times_s, stop) = _sampled(work, clock, limits, watch)
    watch.mark("parts")
    select_s, multiply_s = (_part(work, part, clock, limits) for part in (work.select, work.multiply))
    if (
        work.multiply is not None and multiply_s is not None
    ):  # the calls behind one selection, which a sample makes over one operand
        again = Stopwatch(clock, Timed(work.multiply, 1, work.synchronise, work.device))
        _check_renewed(work.probe(work), again, multiply_s)
    with SPENDING.on(KERNEL):
        watch.measure_energy(energy.bursts(lambda: _period(unaccounted), work.period, work.synchronise))
    watch.mark("check")
    work.check(work())
    work.check_kept()
    work.check_operands()
    timing = Timing(
        times_s=times_s,
        select_s=select_s,
        multiply_s=multiply_s,
        prepare_s=prepare_s,
        tune_s=work.tune_s,
        calls_per_sample=work.period,
        warmup_calls=warmup_calls,
        stop=stop,
        launch_s=stopwatch.launch_s,
        exposed_calls=stopwatch.exposed_calls,
        flush_probe_s=stopwatch.flush_probe_s,
    )
    return Measurement(timing=timing, matrix=checked.matrix, accuracy=checked.accuracy, memory=memory, gpu=watch.readings())


def _checked(work: Work, memory: Memory) -> tuple[Checked, int]:
    """Return the facts of the first call, and the bytes by which checking it has changed what is in memory.

    A reference is kept for the cases that share it, and others make room for it: neither is memory of this case.
    """
    result = work()
    before = memory.resident()
    checked = work.check(result)
    after = memory.resident()
    return checked, 0 if before is None or after is None else after - before


def _memory(work: Work, start: int | None, memory: Memory) -> MemoryUse:
    """Return the peak of one period of calls above `start`, and what of it is workspace, in bytes.

    Not on the first call: what that loads or compiles is no call's memory.
    """
    before = memory.resident()
    result, above = memory.peak_of(lambda: _period(work))
    allocator = memory.allocator_peaks()
    if above is None or start is None or before is None:
        return MemoryUse(peak_bytes=None, allocated_peak_bytes=allocator[0], reserved_peak_bytes=allocator[1])
    return MemoryUse(
        peak_bytes=max(0, before + above - start),
        workspace_bytes=max(0, above - work.result_bytes(result)),
        allocated_peak_bytes=allocator[0],
        reserved_peak_bytes=allocator[1],
    )


def _period(work: Work) -> Any:
    for _ in range(work.period - 1):
        work()
    return work()


LONGER = 1.5
"""Times as long as usual that a call takes over an operand that is new throughout: a kernel that does so remembers."""
UNFAMILIAR_S = 2e-5
"""Seconds more that values cost which were not there before: a processor learns how a small sort of the same values branches."""
RENEWALS = 5
"""Times that this is seen before it is believed."""


class Take:
    """Takes a sample over another operand than the one before; what changes and looks is off the clock."""

    def __init__(self, probe: Probe, stopwatch: Stopwatch) -> None:
        self._probe, self._stopwatch = probe, stopwatch
        self._seconds = 0.0
        self.in_vain_s = 0.0
        """Seconds of all calls that are no samples."""

    def __call__(self) -> float:
        """Return the seconds of a call.

        Before a short one the work is called once in vain: looking has left the caches and the threads cold, which a call finds as
        the call before it left them. It comes before the change, so that a kernel cannot remember what it gave.
        """
        if self._seconds < SHORT_S:
            start = perf_counter()
            self._probe()
            self.in_vain_s += perf_counter() - start
        self._probe.change()
        self._seconds = self._stopwatch()
        self._probe.look()
        return self._seconds


def _sampled(work: Work, clock: Clock, limits: Limits, watch: Watch) -> tuple[int, Stopwatch, tuple[list[float], str]]:
    """Return the calls until the first sample, what took the samples, and these in order, with why there are no more."""
    probe = work.probe(work)
    with SPENDING.on("probe"):
        warmup_calls = _warm_up(AccountedProbe(probe, work.synchronise), work, limits)
    watch.mark("sample")
    with SPENDING.on("probe"):
        stopwatch = Stopwatch(clock, Timed(probe, work.period, work.synchronise, work.device))
        take = Take(probe, stopwatch)
        samples = watch.sampled(take, limits)
        SPENDING.move(take.in_vain_s + stopwatch.taken_s, KERNEL)
    try:
        probe.judge()
    except Wrong:
        work.check_operands()  # where it has changed them, that is why
        raise
    _check_renewed(probe, Stopwatch(clock, Timed(probe, work.period, work.synchronise, work.device)), samples[0])
    return warmup_calls, stopwatch, samples


def _check_renewed(probe: Probe, stopwatch: Stopwatch, times_s: list[float]) -> None:
    """Raise `Wrong` where a call takes far longer once everything is new that it reads: the samples timed what it remembers.

    A kernel may find the entry that was changed, and work out that alone. One call shows that it does not; where one is slow, by
    chance or because the operand was written, others follow in turns with calls behind which only as much was written.
    """
    renewed, rewritten, again, slowest = inf, inf, median(times_s), 0.0
    for _ in range(RENEWALS):
        if not probe.renew():
            return
        with SPENDING.on(KERNEL):
            renewed = min(renewed, stopwatch())
        if renewed <= LONGER * again + UNFAMILIAR_S:
            break
        probe.rewrite()
        with SPENDING.on(KERNEL):
            took = stopwatch()
        again = rewritten = min(rewritten, took)
        slowest = max(slowest, took)
    probe.restore()
    # On a busy machine the fastest of a few may differ by anything: it is no chance where all of one sort are slower.
    if renewed > LONGER * again + UNFAMILIAR_S and renewed > slowest:
        raise Wrong(
            f"result must be computed in every call: where the whole operand is new one takes {renewed:.3g} s, where an entry is "
            f"{again:.3g} s (it remembers)"
        )


FEW_FAULTS = 8
"""Page faults that a call may have for other reasons than new memory: a block of 32 MB has 16, with the largest pages."""
OLD_CALLS = 3
"""Calls, one after the other, that get no new memory where freed memory is kept: from then on they find what others have left."""
KEPT_CALLS = 12
"""Calls beside a period after which that is waited for no longer: nine were seen at most, as a freed result seldom fits the next
one of its size (glibc 2.36, bug 30723)."""


def _warm_up(probe: Probe, work: Work, limits: Limits) -> int:
    """Call for a while, so that lazy set-up and clock ramps are over; return all calls so far, the checked ones included.

    Where freed memory is kept, also until calls get no new memory, a whole period of them.
    """
    end = perf_counter() + limits.warmup_s
    calls = first = 1 + work.period
    most = KEPT_CALLS + work.period if allocator.is_kept() else 0
    old = 0
    while True:
        faults = page_faults() if most else 0
        probe.change()
        probe()
        work.synchronise()  # each time: a queue takes a thousand calls in no time, and seconds to work them off
        probe.look()
        calls += 1
        old = old + 1 if most and page_faults() - faults <= FEW_FAULTS else 0
        if perf_counter() >= end and (old >= max(OLD_CALLS, work.period) or calls - first >= most):
            return calls


def _part(work: Work, part: Callable[[], object] | None, clock: Clock, limits: Limits) -> list[float] | None:
    """Return samples of a part of the work, with a quarter of the whole's time: it explains, it is not the result."""
    if part is None:
        return None
    shorter = replace(limits, time_s=limits.time_s / 4)
    with SPENDING.on(KERNEL):
        part()
    stopwatch = Stopwatch(clock, Timed(part, 1, work.synchronise, work.device))
    samples = sample(stopwatch, shorter)[0]
    SPENDING.move(stopwatch.taken_s, KERNEL)
    return samples
