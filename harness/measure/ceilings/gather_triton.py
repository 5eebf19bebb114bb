"""Gathers random rows and sums them up, in Triton: as near to the rate of a gather as a GPU comes with little else to do."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

ROWS = 16
"""Rows that a program has in flight: at 1 KiB a row that is 128 bytes a thread, in loads of 16."""


@triton.jit  # type: ignore[untyped-decorator]
def _gather_sum(rows, index, result, width, BAG: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr) -> None:  # type: ignore[no-untyped-def]  # noqa: N803, PLR0913
    """Sum the `BAG` rows that ``index[bag]`` names, `WIDTH` columns of them, into ``result[bag]``."""
    bag, tile = tl.program_id(0), tl.program_id(1)
    columns = tile * WIDTH + tl.arange(0, WIDTH)
    inside = columns < width
    total = tl.zeros((ROWS, WIDTH), dtype=tl.float32)
    for first in tl.static_range(0, BAG, ROWS):
        places = tl.load(index + bag.to(tl.int64) * BAG + first + tl.arange(0, ROWS)).to(tl.int64)
        total += tl.load(rows + places[:, None] * width + columns[None, :], mask=inside[None, :], other=0.0)
    tl.store(result + bag.to(tl.int64) * width + columns, tl.sum(total, axis=0), mask=inside)


def gather_sum(rows: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return (bags, width): row b is the sum of the `rows` (rows, width), float32, that ``index[b]`` (bags, bag), int32, names."""
    bags, bag = index.shape
    width = rows.shape[1]
    tile = min(256, triton.next_power_of_2(width))
    result = torch.empty(bags, width, device=rows.device)
    grid = (bags, triton.cdiv(width, tile))
    _gather_sum[grid](rows, index, result, width, BAG=bag, ROWS=min(ROWS, bag), WIDTH=tile, enable_fp_fusion=True)
    return result
