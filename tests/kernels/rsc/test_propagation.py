import pytest
import torch
from made_graphs import BY_HAND, GRADIENT, csr, propagation, random_graph, regime, topk_mask
from torch.utils._python_dispatch import TorchDispatchMode

from rsc_bench.kernels.exact import mkl, torch_reduce
from rsc_bench.kernels.rsc.account import Limit
from rsc_bench.kernels.rsc.adjacency import Adjacency
from rsc_bench.kernels.rsc.operation import propagate
from rsc_bench.kernels.rsc.product import Sampler
from rsc_bench.kernels.rsc.propagation import Propagation
from rsc_bench.kernels.sampled.selections import importance, random, topk


@pytest.fixture
def rows_numba():
    return pytest.importorskip(
        "rsc_bench.kernels.exact.rows_numba", reason="numba is not installed: pip install numba", exc_type=ImportError
    )


def gradient_of(made, x, gradient):
    x = x.clone().requires_grad_()
    propagate(made, x).backward(gradient)
    return x.grad


@pytest.fixture(params=["rows_numba", torch_reduce.KERNEL, mkl.KERNEL], ids=lambda kernel: getattr(kernel, "name", kernel))
def kernel(request):
    return request.getfixturevalue("rows_numba").KERNEL if request.param == "rows_numba" else request.param


def test_one_backward_step_is_the_one_worked_by_hand(kernel):
    # 3 of the 7 non-zeros off the diagonal may be spent: pair 0 (score 25) costs 2 and pair 2 (score 10) costs 1.
    # Pair 0 gives 3 * (3, 4) to row 1 and 4 * (3, 4) to row 2, pair 2 gives 1 * (8, 6) to row 0; the diagonal adds
    # 1 * (3, 4) to row 0 and 5 * (8, 6) to row 2, though row 3 and pair 1 get nothing.
    made = propagation(BY_HAND, 2, regime(3 / 7 + 1e-9, kernel=kernel))
    found = gradient_of(made, torch.zeros(4, 2), GRADIENT)
    assert found.tolist() == [[11, 10], [9, 12], [52, 46], [0, 0]]
    assert made.accounts.backward.kept_nnz == 3


def test_a_sampled_diagonal_competes_with_the_rest():
    # With the diagonal in, pair 2 has the norm sqrt(26) and costs 2, pair 0 sqrt(26) and 3: 5 of the 9 entries are theirs.
    made = propagation(BY_HAND, 2, regime(2 / 9 + 1e-9, diagonal="sampled"))
    found = gradient_of(made, torch.zeros(4, 2), GRADIENT)
    assert found.tolist() == [[8, 6], [0, 0], [40, 30], [0, 0]]


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("budget", [0.1, 0.5, 0.9])
def test_a_step_equals_the_papers_equations_in_dense_float64(reduce, budget):
    full = random_graph(dtype=torch.float64)
    multiplied = full / (full != 0).sum(1, keepdim=True).clamp(min=1) if reduce == "mean" else full
    loops = multiplied.diagonal().diag()
    off = multiplied - loops
    x, gradient = torch.randn(30, 5, dtype=torch.float64), torch.randn(30, 5, dtype=torch.float64)
    cost = (off != 0).sum(1)
    kept = topk_mask(off.norm(dim=1) * gradient.norm(dim=1), cost, int(budget * cost.sum()))
    made = propagation(full, 5, regime(budget, kernel=mkl.KERNEL), reduce)
    torch.testing.assert_close(propagate(made, x), multiplied @ x)
    torch.testing.assert_close(gradient_of(made, x, gradient), (off * kept[:, None]).T @ gradient + loops @ gradient)


@pytest.mark.parametrize(
    "selection", [topk.SELECTION, random.SELECTION, importance.SELECTION], ids=lambda selection: selection.name
)
def test_the_whole_budget_gives_the_exact_gradient_to_the_bit(selection):
    full, gradient = random_graph(), torch.randn(30, 4)
    whole = gradient_of(propagation(full, 4, regime(1.0, selection=selection)), torch.zeros(30, 4), gradient)
    shared = regime(0.1)
    exact = propagation(full, 4, shared)
    exact.exact = True
    assert torch.equal(whole, gradient_of(exact, torch.zeros(30, 4), gradient))
    torch.testing.assert_close(whole, full.T @ gradient)


def test_a_product_called_unsampled_is_exact_both_ways():
    full, x = random_graph(), torch.randn(30, 4, requires_grad=True)
    made = propagation(full, 4, regime(0.1, approximated="both"))
    found = propagate(made, x, sampled=False)
    found.sum().backward()
    torch.testing.assert_close(found, full @ x)
    torch.testing.assert_close(x.grad, full.T @ torch.ones(30, 4))


@pytest.mark.parametrize(("approximated", "forward_exact", "backward_exact"), [
    ("backward", True, False), ("forward", False, True), ("both", False, False),
])  # fmt: skip
def test_only_the_products_that_were_asked_for_are_sampled(approximated, forward_exact, backward_exact):
    full, x = random_graph(), torch.randn(30, 4)
    made = propagation(full, 4, regime(0.2, approximated=approximated))
    assert torch.allclose(propagate(made, x), full @ x, atol=1e-5) == forward_exact
    assert torch.allclose(gradient_of(made, x, x), full.T @ x, atol=1e-5) == backward_exact


