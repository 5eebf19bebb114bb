"""A warm-up that training restarts behind: parameters, optimiser, random state and steps are those of the beginning again."""

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from made_models import edges, features, gcn
from torch_geometric.nn import GCN

from rsc_bench.kernels.rsc import approximate

INDEX = edges()


def trained(model, optimiser, steps):
    """The losses of some steps of a model with dropout."""
    found = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.dropout(model(features(), INDEX), 0.5).square().mean()
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    return found


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.05, amsgrad=True)


def state_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_behind_the_warm_up_everything_is_as_it_was_before_the_first_step():
    model = gcn()
    found = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3)
    before, optimiser = state_of(model), adam(model)
    torch.manual_seed(7)
    random = torch.get_rng_state()
    assert found.warming_up
    trained(model, optimiser, 3)
    assert not found.warming_up
    assert (found.steps, found.sampled_steps) == (0, 0)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert not optimiser.state
    assert torch.equal(torch.get_rng_state(), random)


def test_training_is_sampled_from_its_first_step_with_the_limits_that_the_warm_up_measured():
    model = gcn()
    found = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3)
    trained(model, adam(model), 3)
    assert found.phase.sampled
    assert any(k is not None for k in found.k_per_layer.values())
    trained(model, adam(model), 4)
    assert (found.steps, found.sampled_steps) == (4, 4)
    assert found.spent_share < 1


def test_with_the_whole_budget_training_is_what_it_is_without_a_warm_up():
    plain, model = gcn(), gcn()
    found = approximate(model, 1.0, epochs=50, warmup="restart", warmup_steps=3)
    torch.manual_seed(7)
    wanted = trained(plain, adam(plain), 5)
    torch.manual_seed(7)
    assert trained(model, adam(model), 5) == pytest.approx(wanted, rel=1e-5)
    assert found.steps == 5


def test_the_first_loss_behind_the_warm_up_is_the_first_loss():
    """With dropout: the random state is that of the first step, too. Batch norm has learnt nothing of the warm-up."""
    torch.manual_seed(1)
    model = GCN(6, 8, 3, 4, norm="batch_norm", dropout=0.5)
    found, optimiser = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3), adam(model)
    losses = trained(model, optimiser, 8)
    assert losses[3] == pytest.approx(losses[0], rel=1e-6)
    assert found.steps == 5
    assert {int(value) for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")} == {5}


def test_an_optimiser_that_was_resumed_gets_back_the_state_that_it_had():
    model = gcn()
    earlier = adam(model)
    trained(model, earlier, 4)
    found = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=2)
    trained(model, earlier, 2)
    assert {float(state["step"]) for state in earlier.state.values()} == {4.0}
    assert found.steps == 0


def test_a_warm_up_that_is_cut_short_begins_anew():
    model = gcn()
    found, optimiser = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3), adam(model)
    trained(model, optimiser, 2)
    state = found.state_dict()
    found.undo()
    again = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3)
    again.load_state_dict(state)
    assert again.warming_up
    trained(model, adam(model), 3)
    assert (again.warming_up, again.steps) == (False, 0)
    resumed = approximate(gcn(), 0.3, epochs=50, warmup="restart", warmup_steps=3)
    resumed.load_state_dict(again.state_dict())
    assert not resumed.warming_up
    assert resumed.phase.sampled


def test_without_a_warm_up_the_first_steps_give_every_layer_the_same_share():
    model = gcn()
    found = approximate(model, 0.3, epochs=50, warmup_steps=0)
    assert found.phase.sampled
    trained(model, adam(model), 2)
    assert (found.steps, found.sampled_steps) == (2, 2)
    assert set(found.k_per_layer.values()) == {None}
    assert found.spent_share == pytest.approx(0.3, abs=0.05)


def test_measuring_as_published_averages_scores_and_norms():
    model = gcn()
    found = approximate(model, 0.3, epochs=50, warmup_steps=2, interval=1, measures="published")
    optimiser, kept = adam(model), []
    for _ in range(3):
        trained(model, optimiser, 1)
        kept.append([account.cost for account in found._running.accounts])
    first, second, third = kept
    for one, two, three in zip(first, second, third, strict=True):
        if one is None:
            continue
        assert not torch.equal(one.scores, two.scores)
        assert (two.scores >= one.scores / 2).all()
        assert (three.scores >= two.scores / 2).all()
        assert float(three.product_norm) >= float(two.product_norm) / 2
    with pytest.raises(ValueError, match=r"measures must be one of latest, published \(got 'mean'\)"):
        approximate(gcn(), 0.3, epochs=5, measures="mean")
