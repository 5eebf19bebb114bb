import copy
import gc
import warnings

import pytest
import torch

pytest.importorskip("torch_geometric", reason="approximates PyTorch Geometric models: pip install torch-geometric")

from made_graphs import random_graph
from made_models import MODELS, NODES, adjacency, features, gradients, seeded, train
from torch_geometric.nn import GAT, GCNConv, SAGEConv
from torch_geometric.nn.conv import gcn2_conv, gcn_conv

from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.rsc import approximate

# Said once by torch's own conversions, wherever PyTorch Geometric first touches a sparse tensor.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")


@pytest.fixture(params=MODELS)
def model(request):
    return seeded(MODELS[request.param])


@pytest.mark.parametrize("module", [gcn_conv, gcn2_conv], ids=["gcn", "gcn2"])
def test_an_adjacency_is_normalised_once(module, monkeypatch):
    from rsc_bench.kernels.rsc.conversion import layers as convert

    calls = []
    normalise = module.gcn_norm
    for place in (module, convert):
        monkeypatch.setattr(place, "gcn_norm", lambda *given, **named: calls.append(1) or normalise(*given, **named))
    model = seeded(MODELS["gcn" if module is gcn_conv else "gcn2"])
    approximate(model, 0.3, epochs=10)
    adj = adjacency()
    train(model, 3, adj)
    assert len(calls) == 1
    train(model, 3, adjacency(1))
    assert len(calls) == 2


def test_another_adjacency_gives_its_own_products_and_goes_when_it_goes():
    model, exact = seeded(MODELS["gcn"]), seeded(MODELS["gcn"])
    approximation = approximate(model, 0.5, epochs=10)
    sources = next(iter(approximation._layers.values())).sources
    for seed in range(3):
        adj = adjacency(seed)
        torch.testing.assert_close(model(features(), adj), exact(features(), adj))
        assert len(sources._known) == 1
    del adj
    gc.collect()
    assert len(sources._known) == 0


def test_an_edge_index_runs_exact_code_and_says_so_once():
    model, exact = seeded(MODELS["gcn"]), seeded(MODELS["gcn"])
    approximate(model, 0.1, epochs=10, warmup_steps=1)
    edge_index = random_graph(NODES).nonzero().T.flip(0)
    with pytest.warns(UserWarning, match="layer 'convs.0' was called with an edge_index .*: pass a torch CSR tensor"):
        found = gradients(model, edge_index)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gradients(model, edge_index)
    assert all(torch.equal(one, other) for one, other in zip(found, gradients(exact, edge_index), strict=True))


def test_a_deep_copy_multiplies_with_its_own_weights():
    model, adj = seeded(MODELS["gcn"]), adjacency()
    approximate(model, 0.3, epochs=10)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.convs[0].lin.weight.zero_()
    exact = seeded(MODELS["gcn"])
    torch.testing.assert_close(model(features(), adj), exact(features(), adj))
    exact.load_state_dict(twin.state_dict())
    torch.testing.assert_close(twin(features(), adj), exact(features(), adj))


def test_layers_that_cannot_be_approximated_are_left_with_a_reason():
    class Own(GCNConv):
        def message(self, x_j):
            return x_j

    layers = [SAGEConv(4, 4, aggr="max"), GCNConv(4, 4, flow="target_to_source"), Own(4, 4), SAGEConv(4, 4)]
    approximation = approximate(torch.nn.ModuleList([*layers, GAT(4, 4, 1).convs[0]]), 0.5, epochs=10)
    assert approximation.changed == ("3",)
    assert approximation.unchanged == {
        "0": "its aggregation must be a sum or a mean (got 'max')",
        "1": "its flow must be 'source_to_target'",
        "2": "Own has a message() of its own",
        "4": "GATConv is none of GCNConv, SAGEConv, GCN2Conv",
    }


def test_undoing_restores_the_model_exactly(model):
    before = {name: set(vars(layer)) for name, layer in model.named_modules()}
    exact, adj = copy.deepcopy(model), adjacency()
    approximation = approximate(model, 0.1, epochs=10)
    gradients(model, adj)
    approximation.undo()
    approximation.undo()
    assert {name: set(vars(layer)) for name, layer in model.named_modules()} == before
    assert len(model._forward_pre_hooks) == 0
    model.load_state_dict(exact.state_dict())
    for one, other in zip(gradients(model, adj), gradients(exact, adj), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["gcn", "gcn cached", "sage mean", "gcn2"])
@pytest.mark.parametrize("weighted", [True, False])
def test_torch_sparse_adjacencies_work_alike(name, weighted):
    torch_sparse = pytest.importorskip("torch_sparse", reason="torch-sparse is not installed: tox run -e baselines")
    adj = torch_sparse.SparseTensor.from_dense(random_graph(NODES))
    adj = adj if weighted else adj.set_value(None)
    model, exact = seeded(MODELS[name]), seeded(MODELS[name])
    approximate(model, 1.0, epochs=10, warmup_steps=1)
    for _ in range(2):
        for one, other in zip(gradients(model, adj), gradients(exact, adj), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ["gcn", "sage mean", "gcn2"])
def test_after_preparing_no_step_prepares_for_a_whole_matrix_again(name):
    # Preparing compiles, which takes seconds where it was never done.
    wholes = []

    def noting(matrix, width, dtype, reduce="sum"):
        wholes.append(matrix.nnz >= whole)
        return torch_reduce.prepare(matrix, width, dtype, reduce)

    adj = adjacency()
    whole = int((adj.to_dense() != 0).sum())
    model = seeded(MODELS[name])
    rsc = approximate(model, budget=0.3, epochs=20, warmup_steps=2, kernel=Kernel("noting", "cpu", "Writes down.", noting))
    model.eval()
    gradients(model, adj)
    assert any(wholes)
    rsc.prepare()
    wholes.clear()
    model.train()
    train(model, steps=8, adj=adj)
    assert wholes, "samples were taken"
    assert not any(wholes)
    assert rsc.phase.sampled
