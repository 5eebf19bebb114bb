"""How `rows_triton` cuts its work: what it starts from for a problem, and what is tried beside that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rsc_bench.kernels.contract import Reduce

Values = Literal["none", "columns", "each"]

_LINE_BYTES = 128  # what one row of a tile should fill: a cache line of the GPU
_WIDEST_BYTES = 512  # one load of 16 bytes by each lane of a warp
_WARP_ELEMENTS = 512  # two to four loads of 16 bytes in flight a lane, and as many independent sums


@dataclass(frozen=True)
class Settings:
    """One way to cut the work; every number but `stages` is a power of two."""

    tile: int
    """Features of the dense operand that a program sums."""
    block: int
    """Non-zeros that a program gathers at a time."""
    warps: int
    """Warps of a program."""
    stages: int
    """Depth of Triton's software pipeline; 1: none."""
    chunk: int
    """Non-zeros past which a row is cut in pieces."""
    prescaled: bool
    """Scale the dense operand by the columns' scale before the gathers, rather than read the scale at each non-zero."""


@dataclass(frozen=True)
class Problem:
    """What decides which settings are fastest."""

    device: str
    """Name of the GPU."""
    l2_bytes: int
    """Its L2 cache."""
    shape: tuple[int, int]
    """Rows and columns of the matrix."""
    nnz: int
    """Non-zeros, of a bounded matrix the most that it can have."""
    longest: int | None
    """Non-zeros of the longest row; None where only the device knows."""
    width: int
    """Columns of the dense operand."""
    itemsize: int
    """Bytes of an element of it."""
    values: Values
    """What is read at each non-zero."""
    reduce: Reduce
    """Sum or mean."""

    @property
    def key(self) -> str:
        """Name under which tuned settings are kept: matrices whose sizes and degrees are alike to a factor of two share them."""
        longest = "bound" if self.longest is None else _bin(self.longest)
        mean = _bin(self.nnz // max(1, self.shape[0]))
        sizes = f"{_bin(self.shape[0])}x{_bin(self.shape[1])}"
        return f"{self.device}|{sizes}|mean {mean}|longest {longest}|{self.width}|{self.itemsize}|{self.values}|{self.reduce}"


def first(problem: Problem) -> Settings:
    """Return the settings to start from, which are also those where nothing can be timed."""
    tile = _tile(problem)
    return Settings(tile, _block(problem, tile), warps=1, stages=1, chunk=1024, prescaled=problem.values == "columns")


def candidates(problem: Problem) -> list[Settings]:
    """Return what is worth timing: the first settings, and each of them changed in one way."""
    start = first(problem)
    near = [
        replace(start, block=start.block * 2),
        replace(start, block=start.block * 4, warps=4),
        replace(start, stages=3),
        replace(start, chunk=256),
    ]
    tiles = {start.tile // 2, start.tile * 2, _LINE_BYTES // problem.itemsize} - {start.tile}
    near += [
        replace(start, tile=tile, block=_block(problem, tile))
        for tile in sorted(tiles)
        if 8 <= tile <= _power_of_two(problem.width)
    ]
    if problem.values == "columns":
        near.append(replace(start, prescaled=False))
    return [start, *near]


def _tile(problem: Problem) -> int:
    """Return the widest tile with which all rows of the dense operand take half of the L2, one line where that takes up to all.

    Half, because the column numbers stream through the same cache, and on recent GPUs each of its two partitions keeps what its
    own multiprocessors read. Where not even lines fit, or a sample leaves few columns to gather, tiling only reads the column
    numbers more often.
    """
    whole = _power_of_two(problem.width)
    line, widest = (size // problem.itemsize for size in (_LINE_BYTES, _WIDEST_BYTES))
    fits = problem.l2_bytes // 2 // (problem.itemsize * max(1, problem.shape[1]))
    if fits >= whole or 2 * fits < line or problem.longest is None:
        return min(whole, widest)
    return min(whole, widest, max(line, 1 << (fits.bit_length() - 1)))


def _block(problem: Problem, tile: int) -> int:
    """Return the non-zeros that give each lane of a warp its loads in flight."""
    return max(4, min(64, _WARP_ELEMENTS * (4 // problem.itemsize) // tile))


def _power_of_two(width: int) -> int:
    """Return the smallest power of two that is not below `width`."""
    return 1 << max(0, width - 1).bit_length()


def _bin(count: int) -> int:
    """Return the binary order of magnitude of a count."""
    return count.bit_length()
