"""What every kernel is given is checked in front of it, whoever wrote it: computed, or refused in one line with the way out."""

import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged, with_rowptr, without_entries

from rsc_bench.kernels import Csr, Kernel, Unsupported
from rsc_bench.kernels.contract import DTYPES
from rsc_bench.kernels.csr import Scaling
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.sampled.compose import Sampling, compose, sampled
from rsc_bench.plugins import PluginError, Registry, find

WIDTH = 3


def prepared(kernel, matrix=None, width=WIDTH, dtype=torch.float32):
    return kernel.prepare((matrix or jagged()).to(kernel.device), width, dtype)


def operand_on(kernel, dtype=torch.float32):
    return dense(9, WIDTH).to(kernel.device, dtype)


def exact_name(kernel):
    """The kernel that multiplies, whatever stands in front of it."""
    return kernel.name.removeprefix("topk(").removesuffix(")")


def one_line(act):
    with pytest.raises(ValueError, match="kernel") as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_close(found, wanted):
    np.testing.assert_allclose(found.detach().cpu(), wanted, rtol=1e-5, atol=1e-5)


# The arguments of prepare, prepare_bounded and tune.

ARGUMENTS = [
    ({"reduce": "prod"}, "reduce must be one of sum, mean, max, min (got 'prod')"),
    ({"reduce": None}, "reduce must be one of sum, mean, max, min (got None)"),
    ({"reduce": "Sum"}, "reduce must be one of sum, mean, max, min (got 'Sum')"),
    ({"width": 0}, "width must be a whole number of at least 1, the columns of the dense operands (got 0)"),
    ({"width": -3}, "width must be a whole number of at least 1, the columns of the dense operands (got -3)"),
    ({"width": 3.0}, "width must be a whole number of at least 1, the columns of the dense operands (got 3.0)"),
    ({"dtype": torch.int32}, "dtype must be one of float32, bfloat16, float16, float64 of torch (got torch.int32)"),
    ({"dtype": torch.complex64}, "dtype must be one of float32, bfloat16, float16, float64 of torch (got torch.complex64)"),
    ({"dtype": np.dtype("float32")}, "dtype must be one of float32, bfloat16, float16, float64 of torch (got dtype('float32'))"),
    ({"dtype": "float32"}, "dtype must be one of float32, bfloat16, float16, float64 of torch (got 'float32')"),
]


@pytest.mark.parametrize("part", ["prepare", "prepare_bounded", "prepare_sampled", "tune"])
@pytest.mark.parametrize(("given", "rule"), ARGUMENTS, ids=[str(given) for given, _ in ARGUMENTS])
def test_arguments_that_no_kernel_takes_are_refused(any_kernel, part, given, rule):
    function = getattr(any_kernel, part)
    if function is None:
        pytest.skip(f"{any_kernel.name} has no {part}")
    arguments = {"matrix": jagged().to(any_kernel.device), "width": WIDTH, "dtype": torch.float32} | given
    assert one_line(lambda: function(**arguments)) == f"kernel {any_kernel.name!r}: {rule}"


@pytest.mark.parametrize("make", [lambda: torch.eye(9), lambda: jagged().to_scipy(), lambda: None], ids=["torch", "SciPy", "None"])
def test_what_is_no_csr_is_refused_with_what_makes_one(any_kernel, make):
    message = one_line(lambda: any_kernel.prepare(make(), WIDTH, torch.float32))
    assert message.startswith(f"kernel {any_kernel.name!r}: the matrix must be a Csr (got ")
    assert message.endswith(": Csr.from_scipy, Csr.from_torch and Csr.from_edge_index make one")


def test_a_matrix_elsewhere_is_refused(any_kernel):
    message = one_line(lambda: any_kernel.prepare(jagged().to("meta"), WIDTH, torch.float32))
    on = any_kernel.device
    assert message == f"kernel {any_kernel.name!r}: the matrix must be on {on} (got meta): give matrix.to({on!r})"


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float8_e4m3fn])
def test_a_dtype_is_computed_or_refused_when_preparing(any_kernel, dtype):
    try:
        multiply = prepared(any_kernel, dtype=dtype)
    except (Unsupported, ValueError) as error:
        reason = str(error)
    else:
        reason = None
    if reason is not None:
        assert str(dtype).removeprefix("torch.") in reason
        assert "\n" not in reason
        return
    most = {torch.float32: 1e-6, torch.float64: 1e-6, torch.bfloat16: 1e-2, torch.float16: 1e-3}[dtype]
    found, wanted = multiply(operand_on(any_kernel, dtype)), array(jagged()) @ dense(9, WIDTH).double().numpy()
    assert found.dtype is dtype
    assert np.linalg.norm(found.double().cpu().numpy() - wanted) <= most * np.linalg.norm(wanted)


