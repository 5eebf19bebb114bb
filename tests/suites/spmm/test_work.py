import dataclasses
import gc
import weakref

import numpy as np
import pytest
import torch

from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.kernels import Kernel, Unsupported
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.sampled import compaction
from rsc_bench.kernels.sampled.compose import Sampling, compose
from rsc_bench.kernels.sampled.selections import topk
from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import Choice, catalog
from rsc_bench.suites.spmm import work
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.spmm.operands import Product
from rsc_bench.suites.spmm.reference import References, relative_error
from rsc_bench.suites.spmm.store import Store

STORE = Store()
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


def ready(kernel, product=HUB):
    return work.ready(product, kernel, STORE)


def checked(kernel, product=HUB):
    found = ready(kernel, product)()
    return found.check(found())


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
    made = STORE.operands.make(product)
    # The operands are float32, so the values of A are rounded once.
    found = torch.from_numpy(STORE.references.reference(product, made))
    assert relative_error(found, forward.T @ made.dense.double().numpy()) < 2**-24


def test_a_right_kernel_passes_with_the_facts_of_its_product():
    found = checked(torch_reduce.KERNEL)
    accuracy, matrix = found.accuracy, found.matrix
    assert accuracy.rel_error == accuracy.check_error < 1e-6
    assert (matrix.rows, matrix.columns, matrix.kept_pairs) == (300, 300, None)
    assert matrix.nnz == matrix.kept_nnz == HUB.graph.adjacency.gcn().nnz
    assert matrix.graph_digest == HUB.graph.digest


def test_a_sampled_kernel_is_right_where_it_multiplies_what_it_kept():
    found = checked(compose(topk.SELECTION, torch_reduce.KERNEL, Sampling(0.3)))
    accuracy, matrix = found.accuracy, found.matrix
    assert accuracy.check_error < 1e-6
    assert 0.05 < accuracy.rel_error < 1
    assert matrix.kept_nnz <= 0.3 * matrix.nnz
    assert 0 < matrix.kept_pairs < 300


@pytest.mark.parametrize(
    ("change", "shown"),
    [(lambda entry: float("nan"), "nan"), (lambda entry: float("inf"), "inf|nan"), (lambda entry: entry + 1, "got 0.0")],
    ids=["nan", "inf", "off"],
)
def test_one_entry_that_is_off_makes_a_kernel_wrong(change, shown):
    with pytest.raises(Wrong, match=rf"relative error against float64 must be at most [\d.e-]+ \(.*({shown})"):
        checked(spoilt(one_entry(change)))


def test_a_result_of_another_shape_is_wrong():
    with pytest.raises(Wrong, match=r"result must have shape \(300, 5\) \(got \(300, 4\)\)"):
        checked(spoilt(lambda result: result[:, :4]))


def test_a_kernel_that_cannot_is_skipped_with_its_reason():
    from rsc_bench.kernels.exact import mkl

    with pytest.raises(Skip, match="MKL multiplies float32 and float64"):
        checked(mkl.KERNEL, dataclasses.replace(HUB, dtype=torch.bfloat16))


def test_the_error_of_sampling_is_that_of_the_first_result_and_worked_out_once(monkeypatch):
    compared = []
    monkeypatch.setattr(work, "relative_error", lambda found, wanted: compared.append(found) or relative_error(found, wanted))
    made = ready(compose(topk.SELECTION, torch_reduce.KERNEL, Sampling(0.3)))()
    first, again = made.check(made()), made.check(made())
    assert first.accuracy == again.accuracy
    assert len(compared) == 1


def test_a_sampled_kernel_that_spends_too_much_is_wrong():
    from rsc_bench.kernels.sampled.selections import Kept, Selection

    greedy = Selection("greedy", "All.", lambda scores, cost, most, generator: Kept(torch.ones(len(scores), dtype=torch.bool)))
    with pytest.raises(Wrong, match="multiplied non-zeros must be at most"):
        checked(compose(greedy, torch_reduce.KERNEL, Sampling(0.1)))


EDGES = [name for name, selection in catalog().selections.items() if selection.edges is not None]


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_a_selection_of_edges_is_held_to_the_product_of_its_edges(name, reduce):
    found = checked(
        compose(catalog().selections[name], torch_reduce.KERNEL, Sampling(0.3)), dataclasses.replace(HUB, reduce=reduce)
    )
    nnz = STORE.operands.make(HUB).matrix.nnz
    assert found.accuracy.check_error < 1e-6
    assert found.accuracy.rel_error > 0.1
    assert (found.matrix.nnz, found.matrix.kept_nnz) == (nnz, int(0.3 * nnz))
    assert 0 < found.matrix.kept_pairs <= 300


