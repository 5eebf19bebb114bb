"""Memory for large results on a CPU, handed out again once a result is freed.

The C library maps each block above 32 MB anew and gives it back when it is freed, so that a large result costs a page fault for
every 4 KiB of it, in each call; that takes as long as many a product. A block of the pool is faulted in once, in pages of 2 MiB
where the system gives them, which also spares whoever reads the result most of its address translations.
"""

from __future__ import annotations

import logging
import mmap
import threading
import weakref
from collections import deque
from math import prod

import numpy as np
import torch

from rsc_bench import allocator

SMALLEST_BYTES = 4 << 20
"""Results below it come from the C library, which keeps blocks of that size; two huge pages are the least that gains."""
_PAGE_BYTES = 2 << 20
_STEPS = 8
"""Sizes between a power of two and the next: a block is at most an eighth larger than what is asked of it."""
_CAN_MAP = hasattr(mmap, "MAP_ANONYMOUS")
"""Everywhere but on Windows."""


class _Block:
    """Mapped memory that one result at a time has."""

    def __init__(self, size: int, huge: bool) -> None:
        """Map `size` bytes from a multiple of 2 MiB on; raises ``OSError`` where the system has none."""
        self.size = size
        self._memory = mmap.mmap(-1, size + _PAGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if huge:
            self._memory.madvise(mmap.MADV_HUGEPAGE)
        whole = np.frombuffer(self._memory, np.uint8)
        start = -whole.ctypes.data % _PAGE_BYTES
        self.bytes: np.ndarray = whole[start : start + size]
        self.user: weakref.ref[np.ndarray] | None = None
        """What a result holds: its end is the end of the result."""


class Pool:
    """Blocks for results, never more of them than were in use at once; safe to use from several threads."""

    def __init__(self, huge: bool | None = None) -> None:
        """Begin with nothing; `huge`: whether to ask for huge pages, None: where the system gives them."""
        self._lock = threading.Lock()
        self._free: list[_Block] = []  # the one that was given back last stands last: its lines may still be in a cache
        self._given_back: deque[_Block] = deque()
        self._in_use: set[_Block] = set()
        self._most_bytes = 0
        self._huge = allocator.huge_pages() if huge is None else huge
        self.trouble = None if self._huge else "results have pages of 4 KiB: the system gives a process no huge pages"
        """Why results are not all that they could be; None where they are."""
        self._refused = False

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor as ``torch.empty`` does, in memory that no other tensor has; it goes back when its storage is freed.

        Args:
            shape: of the tensor.
            dtype: of the tensor. One below `SMALLEST_BYTES`, or one that the pool has no memory for, is ``torch.empty``'s own.
        """
        size = prod(shape) * dtype.itemsize
        block = self._take(size) if size >= SMALLEST_BYTES and _CAN_MAP else None
        if block is None:
            return torch.empty(shape, dtype=dtype)
        handed = block.bytes[:size]  # an array of its own for each result, which lives as long as the result's storage
        if (byte := allocator.filling()) is not None:
            handed.fill(byte)
        block.user = weakref.ref(handed, lambda _, block=block: self._give_back(block))  # type: ignore[misc]
        # On the storage, and no view of a tensor: autograd lets nobody change a view in place that an operation returns.
        storage = torch.from_numpy(handed).untyped_storage()
        found: torch.Tensor = torch.empty(0, dtype=dtype).set_(storage, 0, shape)  # type: ignore[call-overload]
        return found

    def trim(self) -> None:
        """Give what is free back to the system, and forget how much was in use at once."""
        with self._lock:
            self._settle()
            self._free.clear()
            self._most_bytes = sum(block.size for block in self._in_use)

    @property
    def free_bytes(self) -> int:
        """Bytes of the blocks that no result has now."""
        with self._lock:
            self._settle()
            return sum(block.size for block in self._free)

    def _take(self, size: int) -> _Block | None:
        rounded = _rounded(size)
        with self._lock:
            self._settle()
            block = next((each for each in reversed(self._free) if each.size == rounded), None)
            if block is not None:
                self._free.remove(block)
            else:
                block = self._mapped(rounded)
            if block is not None:
                self._in_use.add(block)
                self._most_bytes = max(self._most_bytes, sum(each.size for each in self._in_use))
            return block

    def _mapped(self, size: int) -> _Block | None:
        """Map a block; what is free and of other sizes makes room for it, oldest first."""
        using = sum(each.size for each in self._in_use) + size
        while self._free and using + sum(each.size for each in self._free) > max(self._most_bytes, using):
            self._free.pop(0)
        try:
            return _Block(size, self._huge)
        except OSError as error:
            self._free.clear()
            if not self._refused:  # said once; each later result may be refused as well
                self.trouble = f"results come from the C library: the system mapped no {size >> 20} MiB ({error})"
                logging.getLogger("rsc_bench").warning(self.trouble)
            self._refused = True
            return None

    def _give_back(self, block: _Block) -> None:
        """Take a block back from a result that has ended; called wherever that is, also while the lock is held."""
        self._given_back.append(block)

    def _settle(self) -> None:
        """Count what results have given back as free."""
        while self._given_back:
            block = self._given_back.popleft()
            self._in_use.discard(block)
            self._free.append(block)


def _rounded(size: int) -> int:
    """Return the size of the block for `size` bytes: results of nearly the same size share blocks."""
    step = max(_PAGE_BYTES, 1 << (size - 1).bit_length() - 1 >> _STEPS.bit_length() - 1)
    return -(-size // step) * step


POOL = Pool()
"""That of this process."""
allocator.also_trims(POOL.trim)