def test_a_width_may_be_a_number_of_numpy(any_kernel):
    assert_close(prepared(any_kernel, width=np.int64(WIDTH))(operand_on(any_kernel)), array(jagged()) @ dense(9, WIDTH).numpy())


# The dense operand.

FORMS = {
    "transposed": lambda x: x.t().contiguous().t(),
    "every second column": lambda x: x.repeat_interleave(2, dim=1)[:, ::2],
    "every second row": lambda x: x.repeat_interleave(2, dim=0)[::2],
    "a part of wider rows": lambda x: torch.cat([x + 9, x, x - 9], dim=1)[:, WIDTH : 2 * WIDTH],
    "off the beginning of its memory": lambda x: torch.cat([x.new_ones(1), x.flatten()])[1:].view(x.shape),
    "one that requires a gradient, in no_grad": torch.nn.Parameter,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_operand_of_any_strides_gives_the_product(any_kernel, form, dtype):
    try:
        multiply = prepared(any_kernel, dtype=dtype)
    except Unsupported as reason:
        pytest.skip(str(reason))
    given, same = form(operand_on(any_kernel, dtype)), operand_on(any_kernel, dtype)
    assert torch.equal(given, same)
    with torch.no_grad():
        found = multiply(given)
    assert torch.equal(found, multiply(same))
    assert torch.equal(given, same), "and is left as it was"


@pytest.mark.parametrize("form", [lambda x: x[:1].expand(9, WIDTH), lambda x: x[:, :1].expand(9, WIDTH)], ids=["row", "column"])
def test_one_row_or_column_that_stands_for_all_gives_the_product(any_kernel, form):
    given = form(operand_on(any_kernel))
    assert_close(prepared(any_kernel)(given), array(jagged()) @ given.double().cpu().numpy())


def on_meta(x):
    return x.to("meta")


REFUSED = {
    "wider": (
        lambda x: torch.cat([x, x], dim=1),
        "of shape (9, 3), as prepared for (got (9, 6)): the second is the width to prepare for",
    ),
    "shorter": (lambda x: x[:8], "of shape (9, 3), as prepared for (got (8, 3)): the second is the width to prepare for"),
    "turned": (lambda x: x.t(), "of shape (9, 3), as prepared for (got (3, 9)): give dense.T"),
    "1-D": (lambda x: x[:, 0], "of shape (9, 3), as prepared for (got (9,)): the second is the width to prepare for"),
    "3-D": (lambda x: x[None], "of shape (9, 3), as prepared for (got (1, 9, 3)): the second is the width to prepare for"),
    "a number": (lambda x: x.sum(), "of shape (9, 3), as prepared for (got ()): the second is the width to prepare for"),
    "wider numbers": (lambda x: x.double(), "float32, as prepared for (got float64): give dense.to(torch.float32)"),
    "whole numbers": (lambda x: x.int(), "float32, as prepared for (got int32): give dense.to(torch.float32)"),
    "sparse": (lambda x: x.to_sparse(), "dense (got sparse_coo): give dense.to_dense()"),
    "sparse rows": (lambda x: x.to_sparse_csr(), "dense (got sparse_csr): give dense.to_dense()"),
    "NumPy's": (lambda x: x.cpu().numpy(), "a torch tensor (got ndarray): torch.as_tensor makes one"),
    "nothing": (lambda x: None, "a torch tensor (got None): torch.as_tensor makes one"),
}


@pytest.mark.parametrize(("form", "rule"), REFUSED.values(), ids=REFUSED)
def test_an_operand_that_was_not_prepared_for_is_refused(any_kernel, form, rule):
    multiply, given = prepared(any_kernel), form(operand_on(any_kernel))
    assert one_line(lambda: multiply(given)) == f"kernel {any_kernel.name!r}: the dense operand must be {rule}"


def test_one_column_is_refused_as_a_vector_with_the_way_to_make_it_a_matrix(any_kernel):
    multiply, given = prepared(any_kernel, width=1), operand_on(any_kernel)[:, 0]
    rule = "of shape (9, 1), as prepared for (got (9,)): give dense[:, None]"
    assert one_line(lambda: multiply(given)) == f"kernel {any_kernel.name!r}: the dense operand must be {rule}"
    assert_close(multiply(given[:, None]), array(jagged()) @ dense(9, WIDTH)[:, :1].numpy())


def test_an_operand_elsewhere_is_refused(any_kernel):
    multiply, device = prepared(any_kernel), torch.empty(0, device=any_kernel.device).device
    rule = f"on {device}, where the matrix is (got meta): give dense.to({str(device)!r})"
    message = one_line(lambda: multiply(operand_on(any_kernel).to("meta")))
    assert message == f"kernel {any_kernel.name!r}: the dense operand must be {rule}"


# Gradients.

KEEP_GRADIENTS = {"mkl", "torch_reduce", "torch_sparse", "torch_sparse_cuda", "cusparse", "dgl"}
KEEP_GRADIENTS |= {f"{name}{device}" for name in ("pyg_gather_scatter", "pyg_spmm") for device in ("", "_cuda")}
"""Their libraries do; ours compute none, nor does cuSPARSE called directly."""
WAYS_OUT = "train with rsc_bench.accelerate(model), or multiply under torch.no_grad()"


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_a_gradient_of_the_operand_is_kept_or_refused(any_kernel, reduce):
    matrix = jagged()
    multiply = any_kernel.prepare(matrix.to(any_kernel.device), WIDTH, torch.float32, reduce)
    given, upstream = operand_on(any_kernel).requires_grad_(), dense(13, WIDTH, seed=3).to(any_kernel.device)
    exact = exact_name(any_kernel)
    if exact not in KEEP_GRADIENTS:
        rule = f"computes no gradient of the dense operand, of which one is required: {WAYS_OUT} or by dense.detach()"
        message = one_line(lambda: multiply(given))
        # The kernel itself says so, also where a selection stands in front of it.
        assert message == f"kernel {exact!r}: {rule}"
        return
    multiply(given).backward(upstream)
    assert_close(given.grad, array(matrix.mean() if reduce == "mean" else matrix).T @ upstream.double().cpu().numpy())


def test_a_detached_operand_gives_the_product_and_so_does_no_grad(any_kernel):
    multiply, given = prepared(any_kernel), operand_on(any_kernel).requires_grad_()
    wanted = array(jagged()) @ dense(9, WIDTH).numpy()
    assert_close(multiply(given.detach()), wanted)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert_close(multiply(given), wanted)


LEARNT = {
    "values": lambda one: Csr(jagged().rowptr, jagged().col, jagged().entries * one, (13, 9), "learnt"),
    "factors of rows": lambda one: Csr(
        jagged().rowptr, jagged().col, None, (13, 9), "learnt", Scaling(one * torch.arange(1.0, 14))
    ),
    "factors of columns": lambda one: Csr(
        jagged().rowptr, jagged().col, None, (13, 9), "learnt", Scaling(None, one * torch.arange(1.0, 10))
    ),
}


@pytest.mark.parametrize("make", LEARNT.values(), ids=LEARNT)
def test_a_gradient_of_the_values_is_kept_or_refused(any_kernel, make):
    one = torch.ones((), requires_grad=True)
    multiply = prepared(any_kernel, make(one))
    if any_kernel.name in KEEP_GRADIENTS - {"dgl"}:  # which is written to keep none of values
        multiply(operand_on(any_kernel)).sum().backward()
        wanted = array(make(torch.ones(()))) @ dense(9, WIDTH).double().numpy()
        assert float(one.grad) == pytest.approx(wanted.sum(), rel=1e-5)
        return
    rule = f"computes no gradient of the matrix's values, of which one is required: {WAYS_OUT}"
    message = one_line(lambda: multiply(operand_on(any_kernel)))
    # What selects, or the kernel behind it, whichever comes to know first.
    assert message in {f"kernel {name!r}: {rule}" for name in (any_kernel.name, exact_name(any_kernel))}
    with torch.no_grad():
        assert_close(multiply(operand_on(any_kernel)), array(make(torch.ones(()))) @ dense(9, WIDTH).numpy())


# The matrix.


@pytest.mark.parametrize("dtype", [torch.int16, torch.uint8, torch.int32, torch.int64])
def test_indices_of_any_integer_dtype_give_the_product(any_kernel, dtype):
    whole = jagged()
    matrix = Csr(whole.rowptr.to(dtype), whole.col.to(dtype), whole.entries, whole.shape, whole.name)
    assert_close(prepared(any_kernel, matrix)(operand_on(any_kernel)), array(whole) @ dense(9, WIDTH).numpy())


def test_offsets_in_int64_give_the_product_behind_a_selection_too(any_kernel):
    found = prepared(any_kernel, with_rowptr(jagged(), torch.int64))(operand_on(any_kernel))
    assert_close(found, array(jagged()) @ dense(9, WIDTH).numpy())


def test_a_matrix_without_rows_or_columns_gives_what_there_is(any_kernel):
    for shape in ((0, 4), (4, 0)):
        try:
            multiply = prepared(any_kernel, without_entries(*shape))
        except Unsupported:  # torch-sparse, with a reason
            continue
        assert torch.equal(multiply(torch.ones(shape[1], WIDTH, device=any_kernel.device)).cpu(), torch.zeros(shape[0], WIDTH))


# Kernels of others go through the same place.


def noting(**others):
    """A kernel that writes down what its functions are called with."""
    calls = []

    def note(*arguments):
        calls.append(arguments)
        return torch_reduce.prepare(*arguments)

    return Kernel("mine", "cpu", "Mine.", note, prepare_bounded=note, prepare_sampled=note, tune=note, **others), calls


@pytest.mark.parametrize("part", ["prepare", "prepare_bounded", "prepare_sampled", "tune"])
def test_nothing_of_a_users_kernel_is_called_with_what_no_kernel_takes(part):
    kernel, calls = noting()
    for given, rule in ARGUMENTS:
        arguments = {"matrix": jagged(), "width": WIDTH, "dtype": torch.float32} | given
        assert one_line(lambda arguments=arguments: getattr(kernel, part)(**arguments)) == f"kernel 'mine': {rule}"
    assert calls == []
    getattr(kernel, part)(jagged(), WIDTH, torch.float32, "mean")
    assert calls[0][1:] == (WIDTH, torch.float32, "mean")


def test_a_kernel_of_a_users_file_is_checked_and_so_is_what_selects_in_front_of_it(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom rsc_bench import Kernel\n"
        "def prepare(matrix, width, dtype, reduce='sum'):\n"
        "    whole = torch.from_numpy(matrix.to_scipy().toarray()).to(dtype)\n"
        "    return lambda dense: whole @ dense.data\n"
        'KERNEL = Kernel("mine", "cpu", "Mine.", prepare)\n'
    )
    [(_, mine)] = Registry().add_file(tmp_path / "mine.py")
    for kernel in (mine, compose(find("selection", "topk"), mine, Sampling(1.0))):
        message = one_line(lambda kernel=kernel: kernel.prepare(jagged(), WIDTH, torch.float32, "prod"))
        assert message == f"kernel {kernel.name!r}: reduce must be one of sum, mean, max, min (got 'prod')"
        with pytest.raises(Unsupported, match=r"computes sum, mean \(got max\)"):
            kernel.prepare(jagged(), WIDTH, torch.float32, "max")
        multiply = kernel.prepare(jagged(), WIDTH, torch.float32)
        assert "computes no gradient of the dense operand" in one_line(lambda: multiply(dense(9, WIDTH).requires_grad_()))  # noqa: B023
        assert_close(multiply(dense(9, WIDTH).t().contiguous().t()), array(jagged()) @ dense(9, WIDTH).numpy())


def test_a_kernel_without_an_aggregation_sums():
    def prepare(matrix, width, dtype):
        return torch_reduce.prepare(matrix, width, dtype)

    kernel = Kernel("mine", "cpu", "Mine.", prepare)
    assert_close(kernel.prepare(jagged(), WIDTH, torch.float32)(dense(9, WIDTH)), array(jagged()) @ dense(9, WIDTH).numpy())


def test_a_kernel_that_prepares_nothing_is_refused_where_it_is_prepared():
    kernel = Kernel("mine", "cpu", "Mine.", lambda matrix, width, dtype: None)
    with pytest.raises(PluginError, match=r"kernel 'mine': preparing must return a function of the dense operand \(got None\)"):
        kernel.prepare(jagged(), WIDTH, torch.float32)


def test_what_a_kernel_prepared_keeps_its_own_names():
    kernel = compose(find("selection", "topk"), torch_reduce.KERNEL, Sampling(0.5))
    multiply = kernel.prepare(jagged(), WIDTH, torch.float32)
    multiply(dense(9, WIDTH))
    assert multiply.kept is sampled(multiply).kept
    assert not hasattr(multiply, "unknown")
    assert sampled(torch_reduce.KERNEL.prepare(jagged(), WIDTH, torch.float32)) is None