def test_a_smaller_matrix_without_what_was_kept_is_wrong(monkeypatch):
    gather = compaction.of_edges

    def dropping(matrix, separable):
        return lambda edges: gather(matrix, separable)(dataclasses.replace(edges, places=edges.places[1:]))

    monkeypatch.setattr(compaction, "of_edges", dropping)
    with pytest.raises(Wrong, match="relative error against float64"):
        checked(compose(catalog().selections["edges_strided"], torch_reduce.KERNEL, Sampling(0.3)))


def test_the_period_of_a_cached_kernel_is_its_interval():
    assert ready(compose(topk.SELECTION, torch_reduce.KERNEL, Sampling(0.3, interval=10)))().period == 10
    assert ready(torch_reduce.KERNEL)().period == 1


def test_an_error_is_relative_to_what_is_wanted_and_plain_where_that_is_nothing():
    assert relative_error(torch.tensor([3.0, 4.0]), np.array([0.0, 4.0])) == 0.75
    assert relative_error(torch.tensor([3.0, 4.0]), np.zeros(2)) == 5.0


def test_a_reference_is_made_once_for_kernels_that_select_alike_and_keeps_no_graph():
    made = []
    references = References(lambda matrix, dense, weights: made.append(weights) or np.zeros(1))
    graph = dataclasses.replace(HUB.graph, name="copy")
    product, weights = dataclasses.replace(HUB, graph=graph), torch.ones(300)
    operands = STORE.operands.make(HUB)
    for given in (None, weights, weights.clone(), None, weights * 2):
        references.reference(product, operands, given)
    assert len(made) == 3
    gone = weakref.ref(graph)
    del graph, product
    assert gone() is None


@pytest.mark.parametrize("interval", [1, 10])
def test_what_was_prepared_goes_with_its_work_and_waits_for_no_collector(interval):
    made = ready(compose(topk.SELECTION, torch_reduce.KERNEL, Sampling(0.3, interval)))()
    made.check(made())
    gone = weakref.ref(made)
    gc.disable()
    try:
        del made
        assert gone() is None, "its memory would still be taken while the next case is measured"
    finally:
        gc.enable()


def noting(done, tune=True):
    """A kernel that writes down what is done to it."""

    def prepare(matrix, width, dtype, reduce="sum"):
        done.append("prepare")
        return torch_reduce.prepare(matrix, width, dtype, reduce)

    return Kernel("noting", "cpu", "Writes down.", prepare, tune=(lambda *given: done.append("tune")) if tune else None)


def test_a_kernel_is_tuned_before_its_preparation_and_the_seconds_of_it_are_known():
    done = []
    prepare = ready(noting(done))
    assert done == ["tune"]
    assert prepare().tune_s > 0
    assert done == ["tune", "prepare"]


def test_where_there_is_nothing_to_tune_there_are_no_seconds():
    assert ready(noting([], tune=False))().tune_s is None


def test_a_kernel_that_cannot_be_tuned_for_a_product_is_skipped_with_its_reason():
    def tune(*given):
        raise Unsupported("not for this width")

    with pytest.raises(Skip, match="not for this width"):
        ready(dataclasses.replace(noting([]), tune=tune))


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("budget", [None, 0.3])
def test_in_another_order_of_the_nodes_the_product_is_the_same_with_its_rows_reordered(reduce, budget):
    def result(graph):
        kernel = torch_reduce.KERNEL if budget is None else compose(topk.SELECTION, torch_reduce.KERNEL, Sampling(budget))
        made = ready(kernel, Product(graph, 5, torch.float32, reduce))()
        found = made()
        return found, made.check(found)

    found, checked = result(graphs.load("small:directed", reorder="degree"))
    source, as_is = result(graphs.load("small:directed"))
    assert torch.allclose(found, source[graphs.load("small:directed", reorder="degree").order], rtol=1e-5, atol=1e-6)
    assert (checked.matrix.kept_nnz, checked.matrix.kept_pairs) == (as_is.matrix.kept_nnz, as_is.matrix.kept_pairs)
    assert checked.accuracy.rel_error == pytest.approx(as_is.accuracy.rel_error, rel=1e-5, abs=1e-6)


def test_a_case_whose_graph_memory_is_too_small_for_is_skipped():
    class Full:
        def graph(self, name, reorder):
            raise graphs.GraphTooLargeError(f"graph {name!r}: making it needs 4.8 GB")

    name = "twin:ogbn-products@0.8"
    setting = Setting("growth", name, name, 64, Choice("torch_reduce"), None, "float32", "sum", "cpu")
    with pytest.raises(Skip, match=r"^graph 'twin:ogbn-products@0.8': making it needs 4.8 GB$"):
        work.from_setting(setting, catalog(), Full())
