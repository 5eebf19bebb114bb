import copy
import gc
import warnings

import pytest
import torch

pytest.importorskip("torch_geometric", reason="approximates PyTorch Geometric models: pip install torch-geometric")

from made_graphs import random_graph
from torch_geometric.nn import GAT, GCN, GCN2Conv, GCNConv, GraphSAGE, SAGEConv
from torch_geometric.nn.conv import gcn2_conv, gcn_conv

from rsc_bench.kernels import Kernel, Unsupported
from rsc_bench.kernels.exact import cusparse, torch_reduce
from rsc_bench.kernels.rsc import approximate

NODES = 40

# Said once by torch's own conversions, wherever PyTorch Geometric first touches a sparse tensor.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")


class Gcnii(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(6, 16)
        self.convs = torch.nn.ModuleList(GCN2Conv(16, 0.1, 0.5, layer, shared_weights=layer > 1) for layer in (1, 2, 3))
        self.last = torch.nn.Linear(16, 4)

    def forward(self, x, adjacency):
        hidden = start = self.first(x).relu()
        for conv in self.convs:
            hidden = conv(hidden, start, adjacency).relu()
        return self.last(hidden)


MODELS = {
    "gcn": lambda: GCN(6, 16, 3, 4, norm="batch_norm"),
    "gcn improved": lambda: GCN(6, 16, 2, 4, improved=True),
    "gcn cached": lambda: GCN(6, 16, 2, 4, cached=True),
    "gcn plain": lambda: GCN(6, 16, 2, 4, normalize=False),
    "sage mean": lambda: GraphSAGE(6, 16, 3, 4),
    "sage sum": lambda: GraphSAGE(6, 16, 3, 4, aggr="sum"),
    "gcn2": Gcnii,
}


def adjacency(seed=0):
    return random_graph(NODES, seed).to_sparse_csr()


def features():
    return torch.randn(NODES, 6, generator=torch.Generator().manual_seed(3))


def seeded(make):
    torch.manual_seed(0)
    return make()


def gradients(model, adj):
    model.zero_grad()
    model(features(), adj).square().sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def train(model, steps=6, adj=None, optimiser=None):
    optimiser = optimiser or torch.optim.Adam(model.parameters(), lr=0.01)
    adj = adjacency() if adj is None else adj
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(features(), adj), torch.arange(NODES) % 4)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.fixture(params=MODELS)
def model(request):
    return seeded(MODELS[request.param])


