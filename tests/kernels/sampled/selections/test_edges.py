"""What every selection of edges must do: a new one is tested the moment its file exists."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.rsc import approximate
from rsc_bench.kernels.sampled import compaction
from rsc_bench.kernels.sampled.compose import Sampling, compose
from rsc_bench.kernels.sampled.selections import Edges, Selection, most_a_row
from rsc_bench.kernels.sampled.selections._edges import kept_a_row
from rsc_bench.plugins import PluginError, load
from rsc_bench.suites.spmm import contract

EDGES = {name: each for name, each in load("selection").items() if each.edges is not None}


@pytest.fixture(params=sorted(EDGES))
def selection(request):
    return EDGES[request.param]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows_of(*counts, columns=200, weighted=True):
    """A matrix whose rows have these many non-zeros."""
    generator = seeded(1)
    col = [torch.randperm(columns, generator=generator)[:count].sort().values for count in counts]
    rowptr = torch.tensor([0, *np.cumsum(counts)], dtype=torch.int32)
    entries = torch.randn(int(rowptr[-1]), generator=generator) if weighted else None
    return Csr(rowptr, torch.cat(col).int(), entries, (len(counts), columns), "rows")


def drawn(selection, matrix, most_nnz, seed=0):
    return selection.edges(matrix, most_nnz)(seeded(seed))


def kept_counts(matrix, edges):
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0]), matrix.row_nnz)
    return torch.bincount(rows[edges.places], minlength=matrix.shape[0]).tolist()


def test_the_four_of_the_papers_are_there():
    assert {"edges_uniform", "edges_strided", "edges_adaptive", "edges_degree"} <= set(EDGES)


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(0, 120), min_size=1, max_size=12), seed=st.integers(0, 2**31), budget=st.floats(0, 1))
@pytest.mark.parametrize("name", sorted(EDGES))
def test_the_kept_edges_are_of_the_matrix_each_once_and_never_more_than_may_be(name, counts, seed, budget):
    matrix = rows_of(*counts)
    most = int(budget * matrix.nnz)
    places = drawn(EDGES[name], matrix, most, seed).places
    assert places.dtype is torch.int64
    assert len(places) == most  # all that was paid for
    assert torch.equal(places, places.unique())
    assert not len(places) or 0 <= int(places[0]) <= int(places[-1]) < matrix.nnz


def test_what_can_pay_for_all_edges_keeps_all(selection):
    matrix = rows_of(0, 5, 120, 1)
    assert drawn(selection, matrix, matrix.nnz).places.tolist() == list(range(matrix.nnz))


def test_equal_generators_keep_equal_edges(selection):
    matrix = rows_of(3, 120, 0, 60)
    choose = selection.edges(matrix, 50)
    assert torch.equal(choose(seeded(3)).places, choose(seeded(3)).places)


def test_what_was_given_is_left_as_it_was(selection):
    matrix = rows_of(3, 120, 0, 60)
    before = [part.clone() for part in (matrix.rowptr, matrix.col, matrix.entries)]
    drawn(selection, matrix, 50)
    assert all(map(torch.equal, before, (matrix.rowptr, matrix.col, matrix.entries)))


@pytest.mark.parametrize("name", ["edges_uniform", "edges_strided", "edges_adaptive"])
def test_each_row_keeps_as_many_as_any_other_that_has_them(name):
    matrix = rows_of(3, 120, 0, 60, 20)
    assert kept_counts(matrix, drawn(EDGES[name], matrix, 3 + 10 * 3)) == [3, 10, 0, 10, 10]
    # One that is left over: the first of the longer rows.
    assert kept_counts(matrix, drawn(EDGES[name], matrix, 3 + 10 * 3 + 1)) == [3, 11, 0, 10, 10]


def test_the_most_of_a_row_is_the_largest_that_fits():
    counts = torch.tensor([3, 120, 0, 60, 20])
    assert [most_a_row(counts, room) for room in (0, 3, 4, 33, 36, 203, 10**9)] == [0, 0, 1, 10, 11, 120, 120]
    assert most_a_row(counts[:0], 5) == 0
    assert kept_a_row(counts, 35).tolist() == [3, 11, 0, 11, 10]


def test_strided_edges_are_at_equal_distances():
    places = drawn(EDGES["edges_strided"], rows_of(100), 10).places
    assert places.tolist() == list(range(0, 100, 10))


def test_adaptive_edges_are_single_where_most_is_kept_and_runs_where_little_is():
    def gaps(length, kept):
        return drawn(EDGES["edges_adaptive"], rows_of(length), kept).places.diff().tolist()

    assert set(gaps(15, 10)) == {1, 2}
    assert gaps(160, 20).count(1) == 17  # runs of 8, 8 and 4
    assert gaps(200, 16).count(1) == 14  # n/K is 12: two runs of 8


def test_uniform_keeps_each_edge_of_a_row_equally_often():
    matrix = rows_of(10, 7)
    choose, generator = EDGES["edges_uniform"].edges(matrix, 6), seeded()
    counts = sum(torch.bincount(choose(generator).places, minlength=17) for _ in range(2000))
    assert kept_counts(matrix, choose(generator)) == [3, 3]
    # Binomial with 2000 draws of 3/10 and 3/7: standard deviations of 20.5 and 22.1; five of them.
    assert torch.all((counts[:10] - 600).abs() <= 103)
    assert torch.all((counts[10:] - 857).abs() <= 111)


def test_edges_between_nodes_of_few_neighbours_are_kept_rather():
    star = torch.stack(
        [torch.cat([torch.zeros(100), torch.arange(101, 111)]), torch.cat([torch.arange(1, 101), torch.arange(111, 121)])]
    )
    matrix = Csr.from_edge_index(star.long(), 121)
    choose, generator = EDGES["edges_degree"].edges(matrix, 11), seeded()
    counts = sum(torch.bincount(choose(generator).places, minlength=110) for _ in range(300))
    # Of a leaf of the star 1/1 + 1/100, of a lonely edge 1/1 + 1/1: nearly twice.
    assert 1.6 < float(counts[100:].double().mean() / counts[:100].double().mean()) < 2.2


@pytest.mark.parametrize("values", ["values", "no-values", "factors"])
@pytest.mark.parametrize("separable", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_the_smaller_matrix_has_what_was_kept(values, separable, scaled):
    matrix = contract.matrix_of(values)
    edges = Edges(torch.tensor([0, 4, 5, 20, 30]), torch.arange(1.0, 6.0) if scaled else None)
    smaller = compaction.of_edges(matrix, separable)(edges)
    whole, weights = matrix.to_scipy(), torch.zeros(matrix.nnz, dtype=torch.float64)
    weights[edges.places] = torch.ones(5, dtype=torch.float64) if edges.scale is None else edges.scale.double()
    whole.data *= weights.numpy()
    np.testing.assert_allclose(smaller.to_scipy().toarray(), whole.toarray(), rtol=1e-6)
    assert smaller.nnz == 5
    assert (smaller.scaling is not None) == (values == "factors" and separable and not scaled)


BENT = {
    "nothing": (lambda nnz: None, "edges must return an Edges (got None)"),
    "whole": (lambda nnz: Edges(torch.arange(nnz + 1)), "edges must return places that ascend, from 0 to 182 (got [0, 1, 2], ...)"),
    "back": (lambda nnz: Edges(torch.tensor([3, 3])), "edges must return places that ascend, from 0 to 182 (got [3, 3], ...)"),
    "int32": (
        lambda nnz: Edges(torch.arange(3).int()),
        "edges must return places of (kept,), int64 on cpu (got (3,), int32 on cpu)",
    ),
    "scale": (
        lambda nnz: Edges(torch.arange(3), torch.ones(2)),
        "edges must return scale of (kept,), float32 on cpu (got (2,), float32 on cpu)",
    ),
}


@pytest.mark.parametrize(("choose", "rule"), BENT.values(), ids=BENT)
def test_places_that_no_matrix_can_be_made_of_are_refused(choose, rule):
    bent = Selection("bent", "Bent.", edges=lambda matrix, most_nnz: lambda generator: choose(matrix.nnz))
    multiply = compose(bent, torch_reduce.KERNEL, Sampling(0.5)).prepare(rows_of(3, 120, 0, 60), 4, torch.float32)
    with pytest.raises(PluginError) as caught:
        multiply(torch.ones(200, 4))
    assert str(caught.value).replace("an Edges", "a Edges") == f"selection 'bent': {rule}".replace("an Edges", "a Edges")


def test_a_training_samples_pairs_and_says_so():
    model = torch.nn.Linear(2, 2)
    with pytest.raises(
        ValueError, match=r"selection must choose pairs \(got 'edges_uniform'\): edges_uniform chooses edges, and a"
    ) as caught:
        approximate(model, 0.5, selection="edges_uniform", epochs=10)
    assert str(caught.value).endswith("topk, random and importance choose these")


@pytest.mark.parametrize("interval", [1, 3])
def test_a_cached_kernel_keeps_its_edges_for_an_interval(interval):
    kernel = compose(EDGES["edges_uniform"], torch_reduce.KERNEL, Sampling(0.3, interval))
    multiply = kernel.prepare(rows_of(120, 60), 4, torch.float32)
    seen = []
    for _ in range(4):
        multiply(torch.ones(200, 4))
        seen.append(multiply.chosen.places)
    assert torch.equal(seen[0], seen[1]) == (interval == 3)
    assert not torch.equal(seen[2], seen[3])
    assert dataclasses.is_dataclass(multiply.chosen)
