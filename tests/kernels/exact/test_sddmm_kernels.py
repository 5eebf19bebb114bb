"""What every kernel of SDDMM must do, over all that are found: a dot product for each non-zero, or one line that says why not."""

import math
import re

import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged, with_rowptr, without_entries

from rsc_bench.kernels import Csr, Kernel, Unsupported
from rsc_bench.kernels.contract import DTYPES, SDDMM
from rsc_bench.kernels.sampled.compose import Sampling, compose
from rsc_bench.plugins import PluginError, Registry, find, load

FOUND = {name: kernel for name, kernel in load("kernel").items() if kernel.operation == SDDMM}
WIDTH = 3
# Odd ones, whole vectors, and more than is written out at once (`dot_product.TILE`).
WIDTHS = (1, 3, 16, 17, 41, 64, 255, 602, 1024, 1027, 2049)


@pytest.fixture(
    params=[
        pytest.param(kernel, id=name, marks=[pytest.mark.skip(reason=reason)] if (reason := kernel.missing()) else [])
        for name, kernel in FOUND.items()
    ]
)
def kernel(request):
    return request.param


def operands(width=WIDTH, dtype=torch.float32, rows=13, columns=9):
    return dense(rows, width, seed=1).to(dtype), dense(columns, width, seed=2).to(dtype)


def prepared(kernel, matrix=None, width=WIDTH, dtype=torch.float32):
    """The kernel for CPU operands: moves them to its device and the result back."""
    try:
        dots = kernel.prepare((matrix or jagged()).to(kernel.device), width, dtype)
    except Unsupported as reason:
        pytest.skip(str(reason) or pytest.fail("says not why"))
    return lambda left, right: dots(left.to(kernel.device), right.to(kernel.device)).cpu()