def test_outputs_state_and_gradients_of_the_whole_budget_are_those_of_the_exact_model(model):
    exact, adj = copy.deepcopy(model), adjacency()
    approximate(model, 1.0, epochs=10, warmup_steps=1)
    for _ in range(2):  # the warm-up, then the sampled phase
        for one, other in zip(gradients(model, adj), gradients(exact, adj), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(model.eval()(features(), adj), exact.eval()(features(), adj))
    assert list(model.state_dict()) == list(exact.state_dict())
    assert [id(p) for p in model.parameters()] == [id(p) for p in model.state_dict(keep_vars=True).values() if p.requires_grad]


def test_the_forward_pass_stays_exact_under_a_small_budget(model):
    exact, adj = copy.deepcopy(model), adjacency()
    approximation = approximate(model, 0.1, epochs=100, warmup_steps=1)
    for _ in range(3):
        torch.testing.assert_close(model(features(), adj), exact(features(), adj))
    assert approximation.phase.sampled


def test_evaluation_is_no_step_and_its_gradients_are_exact(model):
    exact, adj = copy.deepcopy(model), adjacency()
    approximation = approximate(model, 0.1, epochs=100, warmup_steps=1)
    gradients(model, adj), gradients(model, adj)
    assert approximation.step == 2
    with torch.no_grad():
        model(features(), adj)
    model.load_state_dict(exact.state_dict())
    for one, other in zip(gradients(model.eval(), adj), gradients(exact.eval(), adj), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)
    assert approximation.step == 2


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


def test_the_budget_is_kept_and_told():
    model = seeded(MODELS["gcn"])
    approximation = approximate(model, 0.3, epochs=100, warmup_steps=2, interval=1)
    assert (approximation.spent_share, set(approximation.k_per_layer.values())) == (None, {None})
    train(model, 2)
    assert approximation.spent_share == 1
    for _ in range(12):
        train(model, 1)
        assert 0 < approximation.spent_share <= 0.3
    assert list(approximation.k_per_layer) == ["convs.0", "convs.1", "convs.2"]
    assert all(0 <= k <= NODES for k in approximation.k_per_layer.values())


@pytest.mark.parametrize(("approximated", "shared_out"), [
    ("backward", ["convs.0", "convs.1"]),
    ("forward", ["convs.0 forward", "convs.1 forward"]),
    ("both", ["convs.0 forward", "convs.0", "convs.1 forward", "convs.1"]),
])  # fmt: skip
def test_the_budget_is_shared_out_over_the_products_that_are_sampled(approximated, shared_out):
    model = seeded(MODELS["gcn improved"])
    approximation = approximate(model, 0.3, epochs=100, warmup_steps=1, approximated=approximated)
    train(model, 2)
    assert list(approximation.k_per_layer) == shared_out
    assert None not in approximation.k_per_layer.values()
    assert 0 < approximation.spent_share <= 0.3


def test_autocast_multiplies_in_bfloat16():
    model, adj = seeded(MODELS["gcn improved"]), adjacency()
    expected = seeded(MODELS["gcn improved"])(features(), adj)
    approximate(model, 0.5, epochs=100, warmup_steps=1)
    for _ in range(2):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = model(features(), adj)
        found.sum().backward()
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05)


def test_a_first_layer_whose_input_needs_no_gradient_has_nothing_to_spend():
    model = seeded(MODELS["sage mean"])
    approximation = approximate(model, 0.3, epochs=100, warmup_steps=1)
    train(model, 3)
    assert approximation.k_per_layer["convs.0"] is None
    assert None not in (approximation.k_per_layer["convs.1"], approximation.k_per_layer["convs.2"])


def test_the_last_epochs_are_exact():
    model = seeded(MODELS["gcn"])
    approximation = approximate(model, 0.1, epochs=10, warmup_steps=1)
    shares = [approximation.spent_share for _ in range(10) if train(model, 1)]
    assert [share == 1 for share in shares] == [True] + [False] * 7 + [True] * 2


@pytest.mark.parametrize("selection", ["topk", "random", "importance"])
def test_training_is_the_same_for_the_same_seed(selection):
    def losses(seed):
        model = seeded(MODELS["gcn"])
        approximate(model, 0.3, epochs=20, warmup_steps=1, interval=2, selection=selection, kernel="torch_reduce", seed=seed)
        return train(model)

    assert losses(1) == losses(1)
    assert (losses(1) == losses(2)) == (selection == "topk")


def test_the_optimisers_state_lives_through_allocations():
    model = seeded(MODELS["gcn"])
    optimiser = torch.optim.Adam(model.parameters())
    approximation = approximate(model, 0.3, epochs=100, warmup_steps=1, reallocate_every=2)
    train(model, 1, optimiser=optimiser)
    state = {parameter: dict(entries) for parameter, entries in optimiser.state.items()}
    train(model, 8, optimiser=optimiser)
    assert approximation.step == 9
    for parameter, entries in optimiser.state.items():
        assert entries["exp_avg"] is state[parameter]["exp_avg"]
        assert int(entries["step"]) == 9


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


