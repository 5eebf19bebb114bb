"""What every exact kernel must do, over all that are found: a new one is tested the moment its file exists."""

import math
import re

import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged, with_rowptr, without_entries

from rsc_bench.kernels import Kernel, Unsupported
from rsc_bench.kernels.contract import EXTREMA, SUMS
from rsc_bench.plugins import load

FOUND = load("kernel")
# Every width once, and every form at widths with a whole and with a ragged vector: what is compiled is what takes the time.
WIDTHS = (1, 3, 16, 17, 41, 64, 255, 257, 602)
FORMS = [(weighted, reduce, dtype) for weighted in (True, False) for reduce in SUMS + EXTREMA for dtype in ("float32", "bfloat16")]


def prepared(kernel, matrix, width, dtype=torch.float32, reduce="sum"):
    """The kernel for CPU operands: moves them to its device and the result back."""
    try:
        multiply = kernel.prepare(matrix.to(kernel.device), width, dtype, reduce)
    except Unsupported as reason:
        pytest.skip(str(reason) or pytest.fail("says not why"))
    return lambda operand: multiply(operand.to(kernel.device, dtype)).cpu()


def expected(matrix, operand, reduce):
    """The product in float64, and what its magnitudes add up to: rounding is bounded by a share of that."""
    count = np.maximum(np.diff(matrix.to_scipy().indptr), 1)[:, None] if reduce == "mean" else 1
    full, operand = array(matrix), operand.double().numpy()
    if reduce in EXTREMA:
        found = extremum(matrix, full, operand, reduce)
        return found, np.abs(found)
    return full @ operand / count, np.abs(full) @ np.abs(operand) / count


def extremum(matrix, full, operand, reduce):
    """The largest or smallest of each row's terms, written down as it is defined."""
    of = max if reduce == "max" else min
    rows = matrix.to_scipy()
    columns = [rows.indices[rows.indptr[row] : rows.indptr[row + 1]] for row in range(full.shape[0])]
    found = [
        [of((full[row, at] * operand[at, feature] for at in there), default=0.0) for feature in range(operand.shape[1])]
        for row, there in enumerate(columns)
    ]
    return np.array(found).reshape(full.shape[0], operand.shape[1])


def assert_product(found, matrix, operand, reduce="sum"):
    wanted, magnitude = expected(matrix, operand, reduce)
    # n terms round n times at most in float32 (Higham, Accuracy and Stability, 3.1), and twice more in the result's dtype:
    # a mean may be made by rounding the values, and the result is rounded.
    rounding = 2.0**-24 * (matrix.shape[1] + 2) + (2.0**-7 if found.dtype is torch.bfloat16 else 0)
    assert found.shape == wanted.shape
    assert np.all(np.abs(found.double().numpy() - wanted) <= rounding * magnitude)


@pytest.mark.parametrize("name", FOUND)
def test_a_kernel_says_what_it_is(name):
    kernel = FOUND[name]
    assert isinstance(kernel, Kernel)
    assert re.fullmatch(r"\w+", kernel.name), "stands in names such as topk(NAME)"
    assert kernel.device in {"cpu", "cuda"}
    assert kernel.role in {"ours", "vendor", "other", "baseline"}
    assert kernel.exact
    assert kernel.summary.endswith(".")
    assert "\n" not in kernel.summary
    reason = kernel.missing()
    assert reason is None or ("\n" not in reason and len(reason) > 10)


def test_there_are_exact_kernels_without_an_optional_package():
    assert {"mkl", "torch_reduce"} <= set(FOUND)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_product_of_any_width_is_that_of_float64(kernel, width):
    matrix, operand = jagged(), dense(9, width)
    assert_product(prepared(kernel, matrix, width)(operand), matrix, operand)


