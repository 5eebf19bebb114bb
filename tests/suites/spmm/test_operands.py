"""The operands of a case are there before anything of it is counted, and the same whichever cases came before."""

import dataclasses
import gc
import weakref

import pytest
import torch

from rsc_bench import allocator
from rsc_bench.harness.measure.work import Skip
from rsc_bench.kernels import Csr
from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.graphs import GraphStore
from rsc_bench.suites.spmm.operands import OperandStore, Product
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.spmm.work import ready

HUB = Product(graphs.load("small:hub"), 5, torch.float32)
CATALOG = catalog()
ON_CPU = [name for name, kernel in CATALOG.exact.items() if kernel.device == "cpu" and kernel.missing() is None]
CHOICES = [choice for name in ON_CPU for choice in (CATALOG.find(name), *CATALOG.sampled(name))]


def another(product=HUB):
    """The same graph as one that nothing has been made of yet."""
    return dataclasses.replace(product, graph=dataclasses.replace(product.graph, name="another"))


def store(gpu_free_bytes=lambda device: 10**9):
    return OperandStore(GraphStore(), gpu_free_bytes=gpu_free_bytes)


def tensors_of(matrix):
    return {name for name, part in vars(matrix).items() if isinstance(part, torch.Tensor)}


def kept_by(made):
    """Which tensors the matrix and its transpose keep."""
    return tensors_of(made.matrix), tensors_of(made.matrix.transpose()), made.matrix.transpose().transpose() is made.matrix


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_no_kernel_leaves_anything_behind_in_what_it_was_prepared_for(choice, reduce):
    product = another(dataclasses.replace(HUB, reduce=reduce))
    store = Store()
    made = store.operands.make(product)
    before = kept_by(made)
    work = ready(product, CATALOG.build(choice, None if choice.selection is None else 0.3), store)()
    work.check(work())
    assert kept_by(made) == before, "it would be memory of the first kernel, and the others would find it"


def test_operands_are_made_once_for_all_kernels():
    operands = store()
    assert operands.make(HUB).matrix is operands.make(HUB).matrix


def test_matrices_last_as_long_as_their_graph():
    operands, product = store(), another()
    matrix = weakref.ref(operands.make(product).matrix)
    gc.collect()
    assert matrix() is not None
    del product
    gc.collect()
    assert matrix() is None


@pytest.fixture
def gpu(monkeypatch):
    """A GPU that is the CPU by another name, whose matrices are copies."""
    monkeypatch.setattr(Csr, "to", lambda self, device: dataclasses.replace(self, _transposed=[]))
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *given: self.clone())


def test_a_gpu_keeps_the_operands_of_one_graph_at_a_time(gpu):
    operands = store()
    first, second = (dataclasses.replace(HUB, device="cuda:0", reduce=reduce) for reduce in ("sum", "mean"))
    matrix = operands.make(first).matrix
    assert operands.make(dataclasses.replace(first, width=7)).matrix is matrix
    gone = weakref.ref(matrix)
    del matrix
    gc.disable()  # a matrix and its transpose refer to each other: left to chance, they would go some time
    try:
        operands.make(second)
        assert gone() is None, "the allocator would count it in the cases of the next"
        assert operands.make(first).matrix is not operands.matrix(HUB.graph, "sum")
    finally:
        gc.enable()


def test_what_is_made_of_a_graph_in_main_memory_is_made_once_however_often_a_gpu_drops_it(gpu, monkeypatch):
    operands, product = store(), dataclasses.replace(another(), device="cuda:0")
    operands.make(product)
    operands.free_gpu()
    monkeypatch.setattr(Csr, "gcn", lambda self: pytest.fail("normalised again"))
    operands.make(product)


@pytest.mark.parametrize(
    ("device", "dtype", "entry_bytes"),
    # An operand, the kernel's copy and two results beside four arrays in float64; for a GPU the gradient beside two references.
    [("cpu", torch.float32, 48), ("cpu", torch.bfloat16, 40), ("cuda:0", torch.float32, 20), ("cuda:0", torch.bfloat16, 20)],
)
def test_main_memory_must_have_room_for_what_is_built_there_on_whichever_device_a_case_runs(device, dtype, entry_bytes):
    operands, product = store(), dataclasses.replace(another(), device=device, dtype=dtype, width=100)
    nodes, nnz = product.graph.nodes, product.graph.edges
    assert operands.main_memory_bytes(product) == max(48 * nnz, 8 * nnz + nodes * 100 * entry_bytes)
    operands.matrix(product.graph, "sum")
    assert operands.main_memory_bytes(product) == nodes * 100 * entry_bytes, "the matrix is made"


