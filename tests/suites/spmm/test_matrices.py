import numpy as np
import pytest
import torch

from rsc_bench.suites.graphs import GraphStore
from rsc_bench.suites.graphs.kept import tensors
from rsc_bench.suites.graphs.kept.folder import Folder
from rsc_bench.suites.spmm import matrices

PARTS = ("rowptr", "col", "entries", *matrices._COUNTED)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "FEWEST_EDGES", 1)
    return Folder(tmp_path, lambda taken: 10**9)


def weighted(tmp_path):
    path = tmp_path / "w.mtx"
    path.write_text("%%MatrixMarket matrix coordinate real general\n3 3 4\n1 2 2.5\n2 1 1\n3 1 4\n2 2 3\n")
    return GraphStore(on_disk=False).load(path)


@pytest.mark.parametrize("reduce", ["max", "min"])
@pytest.mark.parametrize("name", ["small:directed", "weighted"])
def test_of_an_extremum_it_is_the_adjacency_itself_with_nothing_but_ones(disk, tmp_path, name, reduce):
    graph = weighted(tmp_path) if name == "weighted" else GraphStore().load(name)
    pattern = (graph.adjacency.to_scipy() != 0).toarray()
    for found in (matrices.sparse_operand(disk, graph, reduce), matrices.sparse_operand(disk, graph, reduce)):
        assert found.all_ones
        np.testing.assert_array_equal(found.to_scipy().toarray(), pattern)
        np.testing.assert_array_equal(found.transpose().to_scipy().toarray(), pattern.T)
        assert (found.name, found.transpose().name) == (graph.adjacency.name, f"{graph.adjacency.name}ᵀ")


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("name", ["small:hub", "small:directed", "small:empty-rows", "weighted"])
def test_a_matrix_from_the_cache_is_the_one_that_was_made(disk, tmp_path, name, reduce):
    graph = weighted(tmp_path) if name == "weighted" else GraphStore().load(name)
    made = (graph.adjacency.gcn() if reduce == "sum" else graph.adjacency.mean()).transpose()
    for found in (
        matrices.sparse_operand(disk, graph, reduce),
        matrices.sparse_operand(disk, graph, reduce),
        matrices.sparse_operand(None, graph, reduce),
    ):
        assert found.transpose().transpose() is found
        for mine, theirs in ((found, made), (found.transpose(), made.transpose())):
            assert (mine.shape, mine.name) == (theirs.shape, theirs.name)
            for part in PARTS:
                one, other = getattr(mine, part), getattr(theirs, part)
                assert (one is None) == (other is None)
                assert one is None or (one.dtype == other.dtype and torch.equal(one, other))
            assert torch.equal(mine.values64(), theirs.values64())
            assert (mine.scaling is None) == (theirs.scaling is None)


def test_it_is_read_and_not_made_the_second_time(disk, monkeypatch):
    graph = GraphStore().load("small:hub")
    matrices.sparse_operand(disk, graph, "sum")
    monkeypatch.setattr(matrices, "_taken_apart", lambda matrix: pytest.fail("it was made"))
    matrices.sparse_operand(disk, graph, "sum")


def test_another_graph_and_another_normalisation_are_others(disk):
    for graph in map(GraphStore().load, ("small:hub", "small:random")):
        for reduce in ("sum", "mean"):
            matrices.sparse_operand(disk, graph, reduce)
    assert len(list(disk.path.iterdir())) == 4


def test_what_is_made_of_a_small_graph_is_not_kept(disk, monkeypatch):
    monkeypatch.setattr(tensors, "FEWEST_EDGES", 10**6)
    matrices.sparse_operand(disk, GraphStore().load("small:hub"), "sum")
    assert list(disk.path.iterdir()) == []


def test_a_damaged_one_is_made_anew(disk):
    graph = GraphStore().load("small:hub")
    first = matrices.sparse_operand(disk, graph, "sum")
    path = next(disk.path.glob("*/transpose_col.npy"))
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    assert torch.equal(matrices.sparse_operand(disk, graph, "sum").transpose().col, first.transpose().col)


def test_an_order_is_found_once(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "FEWEST_EDGES", 1)
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path))
    first = GraphStore().load("small:hub", reorder="rcm")
    monkeypatch.setattr("rsc_bench.suites.graphs.reordering.order_of", lambda *_: pytest.fail("it was looked for"))
    assert torch.equal(GraphStore().load("small:hub", reorder="rcm").order, first.order)
    with pytest.raises(BaseException, match="it was looked for"):
        GraphStore(on_disk=False).load("small:hub", reorder="rcm")
