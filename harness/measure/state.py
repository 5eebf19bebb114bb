"""What of a process a case may not change, because every case behind it would be measured in it: read, compared and put back."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

_TIMERS = ("perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time", "time_ns", "process_time")


@dataclass(frozen=True)
class Setting:
    """One thing that a case may not change."""

    name: str
    """As a record says it: ``the threads of torch``."""
    read: Callable[[], Any]
    write: Callable[[Any], object] | None
    """Puts a value back; None: nothing does."""


@dataclass(frozen=True)
class State:
    """The settings of this process, as they were when they were read."""

    settings: tuple[tuple[Setting, Any], ...]

    @classmethod
    def read(cls) -> State:
        """Return what the settings are now; those of a library that is not loaded are not among them."""
        return cls(tuple((setting, setting.read()) for setting in _settings()))

    def put_back(self) -> list[str]:
        """Put back what has changed, and return what that was: ``the threads of torch (2 -> 1)``."""
        changed = []
        for setting, was in self.settings:  # in order: some settings decide what others are
            now = setting.read()
            if now == was:
                continue
            changed.append(f"{setting.name}{_values(was, now)}")
            if setting.write is not None:
                with contextlib.suppress(Exception):  # what cannot be put back is said all the same
                    setting.write(was)
        return changed


def _values(was: Any, now: Any) -> str:
    short = isinstance(was, str | int | float | bool) and isinstance(now, str | int | float | bool)
    return f" ({was} -> {now})" if short else ""


def _settings() -> Iterator[Setting]:
    yield Setting("the garbage collector", gc.isenabled, lambda on: gc.enable() if on else gc.disable())
    yield Setting("the clock", lambda: tuple(getattr(time, name) for name in _TIMERS), _set_timers)
    yield Setting("the working directory", os.getcwd, os.chdir)
    if hasattr(os, "sched_getaffinity"):
        yield Setting("the cores of the process", lambda: os.sched_getaffinity(0), lambda cores: os.sched_setaffinity(0, cores))
    if (torch := sys.modules.get("torch")) is not None:
        yield from _of_torch(torch)
    if (numba := sys.modules.get("numba")) is not None:
        yield Setting("the threads of Numba", numba.get_num_threads, numba.set_num_threads)
    if (numpy := sys.modules.get("numpy")) is not None:
        yield Setting("NumPy's handling of errors", numpy.geterr, lambda errors: numpy.seterr(**errors))


def _of_torch(torch: Any) -> Iterator[Setting]:
    yield Setting("the threads of torch", torch.get_num_threads, torch.set_num_threads)
    # Of each library below torch: setting torch's sets them all.
    yield Setting("the threads below torch", torch.__config__.parallel_info, partial(_set_threads, torch))
    yield Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype)
    yield Setting("torch's default device", torch.get_default_device, torch.set_default_device)
    yield Setting("torch's recording of gradients", torch.is_grad_enabled, torch.set_grad_enabled)
    yield Setting("torch's inference mode", torch.is_inference_mode_enabled, None)
    yield Setting(
        "torch's deterministic mode", torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode
    )  # fmt: skip
    yield Setting(
        "torch's precision of products", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    )  # fmt: skip
    yield Setting("torch's treatment of denormal numbers", lambda: _denormals(torch), torch.set_flush_denormal)
    cudnn = torch.backends.cudnn
    for name in ("benchmark", "deterministic", "enabled"):
        yield Setting(f"cuDNN's {name}", partial(getattr, cudnn, name), partial(setattr, cudnn, name))
    if torch.cuda.is_initialized():
        yield Setting("the current GPU", torch.cuda.current_device, torch.cuda.set_device)
        yield Setting("the current stream", torch.cuda.current_stream, torch.cuda.set_stream)


def _denormals(torch: Any) -> bool:
    """Whether denormal numbers are taken for 0."""
    return bool(torch.tensor([1e-40], device="cpu", dtype=torch.float32).mul(1.0).item() == 0.0)


def _set_threads(torch: Any, _: str) -> None:
    torch.set_num_threads(torch.get_num_threads())


def _set_timers(timers: tuple[Any, ...]) -> None:
    for name, timer in zip(_TIMERS, timers, strict=True):
        setattr(time, name, timer)
