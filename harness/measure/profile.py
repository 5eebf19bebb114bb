"""Runs a piece of work under torch's profiler and turns what was seen into the time of each phase and of each operation."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rsc_bench.harness.measure.ranges import Entry, Ranges
from rsc_bench.text import error_line, first_line

WHOLE = "all of it"


class ProfileError(Exception):
    """A profile that could not be taken or kept; the message says what failed and what to do."""


@dataclass(frozen=True)
class Plan:
    """A piece of work to be profiled."""

    name: str
    """Short, for the file of its trace."""
    title: str
    """What it is, in words."""
    call: Callable[[Callable[[str], AbstractContextManager[object]]], object]
    """Does it once, each phase of it inside the context manager that it is given."""
    device: str
    """``cpu``, ``cuda:0``."""
    phases: tuple[str, ...]
    """In the order in which they are shown; no two overlap."""
    rest: str = "everything else"
    """What the time outside of all phases is called."""


@dataclass(frozen=True)
class Profile:
    """What was seen of one piece of work."""

    plan: Plan
    whole: Entry
    phases: tuple[Entry, ...]
    """In the plan's order, then the rest: together they are the whole."""
    operations: tuple[Entry, ...] = ()
    """The longest first, the time of code that is no operation of torch under the name of its phase."""
    write: Callable[[Path], None] | None = None
    """Writes the Chrome trace; None where there is none."""
    trouble: str | None = None
    """What the profiler failed at, so that operations or trace are missing; None where it did not."""


def take(plan: Plan) -> Profile:
    """Return the profile of a plan's call; raises `ProfileError` where the call fails.

    The phases are timed by ranges of our own, so they stand also where torch's profiler fails.
    """
    ranges = Ranges(plan.device)
    try:
        profiler, trouble = _started(plan.device), None
    except ProfileError as error:
        profiler, trouble = None, str(error)
    try:
        with ranges(WHOLE):
            plan.call(ranges)
            ranges.wait()
    except Exception as error:
        raise ProfileError(f"{plan.title}: failed under the profiler ({error_line(error)})") from error
    finally:
        if profiler is not None:
            trouble = _stopped(profiler)
    found = replace(_by_phase(plan, ranges), trouble=trouble)
    return found if profiler is None or trouble else _with_operations(found, profiler)


def _started(device: str) -> Any:
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device != "cpu" else [])]
    profiler = _guarded(lambda: profile(activities=activities, acc_events=True), "could not be made")
    _guarded(profiler.start, "did not start")
    return profiler


def _stopped(profiler: Any) -> str | None:
    try:
        _guarded(profiler.stop, "did not stop")
    except ProfileError as error:
        return str(error)
    return None


def _guarded(step: Callable[[], Any], what: str) -> Any:
    try:
        return step()
    except Exception as error:
        reason = first_line(error) or type(error).__name__
        raise ProfileError(f"torch's profiler {what} ({reason}): end other profilers on this machine, or use nsys") from error


def _by_phase(plan: Plan, ranges: Ranges) -> Profile:
    whole, phases = ranges.entry(WHOLE), [ranges.entry(name) for name in plan.phases]
    host_s = max(0.0, whole.host_s - sum(phase.host_s for phase in phases))
    device_s = None if whole.device_s is None else max(0.0, whole.device_s - sum(phase.device_s or 0.0 for phase in phases))
    return Profile(plan, whole, (*phases, Entry(plan.rest, None, host_s, device_s)))


def _with_operations(found: Profile, profiler: Any) -> Profile:
    try:
        events = _guarded(profiler.events, "could not be read")
    except ProfileError as error:
        return replace(found, trouble=str(error))
    operations = _operations(found.plan, events)
    found = replace(found, operations=operations, write=lambda path: _write(profiler, path))
    if found.whole.device_s and not any(entry.device_s for entry in operations):
        why = "the driver may keep it to administrators, or another profiler has it"
        return replace(found, trouble=f"torch's profiler saw nothing of {found.plan.device}: {why}; KINETO_LOG_LEVEL=0 says more")
    return found


def _operations(plan: Plan, events: Any) -> tuple[Entry, ...]:
    """The operations with the time of their kernels, and the kernels that no operation launched, as Triton's, for themselves."""
    launched = {kernel.name for event in events for kernel in event.kernels}
    names = {WHOLE: plan.rest} | {name: name for name in plan.phases}
    entries = []
    for event in events.key_averages():
        on_host = event.device_type.name == "CPU"
        # Ranges stand among the GPU's events once more, and so do the kernels of operations.
        if on_host or not (event.is_user_annotation or event.key in launched):
            name = f"({names[event.key]}: Python and compiled code)" if event.key in names else event.key
            device_s = None if plan.device == "cpu" else event.self_device_time_total / 1e6
            entries.append(Entry(name, event.count, event.self_cpu_time_total / 1e6, device_s))
    return tuple(sorted(entries, key=lambda entry: (entry.device_s or 0.0, entry.host_s), reverse=True))


def _write(profiler: Any, path: Path) -> None:
    """Write beside `path`, then put it in its place, so that a full disk leaves no half trace."""
    draft = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(draft))
        draft.replace(path)
    except (OSError, RuntimeError) as error:
        raise ProfileError(f"{path}: the trace cannot be written ({error}): give another --output folder") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