@pytest.mark.parametrize("width", [3, 64])
@pytest.mark.parametrize(("weighted", "reduce", "dtype"), FORMS)
def test_the_product_of_any_form_is_that_of_float64(kernel, width, weighted, reduce, dtype):
    matrix, operand = jagged(weighted), dense(9, width)
    found = prepared(kernel, matrix, width, getattr(torch, dtype), reduce)(operand)
    assert found.dtype is getattr(torch, dtype)
    assert_product(found, matrix, operand, reduce)


def test_a_dtype_is_computed_or_refused_with_a_reason(kernel):
    matrix, operand = jagged(), dense(9, 3)
    found = prepared(kernel, matrix, 3, torch.float64)(operand)
    assert_product(found, matrix, operand)


@pytest.mark.parametrize("shape", [(3, 5), (0, 5), (3, 0)])
@pytest.mark.parametrize("reduce", SUMS + EXTREMA)
def test_a_matrix_without_entries_gives_zeros(kernel, shape, reduce):
    found = prepared(kernel, without_entries(*shape), 3, reduce=reduce)(dense(shape[1], 3))
    assert torch.equal(found, torch.zeros(shape[0], 3))


def test_a_result_is_fresh_and_written_everywhere(kernel):
    matrix, first, second = jagged(), dense(9, 16, seed=1), dense(9, 16, seed=2)
    multiply = prepared(kernel, matrix, 16)
    kept = multiply(first)
    poison = [torch.full((13, 16), float("nan")) for _ in range(20)]
    del poison  # which the next result may find in its memory
    other = multiply(second)
    assert_product(other, matrix, second)
    assert_product(kept, matrix, first)


def test_the_dense_operand_is_left_as_it_was(kernel):
    operand = dense(9, 16)
    prepared(kernel, jagged(), 16)(operand)
    assert torch.equal(operand, dense(9, 16))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_not_finite_reaches_the_rows_it_belongs_to_and_no_other(kernel, bad, dtype):
    matrix, operand = jagged(), dense(9, 16)
    operand[5, 3] = bad
    found = prepared(kernel, matrix, 16, dtype)(operand)
    reached = torch.from_numpy(array(matrix)[:, 5] != 0)
    assert 0 < int(reached.sum()) < 13
    assert (torch.isnan if math.isnan(bad) else torch.isinf)(found[reached, 3]).all()
    assert torch.isfinite(found[~reached]).all()
    assert torch.isfinite(found[:, 4:]).all()


def test_row_offsets_may_be_int64(kernel):
    matrix, operand = with_rowptr(jagged(), torch.int64), dense(9, 3)
    assert_product(prepared(kernel, matrix, 3)(operand), matrix, operand)


def test_the_transpose_is_multiplied_as_well(kernel):
    matrix, operand = jagged().transpose(), dense(13, 16)
    assert_product(prepared(kernel, matrix, 16)(operand), matrix, operand)


@pytest.mark.parametrize("reduce", SUMS + EXTREMA)
@pytest.mark.parametrize("scaled", ["rows", "columns", "both"])
def test_separable_values_give_their_product(kernel, reduce, scaled):
    matrix, operand = jagged(weighted=False), dense(9, 41)
    matrix = matrix if scaled == "columns" else matrix.scale_rows(torch.arange(1.0, 14))
    matrix = matrix if scaled == "rows" else matrix.scale_columns(1 / torch.arange(1.0, 10))
    assert_product(prepared(kernel, matrix, 41, reduce=reduce)(operand), matrix, operand, reduce)


def test_a_kernel_that_says_it_reads_factors_makes_no_values_of_them(kernel, monkeypatch):
    if not kernel.separable:
        pytest.skip(f"{kernel.name} says that it needs the values")
    matrix, operand = jagged(weighted=False).scale_rows(torch.arange(1.0, 14)), dense(9, 17)
    wanted, *_ = expected(matrix, operand, "sum")
    monkeypatch.setattr(type(matrix), "_values", lambda _: pytest.fail("made values"))
    np.testing.assert_allclose(prepared(kernel, matrix, 17)(operand), wanted, rtol=1e-5, atol=1e-6)
