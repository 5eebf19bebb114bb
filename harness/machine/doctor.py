"""Turns the state of the machine into findings: what is fine, what makes numbers noisy, what is missing and how to get it."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any, Literal

from rsc_bench.harness.machine import environment, nvml, sensors
from rsc_bench.plugins import OPTIONAL

State = Literal["ok", "hint", "missing"]

REQUIRED = ("click", "jinja2", "msgspec", "numpy", "psutil", "pytest", "pytest_benchmark", "rich", "scipy")
MIN_PYTHON = (3, 11)
BUSY_PERCENT = 10.0
NOISY_PERCENT = 10.0
TIGHT_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    """``ok``; ``hint``: works, but numbers get noisy or something optional is absent; ``missing``: does not work without."""
    summary: str
    """What was found."""
    remedy: str | None = None
    """What to do about it; None where nothing needs doing."""


def examine(results: Path = Path("results")) -> list[Finding]:
    """Return every finding; takes about a second, most of it for load and noise."""
    installed = [python(), *packages()]
    if exit_status(installed):
        return installed  # the rest is read through what is missing
    return [*_machine(), load_by_others(), noise(), *_gpus(), *installed, results_folder(results)]


def exit_status(findings: list[Finding]) -> int:
    """Return 1 where something required is missing, else 0: a noisy machine still measures."""
    return int(any(finding.state == "missing" for finding in findings))


def as_tree(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings and the environment as JSON types."""
    listed = [{"name": f.name, "state": f.state, "summary": f.summary, "remedy": f.remedy} for f in findings]
    return {"findings": listed, "environment": environment.read()}


def as_text(findings: list[Finding]) -> str:
    """Return the findings for a reader, one line each, the remedy under it."""
    wide = max(len(finding.name) for finding in findings)
    return "\n".join(line for finding in findings for line in _lines(finding, wide))


def _lines(finding: Finding, wide: int) -> Iterator[str]:
    yield f"{finding.state:7}  {finding.name:{wide}}  {finding.summary}"
    if finding.remedy:
        yield f"{'':7}  {'':{wide}}  -> {finding.remedy}"


def _machine() -> Iterator[Finding]:
    found = environment.read()
    cpu, system, host = found["cpu"], found["os"], found["host"]
    inside = [name for name in (host["container"], "virtual machine" if host["virtual_machine"] else None) if name]
    summary = f"{cpu['model'] or 'unnamed CPU'}, {system['distribution'] or system['name']}, kernel {system['release']}"
    yield Finding("machine", "ok", summary + (f" (inside: {', '.join(inside)})" if inside else ""))
    yield memory(found["memory_bytes"], _available_bytes())
    yield cores(cpu["logical_cores"], cpu["usable_cores"], cpu["quota_cores"])
    yield governor(cpu["governor"])


def _available_bytes() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def memory(total_bytes: int, available_bytes: int) -> Finding:
    """Return whether enough memory is free for a graph of ordinary size."""
    summary = f"{total_bytes / 2**30:.1f} GiB, {available_bytes / 2**30:.1f} GiB free"
    if available_bytes < TIGHT_BYTES:
        return Finding("memory", "hint", summary, "close other programs, or measure graphs scaled down (twin:reddit2@0.05)")
    return Finding("memory", "ok", summary)


def cores(logical: int | None, usable: int | None, quota: float | None) -> Finding:
    """Return whether this process may use the cores that the machine has."""
    summary = f"{usable} of {logical} logical cores usable"
    if quota is not None and usable is not None and quota < usable:
        return Finding(
            "cores", "hint", f"{summary}, {quota:g} cores' worth of time granted", f"run with {max(1, int(quota))} threads"
        )
    if usable != logical:
        return Finding("cores", "hint", summary, "compare only with runs on as many cores (taskset, container limits)")
    return Finding("cores", "ok", summary)


def governor(name: str | None) -> Finding:
    """Return whether the frequency governor lets the clock wander."""
    if name is None:
        return Finding("governor", "ok", "not shown by this kernel (usual in a virtual machine)")
    if name == "performance":
        return Finding("governor", "ok", name)
    return Finding(
        "governor", "hint", f"{name}: the clock frequency follows the load", "sudo cpupower frequency-set -g performance"
    )


