"""The operands of a case are there before anything of it is counted, and the same whichever cases came before."""

import dataclasses
import gc
import weakref

import pytest
import torch

from rsc_bench.harness.measure.work import Skip
from rsc_bench.kernels import Csr
from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.spmm import operands
from rsc_bench.suites.spmm import work as products
from rsc_bench.suites.spmm.operands import Product

HUB = Product(graphs.load("small:hub"), 5, torch.float32)
CATALOG = catalog()
ON_CPU = [name for name, kernel in CATALOG.exact.items() if kernel.device == "cpu" and kernel.missing() is None]
CHOICES = [choice for name in ON_CPU for choice in (CATALOG.find(name), *CATALOG.sampled(name))]


def another(product=HUB):
    """The same graph as one that nothing has been made of yet."""
    return dataclasses.replace(product, graph=dataclasses.replace(product.graph, name="another"))


def tensors_of(matrix):
    return {name for name, part in vars(matrix).items() if isinstance(part, torch.Tensor)}


def held(made):
    """Which tensors the matrix and its transpose have."""
    return tensors_of(made.matrix), tensors_of(made.matrix.transpose()), made.matrix.transpose().transpose() is made.matrix


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_no_kernel_leaves_anything_behind_in_what_it_was_prepared_for(choice, reduce):
    product = another(dataclasses.replace(HUB, reduce=reduce))
    made = operands.make(product)
    before = held(made)
    work = products.ready(product, CATALOG.build(choice, None if choice.selection is None else 0.3))()
    work.check(work())
    assert held(made) == before, "it would be memory of the first kernel, and the others would find it"


def test_operands_are_made_once_for_all_kernels():
    assert operands.make(HUB).matrix is operands.make(HUB).matrix


def test_matrices_last_as_long_as_their_graph():
    product = another()
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
    monkeypatch.setattr(operands.cuda, "free_bytes", lambda device: 10**9)
    yield
    operands.forget()


def test_a_gpu_holds_the_operands_of_one_graph_at_a_time(gpu):
    first, second = (dataclasses.replace(HUB, device="cuda:0", reduce=reduce) for reduce in ("sum", "mean"))
    matrix = operands.make(first).matrix
    assert operands.make(dataclasses.replace(first, width=7)).matrix is matrix
    gone = weakref.ref(matrix)
    del matrix
    gc.disable()  # a matrix and its transpose hold each other: left to chance, they would go some time
    try:
        operands.make(second)
        assert gone() is None, "the allocator would tell of it in the cases of the next"
        assert operands.make(first).matrix is not operands._matrix(HUB.graph, "sum")
    finally:
        gc.enable()


def test_what_is_made_of_a_graph_in_main_memory_is_made_once_however_often_a_gpu_forgets_it(gpu, monkeypatch):
    product = dataclasses.replace(another(), device="cuda:0")
    operands.make(product)
    operands.forget()
    monkeypatch.setattr(Csr, "gcn", lambda self: pytest.fail("normalised again"))
    operands.make(product)


@pytest.mark.parametrize(
    ("device", "dtype", "entry_bytes"),
    # An operand and two results beside four arrays in float64; for a GPU the gradient in float32 beside two references.
    [("cpu", torch.float32, 44), ("cpu", torch.bfloat16, 38), ("cuda:0", torch.float32, 20), ("cuda:0", torch.bfloat16, 20)],
)
def test_main_memory_must_hold_what_is_built_there_on_whichever_device_a_case_runs(device, dtype, entry_bytes):
    product = dataclasses.replace(another(), device=device, dtype=dtype, width=100)
    nodes, nnz = product.graph.nodes, product.graph.edges
    assert operands._main_memory_bytes(product) == max(48 * nnz, 8 * nnz + nodes * 100 * entry_bytes)
    operands._matrix(product.graph, "sum")
    assert operands._main_memory_bytes(product) == nodes * 100 * entry_bytes, "the matrix is made"


def test_operands_that_do_not_fit_in_memory_are_skipped_with_the_bytes(monkeypatch):
    let_go = []
    monkeypatch.setattr(operands.main_memory, "free_bytes", lambda: 1_000)
    monkeypatch.setattr(operands.graphs, "let_go", lambda: let_go.append(True))
    edges = HUB.graph.edges
    with pytest.raises(Skip, match=rf"300 x 5 operands and {edges:,} non-zeros need 0.0 GB of memory \(0.0 GB are free\)"):
        operands.make(HUB)
    assert let_go, "graphs of earlier cases go first"


def test_operands_fit_where_they_do_without_the_graphs_of_earlier_cases(monkeypatch):
    free = [1_000]
    monkeypatch.setattr(operands.main_memory, "free_bytes", lambda: free[-1])
    monkeypatch.setattr(operands.graphs, "let_go", lambda: free.append(10**9))
    assert operands.make(HUB).dense.shape == (300, 5)


def test_operands_that_do_not_fit_on_the_gpu_are_skipped_with_the_bytes_before_any_is_made(monkeypatch):
    forgotten = []
    monkeypatch.setattr(operands.cuda, "free_bytes", lambda device: 1_000)
    monkeypatch.setattr(operands, "forget", lambda: forgotten.append(True))
    edges = HUB.graph.edges
    with pytest.raises(Skip, match=rf"300 x 5 operands and {edges:,} non-zeros need 0.0 GB of GPU memory \(0.0 GB are free\)"):
        operands.make(dataclasses.replace(HUB, device="cuda:0"))
    assert forgotten, "what earlier cases left is let go of first"
