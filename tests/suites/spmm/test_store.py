import torch

from rsc_bench.suites.spmm.operands import Product
from rsc_bench.suites.spmm.store import Store


def test_a_run_makes_a_graph_and_what_is_computed_of_it_once():
    store = Store()
    graph = store.graph("small:hub")
    product = Product(graph, 5, torch.float32)
    made = store.operands.make(product)
    assert store.graph("small:hub") is graph
    assert store.operands.make(product).matrix is made.matrix
    assert store.references.reference(product, made) is store.references.reference(product, made)


def test_runs_share_nothing():
    assert Store().graph("small:hub") is not Store().graph("small:hub")


def test_a_graph_in_another_order_has_operands_of_its_own():
    store = Store()
    source, turned = store.graph("small:hub"), store.graph("small:hub", reorder="degree")
    first, second = (store.operands.make(Product(graph, 5, torch.float32)) for graph in (source, turned))
    assert torch.equal(second.dense, first.dense[turned.order])


def test_a_process_that_has_more_of_memory_than_it_leaves_makes_way_for_another():
    store = Store()
    graph = store.graph("small:hub")
    for free, taken in ((2, 1), (None, 1), (1, None)):
        store.make_way(lambda free=free: free, lambda taken=taken: taken)
        assert store.graph("small:hub") is graph
    store.make_way(lambda: 1, lambda: 2)
    assert store.graph("small:hub") is not graph