def test_a_selection_serves_an_interval_of_backward_products():
    made = propagation(BY_HAND, 2, regime(3 / 7 + 1e-9, interval=3))
    # Only one row of each gradient is not zero, so a fresh selection would begin with its pair.
    masks = []
    for row in (0, 1, 2, 3):
        gradient = torch.zeros(4, 2)
        gradient[row] = 1
        gradient_of(made, torch.zeros(4, 2), gradient)
        masks.append(made._backward._sampled.kept.mask.tolist())
    assert masks[0] == masks[1] == masks[2] != masks[3]
    assert (masks[0][0], masks[3][3]) == (True, True)


def test_a_new_limit_selects_at_once_and_holds():
    made = propagation(BY_HAND, 2, regime(3 / 7 + 1e-9, interval=100))
    gradient_of(made, torch.zeros(4, 2), GRADIENT)
    made.accounts.backward.limit = Limit(pairs=1, nnz=2, of_nnz=7)
    assert gradient_of(made, torch.zeros(4, 2), GRADIENT).tolist() == [[3, 4], [9, 12], [52, 46], [0, 0]]
    assert made.accounts.backward.kept_nnz == 2


def test_a_limit_is_the_same_share_of_another_matrix():
    assert Limit(pairs=4, nnz=10, of_nnz=100).on(50) == 5
    assert Limit(pairs=0, nnz=0, of_nnz=0).on(50) == 0


def test_a_measured_exact_product_tells_what_an_allocation_needs():
    shared = regime(3 / 7)
    shared.exact = shared.measuring = True
    made = propagation(BY_HAND, 2, shared)
    exact = gradient_of(made, torch.zeros(4, 2), GRADIENT)
    cost = made.accounts.backward.cost
    assert cost.scores.tolist() == [25, 4, 10, 3]
    assert cost.pair_nnz.tolist() == [2, 1, 1, 3]
    assert (cost.width, float(cost.product_norm)) == (2, pytest.approx(float(exact.norm())))


def test_a_measured_sampled_product_estimates_the_norm_of_the_exact_one():
    full, gradient = random_graph(200), torch.randn(200, 64)
    shared = regime(0.02)
    shared.measuring = True
    made = propagation(full, 64, shared)
    sampled = gradient_of(made, torch.zeros(200, 64), gradient)
    # 8 mixtures of 200 rows: the estimate's deviation is a few percent, the sampled norm is far off.
    assert float(made.accounts.backward.cost.product_norm) == pytest.approx(float((full.T @ gradient).norm()), rel=0.15)
    assert float(sampled.norm()) < 0.6 * float((full.T @ gradient).norm())


def test_timings_keep_the_parts_apart():
    shared = regime(0.5)
    gradient_of(propagation(random_graph(), 4, shared), torch.zeros(30, 4), torch.ones(30, 4))
    seconds = shared.timings.seconds()
    assert all(seconds[part] > 0 for part in ("forward", "backward", "select"))
    assert seconds["allocate"] == 0
    shared.timings.reset()
    assert set(shared.timings.seconds().values()) == {0.0}


class Allocated(TorchDispatchMode):
    """Sums up the elements of new storages of at least `least` elements."""

    def __init__(self, least):
        super().__init__()
        self.least, self.count = least, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.layout is torch.strided and result.numel() >= self.least:
            known = {a.untyped_storage().data_ptr() for a in args if isinstance(a, torch.Tensor) and a.layout is torch.strided}
            self.count += result.untyped_storage().data_ptr() not in known
        return result


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_a_product_makes_its_result_and_no_copy_of_the_dense_operand(reduce, rows_numba):
    made = propagation(random_graph(), 64, regime(0.3, kernel=rows_numba.KERNEL), reduce)
    dense = torch.randn(30, 64)
    made.forward(dense), made.backward(dense)  # prepared
    for product in (made.forward, made.backward):
        with Allocated(30 * 64) as allocated:
            product(dense)
        assert allocated.count == 1


def test_mean_counts_the_self_loop_in_the_row():
    full = torch.tensor([[1.0, 1], [0, 1]])
    made = propagation(full, 1, regime(), "mean")
    assert propagate(made, torch.tensor([[2.0], [4.0]])).tolist() == [[3], [4]]


def test_a_matrix_that_is_not_square_has_no_diagonal():
    matrix = csr(torch.tensor([[1.0, 0, 2], [0, 3, 0]]))
    adjacency = Adjacency.from_csr(matrix)
    assert (adjacency.pairs.loops, adjacency.transposed_pairs.loops) == (None, None)
    assert adjacency.matrix is matrix


def test_a_kernel_of_another_device_is_refused():
    shared = regime(kernel=type(mkl.KERNEL)("far", "cuda", "Elsewhere.", mkl.prepare))
    with pytest.raises(ValueError, match="kernel 'far' multiplies on cuda, the adjacency is on cpu"):
        propagation(BY_HAND, 2, shared)


@pytest.mark.parametrize(("dense", "found"), [(torch.zeros(4, 3), r"\(4, 3\)"), (torch.zeros(4, 2).double(), "float64")])
def test_a_dense_operand_of_another_shape_or_dtype_is_refused(dense, found):
    with pytest.raises(ValueError, match=rf"must have shape \(4, 2\) and dtype torch.float32 \(got .*{found}"):
        propagate(propagation(BY_HAND, 2, regime()), dense)


@pytest.mark.parametrize("option", ["diagonal", "approximated"])
def test_an_unknown_option_of_a_sampler_is_refused(option):
    with pytest.raises(ValueError, match=rf"{option} must be one of .* \(got 'some'\)"):
        Sampler(mkl.KERNEL, topk.SELECTION, **{option: "some"})


def test_a_propagation_stands_for_its_layer_by_the_name_of_its_matrix():
    assert Propagation(Adjacency.from_csr(csr(BY_HAND)), 2, regime()).accounts.backward.name == "graph"
