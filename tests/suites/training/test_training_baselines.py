"""Training by PyTorch Geometric's own code: what its layers are called with, and what is observed of it."""

import dataclasses
import math

import pytest
import torch

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.kinds import ALL_BASELINES, AS_WRITTEN, KINDS
from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.options import Options
from rsc_bench.suites.training import run as training
from rsc_bench.suites.training.baselines import BASELINES, csr, edge_index
from rsc_bench.suites.training.sweep import training_settings

CATALOG = catalog()
GRAPH = graphs.load("small:random")
OPTIONS = Options(
    benchmark=True, graphs=("small:random",), models=("GCN",), budgets=(0.5,), seeds=1, epochs=4, device="cpu", widths=(16,)
)


def setting(name, model="GCN"):
    every = training_settings(dataclasses.replace(OPTIONS, models=(model,)), CATALOG)
    return next(each for each in every if each.choice.name == name and each.budget is None)


def train(setting, graph=GRAPH):
    return training.train(setting, graph, CATALOG, lambda epoch: None)


def adjacency(values=(1.0, 1.0, 1.0)):
    """Node 0 gathers from 1 and 2, node 2 from 0."""
    torch.sparse.check_sparse_tensor_invariants.disable()
    offsets, sources = torch.tensor([0, 2, 2, 3], dtype=torch.int32), torch.tensor([1, 2, 0], dtype=torch.int32)
    return torch.sparse_csr_tensor(offsets, sources, torch.tensor(values), (3, 3))


def test_an_edge_index_has_sources_above_targets_in_the_order_of_the_sources():
    found = edge_index(adjacency())
    assert (found.dtype, found.tolist()) == (torch.int64, [[0, 1, 2], [2, 0, 0]])


def test_a_csr_tensor_is_the_same_matrix_with_the_indices_of_pytorch_geometric():
    found = csr(adjacency((1.0, 2.0, 3.0)))
    assert found.crow_indices().dtype == found.col_indices().dtype == torch.int64
    assert torch.equal(found.to_dense(), adjacency((1.0, 2.0, 3.0)).to_dense())


def test_a_graph_with_weights_has_no_edge_index_and_is_skipped_with_the_reason():
    with pytest.raises(Skip, match="an edge_index has no edge weights, which this graph has: pyg_csr"):
        edge_index(adjacency((1.0, 2.0, 1.0)))


@pytest.mark.parametrize("model", ["GCN", "GraphSAGE", "GCNII"])
@pytest.mark.parametrize("name", [AS_WRITTEN, "pyg_csr"])
def test_its_loss_is_that_of_our_exact_training(name, model):
    own = train(setting("rows_numba" if "rows_numba" in CATALOG.exact else "mkl", model))
    assert train(setting(name, model)).training.loss == pytest.approx(own.training.loss, rel=1e-4)


def test_what_cannot_be_told_apart_in_code_that_is_not_ours_is_not_there():
    found = train(setting(AS_WRITTEN)).training
    assert set(found.phase_s) == {"optimiser", "evaluation"}
    assert found.k_per_layer is None
    assert found.flops_share == [1.0] * 4
    assert all(0 < own < whole for own, whole in zip(found.phase_s["optimiser"], found.epoch_s, strict=True))


def test_the_check_refuses_one_that_learns_something_else(monkeypatch):
    halved = dataclasses.replace(BASELINES[AS_WRITTEN], adjacency=lambda given: edge_index(given)[:, ::2])
    monkeypatch.setitem(BASELINES, AS_WRITTEN, halved)
    with pytest.raises(Wrong, match="loss at epoch 1 of PyTorch Geometric's own code must be that of our exact training"):
        training.check(setting(AS_WRITTEN), GRAPH, CATALOG)


def test_one_whose_package_is_absent_says_how_to_get_it(monkeypatch):
    absent = dataclasses.replace(BASELINES["pyg_torch_sparse"], missing=lambda: "torch_sparse is not installed: pip install it")
    monkeypatch.setitem(BASELINES, "pyg_torch_sparse", absent)
    assert setting("pyg_torch_sparse").why_not(CATALOG) == "torch_sparse is not installed: pip install it"
    assert setting(AS_WRITTEN).why_not(CATALOG) is None


def test_no_kernel_may_have_the_name_of_one():
    assert KINDS["kernel"].taken == (*BASELINES, ALL_BASELINES)


def test_the_case_says_which_one_trained():
    case = setting(AS_WRITTEN).case()
    assert (case.kernel, case.budget, case.variant) == (AS_WRITTEN, None, None)
    assert math.isfinite(train(setting(AS_WRITTEN)).timing.fastest_s)