def expected(matrix, left, right):
    """Dot products in float64 in the order of the columns, and what their magnitudes add up to; by the full product of both."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.rowptr.numpy()))
    left, right = left.double().numpy(), right.double().numpy()
    places = rows, matrix.col.numpy()
    return (left @ right.T)[places], (np.abs(left) @ np.abs(right).T)[places]


def assert_dots(found, matrix, left, right):
    wanted, magnitude = expected(matrix, left, right)
    # n terms round n times at most in float32 (Higham, Accuracy and Stability, 3.1). In a narrower dtype each product may be
    # rounded to it, and the result is.
    narrow = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10}.get(found.dtype, 0)
    assert found.shape == wanted.shape
    assert np.all(np.abs(found.double().numpy() - wanted) <= (2.0**-24 * (left.shape[1] + 2) + narrow) * magnitude)


def one_line(act):
    with pytest.raises(ValueError, match="kernel") as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_there_are_kernels_of_sddmm_without_an_optional_package():
    assert {"sddmm_torch", "sddmm_gather", "sddmm_numba", "sddmm_dgl", "sddmm_torch_cuda", "sddmm_gather_cuda"} <= set(FOUND)


@pytest.mark.parametrize("name", FOUND)
def test_a_kernel_says_what_it_is(name):
    kernel = FOUND[name]
    assert (kernel.reduces, kernel.exact) == (("sum",), True)
    assert kernel.summary.endswith(".")
    assert "\n" not in kernel.summary
    reason = kernel.missing()
    assert reason is None or ("\n" not in reason and len(reason) > 10)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_dot_products_of_any_width_are_those_of_float64(kernel, width):
    left, right = operands(width)
    assert_dots(prepared(kernel, width=width)(left, right), jagged(), left, right)


@pytest.mark.parametrize("width", [1, 17, 64])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dtype_is_computed_or_refused_with_a_reason(kernel, dtype, width):
    left, right = operands(width, dtype)
    found = prepared(kernel, width=width, dtype=dtype)(left, right)
    assert found.dtype is dtype
    assert_dots(found, jagged(), left, right)


def test_float64_is_summed_in_float64(kernel):
    left, right = operands(257, torch.float64)
    found = prepared(kernel, width=257, dtype=torch.float64)(left / 3, right / 7)
    np.testing.assert_allclose(found, expected(jagged(), left / 3, right / 7)[0], rtol=1e-12, atol=1e-12)


VALUES = {
    "values": jagged,
    "no values": lambda: jagged(weighted=False),
    "factors": lambda: jagged(weighted=False).scale_rows(torch.arange(1.0, 14)).scale_columns(1 / torch.arange(1.0, 10)),
}


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
def test_values_of_the_matrix_count_for_nothing(kernel, make):
    left, right = operands()
    assert_dots(prepared(kernel, make())(left, right), jagged(), left, right)


@pytest.mark.parametrize("shape", [(3, 5), (0, 5), (3, 0)])
def test_a_matrix_without_entries_gives_none(kernel, shape):
    found = prepared(kernel, without_entries(*shape))(*operands(rows=shape[0], columns=shape[1]))
    assert (found.shape, found.dtype) == ((0,), torch.float32)


def test_an_edge_that_is_repeated_has_its_dot_product_each_time(kernel):
    matrix = Csr.from_edge_index(torch.tensor([[0, 0, 2, 0], [1, 1, 1, 0]]), 3)
    left, right = operands(rows=3, columns=3)
    assert matrix.nnz == 4
    assert_dots(prepared(kernel, matrix)(left, right), matrix, left, right)


def test_a_result_is_fresh_and_written_everywhere(kernel):
    dots, first, second = prepared(kernel), operands(), operands()[::1]
    second = (second[0] * 2, second[1])
    kept = dots(*first)
    poison = [torch.full((jagged().nnz,), float("nan")) for _ in range(20)]
    del poison  # which the next result may find in its memory
    assert_dots(dots(*second), jagged(), *second)
    assert_dots(kept, jagged(), *first)


def test_the_operands_are_left_as_they_were(kernel):
    left, right = operands()
    prepared(kernel)(left, right)
    assert torch.equal(left, operands()[0])
    assert torch.equal(right, operands()[1])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_not_finite_reaches_the_non_zeros_it_belongs_to_and_no_other(kernel, bad, side):
    given, matrix = operands(16), jagged()
    given[side][4, 3] = bad
    found = prepared(kernel, width=16)(*given)
    rows = torch.repeat_interleave(torch.arange(13), matrix.row_nnz)
    reached = (rows if side == 0 else matrix.col) == 4
    assert 0 < int(reached.sum()) < matrix.nnz
    assert (torch.isnan if math.isnan(bad) else torch.isinf)(found[reached]).all()
    assert torch.isfinite(found[~reached]).all()


def test_row_offsets_may_be_int64(kernel):
    left, right = operands()
    assert_dots(prepared(kernel, with_rowptr(jagged(), torch.int64))(left, right), jagged(), left, right)


FORMS = {
    "transposed": lambda x: x.t().contiguous().t(),
    "a part of wider rows": lambda x: torch.cat([x + 9, x, x - 9], dim=1)[:, WIDTH : 2 * WIDTH],
    "off the beginning of its memory": lambda x: torch.cat([x.new_ones(1), x.flatten()])[1:].view(x.shape),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("side", [0, 1])
def test_operands_of_any_strides_give_the_dot_products(kernel, form, side):
    given = [*operands()]
    given[side] = form(given[side])
    assert_dots(prepared(kernel)(*given), jagged(), *operands())


REFUSED = {
    "the wrong way round": (
        lambda left, right: (right, left),
        "the left operand, of the rows, must be of shape (13, 3), as prepared for (got (9, 3)): the second is the width ...",
    ),
    "one turned": (
        lambda left, right: (left, right.t()),
        "the right operand, of the columns, must be of shape (9, 3), as prepared for (got (3, 9)): give right.T",
    ),
    "another dtype": (
        lambda left, right: (left.double(), right),
        "the left operand, of the rows, must be float32, as prepared for (got float64): give left.to(torch.float32)",
    ),
    "nothing": (
        lambda left, right: (left, None),
        "the right operand, of the columns, must be a torch tensor (got None): torch.as_tensor makes one",
    ),
}


@pytest.mark.parametrize(("form", "rule"), REFUSED.values(), ids=REFUSED)
def test_operands_that_were_not_prepared_for_are_refused(kernel, form, rule):
    dots = kernel.prepare(jagged().to(kernel.device), WIDTH, torch.float32)
    given = form(*(part.to(kernel.device) for part in operands()))
    assert one_line(lambda: dots(*given)).startswith(f"kernel {kernel.name!r}: {rule.removesuffix(' ...')}")


KEEP_GRADIENTS = {"sddmm_torch", "sddmm_torch_cuda", "sddmm_gather", "sddmm_gather_cuda", "sddmm_dgl"}
"""Their libraries do; ours computes none."""


@pytest.mark.parametrize("sides", [(0,), (1,), (0, 1)], ids=["left", "right", "both"])
def test_a_gradient_of_the_operands_is_kept_or_refused(kernel, sides):
    matrix = jagged()
    dots = kernel.prepare(matrix.to(kernel.device), WIDTH, torch.float32)
    given = [part.to(kernel.device).requires_grad_(place in sides) for place, part in enumerate(operands())]
    if kernel.name not in KEEP_GRADIENTS:
        rule = "computes no gradient of its operands, of which one is required: call it under torch.no_grad()"
        assert one_line(lambda: dots(*given)) == f"kernel {kernel.name!r}: {rule}, or with detached operands"
        with torch.no_grad():
            assert_dots(dots(*given).cpu(), matrix, *operands())
        return
    upstream = dense(matrix.nnz, 1, seed=4)[:, 0]
    dots(*given).backward(upstream.to(kernel.device))
    scores = array(Csr(matrix.rowptr, matrix.col, upstream, matrix.shape))
    wanted = scores @ operands()[1].double().numpy(), scores.T @ operands()[0].double().numpy()
    for place in sides:
        np.testing.assert_allclose(given[place].grad.cpu(), wanted[place], rtol=1e-5, atol=1e-5)


def test_an_aggregation_is_refused(kernel):
    with pytest.raises(Unsupported, match=re.escape(f"{kernel.name} computes sum (got max)")):
        kernel.prepare(jagged().to(kernel.device), WIDTH, torch.float32, "max")


def test_a_kernel_of_a_users_file_is_checked_as_ours_are(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom rsc_bench import Kernel\n"
        "def prepare(matrix, width, dtype):\n"
        "    rows, columns = matrix.to_scipy().nonzero()\n"
        "    return lambda left, right: (left.data[rows] * right.data[columns]).sum(1)\n"
        'KERNEL = Kernel("mine", "cpu", "Mine.", prepare, operation="sddmm")\n'
    )
    [(_, mine)] = Registry().add_file(tmp_path / "mine.py")
    left, right = operands()
    assert_dots(mine.prepare(jagged(), WIDTH, torch.float32)(left, right), jagged(), left, right)
    dots = mine.prepare(jagged(), WIDTH, torch.float32)
    assert "must be of shape (13, 3)" in one_line(lambda: dots(right, left))
    assert "computes no gradient of its operands" in one_line(lambda: dots(left.requires_grad_(), right))


def test_a_kernel_that_prepares_nothing_is_refused_where_it_is_prepared():
    kernel = Kernel("mine", "cpu", "Mine.", lambda matrix, width, dtype: None, operation=SDDMM)
    with pytest.raises(PluginError, match=r"preparing must return a function of the two dense operands \(got None\)"):
        kernel.prepare(jagged(), WIDTH, torch.float32)


def test_no_selection_stands_in_front_of_dot_products():
    message = one_line(lambda: compose(find("selection", "topk"), FOUND["sddmm_gather"], Sampling(0.5)))
    rule = "computes sddmm, and a selection stands in front of a product: name a kernel that multiplies"
    assert message == f"kernel 'sddmm_gather': {rule}"
