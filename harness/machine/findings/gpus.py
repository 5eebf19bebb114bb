"""The GPUs: which there are, who else uses them, and which of their sensors can be read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rsc_bench.harness.machine import nvml, sensors
from rsc_bench.harness.machine.findings import Finding
from rsc_bench.harness.machine.nvml import Process


def findings() -> Iterator[Finding]:
    """Yield what is found about each GPU of this machine, or why there is none."""
    found, reason = nvml.gpus()
    if reason is not None:
        yield Finding("GPU", "hint", f"none: {reason}", "nothing to do on a machine without one: CPU kernels are measured")
    yield from of_each(found, nvml.processes(), sensors.unanswered())


def of_each(
    found: Iterable[Mapping[str, Any]], running: Mapping[str, list[Process]], unanswered: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    """Yield three findings for each GPU.

    Args:
        found: GPUs, as `rsc_bench.harness.machine.nvml.gpus` describes them.
        running: processes by the GPU's UUID; a GPU is absent where NVML does not report them.
        unanswered: sensors that cannot be read by the GPU's UUID, with the reason.
    """
    for entry in found:
        size = "" if entry["memory_bytes"] is None else f", {entry['memory_bytes'] / 2**30:.0f} GiB"
        yield Finding("GPU", "ok", f"{entry['name']}{size}, driver {entry['driver']}, {entry['uuid']}")
        yield gpu_load(running.get(entry["uuid"]))
        yield gpu_sensors(unanswered.get(entry["uuid"], {}))


def gpu_load(running: list[Process] | None) -> Finding:
    """Return whether other processes compute on a GPU; `running` is None where NVML does not report them."""
    if running is None:
        summary = "NVML does not report which processes compute on it"
        return Finding("GPU load", "hint", summary, "ask whoever else may use it")
    others = [str(process) for process in running if process.pid != os.getpid()]
    if others:
        return Finding("GPU load", "hint", f"other processes compute on it: {', '.join(others)}", "wait for them or stop them")
    return Finding("GPU load", "ok", "no other process computes on it")


def gpu_sensors(unanswered: Mapping[str, str]) -> Finding:
    """Return whether all sensors of a GPU can be read; `unanswered` has those that cannot, with the reason."""
    if unanswered:
        summary = ", ".join(f"{name} ({reason})" for name, reason in unanswered.items())
        remedy = "records will do without; virtual GPUs, MIG slices and some containers report less"
        return Finding("GPU sensors", "hint", f"cannot be read: {summary}", remedy)
    return Finding("GPU sensors", "ok", "all can be read: power, energy, clocks, temperature, throttling and memory among them")