def test_where_freed_memory_is_kept_there_must_be_room_for_its_gaps_too(monkeypatch):
    operands, product = store(), dataclasses.replace(another(), width=100)
    operands.matrix(product.graph, "sum")
    monkeypatch.setattr(allocator, "is_kept", lambda: True)
    assert operands.main_memory_bytes(product) == product.graph.nodes * 100 * (48 + 3 * 4)


DOTS = dataclasses.replace(HUB, operation="sddmm")


def test_dot_products_have_the_adjacency_as_it_is_and_two_operands_of_their_own():
    made, neighbours = store().make(DOTS), store().make(dataclasses.replace(HUB, reduce="max"))
    assert made.matrix.all_ones
    assert torch.equal(made.matrix.col, neighbours.matrix.col)
    left, right = made.parts
    assert left.shape == right.shape == (300, 5)
    assert torch.equal(right, neighbours.dense)
    assert not torch.equal(left, right)
    assert float(left.square().sum(1).mean()) == pytest.approx(1, rel=0.2), "scores are of one size, whatever the width is"
    copy = made.copied()
    assert all(map(torch.equal, copy.parts, made.parts))
    assert {part.data_ptr() for part in copy.parts} & {part.data_ptr() for part in made.parts} == set()


def test_a_node_has_its_row_in_any_order_of_them_on_both_sides():
    turned = dataclasses.replace(DOTS, graph=graphs.load("small:hub", reorder="degree"))
    made, found = store().make(DOTS), store().make(turned)
    for one, other in zip(made.parts, found.parts, strict=True):
        assert torch.equal(one[turned.graph.order], other)


@pytest.mark.parametrize(("dtype", "node_bytes", "edge_bytes"), [(torch.float32, 24, 48), (torch.bfloat16, 16, 40)])
def test_main_memory_must_have_room_for_both_operands_and_results_as_long_as_the_matrix(dtype, node_bytes, edge_bytes):
    """Both operands in float32, what they are in the dtype and the kernel's copies; two results beside arrays in float64."""
    operands, product = store(), dataclasses.replace(DOTS, graph=another().graph, dtype=dtype, width=100)
    nodes, nnz = product.graph.nodes, product.graph.edges
    operands.matrix(product.graph, product.normalised)
    assert operands.main_memory_bytes(product) == nodes * 100 * node_bytes + nnz * edge_bytes
    with pytest.raises(Skip, match="300 x 100 operands"):
        OperandStore(NotesDrops(), free_bytes=lambda: 1_000).make(product)


class NotesDrops(GraphStore):
    """Keeps no graph but notes that all but the last were dropped, which makes room."""

    dropped = False

    def keep_last(self):
        self.dropped = True


def test_operands_that_do_not_fit_in_memory_are_skipped_with_the_bytes():
    graphs = NotesDrops()
    edges = HUB.graph.edges
    with pytest.raises(Skip, match=rf"300 x 5 operands and {edges:,} non-zeros need 0.0 GB of memory \(0.0 GB are free\)"):
        OperandStore(graphs, free_bytes=lambda: 1_000).make(HUB)
    assert graphs.dropped, "graphs of earlier cases go first"


def test_operands_fit_where_they_do_without_the_graphs_of_earlier_cases():
    graphs = NotesDrops()
    operands = OperandStore(graphs, free_bytes=lambda: 10**9 if graphs.dropped else 1_000)
    assert operands.make(HUB).dense.shape == (300, 5)


def test_operands_that_do_not_fit_on_the_gpu_are_skipped_with_the_bytes_before_any_is_made(gpu):
    free = [10**9]
    operands, edges = store(gpu_free_bytes=lambda device: free[-1]), HUB.graph.edges
    matrix = weakref.ref(operands.make(dataclasses.replace(HUB, device="cuda:0")).matrix)
    free.append(1_000)
    with pytest.raises(Skip, match=rf"300 x 5 operands and {edges:,} non-zeros need 0.0 GB of GPU memory \(0.0 GB are free\)"):
        operands.make(dataclasses.replace(HUB, device="cuda:0"))
    assert matrix() is None, "what earlier cases left is dropped first"
