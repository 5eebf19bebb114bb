"""The sizes are those that the authors publish with the files."""

from pathlib import Path

import pytest
import torch

from rsc_bench.suites.graphs import Graph, load
from rsc_bench.suites.graphs.synthetic.statistics import degrees, edge_homophily

DATA = Path(__file__).parents[4] / "shared" / "data"


def real(name: str) -> Graph:
    if not (DATA / name.partition("#")[0]).is_file():
        pytest.skip(f"the real graph {name} is not in {DATA}")
    return load(f"{DATA / name}")


def test_cora_has_its_published_sizes():
    graph = real("cora.npz")
    assert (graph.name, graph.nodes, graph.classes, graph.directed) == ("cora", 2_708, 7, False)
    assert graph.features.shape == (2_708, 1_433)
    # 5,429 citations, of which 151 pairs cite each other: 10,556 directed edges, as in PyTorch Geometric's Cora.
    assert graph.edges == 10_556
    # 0.81: Zhu et al., NeurIPS 2020 (arXiv 2006.11468).
    assert edge_homophily(graph.adjacency, graph.labels) == pytest.approx(0.81, abs=0.005)


def test_the_facebook_page_page_graph_has_its_published_sizes():
    graph = real("facebook_edges.csv")
    assert (graph.name, graph.nodes, graph.classes, graph.directed) == ("facebook_edges", 22_470, 4, False)
    adjacency = graph.adjacency.to_scipy()
    loops = int(adjacency.diagonal().sum())
    # Each of 171,002 edges both ways; a page that likes itself has one entry.
    assert graph.edges == 2 * 171_002 - loops
    assert (adjacency != adjacency.T).nnz == 0
    assert graph.features.shape == (22_470, 4_714)
    assert (float(graph.features.min()), float(graph.features.max())) == (0.0, 1.0)
    assert set(graph.labels.tolist()) == {0, 1, 2, 3}


def test_cornell5_has_its_published_sizes():
    graph = real("Cornell5.mat")
    found = degrees(graph.adjacency)
    assert (graph.name, graph.nodes, graph.edges, graph.directed) == ("Cornell5", 18_660, 1_581_554, False)
    assert found.largest == 3_156
    assert round(found.mean) == 85
    assert graph.adjacency.value is None
    assert graph.classes == 2
    # Two genders of nearly equal number: by chance one half of the edges would agree.
    assert 0.5 < edge_homophily(graph.adjacency, graph.labels) < 0.6
    assert int((graph.labels == -1).sum()) > 0


def test_cornell5_by_class_year_is_strongly_homophilous():
    graph = real("Cornell5.mat#5")
    sizes = torch.bincount(graph.labels[graph.labels >= 0]).double()
    by_chance = float((sizes / sizes.sum()).square().sum())
    assert graph.name == "Cornell5#5"
    assert graph.digest == real("Cornell5.mat").digest
    assert edge_homophily(graph.adjacency, graph.labels) > 3 * by_chance
