import copy
import gc

import pytest
import torch

pytest.importorskip("torch_geometric", reason="approximates PyTorch Geometric models: pip install torch-geometric")

from made_graphs import random_graph
from made_models import MODELS, NODES, adjacency, features, gradients, seeded, train

from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.rsc import approximate

# Said once by torch's own conversions, wherever PyTorch Geometric first touches a sparse tensor.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")


@pytest.fixture(params=MODELS)
def model(request):
    return seeded(MODELS[request.param])


def test_another_adjacency_gives_its_own_products_and_goes_when_it_goes():
    model, exact = seeded(MODELS["gcn"]), seeded(MODELS["gcn"])
    approximation = approximate(model, 0.5, epochs=10)
    sources = approximation._shared.sources
    for seed in range(3):
        adj = adjacency(seed)
        torch.testing.assert_close(model(features(), adj), exact(features(), adj))
        assert len(sources._known) == 1
    del adj
    gc.collect()
    assert len(sources._known) == 0


def test_undoing_restores_the_model_exactly(model):
    before = {name: set(vars(layer)) for name, layer in model.named_modules()}
    exact, adj = copy.deepcopy(model), adjacency()
    approximation = approximate(model, 0.1, epochs=10)
    gradients(model, adj)
    approximation.undo()
    approximation.undo()
    assert {name: set(vars(layer)) for name, layer in model.named_modules()} == before
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
