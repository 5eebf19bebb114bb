"""A stand-in for torch with one GPU in it: a host and a device that each have a time, a queue between them, and an L2."""

from __future__ import annotations

import contextlib
import ctypes
from types import SimpleNamespace

LAUNCH_S = 5e-6
L2_BYTES = 64_000
HIT_S, MISS_S, FLUSH_S = 3e-6, 8e-6, 20e-6


class Event:
    def __init__(self, torch, enable_timing=False):
        assert enable_timing, "an event that takes no time cannot be asked for it"
        self._torch, self.at_s, self.number = torch, None, torch.events
        torch.events += 1

    def record(self):
        assert self.at_s is None, "an event is recorded once: a fresh pair for each sample"
        self._torch.log.append("event")
        self.at_s = self._torch.enqueue(0.0)

    def query(self):
        self._torch.refuse_while_capturing()
        return self.at_s <= self._torch.host_s

    def elapsed_time(self, end):
        assert self._torch.host_s >= end.at_s, "read before it is over"
        return ctypes.c_float((end.at_s - self.at_s) * 1e3).value


class Array:
    def __init__(self, torch, count):
        self._torch, self.count, self.bytes = torch, count, 8 * count

    def zero_(self):
        self._torch.log.append("flush")
        self._torch.touch(self)
        self._torch.enqueue(FLUSH_S)

    def __mul__(self, _):
        return self

    __add__ = __mul__


class Graph:
    def __init__(self, torch):
        self._torch, self.device_s, self.captures = torch, None, 0
        self.generators = [torch.cuda.default_generators[0]]

    def register_generator_state(self, generator):
        assert self._torch.capturing is None, "too late once it is capturing"
        self.generators.append(generator)

    def capture(self, capturing):
        for generator in self.generators:
            generator.capturing = capturing

    def replay(self):
        self._torch.log.append("replay")
        self._torch.launch()
        self._torch.enqueue(self.device_s)


class Generator:
    device = SimpleNamespace(type="cuda")

    def __init__(self):
        self.capturing = False

    def clone_state(self):
        return Generator()

    def graphsafe_set_state(self, other):
        self.capturing = other.capturing


class FunctionMode:
    """Sees the functions that are called while it is entered, as torch.overrides.TorchFunctionMode does."""

    torch = None

    def __enter__(self):
        self.torch.mode = self

    def __exit__(self, *error):
        self.torch.mode = None


class FakeTorch:
    """One GPU. Kernels are enqueued at the host's time and run one after the other at the device's."""

    def __init__(self, cycles_per_s=1e9):
        self.host_s = self.free_s = 100.0
        self.log, self.events, self.cycles_per_s = [], 0, cycles_per_s
        self.capturing = self.mode = None
        self.overrides = SimpleNamespace(TorchFunctionMode=type("TorchFunctionMode", (FunctionMode,), {"torch": self}))
        self.streams = ["default"]
        self.abandoned = []
        self.cached = []
        self.l2_holds_on = False
        self.cuda = SimpleNamespace(
            Event=lambda **given: Event(self, **given),
            Stream=lambda: "side",
            CUDAGraph=lambda: Graph(self),
            _sleep=self._sleep,
            synchronize=lambda device=None: self.synchronise(),
            is_available=lambda: True,
            get_device_properties=lambda device: SimpleNamespace(L2_cache_size=L2_BYTES),
            device=lambda device: contextlib.nullcontext(),
            empty_cache=lambda: None,
            reset_peak_memory_stats=lambda device: None,
            current_device=lambda: 0,
            current_stream=lambda: self.streams[-1],
            set_stream=self.streams.append,
            stream=self._stream,
            graph=self._graph,
            graph_pool_handle=lambda: (1, 0),
            default_generators=(Generator(),),
        )
        self._C = SimpleNamespace(
            _cuda_endAllocateToPool=lambda *which: self.abandoned.append(which), _cuda_releasePool=lambda *which: None
        )

    def perf_counter(self):
        return self.host_s

    def arange(self, count, device=None):
        return Array(self, count)

    def searchsorted(self, ascending, wanted):
        self.launch()
        self.enqueue(HIT_S if self.touch(ascending) else MISS_S)

    def rand(self, **given):
        return self._rand(**given) if self.mode is None else self.mode.__torch_function__(self._rand, (), (), given)

    def _rand(self, generator):
        """Draw; a generator that a graph which is capturing does not know of refuses, in torch's words."""
        if generator.capturing != (self.capturing is not None):
            if self.capturing is not None:
                self.capturing.device_s = None
            raise RuntimeError("Offset increment outside graph capture encountered unexpectedly.")
        self.log.append("rand")
        self.launch()
        self.enqueue(1e-3)

    def touch(self, array):
        """Whether all of an array is in the L2, which it then is as far as it fits; the least recently used goes."""
        hit = array in self.cached
        if not self.l2_holds_on:
            self.cached = [kept for kept in self.cached if kept is not array] + [array]
            while sum(kept.bytes for kept in self.cached) > L2_BYTES:
                self.cached.pop(0)
        return hit or self.l2_holds_on

    def kernel(self, name, host_s=LAUNCH_S, device_s=1e-3, waits=False):
        """Work that the host takes `host_s` to enqueue and the device `device_s` to do; the host may wait for it."""

        def call():
            self.log.append(name)
            self.launch(host_s)
            self.enqueue(device_s)
            if waits:
                self.synchronise()

        return call

    def launch(self, host_s=LAUNCH_S):
        self.host_s += host_s

    def enqueue(self, device_s):
        """When the device will be done with it."""
        if self.capturing is not None:
            self.capturing.device_s += device_s
            return None
        self.free_s = max(self.free_s, self.host_s) + device_s
        return self.free_s

    def synchronise(self):
        self.refuse_while_capturing()
        self.host_s = max(self.host_s, self.free_s)

    def refuse_while_capturing(self):
        if self.capturing is not None:
            self.capturing.device_s = None
            raise RuntimeError("operation not permitted when stream is capturing\nand more")

    def _sleep(self, cycles):
        self.log.append("spin")
        self.enqueue(cycles / self.cycles_per_s)

    @contextlib.contextmanager
    def _stream(self, stream):
        self.streams.append(stream)
        yield
        self.streams.append("default")

    @contextlib.contextmanager
    def _graph(self, graph, pool, capture_error_mode):
        assert capture_error_mode == "thread_local"
        self.synchronise()
        self.streams.append("capture")
        self.capturing, graph.device_s = graph, 0.0
        graph.capture(True)
        graph.captures += 1
        self.log.append("capture")
        try:
            yield
        finally:
            self.capturing = None
            if graph.device_s is None:
                # As torch does: nothing after the call that fails is undone, the stream least of all.
                raise RuntimeError("operation failed due to a previous error during capture")
            graph.capture(False)
            self.streams.append("default")
