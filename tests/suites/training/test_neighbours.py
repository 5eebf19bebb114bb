"""Mini-batches of training nodes with sampled neighbours, on a graph of 300 nodes."""

import dataclasses

import pytest
import torch

from rsc_bench.suites import graphs
from rsc_bench.suites.training.data import training_data
from rsc_bench.suites.training.neighbours import FANOUTS, FURTHER, Neighbours

GRAPH = graphs.load("small:random")
DATA = training_data(GRAPH)


@pytest.fixture(autouse=True)
def unchecked():
    torch.sparse.check_sparse_tensor_invariants.disable()


def edges_of(adjacency):
    targets = torch.repeat_interleave(torch.arange(adjacency.shape[0]), adjacency.crow_indices().diff())
    return list(zip(targets.tolist(), adjacency.col_indices().tolist(), strict=True))


def test_each_training_node_is_dealt_out_once_an_epoch_and_stands_first_in_its_batch():
    batches = list(Neighbours(DATA, layers=2, seed=0))
    assert len(batches) == len(Neighbours(DATA, layers=2, seed=0)) > 1
    dealt = torch.cat([batch.nodes[batch.train] for batch in batches])
    assert sorted(dealt.tolist()) == sorted(DATA.train.tolist())
    assert all(batch.train.tolist() == list(range(len(batch.train))) for batch in batches)


def test_every_edge_of_a_batch_is_one_of_the_graph_and_no_node_stands_in_it_twice():
    known = set(edges_of(DATA.adjacency))
    for batch in Neighbours(DATA, layers=3, seed=1):
        nodes = batch.nodes.tolist()
        assert len(set(nodes)) == len(nodes)
        found = [(nodes[target], nodes[source]) for target, source in edges_of(batch.adjacency)]
        assert set(found) <= known
        assert len(set(found)) == len(found), "drawn without replacement"


def test_a_node_gets_as_many_neighbours_as_its_hop_has_or_all_that_it_has():
    batch = next(iter(Neighbours(DATA, layers=1, seed=0)))
    degree = DATA.adjacency.crow_indices().diff()[batch.nodes[batch.train]]
    drawn = batch.adjacency.crow_indices().diff()[batch.train]
    assert drawn.tolist() == degree.clamp(max=FANOUTS[0]).tolist()
    deep = next(iter(Neighbours(DATA, layers=4, seed=0)))
    assert max(deep.adjacency.crow_indices().diff().tolist()) == max(FANOUTS[0], FURTHER)


def test_a_hub_gets_different_neighbours_each_time():
    star = torch.sparse_csr_tensor(torch.tensor([0, 200, *[200] * 200]), torch.arange(1, 201), torch.ones(200), (201, 201))
    data = dataclasses.replace(DATA, adjacency=star, features=torch.zeros(201, 1), train=torch.tensor([0]))
    around = Neighbours(data, layers=1, seed=0)
    one, other = ({*next(iter(around)).nodes.tolist()} for _ in range(2))
    assert len(one) == len(other) == 1 + FANOUTS[0]
    assert one != other


def test_a_seed_gives_the_same_batches_again_and_the_next_epoch_others():
    first, again = Neighbours(DATA, 2, seed=3), Neighbours(DATA, 2, seed=3)
    epochs = [[batch.nodes.tolist() for batch in each] for each in (first, again, first)]
    assert epochs[0] == epochs[1] != epochs[2]


def test_weights_come_along():
    values = torch.arange(1.0, DATA.adjacency.values().numel() + 1)
    parts = DATA.adjacency.crow_indices(), DATA.adjacency.col_indices(), values
    weighted = dataclasses.replace(DATA, adjacency=torch.sparse_csr_tensor(*parts, DATA.adjacency.shape))
    known = dict(zip(edges_of(DATA.adjacency), values.tolist(), strict=True))
    batch = next(iter(Neighbours(weighted, 2, seed=0)))
    nodes = batch.nodes.tolist()
    found = zip(edges_of(batch.adjacency), batch.adjacency.values().tolist(), strict=True)
    assert all(known[nodes[target], nodes[source]] == value for (target, source), value in found)
