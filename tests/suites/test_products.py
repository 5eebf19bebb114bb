import dataclasses

import numpy as np
import pytest
import torch

from harness.measure import Skip, Wrong
from kernels import Kernel
from kernels.exact import torch_reduce
from kernels.sampled import topk
from kernels.sampled.compose import Sampling, compose
from suites import graphs, products
from suites.products import Product, relative_error

HUB = Product(graphs.load("small:hub"), 5, torch.float32)


def spoilt(spoil):
    """A kernel that computes the product and then spoils it."""

    def prepare(matrix, width, dtype, reduce="sum"):
        right = torch_reduce.prepare(matrix, width, dtype, reduce)
        return lambda dense: spoil(right(dense))

    return Kernel("spoilt", "cpu", "Spoils.", prepare)


def one_entry(change):
    def spoil(result):
        result[3, 2] = change(result[3, 2])
        return result

    return spoil


def checked(kernel, product=HUB):
    work = products.work(product, kernel)
    return work.check(work())


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_the_reference_is_the_backward_product_in_float64(reduce):
    product = dataclasses.replace(HUB, reduce=reduce)
    adjacency = HUB.graph.adjacency.to_scipy().toarray()
    if reduce == "sum":
        np.fill_diagonal(adjacency, 0)
    degree = adjacency.sum(1)
    if reduce == "mean":
        forward = adjacency / np.maximum(degree, 1)[:, None]
    else:
        forward = adjacency / np.sqrt(np.outer(degree + 1, degree + 1))
    gradient = products._dense(product).double().numpy()
    # The operands are float32, so the values of A are rounded once.
    assert relative_error(products.reference(product), forward.T @ gradient) < 2**-24


def test_a_right_kernel_passes_with_the_facts_of_its_product():
    found = checked(torch_reduce.KERNEL)
    assert found.rel_error == found.check_error < 1e-6
    assert (found.rows, found.columns, found.kept_pairs) == (300, 300, None)
    assert found.nnz == found.kept_nnz == HUB.graph.adjacency.gcn().nnz
    assert found.graph_digest == HUB.graph.digest


def test_a_sampled_kernel_is_right_where_it_multiplies_what_it_kept():
    found = checked(compose(topk.SELECTION, torch_reduce.KERNEL, Sampling(0.3)))
    assert found.check_error < 1e-6
    assert 0.05 < found.rel_error < 1
    assert found.kept_nnz <= 0.3 * found.nnz
    assert 0 < found.kept_pairs < 300


@pytest.mark.parametrize(
    ("change", "shown"),
    [(lambda entry: float("nan"), "nan"), (lambda entry: float("inf"), "inf|nan"), (lambda entry: entry + 1, "got 0.0")],
    ids=["nan", "inf", "off"],
)
def test_one_entry_that_is_off_makes_a_kernel_wrong(change, shown):
    with pytest.raises(Wrong, match=rf"relative error against float64 must be at most 1e-05 \(.*({shown})"):
        checked(spoilt(one_entry(change)))


def test_a_result_of_another_shape_is_wrong():
    with pytest.raises(Wrong, match=r"result must have shape \(300, 5\) \(got \(300, 4\)\)"):
        checked(spoilt(lambda result: result[:, :4]))


def test_a_kernel_that_cannot_is_skipped_with_its_reason():
    from kernels.exact import mkl

    with pytest.raises(Skip, match="MKL multiplies float32 and float64"):
        checked(mkl.KERNEL, dataclasses.replace(HUB, dtype=torch.bfloat16))


def test_a_sampled_kernel_that_spends_too_much_is_wrong():
    from kernels.sampled.selection import Kept, Selection

    greedy = Selection("greedy", "All.", lambda scores, cost, most, generator: Kept(torch.ones(len(scores), dtype=torch.bool)))
    with pytest.raises(Wrong, match="multiplied non-zeros must be at most"):
        checked(compose(greedy, torch_reduce.KERNEL, Sampling(0.1)))


def test_the_period_of_a_cached_kernel_is_its_interval():
    assert products.work(HUB, compose(topk.SELECTION, torch_reduce.KERNEL, Sampling(0.3, interval=10))).period == 10
    assert products.work(HUB, torch_reduce.KERNEL).period == 1


def test_an_error_is_relative_to_what_is_wanted_and_plain_where_that_is_nothing():
    assert relative_error(np.array([3.0, 4.0]), np.array([0.0, 4.0])) == 0.75
    assert relative_error(np.array([3.0, 4.0]), np.zeros(2)) == 5.0


def test_references_are_kept_until_they_fill_their_bytes():
    kept, made = products._Kept(most_bytes=100), []

    def get(key):
        return kept.get(key, lambda: made.append(key) or np.full(5, key, dtype=np.float64))  # 40 bytes each

    for key in (1, 2, 1, 3, 1, 2):
        assert get(key)[0] == key
    assert made == [1, 2, 3, 2], "1 is used again and again and stays; 2 makes room for 3"


def test_operands_that_do_not_fit_in_memory_are_skipped_with_the_bytes(monkeypatch):
    monkeypatch.setattr(products.main_memory, "free_bytes", lambda: 1_000)
    with pytest.raises(Skip, match=r"300 x 5 operands need 0.0 GB of memory \(0.0 GB are free\)"):
        products.make_operands(HUB)


def test_operands_that_do_not_fit_on_the_gpu_are_skipped_with_the_bytes_before_any_is_made(monkeypatch):
    forgotten = []
    monkeypatch.setattr(products.cuda, "free_bytes", lambda device: 1_000)
    monkeypatch.setattr(products, "forget_operands", lambda: forgotten.append(True))
    edges = HUB.graph.edges
    with pytest.raises(Skip, match=rf"300 x 5 operands and {edges:,} non-zeros need 0.0 GB of GPU memory \(0.0 GB are free\)"):
        products.make_operands(dataclasses.replace(HUB, device="cuda:0"))
    assert forgotten, "what earlier cases left is let go of first"


def test_operands_are_made_once_for_all_kernels():
    products.make_operands(HUB)
    matrix = products._matrix(HUB)
    assert matrix is products._matrix(HUB)
    assert "column_norms" in vars(matrix)


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("budget", [None, 0.3])
def test_in_another_order_of_the_nodes_the_product_is_the_same_with_its_rows_reordered(reduce, budget):
    def result(graph):
        kernel = torch_reduce.KERNEL if budget is None else compose(topk.SELECTION, torch_reduce.KERNEL, Sampling(budget))
        work = products.work(Product(graph, 5, torch.float32, reduce), kernel)
        found = work()
        return found, work.check(found)

    found, checked = result(graphs.load("small:directed", reorder="degree"))
    source, as_is = result(graphs.load("small:directed"))
    assert torch.allclose(found, source[graphs.load("small:directed", reorder="degree").order], rtol=1e-5, atol=1e-6)
    assert (checked.kept_nnz, checked.kept_pairs) == (as_is.kept_nnz, as_is.kept_pairs)
    assert checked.rel_error == pytest.approx(as_is.rel_error, rel=1e-5, abs=1e-6)
