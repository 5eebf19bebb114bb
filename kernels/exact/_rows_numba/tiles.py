"""How many features `rows_numba` sums at once: all that registers hold, or fewer where that was measured to be faster.

A narrower tile reads the column indices more often and gathers shorter pieces, and in return more of the dense operand's tile stays
in the last cache. Which of the two wins on an operand beyond that cache differs from machine to machine, and is measured there once
for each kind of matrix (docs/how-it-works/cpu-kernels.md).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from time import perf_counter

import llvmlite.binding as llvm
import numba
import torch

from rsc_bench import caches
from rsc_bench.kernels.contract import Multiply
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact._rows_numba.row_product import TILE

BEYOND_BYTES = 16 << 20
"""Of a dense operand from which on other tiles are tried: the last cache of most machines holds less."""
GAIN = 0.95
"""Share of the widest tile's time that a narrower one may take at most: less is noise."""
_TURNS = 5


def chosen(matrix: Csr, width: int, dtype: torch.dtype) -> int:
    """Return the tile for a matrix: what was measured for its kind, or the widest."""
    return _found().get(_kind(matrix, width, dtype), _widest(dtype))


def to_try(matrix: Csr, width: int, dtype: torch.dtype) -> list[int] | None:
    """Return the tiles that are worth a measurement, the widest first; None where it was made, or there is nothing to measure."""
    beyond = matrix.shape[1] * width * dtype.itemsize >= BEYOND_BYTES
    widest = _widest(dtype)
    tiles = [widest, *(tile for tile in (widest // 2, widest // 4) if tile < width)]
    if not beyond or len(tiles) == 1 or _kind(matrix, width, dtype) in _found():
        return None
    return tiles


def search(
    matrix: Csr,
    width: int,
    dtype: torch.dtype,
    multiplies: Mapping[int, Multiply],
    seconds: Callable[[], float] = perf_counter,
) -> int:
    """Time the tiles in turns, keep the winner on disk for matrices of this kind, and return it.

    Args:
        matrix: what they were prepared for.
        width: columns of the dense operand.
        dtype: of the operand.
        multiplies: what each tile gave, the widest first.
        seconds: the clock.
    """
    dense = torch.ones(matrix.shape[1], width, dtype=dtype)
    best = dict.fromkeys(multiplies, float("inf"))
    for turn in range(_TURNS):
        for tile, multiply in multiplies.items():
            start = seconds()
            multiply(dense)
            if turn:  # the first calls load code and fault memory in
                best[tile] = min(best[tile], seconds() - start)
    widest = next(iter(multiplies))
    narrow = min(best, key=best.__getitem__)
    winner = narrow if best[narrow] < GAIN * best[widest] else widest
    _keep(_kind(matrix, width, dtype), winner)
    return winner


def _widest(dtype: torch.dtype) -> int:
    return TILE // 2 if dtype is torch.float64 else TILE


def _kind(matrix: Csr, width: int, dtype: torch.dtype) -> str:
    """Name what decides: size of the operand, length of rows, storage, threads and CPU; sizes to the power of two."""
    rows, degree = matrix.shape[1].bit_length(), (matrix.nnz // max(1, matrix.shape[0])).bit_length()
    dtype_name = str(dtype).removeprefix("torch.")
    return f"{_cpu()} x{numba.get_num_threads()} {dtype_name} d={width} rows<2^{rows} degree<2^{degree}"


@cache
def _cpu() -> str:
    """Name of the CPU; asking for it takes 50 microseconds, and a sampled matrix is prepared in each selection."""
    return str(llvm.get_host_cpu_name())


@cache
def _found() -> dict[str, int]:
    """What was measured on this machine, as far as it is kept; anything else in the file counts as nothing."""
    try:
        kept = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = kept.items() if isinstance(kept, dict) else ()
    return {kind: tile for kind, tile in entries if isinstance(tile, int) and not isinstance(tile, bool) and 0 < tile <= TILE}


def _keep(kind: str, tile: int) -> None:
    """Remember a tile here and on disk; where that cannot be written it is measured again by the next process."""
    kept = {**_found(), kind: tile}
    _found()[kind] = tile
    try:
        place = _file()
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=place.parent, delete=False) as new:
            json.dump(kept, new, indent=1, sort_keys=True)
        os.replace(new.name, place)  # noqa: PTH105  (whole, or as it was, whoever reads or writes it too)
    except OSError:
        return


def _file() -> Path:
    return caches.own() / "tiles.json"
