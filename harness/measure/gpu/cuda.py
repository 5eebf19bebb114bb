"""What the clocks do with a CUDA device through torch: events, a spinning kernel, graphs and its L2; the one door to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any

from rsc_bench.optional import absent, no_cuda

_TRIAL_CYCLES = 1_000_000
_TRIALS = 8


def loaded(torch: Any = None) -> Any:
    """Return the module torch: the one given, else it is imported."""
    if torch is None:
        import torch
    return torch


class Gpu:
    """One CUDA device, and how fast the counter of its spinning kernel runs."""

    def __init__(self, device: str, torch: Any, now: Callable[[], float] = perf_counter) -> None:
        """Measure the counter.

        Args:
            device: ``cuda:0``.
            torch: the module of that name.
            now: the time on the host in seconds.
        """
        self.device, self.now = device, now
        self._torch = torch
        self._abandoned: list[Any] = []
        with self.current():
            # The fastest of some: clocks ramp up, and a spin that is too long costs less than one that is too short.
            self._cycles_per_s = max(_TRIAL_CYCLES / self._trial_s() for _ in range(_TRIALS))

    def _trial_s(self) -> float:
        start, end = self.event(), self.event()
        start.record()
        self._torch.cuda._sleep(_TRIAL_CYCLES)
        end.record()
        self.synchronise()
        return seconds_between(start, end)

    @property
    def l2_bytes(self) -> int:
        """Size of the L2."""
        return int(self._torch.cuda.get_device_properties(self.device).L2_cache_size)

    def current(self) -> AbstractContextManager[Any]:
        """Make it the device that events and kernels without operands go to."""
        context: AbstractContextManager[Any] = self._torch.cuda.device(self.device)
        return context

    def event(self) -> Any:
        """Return an event that takes the time, not recorded yet."""
        return self._torch.cuda.Event(enable_timing=True)

    def spin(self, seconds: float) -> None:
        """Enqueue a kernel that keeps the device busy and touches no memory."""
        self._torch.cuda._sleep(int(seconds * self._cycles_per_s))

    def synchronise(self) -> None:
        """Wait until the device is done."""
        self._torch.cuda.synchronize(self.device)

    def release(self) -> None:
        """Give memory that nothing uses any more back to the device, and forget that it was in use."""
        self._torch.cuda.empty_cache()
        # In the middle of a case: its calls, which are to come, reach their own peak anew.
        self._torch.cuda.reset_peak_memory_stats(self.device)

    def numbers(self, count: int) -> Any:
        """Return 0 to `count` - 1 in 8 bytes each, on the device."""
        return self._torch.arange(count, device=self.device)

    def search(self, ascending: Any, wanted: Any) -> None:
        """Enqueue a binary search for each of `wanted`."""
        self._torch.searchsorted(ascending, wanted)

    def on_side_stream(self, work: Callable[[], object]) -> None:
        """Do some work on another stream than the current one, and wait until it is done."""
        with self.current():
            self.synchronise()
            with self._torch.cuda.stream(self._torch.cuda.Stream()):
                work()
            self.synchronise()

    def captured(self, work: Callable[[], object], generators: Sequence[Any] = ()) -> Any:
        """Return some work as a CUDA graph to replay; what it did is enqueued by the replays, not by capturing it.

        Args:
            work: enqueues what the graph is to replay.
            generators: what it draws from beside torch's own, which the graph must know: each replay draws anew.
        """
        cuda = self._torch.cuda
        drawn = [generator for generator in generators if generator.device.type == "cuda"]
        with self.current():
            graph, pool, stream = cuda.CUDAGraph(), cuda.graph_pool_handle(), cuda.current_stream()
            for generator in drawn:
                graph.register_generator_state(generator)
            try:
                # Other threads, as one that reads sensors, may do what they like meanwhile.
                with cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                    work()
            except Exception:
                self._abandon(graph, pool, drawn)
                cuda.set_stream(stream)
                raise
        return graph

    def _abandon(self, graph: Any, pool: Any, generators: Sequence[Any]) -> None:
        """Undo what torch leaves behind where a capture cannot be ended (`CUDAGraph::capture_end` stops at its first line).

        The allocator would stay in the state of capturing, in which it gives no memory back, and keep a pointer to the graph;
        generators, that which dropout draws from first, would too, in which they refuse to draw: each goes on with a copy of
        its state that is not.
        """
        self._abandoned.append(graph)
        device = self._torch.cuda.current_device()
        with contextlib.suppress(RuntimeError):  # the capture could be ended after all: it was no CUDA call that failed
            self._torch._C._cuda_endAllocateToPool(device, pool)
            self._torch._C._cuda_releasePool(device, pool)
            for generator in (self._torch.cuda.default_generators[device], *generators):
                generator.graphsafe_set_state(generator.clone_state())

    def drawn_from(self, work: Callable[[], object]) -> list[Any]:
        """Do some work, and return the random generators that it handed to torch, see `drawn_from`."""
        return drawn_from(work, self._torch)


def drawn_from(work: Callable[[], object], torch: Any = None) -> list[Any]:
    """Do some work, and return the random generators that it handed to torch: a CUDA graph has to know them.

    Args:
        work: what draws.
        torch: the module of that name, imported where it is not given.
    """
    found: list[Any] = []

    class Noting(loaded(torch).overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = kwargs or {}
            generator = given.get("generator")
            if generator is not None and generator not in found:
                found.append(generator)
            return function(*args, **given)

    with Noting():
        work()
    return found


def seconds_between(start: Any, end: Any) -> float:
    """Return the seconds between two events that are over; torch gives a float32 of milliseconds."""
    return float(start.elapsed_time(end)) * 1e-3


class Gpus:
    """The CUDA devices of a process; each is measured once, when it is first asked for."""

    def __init__(self, torch: Any = None, now: Callable[[], float] = perf_counter) -> None:
        """Measure nothing yet.

        Args:
            torch: the module of that name; None: imported when it is first needed.
            now: the time on the host in seconds.
        """
        self._torch, self._now = torch, now
        self._measured: dict[str, Gpu] = {}

    def gpu(self, device: str) -> Gpu:
        """Return the device of a name, ``cuda:0``."""
        if device not in self._measured:
            self._measured[device] = Gpu(device, loaded(self._torch), self._now)
        return self._measured[device]

    def missing(self) -> str | None:
        """Return why no CUDA device can be timed, or None."""
        try:
            torch = loaded(self._torch)
        except ModuleNotFoundError:
            return absent("torch")
        if not torch.cuda.is_available():
            return no_cuda()
        return None

    def free_bytes(self, device: str) -> int:
        """Return the bytes of a GPU that can still be allocated, those that torch keeps in reserve included."""
        cuda = loaded(self._torch).cuda
        reserved = cuda.memory_reserved(device) - cuda.memory_allocated(device)
        return int(cuda.mem_get_info(device)[0] + reserved)


GPUS = Gpus()
"""The CUDA devices of this process."""


def gpu(device: str) -> Gpu:
    """Return the device of a name, measured once, see `Gpus.gpu`."""
    return GPUS.gpu(device)


def free_bytes(device: str) -> int:
    """Return the bytes of a GPU that can still be allocated, see `Gpus.free_bytes`."""
    return GPUS.free_bytes(device)