def test_mini_batches_of_other_sizes_spend_their_share():
    model = seeded(MODELS["sage mean"])
    approximation = approximate(model, 0.3, epochs=10, warmup_steps=1, steps_per_epoch=4)
    for seed in range(8):
        nodes = 20 + 5 * seed
        model(torch.randn(nodes, 6), random_graph(nodes, seed).to_sparse_csr()).square().sum().backward()
        assert seed == 0 or 0 < approximation.spent_share <= 0.3


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


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch looks, while it traces
def test_a_compiled_model_follows_the_schedule():
    model, adj = seeded(MODELS["gcn"]), adjacency()
    approximation = approximate(model, 0.3, epochs=10, warmup_steps=1)
    expected = seeded(MODELS["gcn"])(features(), adj)
    compiled = torch.compile(model, backend="aot_eager")
    for _ in range(2):
        found = compiled(features(), adj)
        found.sum().backward()
    torch.testing.assert_close(found, expected)
    assert (approximation.step, approximation.spent_share <= 0.3) == (2, True)


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


def test_a_model_with_no_such_layer_is_refused():
    with pytest.raises(ValueError, match=r"Linear must have a GCNConv, .* \(it has no PyTorch Geometric layer\)"):
        approximate(torch.nn.Linear(2, 2), epochs=10)
    with pytest.raises(ValueError, match=r"GAT must have .* \(convs.0: GATConv is none of"):
        approximate(GAT(4, 4, 1), epochs=10)


def test_a_model_is_approximated_once_at_a_time():
    model = seeded(MODELS["gcn"])
    approximation = approximate(model, 0.5, epochs=10)
    with pytest.raises(ValueError, match=r"it is approximated already: undo\(\) that first"):
        approximate(model, 0.5, epochs=10)
    approximation.undo()
    approximate(model, 0.5, epochs=10)


@pytest.mark.parametrize(("option", "message"), [
    ({"kernel": "rows_nmba"}, "kernel 'rows_nmba' is not known: nearest are rows_numba"),
    ({"selection": "top"}, "selection 'top' is not known: nearest are topk"),
    ({"selection": "scores"}, "selection 'scores' is not known: kernels/sampled/scores.py defines no SELECTION"),
    ({"allocation": "even"}, "allocation 'even' is not known: nearest are"),
    ({"budget": 2}, r"budget must lie in \(0, 1\] \(got 2\)"),
    ({"diagonal": "none"}, "diagonal must be one of exact, sampled"),
])  # fmt: skip
def test_an_option_that_cannot_be_is_refused_and_the_model_left_alone(option, message):
    model = seeded(MODELS["gcn"])
    with pytest.raises(ValueError, match=message):
        approximate(model, **{"epochs": 10, **option})
    assert "propagate" not in vars(model.convs[0])


@pytest.mark.skipif(torch.cuda.is_available(), reason="cuSPARSE runs here")
def test_a_kernel_that_is_not_here_is_refused_with_its_reason():
    with pytest.raises(ValueError, match="kernel 'cusparse' cannot run here: no CUDA device"):
        approximate(seeded(MODELS["gcn"]), epochs=10, kernel=cusparse.KERNEL)


def test_float64_trains_by_default_and_says_where_a_kernel_cannot():
    model = seeded(MODELS["gcn"]).double()
    approximate(model, 0.5, epochs=10, warmup_steps=1)
    adj, x = random_graph(NODES, dtype=torch.float64).to_sparse_csr(), features().double()
    for _ in range(2):
        model(x, adj).sum().backward()
    model = seeded(MODELS["gcn"]).double()
    approximate(model, 0.5, epochs=10, kernel="rows_numba")
    with pytest.raises(Unsupported, match="rows_numba multiplies float32 and bfloat16"):
        model(x, adj)


def test_a_kernel_is_passed_by_name_or_by_itself():
    model, other = seeded(MODELS["gcn"]), seeded(MODELS["gcn"])
    approximate(model, 0.5, epochs=10, kernel="torch_reduce")
    approximate(other, 0.5, epochs=10, kernel=torch_reduce.KERNEL)
    assert train(model, 4) == train(other, 4)


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
