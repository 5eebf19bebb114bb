import gc
import subprocess
import sys
import weakref

import pytest
import torch

from rsc_bench import allocator
from rsc_bench.suites.spmm import fingerprint
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


def test_what_a_case_has_left_as_it_was_is_not_read_again_for_the_next_one(monkeypatch):
    store, read = Store(), []
    matrix = store.operands.make(Product(store.graph("small:hub"), 5, torch.float32)).matrix
    usual = fingerprint.sums
    monkeypatch.setattr(fingerprint, "sums", lambda tensor: read.append(tensor) or usual(tensor))
    store.watch(matrix)
    once = len(read)
    assert store.put_back() == []
    store.watch(matrix)
    assert len(read) == 2 * once, "when the first case began, and behind it"
    matrix.col[0] += 1
    assert store.put_back() == ["its operand (col of the matrix)"]


def test_what_is_known_of_a_matrix_keeps_it_from_nobody():
    store = Store()
    matrix = weakref.ref(store.operands.make(Product(store.graph("small:hub"), 5, torch.float32)).matrix)
    store.watch(matrix())
    store.put_back()
    store.make_way(lambda: 1, lambda: 2)
    gc.collect()
    assert matrix() is None


def test_a_process_that_has_more_of_memory_than_it_leaves_makes_way_for_another():
    store = Store()
    graph = store.graph("small:hub")
    for free, taken in ((2, 1), (None, 1), (1, None)):
        store.make_way(lambda free=free: free, lambda taken=taken: taken)
        assert store.graph("small:hub") is graph
    store.make_way(lambda: 1, lambda: 2)
    assert store.graph("small:hub") is not graph


def test_and_so_does_one_that_leaves_less_than_its_last_product_needed():
    store = Store()
    product = Product(graph := store.graph("small:hub"), 5, torch.float32)
    store.operands.make(product)
    needed = store.operands.needed_bytes
    assert needed >= store.operands.main_memory_bytes(product) > 0, "the other process has nothing of it yet"
    store.make_way(lambda: needed, lambda: 1)
    assert store.graph("small:hub") is graph
    store.make_way(lambda: needed - 1, lambda: 1)
    assert store.graph("small:hub") is not graph


KEPT = """
import torch
import rsc_bench
from rsc_bench.harness.measure.memory.process import resident
from rsc_bench.suites.spmm.operands import Product
from rsc_bench.suites.spmm.store import Store

rsc_bench.keep_memory()
store = Store(on_disk=False)
store.operands.make(Product(store.graph("small:hub"), 4, torch.float32))  # loads what the first one does
before = resident()
store.operands.make(Product(store.graph("twin:flickr@0.02"), 16_000, torch.float32))
held = resident() - before
store.make_way(lambda: 0)
print(held, int(open("/proc/self/statm").read().split()[1]) * 4096 - before)
"""


@pytest.mark.skipif(allocator.why_not() is not None, reason="this process's allocator cannot be told to keep memory")
def test_a_process_that_keeps_freed_memory_gives_back_what_it_forgets():
    ended = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, timeout=300, check=True)
    held, left = map(int, ended.stdout.split())
    assert held > 100e6, "the gradient alone is 1,785 x 16,000 x 4 bytes"
    assert left < held / 3
