"""Empties a GPU's L2 by writing over more than fits into it, and shows by reads whether that leaves it cold."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from rsc_bench.harness.measure.gpu.cuda import Gpu, Gpus
from rsc_bench.harness.measure.gpu.queueing import Queue
from rsc_bench.harness.measure.timing import Timed
from rsc_bench.harness.records.measurement import coldness

SIZES = (2, 4, 8)
"""Flushed bytes in sizes of the L2, tried in turn until the cache is cold."""
ENOUGH = 0.8
"""Of the way from the time of a read from the L2 to that of one from memory."""
READS = 9
_PARTS = 4
"""An array that is read has this part of the L2's size, so that it fits beside whatever else is in it."""
_ARRAYS = 32
"""Arrays that are written one after the other before one is read from memory: the first was written eight L2s ago."""
_SEARCHES, _SEARCHED = 8, 256


@dataclass(frozen=True)
class Shown:
    """What was found out about flushing a device's L2."""

    buffer_bytes: int
    """Written over by a flush."""
    probe_s: dict[str, list[float]]
    """Seconds of the reads of `probe`."""


class Flush:
    """Writes over a buffer; call it to leave nothing else in the L2. The buffer takes memory of the device until this ends."""

    def __init__(self, gpu: Gpu, buffer_bytes: int) -> None:
        """Make the buffer."""
        self._buffer = gpu.numbers(buffer_bytes // 8)

    def __call__(self) -> None:
        """Enqueue the flush."""
        self._buffer.zero_()


def probe(gpu: Gpu, flushing: Callable[[], object]) -> dict[str, list[float]]:
    """Return seconds of the same reads from a ``hot`` L2, ``flushed``, and from ``memory``.

    A read is some binary searches, whose loads wait for each other: it takes as long as a load does, from where it comes.
    That from memory needs no flush to be one: its array was written long ago, and is read for the first time.
    """
    count = max(_SEARCHED, gpu.l2_bytes // _PARTS // 8)
    arrays = [gpu.numbers(count) for _ in range(_ARRAYS)]
    apart = count // _SEARCHED
    wanted = [gpu.numbers(_SEARCHED) * apart + search * apart // _SEARCHES for search in range(_SEARCHES)]
    turn = cycle(arrays)
    hot = _reads(gpu, lambda: _read(gpu, arrays[0], wanted))
    flushed = _reads(gpu, lambda: _read(gpu, arrays[0], wanted), before=flushing)
    memory = _reads(gpu, lambda: _read(gpu, next(turn), wanted))
    return {"hot": hot, "flushed": flushed, "memory": memory}


def _read(gpu: Gpu, ascending: Any, wanted: list[Any]) -> None:
    for some in wanted:
        gpu.search(ascending, some)


def _reads(gpu: Gpu, read: Callable[[], object], before: Callable[[], object] | None = None) -> list[float]:
    queue = Queue(Timed(read, 1, gpu.synchronise, gpu.device), gpu, before)
    queue.take()  # loads the code and, where nothing flushes it, the cache
    return [queue.take().seconds for _ in range(READS)]


Probe = Callable[[Gpu, Callable[[], object]], dict[str, list[float]]]
"""Times reads from a ``hot`` L2, ``flushed`` and from ``memory`` on a GPU, given its flush."""


class Flushes:
    """The flushes of some GPUs: for each the smallest that was shown to leave its L2 cold, found once."""

    def __init__(self, gpus: Gpus, sizes: Sequence[int] = SIZES, probe: Probe = probe) -> None:
        """Find nothing out yet.

        Args:
            gpus: the devices.
            sizes: flushed bytes in sizes of the L2, tried in turn until the cache is cold.
            probe: what times reads after a flush.
        """
        self._gpus, self._sizes, self._probe = gpus, sizes, probe
        self._shown: dict[str, Shown] = {}

    def flush(self, device: str) -> Flush:
        """Return a flush that was shown to leave the L2 of a device cold, or to fall short of it.

        Each has a buffer of its own, which ends with it: one that was kept would be among the memory of every case after the first.
        """
        return Flush(self._gpus.gpu(device), self.shown(device).buffer_bytes)

    def shown(self, device: str) -> Shown:
        """Return the smallest flush that leaves the L2 of a device cold; where none does, take the largest and warn."""
        if device not in self._shown:
            self._shown[device] = self._found(self._gpus.gpu(device))
        return self._shown[device]

    def _found(self, gpu: Gpu) -> Shown:
        for times in self._sizes:
            buffer_bytes = times * gpu.l2_bytes
            probe_s = self._probe(gpu, Flush(gpu, buffer_bytes))
            share = coldness(probe_s)
            if share is None or share >= ENOUGH:
                break
        gpu.release()
        if share is None or share < ENOUGH:
            warnings.warn(_warning(buffer_bytes, share), stacklevel=3)
        return Shown(buffer_bytes, probe_s)


def _warning(buffer_bytes: int, share: float | None) -> str:
    found = f"only {share:.0%} on the way from the L2 to memory" if share is not None else "memory as fast as a hot L2"
    return f"cuda_cold: reads after a flush of {buffer_bytes / 1e6:.0f} MB found {found}: times may be those of a warm cache"
