"""The host: its memory, the allocator, the cores that may be used, and what makes its times noisy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import quantiles

from rsc_bench import allocator
from rsc_bench.allocator import Allocator
from rsc_bench.harness.machine import environment
from rsc_bench.harness.machine.findings import Finding, State
from rsc_bench.harness.machine.findings.pinning import pinning
from rsc_bench.harness.records.ceilings import BUSY_PERCENT

NOISY_PERCENT = 10.0
TIGHT_BYTES = 2 * 2**30
LOAD_S = 0.3
"""Seconds for which the load is watched."""
NOISE_S = 0.5
"""Seconds of identical work."""


def findings() -> Iterator[Finding]:
    """Yield what is found about this host; takes about a second, most of it for load and noise."""
    found = environment.read()
    cpu, system, host = found["cpu"], found["os"], found["host"]
    inside = [name for name in (host["container"], "virtual machine" if host["virtual_machine"] else None) if name]
    summary = f"{cpu['model'] or 'unnamed CPU'}, {system['distribution'] or system['name']}, kernel {system['release']}"
    yield Finding("machine", "ok", summary + (f" (inside: {', '.join(inside)})" if inside else ""))
    yield memory(found["memory_bytes"], _available_bytes())
    yield freed_memory(allocator.allocator(), allocator.keeps_freed())
    yield huge_pages(allocator.huge_pages())
    yield cores(cpu["logical_cores"], cpu["usable_cores"], cpu["quota_cores"])
    yield pinning(cpu["quota_cores"])
    yield governor(cpu["governor"])
    yield load(busy_percent(LOAD_S))
    yield noise(_repeated(NOISE_S))


def memory(total_bytes: int, available_bytes: int) -> Finding:
    """Return whether enough memory is free for a graph of ordinary size."""
    summary = f"{total_bytes / 2**30:.1f} GiB, {available_bytes / 2**30:.1f} GiB free"
    if available_bytes < TIGHT_BYTES:
        return Finding("memory", "hint", summary, "close other programs, or measure graphs scaled down (twin:reddit2@0.05)")
    return Finding("memory", "ok", summary)


def freed_memory(found: Allocator, kept: bool | None) -> Finding:
    """Return which allocator answers in this process and, by trying, whether it keeps large blocks that are freed."""
    if kept is None:
        return Finding("allocator", "ok", f"{found}; whether it keeps large blocks that are freed cannot be seen here")
    if kept:
        return Finding("allocator", "ok", f"{found} keeps large blocks that are freed for the next ones")
    summary = f"{found} gives large blocks back to the system when they are freed, so that each tensor is faulted in anew"
    # As nearly everywhere: worth knowing for who trains on a large graph, and nothing that a benchmark has to do without.
    state: State = "ok" if found.name == "glibc" else "hint"
    # Where a process can be told to keep them, a run has one that does.
    both = ". Large products are measured so, and in a process that keeps them (--memory)" if found.name == "glibc" else ""
    return Finding("allocator", state, summary + both, allocator.remedy(found))


def huge_pages(given: bool) -> Finding:
    """Return whether large results of our kernels on a CPU can have pages of 2 MiB."""
    if given:
        return Finding("huge pages", "ok", "the system gives a process huge pages where it asks for them, as for results on a CPU")
    summary = "the system gives a process no huge pages: large results on a CPU have pages of 4 KiB"
    return Finding("huge pages", "hint", summary, f"on Linux: echo madvise | sudo tee {allocator.HUGE_PAGES}")


def cores(logical: int | None, usable: int | None, quota: float | None) -> Finding:
    """Return whether this process may use the cores that the machine has."""
    summary = f"{usable} of {logical} logical cores usable"
    if quota is not None and usable is not None and quota < usable:
        limited = f"{summary}, limited to the time of {quota:g} cores"
        return Finding("cores", "hint", limited, f"run with {max(1, int(quota))} threads")
    if usable != logical:
        return Finding("cores", "hint", summary, "compare only with runs on as many cores (taskset, container limits)")
    return Finding("cores", "ok", summary)


def governor(name: str | None) -> Finding:
    """Return whether the frequency governor keeps the clock of the cores steady."""
    if name is None:
        return Finding("governor", "ok", "not shown by this kernel (usual in a virtual machine)")
    if name == "performance":
        return Finding("governor", "ok", name)
    summary = f"{name}: the frequency of the cores follows the load"
    return Finding("governor", "hint", summary, "sudo cpupower frequency-set -g performance")


def load(busy_percent: float) -> Finding:
    """Return whether other processes keep the cores busy, given their share of all cores' time."""
    summary = f"{busy_percent:.0f} % of all cores busy with other processes"
    if busy_percent > BUSY_PERCENT:
        return Finding("load", "hint", summary, "stop other programs, or measure more rounds (--rounds 9)")
    return Finding("load", "ok", summary)


def busy_percent(seconds: float) -> float:
    """Return how busy all cores are while this process sleeps for so long."""
    import psutil

    return float(psutil.cpu_percent(interval=seconds))


def noise(times_s: list[float]) -> Finding:
    """Return how far repetitions of one small piece of arithmetic spread."""
    spread = spread_percent(times_s)
    summary = f"the slowest tenth of identical work takes {spread:.0f} % longer than the fastest"
    if spread > NOISY_PERCENT:
        return Finding("timing noise", "hint", summary, "measure at least 9 rounds (--rounds 9) before believing a 5 % difference")
    return Finding("timing noise", "ok", summary)


def spread_percent(times_s: list[float]) -> float:
    """Return by how many percent the ninth decile lies above the fastest."""
    return 100 * (quantiles(times_s, n=10)[-1] / min(times_s) - 1)


def _available_bytes() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _repeated(seconds: float) -> list[float]:
    times_s: list[float] = []
    end = time.perf_counter() + seconds
    while len(times_s) < 10 or time.perf_counter() < end:
        start = time.perf_counter()
        sum(number * number for number in range(20_000))
        times_s.append(time.perf_counter() - start)
    return times_s
