"""Rows are shared out whole and once, but for hubs, which are cut."""

import numpy as np
import pytest
import torch

pytest.importorskip("numba")
pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numba
from hypothesis import given, settings
from hypothesis import strategies as st

from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact import rows_numba
from rsc_bench.kernels.exact._rows_numba import parts as row_parts
from rsc_bench.kernels.exact._rows_numba.parts import PARTS_PER_THREAD, SMALLEST_HUB

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13, torch.bfloat16: 1e-2, torch.float16: 1e-3}


def _rows(parts):
    """All rows that the parts hold, those of hubs too."""
    whole = [row for first, last in parts.ranges.tolist() for row in range(first, last)]
    return sorted([*whole, *(hub.row for hub in parts.hubs)])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=30), st.sampled_from([0, 9, 20_000, 90_000]), st.integers(0, 30), st.integers(1, 8))
def test_the_parts_hold_every_row_once_also_of_a_star(counts, hub, place, threads):
    counts.insert(place, hub)
    rowptr = np.cumsum([0, *counts]).astype(np.int32)
    parts = row_parts.of(rowptr, threads)
    assert _rows(parts) == list(range(len(counts)))
    assert [each.row for each in parts.hubs] == ([min(place, len(counts) - 1)] if hub > SMALLEST_HUB and threads > 1 else [])
    for each in parts.hubs:
        assert (each.rowptr[0], each.rowptr[-1]) == (rowptr[each.row], rowptr[each.row + 1])
        assert np.all(np.diff(each.rowptr) >= 0)


def test_a_part_costs_its_share_and_at_most_one_row_more():
    ranges = row_parts.of(np.arange(0, 7007, 7), 2).ranges
    assert len(ranges) == 2 * PARTS_PER_THREAD
    assert np.all(np.abs(np.diff(ranges)[:, 0] - 125) <= 1)


def test_work_beside_a_hub_is_shared_as_if_there_were_none():
    counts = np.full(1001, 7)
    counts[200] = 500_000
    ranges = row_parts.of(np.concatenate([[0], np.cumsum(counts)]), 2).ranges
    assert np.diff(ranges)[:, 0].max() <= 126


@pytest.fixture
def four_threads():
    """What is prepared is cut for four threads, whatever this machine has."""
    before = numba.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_numba.numba, "get_num_threads", lambda: 4)
        yield
    numba.set_num_threads(before)


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("values", ["values", "none", "factors"])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_hub_is_multiplied_right(four_threads, dtype, values, reduce):
    width = 300
    generator = torch.Generator().manual_seed(5)
    counts = torch.tensor([3, 0, 50_000, 1, 60_000, 0, 2])
    rowptr = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)]).int()
    col = torch.randint(0, 3000, (int(rowptr[-1]),), generator=generator).int()
    matrix = Csr(rowptr, col, torch.rand(len(col), generator=generator) if values == "values" else None, (7, 3000))
    if values == "factors":
        matrix = matrix.scale_rows(torch.rand(7, generator=generator) + 0.5).scale_columns(
            torch.rand(3000, generator=generator) + 0.5
        )
    operand = torch.randn(3000, width, generator=generator).to(dtype)
    assert len(row_parts.of(rowptr.numpy(), 4).hubs) == 2
    found = rows_numba.KERNEL.prepare(matrix, width, dtype, reduce)(operand)
    wanted = torch.from_numpy(matrix.to_scipy() @ operand.double().numpy())
    wanted = wanted / counts.clamp(min=1)[:, None] if reduce == "mean" else wanted
    assert found.dtype is dtype
    assert torch.linalg.vector_norm(found.double() - wanted) < TOLERANCE[dtype] * torch.linalg.vector_norm(wanted)
