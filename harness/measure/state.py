"""What of a process a case may not change, because every case behind it would be measured in it: read, compared and put back."""

from __future__ import annotations

import contextlib
import gc
import operator
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from rsc_bench import allocator
from rsc_bench.harness.measure.functions import Functions

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

_NAMED = 3
"""Names that are said of those that have changed."""
_SHORT = 80
"""Letters of a value that is said."""
_TIMERS = ("perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time", "time_ns", "process_time")


@dataclass(frozen=True)
class Setting:
    """One thing that a case may not change."""

    name: str
    """As a record says it: ``the threads of torch``."""
    read: Callable[[], Any]
    write: Callable[[Any], object] | None
    """Puts a value back; None: nothing does."""
    parts: Callable[[Any, Any], str] | None = None
    """Says which parts of a value have changed, from what it was and what it is; None: as `_values` does."""
    same: Callable[[Any, Any], bool] = operator.eq
    """Whether a value is still what it was."""


@dataclass(frozen=True)
class State:
    """The settings of this process, as they were when they were read."""

    settings: tuple[tuple[Setting, Any], ...]

    @classmethod
    def read(cls, loading: bool = False) -> State:
        """Return what the settings are now; those of a library that is not loaded are not among them.

        With `loading`, also what the processes that this one starts would inherit: a file of a user is loaded.
        """
        return cls(tuple((setting, setting.read()) for setting in [*_settings(), *(_inherited() if loading else ())]))

    def put_back(self) -> list[str]:
        """Put back what has changed, and return what that was: ``the threads of torch (2 -> 1)``."""
        changed = []
        for setting, was in self.settings:  # in order: some settings decide what others are
            now = setting.read()
            if setting.same(was, now):
                continue
            changed.append(f"{setting.name}{_values(was, now) if setting.parts is None else setting.parts(was, now)}")
            if setting.write is not None:
                with contextlib.suppress(Exception):  # what cannot be put back is said all the same
                    setting.write(was)
        return changed


@contextlib.contextmanager
def unchanged_by_loading(say: Callable[[str], object]) -> Iterator[None]:
    """Put back what files of a user change when they are loaded, and say so in a line: others are measured without it."""
    state = State.read(loading=True)
    try:
        yield
    finally:
        changed = state.put_back()
        if changed:
            say(f"note:    loading the files of --kernel and --plugin changed {', '.join(changed)}: put back")


def _values(was: Any, now: Any) -> str:
    short = all(isinstance(value, str | int | float | bool) and len(str(value)) <= _SHORT for value in (was, now))
    return f" ({was} -> {now})" if short else ""


def _settings() -> Iterator[Setting]:
    yield Setting("the garbage collector", gc.isenabled, lambda on: gc.enable() if on else gc.disable())
    yield Setting("the clock", lambda: tuple(getattr(time, name) for name in _TIMERS), _set_timers)
    yield Setting("the working directory", os.getcwd, os.chdir)
    yield Setting("whether freed memory is kept", allocator.is_kept, allocator.keep_memory)
    if hasattr(os, "sched_getaffinity"):
        yield Setting("the cores of the process", lambda: os.sched_getaffinity(0), lambda cores: os.sched_setaffinity(0, cores))
    if (torch := sys.modules.get("torch")) is not None:
        yield from _of_torch(torch)
    if (numba := sys.modules.get("numba")) is not None:
        yield Setting("the threads of Numba", numba.get_num_threads, numba.set_num_threads)
    if (numpy := sys.modules.get("numpy")) is not None:
        yield Setting("NumPy's handling of errors", numpy.geterr, lambda errors: numpy.seterr(**errors))

    # Last, for some settings decide what torch's names stand for.
    yield Setting(
        "functions of others",
        Functions.read,
        Functions.put_back,
        lambda was, now: _some(was.differing(now)),
        same=lambda was, now: not was.differing(now),
    )


def _inherited() -> Iterator[Setting]:
    yield Setting("the environment", lambda: dict(os.environ), _set_environment, _names_changed)
    if hasattr(signal, "getsignal"):
        yield Setting("the handling of signals", _handlers, _set_handlers, lambda *_: "")
    if resource is not None:
        yield Setting("the limits of the process", _limits, _set_limits, lambda *_: "")


def _set_environment(was: dict[str, str]) -> None:
    for name in os.environ.keys() - was.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in was.items() if os.environ.get(name) != value})


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _set_handlers(was: dict[int, Any]) -> None:
    for number, handler in was.items():
        if handler is not None and signal.getsignal(number) != handler:
            with contextlib.suppress(OSError, ValueError):  # of some signals nobody may; of any only the main thread
                signal.signal(number, handler)


def _limits() -> dict[int, tuple[int, int]]:
    assert resource is not None
    return {number: resource.getrlimit(number) for name, number in vars(resource).items() if name.startswith("RLIMIT_")}


def _set_limits(was: dict[int, tuple[int, int]]) -> None:
    assert resource is not None
    for number, limits in was.items():
        with contextlib.suppress(OSError, ValueError):  # a hard limit that was lowered stays so
            resource.setrlimit(number, limits)


def _names_changed(was: dict[str, Any], now: dict[str, Any]) -> str:
    """The first names of what has changed."""
    return _some(sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name)))


def _some(names: list[str]) -> str:
    return f" ({', '.join(names[:_NAMED])}{', ...' * (len(names) > _NAMED)})"


def _of_torch(torch: Any) -> Iterator[Setting]:
    yield Setting("the threads of torch", torch.get_num_threads, torch.set_num_threads)
    # Of each library below torch: setting torch's sets them all.
    yield Setting("the threads below torch", partial(_threads_below, torch), partial(_set_threads, torch))
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


def _threads_below(torch: Any) -> list[str]:
    """What torch says of its libraries' threads, without the variables that it repeats: they do nothing any more."""
    return [line for line in torch.__config__.parallel_info().splitlines() if "_NUM_THREADS :" not in line]


def _set_threads(torch: Any, _: str) -> None:
    torch.set_num_threads(torch.get_num_threads())


def _set_timers(timers: tuple[Any, ...]) -> None:
    for name, timer in zip(_TIMERS, timers, strict=True):
        setattr(time, name, timer)
