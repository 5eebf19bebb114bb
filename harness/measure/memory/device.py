"""Reads how much memory a case takes on the device that it runs on: the process's own on a CPU, torch's allocator's on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from rsc_bench import allocator
from rsc_bench.harness.measure.memory import process

T = TypeVar("T")


class Memory(Protocol):
    """What a device reports of the memory in use."""

    def resident(self) -> int | None:
        """Return the bytes in use now; None where they are not reported."""
        ...

    def peak_of(self, call: Callable[[], T]) -> tuple[T, int | None]:
        """Return the result of `call`, and the highest bytes in use meanwhile above those before; None where not reported."""
        ...

    def allocator_peaks(self) -> tuple[int | None, int | None]:
        """Return the highest bytes that torch's allocator had handed out and reserved in the last `peak_of`; None on a CPU."""
        ...


class HostMemory:
    """The resident set of this process."""

    def __init__(self, files: process.ProcFiles = process.PROC) -> None:
        self._files = files

    def resident(self) -> int | None:
        """Return the bytes in use now."""
        return process.resident(self._files)

    def peak_of(self, call: Callable[[], T]) -> tuple[T, int | None]:
        """Return the result of `call` and its highest bytes above those before.

        In a process that keeps freed memory too it is what the call has in use: what of earlier ones fits the next one is chance,
        and of the same product the peak was seen to be once and three times the result.
        """
        return process.peak_of_used(call, self._files, warm=True) if allocator.is_kept() else process.peak_of(call, self._files)

    def allocator_peaks(self) -> tuple[None, None]:
        """Return nothing: a CPU has no such allocator."""
        return None, None


class CudaMemory:
    """What torch's caching allocator has handed out on one GPU, and what it has reserved there to hand out."""

    def __init__(self, device: str, torch: Any = None) -> None:
        """Begin with nothing watched; `torch` is the module of that name, imported where it is not given."""
        if torch is None:
            import torch
        self._cuda, self._device = torch.cuda, device
        self._peaks: tuple[int, int] | None = None

    def resident(self) -> int | None:
        """Return the bytes that tensors take now."""
        return int(self._cuda.memory_allocated(self._device))

    def peak_of(self, call: Callable[[], T]) -> tuple[T, int | None]:
        """Return the result of `call` and its highest bytes above those before; blocks kept from other cases are let go first."""
        self._cuda.synchronize(self._device)
        # What other cases left in reserve would be counted as this one's.
        self._cuda.empty_cache()
        self._cuda.reset_peak_memory_stats(self._device)
        before = self._cuda.memory_allocated(self._device)
        result = call()
        self._cuda.synchronize(self._device)
        self._peaks = self._read()  # now: what a clock flushes the cache with is not the call's
        return result, max(0, self._peaks[0] - int(before))

    def allocator_peaks(self) -> tuple[int, int]:
        """Return the highest bytes handed out and reserved, in all: operands included; up to now where no call was watched."""
        return self._read() if self._peaks is None else self._peaks

    def _read(self) -> tuple[int, int]:
        return int(self._cuda.max_memory_allocated(self._device)), int(self._cuda.max_memory_reserved(self._device))


def memory_of(device: str, torch: Any = None) -> Memory:
    """Return the memory of a device as torch names it, ``cpu``, ``cuda:0``; `torch` is imported where it is not given."""
    return CudaMemory(device, torch) if device.startswith("cuda") else HostMemory()
