"""Short rows of a sampled matrix are multiplied in the order of their lengths, and each is what it was."""

import numpy as np
import pytest
import torch

pytest.importorskip("numba")
pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st

from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact import rows_numba
from rsc_bench.kernels.exact._rows_numba import grouping
from rsc_bench.kernels.exact.rows_numba import RowsNumba
from rsc_bench.kernels.sampled.compose import Sampling, compose
from rsc_bench.kernels.sampled.selections import topk

KERNEL = rows_numba.KERNEL


def short_rows(rows, seed=0, most=6, columns=40, weighted=True):
    generator = np.random.default_rng(seed)
    rowptr = np.concatenate([[0], generator.integers(0, most + 1, rows).cumsum()])
    col = torch.from_numpy(generator.integers(0, columns, rowptr[-1]).astype(np.int32))
    values = torch.from_numpy(generator.standard_normal(rowptr[-1]).astype(np.float32)) if weighted else None
    return Csr(torch.from_numpy(rowptr.astype(np.int32)), col, values, (rows, columns))


def grouped(matrix, parts=1):
    rowptr, col = matrix.rowptr.numpy(), matrix.col.numpy()
    value = np.empty(0, np.float32) if matrix.entries is None else matrix.entries.numpy()
    cuts = np.linspace(0, len(rowptr) - 1, parts + 1).astype(np.int64)
    return grouping.group(rowptr, col, value, np.stack([cuts[:-1], cuts[1:]], 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 900), st.integers(1, 40), st.integers(1, 5), st.booleans())
def test_every_row_is_there_once_and_whole(seed, rows, most, parts, weighted):
    matrix = short_rows(rows, seed, most, weighted=weighted)
    found = grouped(matrix, parts)
    assert sorted(found.order.tolist()) == list(range(rows))
    assert found.rowptr[-1] == matrix.nnz
    for place, row in enumerate(found.order):
        here, there = slice(*found.rowptr[place : place + 2]), slice(*matrix.rowptr[row : row + 2].tolist())
        assert np.array_equal(found.col[here], matrix.col[there])
        assert not weighted or np.array_equal(found.value[here], matrix.entries[there])


def test_rows_of_a_block_stand_by_their_length_and_stay_in_it():
    found = grouped(short_rows(grouping.BLOCK * 3 + 5))
    for start in range(0, len(found.order), grouping.BLOCK):
        block = slice(start, start + grouping.BLOCK)
        lengths = np.diff(found.rowptr)[block]
        assert (np.diff(lengths) >= 0).all()
        assert set(found.order[block]) == set(range(start, min(start + grouping.BLOCK, len(found.order))))


@pytest.mark.parametrize(
    ("dtype", "width"), [(torch.float32, 1), (torch.float32, 33), (torch.float64, 7), (torch.bfloat16, 96), (torch.float16, 5)]
)
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "ones"])
def test_the_product_is_the_same_to_the_last_bit(dtype, width, reduce, weighted):
    matrix = short_rows(700, weighted=weighted)
    dense = torch.randn(40, width, generator=torch.Generator().manual_seed(3)).to(dtype)
    expected = KERNEL.prepare(matrix, width, dtype, reduce)(dense)
    assert torch.equal(KERNEL.prepare_sampled(matrix, width, dtype, reduce)(dense), expected)


@pytest.mark.parametrize("most", [2, 6], ids=["as many factors as non-zeros", "other numbers"])
def test_factors_of_rows_and_columns_stay_with_them(most):
    matrix = short_rows(500, columns=500, most=most, weighted=False)
    if most == 2:  # one a row: then nothing but what they are tells factors of the columns from values
        each = torch.arange(501, dtype=torch.int32)
        each[1:251] -= torch.arange(250, dtype=torch.int32) % 2
        matrix = Csr(each, torch.randint(500, (500,), dtype=torch.int32), None, (500, 500))
        assert matrix.nnz == matrix.shape[1]
    matrix = matrix.gcn()
    dense = torch.randn(500, 16)
    product = KERNEL.prepare_sampled(matrix, 16, torch.float32)(dense)
    exact = torch.from_numpy(matrix.to_scipy().astype(np.float64) @ dense.double().numpy())
    torch.testing.assert_close(product.double(), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("rowptr", "row_bytes", "loops", "pays"),
    [
        ([0, 2, 4], 256, False, True),
        ([0, 2, 4], 260, False, False),
        ([0, 2, 4], 256, True, False),
        ([0, 2, 4], 128, True, True),
        ([0, 40, 80], 64, False, False),
        ([0, 0, 0], 64, False, False),
        ([0], 64, False, False),
    ],
    ids=["short", "wide", "wide for loops", "loops", "long rows", "no non-zeros", "no rows"],
)
def test_only_short_rows_of_narrow_products_are_grouped(rowptr, row_bytes, loops, pays):
    value = np.empty(0, np.float32)
    assert grouping.worth(np.array(rowptr, np.int32), value, row_bytes, loops) is pays
    assert not grouping.worth(np.array(rowptr, np.int64), value, row_bytes, loops)
    assert not grouping.worth(np.array(rowptr, np.int32), value.astype(np.float64), row_bytes, loops)


@pytest.mark.parametrize(("interval", "expected"), [(1, False), (10, True)])
def test_a_selection_that_serves_several_calls_is_grouped_and_a_fresh_one_is_not(interval, expected, monkeypatch):
    seen = []
    monkeypatch.setattr(RowsNumba, "_prepared", noting(RowsNumba._prepared, seen))
    kernel = compose(topk.SELECTION, KERNEL, Sampling(0.2, interval))
    kernel.prepare(short_rows(300), 16, torch.float32)(torch.randn(40, 16))
    assert set(seen) == {expected}


def noting(prepared, seen):
    def note(rows, *arguments):
        seen.append(rows.grouped)
        return prepared(rows, *arguments)

    return note
