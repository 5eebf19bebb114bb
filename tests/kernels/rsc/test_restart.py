"""A warm-up that training restarts behind: parameters, optimiser, random state and steps are those of the beginning again."""

import copy
import pickle

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


def test_what_was_spent_names_the_steps_that_were_undone():
    model = gcn()
    found = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3)
    trained(model, adam(model), 5)
    assert (found.steps, found.undone_steps) == (2, 3)
    assert "the 0 exact steps and the 3 undone ones of the warm-up included" in str(found)
    other = gcn()
    usual = approximate(other, 0.3, epochs=50, warmup_steps=3)
    trained(other, adam(other), 5)
    assert "the 3 exact steps included" in str(usual)


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


class Normed(torch.nn.Module):
    """A batch norm and a dropout in front of the first converted layer."""

    def __init__(self, hidden=6):
        super().__init__()
        self.norm, self.net = torch.nn.BatchNorm1d(6), GCN(hidden, 8, 3, 4)

    def forward(self, x, index):
        return self.net(torch.nn.functional.dropout(self.norm(x), 0.5, self.training), index)


@pytest.mark.parametrize("hidden", [6, -1], ids=["of known width", "with a lazy layer"])
def test_what_stands_before_the_first_converted_layer_restarts_too(hidden):
    torch.manual_seed(1)
    model = Normed(hidden)
    model.eval()(features(), INDEX)  # in evaluation nothing learns; it makes a lazy layer, as a dry run does
    before = state_of(model.train())
    found, optimiser = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3), adam(model)
    losses = trained(model, optimiser, 3)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0, msg=name)
    assert trained(model, optimiser, 1)[0] == pytest.approx(losses[0], rel=1e-6)
    assert int(model.norm.num_batches_tracked) == found.steps == 1


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # torch.compile's own
def test_a_compiled_model_restarts_its_parameters():
    """What stands before its first converted layer is compiled with it: a batch norm there keeps what its first pass has learnt."""
    torch.manual_seed(1)
    model = Normed()
    before = dict(model.named_parameters())
    before = {name: value.detach().clone() for name, value in before.items()}
    found, optimiser = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=2), adam(model)
    trained(torch.compile(model, backend="eager"), optimiser, 2)
    assert not found.warming_up
    for name, value in model.named_parameters():
        torch.testing.assert_close(value.detach(), before[name], rtol=0, atol=0, msg=name)
    assert int(model.norm.num_batches_tracked) <= 1


def test_lazy_parameters_go_back_to_what_the_first_pass_made_them():
    torch.manual_seed(1)
    model = GCN(-1, 8, 3, 4)
    approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    trained(model, optimiser, 1)
    made = model.convs[0].lin.weight.grad * 0.5 + model.convs[0].lin.weight.detach()
    trained(model, optimiser, 2)
    torch.testing.assert_close(model.convs[0].lin.weight.detach(), made)


def test_training_of_other_parts_before_the_first_pass_of_a_converted_layer_stays():
    model = Normed()
    approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=2)
    optimiser = adam(model)
    model.norm(features()).sum().backward()
    optimiser.step()
    learnt = state_of(model)
    trained(model, optimiser, 2)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, learnt[name], rtol=0, atol=0, msg=name)


def test_training_of_other_parts_behind_the_restart_stays():
    model = Normed()
    found, optimiser = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=2), adam(model)
    trained(model, optimiser, 2)
    assert not found.warming_up
    before = model.norm.weight.detach().clone()
    optimiser.zero_grad()
    (model.norm(features()) * torch.arange(6)).sum().backward()
    optimiser.step()
    assert not torch.equal(model.norm.weight, before)
    assert int(model.norm.num_batches_tracked) == 1


def test_several_optimisers_restart_all():
    torch.manual_seed(1)
    model, other = gcn(), torch.nn.Parameter(torch.ones(4))
    halves = [list(model.parameters())[:2], [*list(model.parameters())[2:], other]]
    found = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=3)
    before, optimisers = state_of(model), [torch.optim.Adam(half, lr=0.05) for half in halves]
    for step in range(4):
        (model(features(), INDEX) * other).square().mean().backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        if step == 2:
            assert (found.steps, found.warming_up) == (0, False)
            for name, value in model.state_dict().items():
                torch.testing.assert_close(value, before[name], rtol=0, atol=0, msg=name)
            assert not any(optimiser.state for optimiser in optimisers)
            assert (other == 1).all()
    assert found.steps == found.sampled_steps == 1
    assert not torch.equal(other, torch.ones(4))


def hooks(model):
    return sum(len(part._forward_pre_hooks) for part in model.modules())


def test_nothing_is_watched_behind_the_warm_up():
    model = Normed()
    approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=2)
    assert hooks(model) == 2
    trained(model, adam(model), 3)
    assert hooks(model) == 0
    gone = Normed()
    approximate(gone, 0.3, epochs=50, warmup="restart").undo()
    assert hooks(gone) == 0
    other = Normed()
    approximate(other, 0.3, epochs=50)
    assert hooks(other) == 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"])
def test_a_copy_of_a_model_whose_warm_up_has_not_begun_computes_the_same(copied):
    model = Normed()
    found = approximate(model, 0.3, epochs=50, warmup="restart", warmup_steps=2)
    other = copied(model)
    found.undo()
    torch.testing.assert_close(other.eval()(features(), INDEX), model.eval()(features(), INDEX), rtol=1e-5, atol=1e-6)
    assert b"rsc_bench" not in pickle.dumps(other.norm)


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
