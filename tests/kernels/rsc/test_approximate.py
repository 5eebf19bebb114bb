import copy
import re

import pytest
import torch

pytest.importorskip("torch_geometric", reason="approximates PyTorch Geometric models: pip install torch-geometric")

from made_graphs import random_graph
from made_kernels import SINGLE
from made_models import MODELS, NODES, adjacency, features, gradients, seeded, train
from torch_geometric.nn import GAT

from rsc_bench.kernels import Unsupported
from rsc_bench.kernels.exact import cusparse, torch_reduce
from rsc_bench.kernels.rsc import approximate

# Said once by torch's own conversions, wherever PyTorch Geometric first touches a sparse tensor.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")


@pytest.fixture(params=MODELS)
def model(request):
    return seeded(MODELS[request.param])


def test_outputs_state_and_gradients_of_the_whole_budget_are_those_of_the_exact_model(model):
    exact, adj = copy.deepcopy(model), adjacency()
    approximation = approximate(model, 1.0, epochs=10, warmup_steps=1)
    for _ in range(2):  # the warm-up, then the sampled phase
        for one, other in zip(gradients(model, adj), gradients(exact, adj), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)
        approximation.step()
    torch.testing.assert_close(model.eval()(features(), adj), exact.eval()(features(), adj))
    assert list(model.state_dict()) == list(exact.state_dict())
    assert [id(p) for p in model.parameters()] == [id(p) for p in model.state_dict(keep_vars=True).values() if p.requires_grad]


def test_the_forward_pass_stays_exact_under_a_small_budget(model):
    exact, adj = copy.deepcopy(model), adjacency()
    approximation = approximate(model, 0.1, epochs=100, warmup_steps=1)
    for _ in range(3):
        torch.testing.assert_close(model(features(), adj), exact(features(), adj))
        approximation.step()
    assert approximation.phase.sampled


def test_evaluation_is_no_step_and_its_gradients_are_exact(model):
    exact, adj = copy.deepcopy(model), adjacency()
    approximation = approximate(model, 0.1, epochs=100, warmup_steps=1)
    for _ in range(2):
        gradients(model, adj)
        approximation.step()
    assert approximation.steps == 2
    with torch.no_grad():
        model(features(), adj)
    model.load_state_dict(exact.state_dict())
    for one, other in zip(gradients(model.eval(), adj), gradients(exact.eval(), adj), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)
    approximation.step()
    assert approximation.steps == 2


def test_the_budget_is_kept_and_reported():
    model = seeded(MODELS["gcn"])
    approximation = approximate(model, 0.3, epochs=100, warmup_steps=2, interval=1)
    assert (approximation.last_share, set(approximation.k_per_layer.values())) == (None, {None})
    train(model, 2)
    assert approximation.last_share == approximation.spent_share == 1
    for _ in range(12):
        train(model, 1)
        assert 0 < approximation.last_share <= 0.3
    assert approximation.last_share < approximation.spent_share < 1
    assert (approximation.steps, approximation.sampled_steps) == (14, 12)
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
    assert 0 < approximation.last_share <= 0.3


def test_autocast_multiplies_in_bfloat16():
    model, adj = seeded(MODELS["gcn improved"]), adjacency()
    expected = seeded(MODELS["gcn improved"])(features(), adj)
    approximation = approximate(model, 0.5, epochs=100, warmup_steps=1)
    for _ in range(2):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = model(features(), adj)
        found.sum().backward()
        approximation.step()
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
    shares = [approximation.last_share for _ in range(10) if train(model, 1)]
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
    assert approximation.steps == 9
    for parameter, entries in optimiser.state.items():
        assert entries["exp_avg"] is state[parameter]["exp_avg"]
        assert int(entries["step"]) == 9


def test_mini_batches_of_other_sizes_spend_their_share():
    model = seeded(MODELS["sage mean"])
    approximation = approximate(model, 0.3, epochs=10, warmup_steps=1, steps_per_epoch=4)
    for seed in range(8):
        nodes = 20 + 5 * seed
        model(torch.randn(nodes, 6), random_graph(nodes, seed).to_sparse_csr()).square().sum().backward()
        assert seed == 0 or 0 < approximation.last_share <= 0.3
        approximation.step()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch looks, while it traces
def test_a_compiled_model_follows_the_schedule():
    model, adj = seeded(MODELS["gcn"]), adjacency()
    approximation = approximate(model, 0.3, epochs=10, warmup_steps=1)
    expected = seeded(MODELS["gcn"])(features(), adj)
    compiled = torch.compile(model, backend="aot_eager")
    for _ in range(2):
        found = compiled(features(), adj)
        found.sum().backward()
        approximation.step()
    torch.testing.assert_close(found, expected)
    assert (approximation.steps, approximation.last_share <= 0.3) == (2, True)


def test_a_model_with_no_such_layer_is_refused():
    with pytest.raises(ValueError, match=r"Linear must have a layer that is a product .* \(it has no PyTorch Geometric layer\)"):
        approximate(torch.nn.Linear(2, 2), epochs=10)
    with pytest.raises(ValueError, match=r"GAT must have .* \(convs.0: the edge weights of GATConv are learnt"):
        approximate(GAT(4, 4, 1), epochs=10)


def test_a_model_is_approximated_once_at_a_time():
    model = seeded(MODELS["gcn"])
    approximation = approximate(model, 0.5, epochs=10)
    with pytest.raises(ValueError, match=r"must be converted once \(already: .*\): undo\(\) that first"):
        approximate(model, 0.5, epochs=10)
    approximation.undo()
    approximate(model, 0.5, epochs=10)


@pytest.mark.parametrize(("option", "message"), [
    ({"kernel": "rows_nmba"}, "kernel 'rows_nmba' is not known: nearest are rows_numba"),
    ({"selection": "top"}, "selection 'top' is not known: nearest is topk"),
    ({"selection": "scores"}, "selection 'scores' is not known: nearest are"),
    ({"allocation": "xyz"}, "allocation 'xyz' is not known: nearest are greedy, optimal, published, uniform"),
    ({"allocation": "even"}, "allocation 'even' is not known: nearest is"),
    ({"budget": 2}, r"budget must lie in \(0, 1\] \(got 2\)"),
    ({"budget": "x"}, r"budget must lie in \(0, 1\] \(got 'x'\)"),
    ({"diagonal": "none"}, "diagonal must be one of exact, sampled"),
])  # fmt: skip
def test_an_option_that_cannot_be_is_refused_and_the_model_left_alone(option, message):
    model = seeded(MODELS["gcn"])
    with pytest.raises(ValueError, match=message):
        approximate(model, **{"epochs": 10, **option})
    assert "propagate" not in vars(model.convs[0])


def test_a_kernel_that_does_not_multiply_is_refused():
    rule = "kernel must be one that multiplies (got 'sddmm_torch', which computes sddmm): leave it out for ours"
    with pytest.raises(ValueError, match=re.escape(rule)):
        approximate(seeded(MODELS["gcn"]), epochs=10, kernel="sddmm_torch")


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
    approximate(model, 0.5, epochs=10, kernel=SINGLE)
    with pytest.raises(Unsupported, match="single multiplies float32"):
        model(x, adj)


def test_a_kernel_is_passed_by_name_or_by_itself():
    model, other = seeded(MODELS["gcn"]), seeded(MODELS["gcn"])
    approximate(model, 0.5, epochs=10, kernel="torch_reduce")
    approximate(other, 0.5, epochs=10, kernel=torch_reduce.KERNEL)
    assert train(model, 4) == train(other, 4)
