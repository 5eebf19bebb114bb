"""The contract passes kernels that do as they must, and refuses one that does not in any form of a matrix."""

import pytest
import torch

from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.kernels import Kernel, Unsupported
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.plugins import find
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.spmm import contract
from rsc_bench.suites.spmm.contract import Trial, trials


def bad(act):
    """A right kernel, but for what `act` makes of its result, the operand and the matrix."""

    def prepare(matrix, width, dtype, reduce="sum"):
        multiply = torch_reduce.prepare(matrix, width, dtype, reduce)
        return lambda dense: act(multiply(dense), dense, matrix)

    return Kernel("mine", "cpu", "Mine.", prepare)


def test_a_kernel_is_tried_with_what_it_says_that_it_computes():
    assert {trial.reduce for trial in trials("mine")} == {"sum", "mean"}
    assert {trial.reduce for trial in trials("mine", ("sum", "max"))} == {"sum", "max"}


@pytest.mark.parametrize("trial", [*trials("mine", ("max", "min"))], ids=str)
def test_a_kernel_of_extrema_keeps_the_contract(trial):
    contract.check(find("kernel", "torch_reduce"), trial)


def test_a_kernel_that_gives_a_sum_for_a_maximum_is_wrong():
    def prepare(matrix, width, dtype, reduce="sum"):
        return find("kernel", "torch_reduce").prepare(matrix, width, dtype)

    liar = Kernel("mine", "cpu", "Mine.", prepare, reduces=("sum", "max"))
    with pytest.raises(Wrong, match="relative error"):
        contract.check(liar, Trial("mine", "no-values", "max", "float32", 3))


@pytest.mark.parametrize("trial", [*trials("mine")], ids=str)
@pytest.mark.parametrize("name", ["torch_reduce", "rows_numba"])
def test_a_right_kernel_keeps_the_contract(name, trial):
    contract.check(find("kernel", name), trial)


SOME = Trial("mine", "values", "sum", "float32", 3)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda result, dense, matrix: result * 2, "relative error"),
        (lambda result, dense, matrix: result.double(), "result must be of the operand's dtype"),
        (lambda result, dense, matrix: (dense[:1].zero_(), result)[1], "relative error|changed its operand"),
        (lambda result, dense, matrix: (matrix.col[:1].add_(1), result)[1], "relative error|changed its operand"),
        (lambda result, dense, matrix: result.t().contiguous(), "result must have shape"),
    ],
    ids=["values", "dtype", "operand", "matrix", "shape"],
)
def test_a_kernel_that_breaks_the_contract_is_wrong(act, reason):
    with pytest.raises(Wrong, match=reason):
        contract.check(bad(act), SOME)


def test_a_kernel_that_gives_the_same_memory_again_is_wrong():
    kept = torch.empty(len(contract.COUNTS), 3)
    with pytest.raises(Wrong, match="result must have memory of its own"):
        contract.check(bad(lambda result, dense, matrix: kept.copy_(result)), SOME)


def test_a_kernel_that_remembers_is_wrong():
    kept = []

    def remember(result, dense, matrix):
        kept.append(result)
        return kept[0].clone()

    with pytest.raises(Wrong, match="relative error"):
        contract.check(bad(remember), SOME)


class Halved(torch.autograd.Function):
    """Passes a product on, with half of its gradient."""

    @staticmethod
    def forward(ctx, product):
        return product.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient / 2


def refuse(result, dense, matrix):
    if dense.requires_grad:
        raise RuntimeError("no gradient: train elsewhere")
    return result


def gradient_of_another(result, dense, matrix):
    """The right product, with a gradient that goes past the operand."""
    return result.detach() + torch.zeros((), requires_grad=dense.requires_grad)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda result, dense, matrix: Halved.apply(result), "relative error against float64 must be at most"),
        (lambda result, dense, matrix: result.detach() + (dense.sum() - dense.sum().detach()), "relative error against float64"),
        (gradient_of_another, r"\(got none, and no error\)"),
    ],
    ids=["half", "of something else", "none"],
)
def test_a_gradient_that_is_not_that_of_the_product_is_wrong(act, reason):
    with pytest.raises(Wrong, match=rf"gradient of the dense operand must be right or refused.*{reason}"):
        contract.check(bad(act), SOME)


@pytest.mark.parametrize("act", [lambda result, dense, matrix: result.detach(), refuse], ids=["checked in front", "refused"])
def test_a_kernel_without_a_gradient_keeps_the_contract(act):
    contract.check(bad(act), SOME)


def test_what_a_kernel_says_that_it_cannot_is_skipped():
    def prepare(matrix, width, dtype, reduce="sum"):
        raise Unsupported("only on Sundays")

    with pytest.raises(Skip, match="only on Sundays"):
        contract.check(Kernel("mine", "cpu", "Mine.", prepare), SOME)
    with pytest.raises(Skip, match="no GPU"):
        contract.check(Kernel("mine", "cpu", "Mine.", prepare, missing=lambda: "no GPU"), SOME)


def test_matrices_have_empty_and_full_rows_in_each_form():
    forms = {values: contract.matrix_of(values) for values in ("values", "no-values", "factors")}
    assert {tuple(matrix.row_nnz.tolist()) for matrix in forms.values()} == {contract.COUNTS}
    assert [forms[name].all_ones for name in forms] == [False, True, False]
    assert forms["factors"].scaling is not None


def test_only_kernels_from_outside_are_tried(tmp_path):
    assert catalog().foreign() == []
    (tmp_path / "mine.py").write_text(
        "from rsc_bench.kernels import Kernel\nfrom rsc_bench.kernels.exact.mkl import prepare\n"
        'KERNEL = Kernel("mine", "cpu", "Mine.", prepare)\n'
    )
    assert catalog([str(tmp_path / "mine.py")]).foreign() == ["mine"]