def load_by_others(seconds: float = 0.3) -> Finding:
    """Return how busy the cores are while this process sleeps."""
    import psutil

    busy = psutil.cpu_percent(interval=seconds)
    summary = f"{busy:.0f} % of all cores busy with other processes"
    if busy > BUSY_PERCENT:
        return Finding("load", "hint", summary, "stop other programs, or measure more rounds (--rounds 9)")
    return Finding("load", "ok", summary)


def noise(seconds: float = 0.5) -> Finding:
    """Return how far repetitions of one small piece of arithmetic spread."""
    spread = spread_percent(_repeat(seconds))
    summary = f"the slowest tenth of identical work takes {spread:.0f} % longer than the fastest"
    if spread > NOISY_PERCENT:
        return Finding("timing noise", "hint", summary, "measure at least 9 rounds (--rounds 9) before believing a 5 % difference")
    return Finding("timing noise", "ok", summary)


def spread_percent(times_s: list[float]) -> float:
    """Return by how many percent the ninth decile lies above the fastest."""
    return 100 * (quantiles(times_s, n=10)[-1] / min(times_s) - 1)


def _repeat(seconds: float) -> list[float]:
    times_s: list[float] = []
    end = time.perf_counter() + seconds
    while len(times_s) < 10 or time.perf_counter() < end:
        start = time.perf_counter()
        sum(number * number for number in range(20_000))
        times_s.append(time.perf_counter() - start)
    return times_s


def _gpus() -> Iterator[Finding]:
    found, reason = nvml.gpus()
    if reason is not None:
        yield Finding("GPU", "hint", f"none: {reason}", "nothing to do on a machine without one: CPU kernels are measured")
    running, unanswered = nvml.processes(), sensors.unanswered()
    for entry in found:
        size = "" if entry["memory_bytes"] is None else f", {entry['memory_bytes'] / 2**30:.0f} GiB"
        yield Finding("GPU", "ok", f"{entry['name']}{size}, driver {entry['driver']}, {entry['uuid']}")
        yield gpu_load(running.get(entry["uuid"]))
        yield gpu_sensors(unanswered.get(entry["uuid"], {}))


def gpu_load(running: list[nvml.Process] | None) -> Finding:
    """Return whether other processes compute on a GPU; `running` is None where NVML does not tell."""
    if running is None:
        return Finding("GPU load", "hint", "NVML does not tell which processes compute on it", "ask whoever else may use it")
    others = [str(process) for process in running if process.pid != os.getpid()]
    if others:
        return Finding("GPU load", "hint", f"other processes compute on it: {', '.join(others)}", "wait for them or stop them")
    return Finding("GPU load", "ok", "no other process computes on it")


def gpu_sensors(unanswered: dict[str, str]) -> Finding:
    """Return whether the GPU tells what a record keeps of it; `unanswered` has what it does not tell, and why."""
    if unanswered:
        summary = ", ".join(f"{name} ({reason})" for name, reason in unanswered.items())
        remedy = "records will do without; virtual GPUs, MIG slices and some containers tell less"
        return Finding("GPU sensors", "hint", f"not told: {summary}", remedy)
    return Finding("GPU sensors", "ok", "power, energy, clocks, temperature, throttling and memory are told")


def python() -> Finding:
    """Return whether this Python is new enough."""
    summary = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    if sys.version_info[:2] < MIN_PYTHON:
        return Finding("python", "missing", summary, "use Python 3.11 or newer")
    return Finding("python", "ok", summary)


def packages() -> Iterator[Finding]:
    """Yield one finding on what is required, and one for each optional package that is absent."""
    absent = [name for name in REQUIRED if not _present(name)]
    if absent:
        yield Finding("packages", "missing", f"not installed: {', '.join(absent)}", "install the dependencies in pyproject.toml")
    else:
        yield Finding("packages", "ok", "all that are required are installed")
    for name, remedy in OPTIONAL.items():
        if not _present(name):
            yield Finding(name, "hint", "optional, not installed", remedy)


def _present(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def results_folder(folder: Path) -> Finding:
    """Return whether results can be written to `folder`, or to where it would be made."""
    place = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        return Finding(
            "results", "missing", f"{folder} cannot be written", "make it writable, or measure with --results FILE elsewhere"
        )
    return Finding("results", "ok", f"{folder} can be written")
