import dataclasses
import math

import numpy as np
import pytest
import torch

from rsc_bench.harness.measure.work import Wrong
from rsc_bench.kernels import Csr, Kernel
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.precision import FORMATS, PRECISIONS, Precision, Sizes, named
from rsc_bench.suites.spmm import checks, contract

FEW = Sizes(longest_row=12, value=1.0, dense=1.0, result=1.0)


def as_tf32(tensor):
    """The tensor as a tensor core reads it: the last 13 bits of each number cut off."""
    return (tensor.view(torch.int32) & -(1 << 13)).view(torch.float32)


def as_half(tensor):
    return tensor.half().float()


def rounding(round_, name="rounded", **declared):
    """A float32 kernel that rounds values and dense rows before it multiplies."""

    def prepare(matrix, width, dtype, reduce="sum"):
        matrix = matrix.mean() if reduce == "mean" else matrix
        values = torch.ones(matrix.nnz) if matrix.all_ones else matrix.value
        rounded = Csr.trusted(matrix.rowptr, matrix.col, round_(values), matrix.shape)
        inner = torch_reduce.prepare(rounded, width, torch.float32)
        return lambda dense: inner(round_(dense.float())).to(dtype)

    return Kernel(name, "cpu", "Rounds.", prepare, **declared)


def hubs(seed=0):
    """A matrix of 60 x 400 with values of both signs: empty rows, short ones and full ones."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.tensor([0, 400, 1, 7, 0, 33] * 10)
    rows = [torch.randperm(400, generator=generator)[:count].sort().values for count in counts.tolist()]
    rowptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int()
    return Csr(rowptr, torch.cat(rows).int(), torch.randn(int(counts.sum()), generator=generator), (60, 400), "hubs")


def operand(width, dtype=torch.float32):
    return torch.randn(400, width, generator=torch.Generator().manual_seed(2)).to(dtype)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_a_format_has_the_roundoff_and_the_smallest_number_that_torch_says(name):
    known = torch.finfo(getattr(torch, name))
    assert FORMATS[name].roundoff == known.eps / 2
    assert FORMATS[name].smallest == pytest.approx(known.smallest_normal * known.eps / 2, rel=0, abs=0)


def test_tf32_has_ten_bits_of_which_the_last_may_be_cut_off():
    numbers = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
    off = ((as_tf32(numbers) - numbers).abs() / numbers.abs()).max()
    assert FORMATS["tf32"].roundoff / 2 < off < FORMATS["tf32"].roundoff


def test_what_a_class_may_be_off_is_what_its_roundings_add_up_to():
    added = 8 * 4 * (2**-24 + 2**-53)  # 8 sqrt(12 + 4)
    assert PRECISIONS["float32"].tolerance(FEW, "float32") == pytest.approx(3 * 2**-24 + added)
    assert PRECISIONS["bfloat16"].tolerance(FEW, "bfloat16") == pytest.approx(3 * 2**-8 + added)
    # Values twice and the dense rows, which are stored in more; the result is float32.
    assert PRECISIONS["tf32"].tolerance(FEW, "float32") == pytest.approx(3 * 2**-10 + 2**-24 + added)
    assert PRECISIONS["float32"].bound(12, "float32") == pytest.approx(3 * 2**-24 + 16 * 2**-24 / (1 - 16 * 2**-24), rel=1e-6)


def test_more_is_allowed_of_longer_rows_and_of_numbers_that_a_format_can_hardly_hold():
    half = PRECISIONS["float16"]
    assert half.tolerance(dataclasses.replace(FEW, longest_row=10**6), "float16") > half.tolerance(FEW, "float16")
    small = dataclasses.replace(FEW, value=1e-6)
    assert half.tolerance(small, "float16") - half.tolerance(FEW, "float16") == pytest.approx(2**-25 / 1e-6, rel=1e-3)
    assert math.isinf(Precision("sums", "float16", "float16").bound(5000, "float16"))


@pytest.mark.parametrize("width", [1, 3, 17, 64])
@pytest.mark.parametrize(
    ("round_", "precision", "worse"), [(as_tf32, "tf32", "float32"), (as_half, "float16", "float32"), (as_half, "mixed", "float32")]
)
def test_a_kernel_is_judged_by_the_class_that_it_declares(width, round_, precision, worse):
    contract.check_product(rounding(round_, precision=precision), hubs(), operand(width), "sum")
    with pytest.raises(Wrong, match="relative error against float64 must be at most"):
        contract.check_product(rounding(round_, precision=worse), hubs(), operand(width), "sum")
    with pytest.raises(Wrong, match="relative error against float64 must be at most"):
        contract.check_product(rounding(round_), hubs(), operand(width), "sum")


@pytest.mark.parametrize("precision", sorted({*PRECISIONS} - {"float64"}))
def test_one_dropped_number_and_one_that_is_none_are_wrong_in_every_class(precision):
    def dropping(spoil):
        def prepare(matrix, width, dtype, reduce="sum"):
            inner = torch_reduce.prepare(matrix, width, dtype, reduce)

            def multiply(dense):
                product = inner(dense)
                spoil(product)
                return product

            return multiply

        return Kernel("spoilt", "cpu", "Spoils.", prepare, precision=precision)

    for spoil in (lambda product: product[1].zero_(), lambda product: product[5, :1].fill_(torch.nan)):
        with pytest.raises(Wrong, match="relative error against float64"):
            contract.check_product(dropping(spoil), hubs(), operand(5), "sum")


def test_sums_in_half_need_a_class_of_their_own():
    def prepare(matrix, width, dtype, reduce="sum"):
        array = torch.from_numpy(matrix.to_scipy().toarray()).to(dtype)

        def multiply(dense):
            total = torch.zeros(array.shape[0], width, dtype=dtype)
            for place in range(array.shape[1]):
                total += array[:, place, None] * dense[place]
            return total

        return multiply

    def kernel(precision):
        return Kernel("halves", "cpu", "Sums in float16.", prepare, precision=precision, stores=("float16",))

    dense = operand(8, torch.float16)
    contract.check_product(kernel(Precision("half-sums", "float16", "float16")), hubs(), dense, "sum")
    with pytest.raises(Wrong, match="relative error against float64"):
        contract.check_product(kernel("float16"), hubs(), dense, "sum")


def test_an_exact_kernel_of_ours_is_far_below_what_its_class_allows():
    matrix, dense = hubs(), operand(17)
    wanted = matrix.to_scipy() @ dense.double().numpy()
    found = torch_reduce.KERNEL.prepare(matrix, 17, torch.float32)(dense)
    most = checks.tolerance(torch_reduce.KERNEL, matrix, dense, wanted)
    assert np.linalg.norm(found.double().numpy() - wanted) < most / 4 * np.linalg.norm(wanted)
    assert most < 1.2e-5


def test_a_class_that_there_is_not_names_those_that_there_are():
    known = "float64, float32, tf32, bfloat16, float16, mixed"
    with pytest.raises(ValueError, match="fp8") as caught:
        rounding(as_half, "mine", precision="fp8")
    rule = f"must be one of {known}, or a Precision (got 'fp8'): Precision(name, factors, sums) is any other"
    assert str(caught.value) == f"kernel 'mine': precision {rule}"
    with pytest.raises(ValueError, match=r"precision 'mine': sums must be one of .* \(got 'int8'\)"):
        Precision("mine", "float16", "int8")
    with pytest.raises(ValueError, match=r"a precision's name must be letters"):
        Precision("my class", "float16")
    assert named("tf32") is PRECISIONS["tf32"]


def test_a_dtype_that_a_kernel_does_not_store_is_skipped_with_the_reason_and_one_of_no_operand_is_refused():
    kernel = rounding(as_half, "mine", stores=("float16", "bfloat16"))
    with pytest.raises(Exception, match=r"^mine stores float16 and bfloat16 \(got float32\)$"):
        kernel.prepare(hubs(), 3, torch.float32)
    with pytest.raises(ValueError, match=r"kernel 'mine': stores must be of float32, .* \(got 'tf32'\)"):
        rounding(as_half, "mine", stores=("tf32",))
