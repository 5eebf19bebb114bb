"""What counts as a training step is a step of the optimiser, whatever the loop around it looks like."""

import copy
import gc
import warnings

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from made_models import edges, features, gcn, seeded
from torch.utils.checkpoint import checkpoint
from torch_geometric.nn import GAE, GCN, GraphSAGE

from rsc_bench.kernels.rsc import accelerate, approximate

EDGES = 300


def approximated(model, **options):
    return approximate(model, 0.3, **({"epochs": 100, "warmup_steps": 1} | options))


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


INDEX = edges()


def loss(model):
    return model(features(), INDEX).square().mean()


def repeat(times, step):
    for turn in range(times):
        step(turn)


def test_several_passes_and_an_accumulated_gradient_are_one_step():
    model = gcn()
    found, optimiser = approximated(model), adam(model)
    for _ in range(4):
        for _ in range(3):
            loss(model).backward()
        optimiser.step()
    assert (found.steps, found.sampled_steps) == (4, 3)


def test_a_model_that_is_called_through_encode_is_counted_and_sampled():
    model = GAE(gcn())
    found, optimiser = approximated(model), adam(model)
    for _ in range(4):
        optimiser.zero_grad()
        model.recon_loss(model.encode(features(), INDEX), INDEX).backward()
        optimiser.step()
    assert (found.steps, found.sampled_steps) == (4, 3)


def test_a_part_of_a_larger_model_is_counted_by_the_whole_models_optimiser():
    class Lightning(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.head = gcn(), torch.nn.Linear(4, 2)

        def training_step(self):
            return self.head(self.net(features(), edges())).square().mean()

    module = Lightning()
    found, optimiser = approximated(module.net), torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(3):
        module.training_step().backward()
        optimiser.step()
    assert (found.steps, found.sampled_steps) == (3, 2)


@pytest.mark.parametrize("reentrant", [True, False])
def test_activation_checkpointing_multiplies_again_and_counts_once(reentrant):
    model = gcn()
    found, optimiser = approximated(model), adam(model)
    for _ in range(3):
        x = features().requires_grad_()
        checkpoint(model, x, INDEX, use_reentrant=reentrant).square().mean().backward()
        optimiser.step()
    assert (found.steps, found.sampled_steps) == (3, 2)


def test_two_models_in_turns_have_schedules_of_their_own():
    one, two = gcn(), gcn()
    first, second = approximated(one), approximated(two)
    by_one, by_two = adam(one), adam(two)
    for turn in range(6):
        loss(one).backward()
        by_one.step()
        if turn % 3 == 0:
            (loss(one) + loss(two)).backward()
            by_two.step()
    assert (first.steps, second.steps) == (6, 2)


def test_two_optimisers_of_one_model_are_one_step():
    model = gcn()
    found = approximated(model)
    halves = [torch.optim.SGD(conv.parameters(), lr=0.1) for conv in model.convs]
    for _ in range(4):
        loss(model).backward()
        for half in halves:
            half.step()
    assert found.steps == 4


def test_an_optimiser_of_something_else_counts_nothing():
    model, other = gcn(), torch.nn.Linear(2, 2)
    found, optimiser = approximated(model), torch.optim.SGD(other.parameters(), lr=0.1)
    for _ in range(3):
        loss(model).backward()
        other(torch.ones(2)).sum().backward()
        optimiser.step()
    assert found.steps == 0


def test_evaluation_between_steps_counts_nothing():
    model = gcn()
    found, optimiser = approximated(model), adam(model)
    optimiser.step()
    model.eval()
    loss(model).backward()
    optimiser.step()
    with torch.no_grad():
        loss(model.train())
    optimiser.step()
    assert found.steps == 0


def test_an_optimiser_of_ones_own_counts_by_hand():
    model = gcn()
    found = approximated(model)
    for _ in range(3):
        model.zero_grad()
        loss(model).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.sub_(0.1 * parameter.grad)
        found.step()
    assert (found.steps, found.sampled_steps) == (3, 2)


LENGTHS = [{"epochs": 20}, {"epochs": None, "schedule": lambda step: True}]


@pytest.mark.parametrize("length", LENGTHS)
def test_without_a_step_that_is_seen_one_warning_says_so(length):
    model = gcn()
    approximated(model, **length)

    def by_hand(_):
        loss(model).backward()
        for parameter in model.parameters():
            parameter.data -= 0.1 * parameter.grad

    with pytest.warns(UserWarning, match=r"no step of a torch optimiser was seen, .*: call step\(\)") as seen:
        repeat(40, by_hand)
    assert len(seen) == 1


@pytest.mark.parametrize("length", LENGTHS)
def test_many_accumulated_gradients_are_no_missing_step(length):
    model = gcn()
    found = approximated(model, **length)
    optimiser = adam(model)
    for _ in range(3):
        optimiser.zero_grad()
        repeat(50, lambda _: loss(model).backward())
        optimiser.step()
    assert (found.steps, found.sampled_steps) == (3, 2)


@pytest.mark.filterwarnings("ignore:layer .* is run by PyTorch Geometric itself")
def test_half_of_a_training_without_a_sampled_product_is_one_warning_with_the_reason():
    model = gcn()
    approximated(model, epochs=10)
    optimiser, weight = adam(model), torch.ones(EDGES, requires_grad=True)

    def step(_):
        model(features(), INDEX, weight).square().mean().backward()
        optimiser.step()

    learnt = "its edge weights require a gradient: they are learnt"
    with pytest.warns(
        UserWarning, match=rf"half of the planned steps \(5\) have passed, .* sampled: layer 'convs.0': {learnt}"
    ) as seen:
        repeat(8, step)
    assert "no converted layer was called" not in str(seen[0].message)


def test_half_of_a_training_whose_backward_never_reaches_a_layer_is_one_warning():
    model = gcn()
    approximated(model, epochs=10)
    optimiser = adam(model)

    def step(_):
        model(features(), INDEX)
        model.convs[1].bias.sum().backward()
        optimiser.step()

    with pytest.warns(
        UserWarning, match=r"half of the planned steps \(5\) have passed, and no backward product was sampled"
    ) as seen:
        repeat(8, step)
    assert len(seen) == 1


@pytest.mark.filterwarnings("ignore:layer .* is run by PyTorch Geometric itself")
def test_mini_batches_counted_as_epochs_are_one_warning():
    model = seeded(lambda: GraphSAGE(6, 16, 2, 4))
    approximated(model, epochs=400)
    optimiser = adam(model)
    with pytest.warns(UserWarning, match=r"epochs=400 is taken as so many steps, .*: give steps= .*, or steps_per_epoch=") as seen:
        repeat(30, lambda seed: (model(features(), edges(seed)[:, seed:]).square().mean().backward(), optimiser.step()))
    assert sum("epochs=400" in str(each.message) for each in seen) == 1


@pytest.mark.parametrize("options", [{"steps": 400}, {"epochs": 40, "steps_per_epoch": 10}])
def test_mini_batches_with_their_number_are_none(options):
    model = seeded(lambda: GraphSAGE(6, 16, 2, 4))
    approximate(model, 0.3, warmup_steps=1, **options)
    optimiser = adam(model)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "epochs=")
        warnings.filterwarnings("ignore", "layer .* is run by PyTorch Geometric itself")
        for seed in range(30):
            model(features(), edges(seed)).square().mean().backward()
            optimiser.step()


def phases(found, model, steps):
    optimiser, seen = torch.optim.SGD(model.parameters(), lr=0.01), []
    for _ in range(steps):
        seen.append(found.phase.sampled)
        loss(model).backward()
        optimiser.step()
    return seen


def test_the_length_is_given_in_steps_or_decided_by_a_function():
    model = gcn()
    found = approximate(model, 0.3, steps=10, warmup_steps=2)
    assert phases(found, model, 10) == [False] * 2 + [True] * 6 + [False] * 2
    found.undo()
    found = approximate(model, 0.3, schedule=lambda step: step % 2 == 0, warmup_steps=2)
    assert phases(found, model, 6) == [False, False, True, False, True, False]


@pytest.mark.parametrize(("options", "message"), [
    ({}, r"one of epochs=, steps= and schedule= must say when training is exact again \(got none\)"),
    ({"epochs": 3, "steps": 3}, r"\(got epochs and steps\)"),
    ({"epochs": 3, "schedule": lambda step: True}, r"\(got epochs and schedule\)"),
    ({"schedule": lambda: True}, r"schedule must be a function of the step that returns whether it samples"),
    ({"steps": 10, "steps_per_epoch": 2}, r"steps_per_epoch goes with epochs= \(got steps=10, steps_per_epoch=2\)"),
    ({"epochs": 3, "seed": "x"}, r"seed must be a whole number of at least 0 \(got 'x'\)"),
    ({"epochs": 2.5}, r"epochs must be a whole number of at least 1 \(got 2.5\)"),
    ({"epochs": "x"}, r"epochs must be a whole number of at least 1 \(got 'x'\)"),
    ({"steps": True}, r"steps must be a whole number of at least 1 \(got True\)"),
    ({"schedule": 0.8}, r"schedule must be a function of the step that returns whether it samples \(got 0.8\)"),
])  # fmt: skip
def test_a_length_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        approximate(gcn(), 0.3, **options)


def test_a_training_too_short_to_sample_is_said_at_once():
    with pytest.warns(
        UserWarning, match="no step will be sampled: training is exact for 5 steps of warm-up, and again from step 4 on"
    ):
        approximate(gcn(), 0.3, epochs=5)


def test_a_training_goes_on_from_a_state_in_its_phase_and_with_its_limits(tmp_path):
    def trained(found, model, steps):
        phases(found, model, steps)
        return found

    model = gcn()
    whole = trained(approximate(model, 0.3, epochs=20, warmup_steps=2), model, 7)
    state, weights = copy.deepcopy(whole.state_dict()), copy.deepcopy(model.state_dict())
    again = gcn()
    again.load_state_dict(weights)
    resumed = approximate(again, 0.3, epochs=20, warmup_steps=2)
    resumed.load_state_dict(state)
    assert (resumed.steps, resumed.sampled_steps, resumed.phase) == (7, 5, whole.phase)
    assert resumed.k_per_layer == whole.k_per_layer
    torch.save(state, tmp_path / "state.pt")
    assert torch.load(tmp_path / "state.pt", weights_only=True) == state
    trained(resumed, again, 13)
    trained(whole, model, 13)
    assert (resumed.steps, resumed.phase.sampled) == (whole.steps, whole.phase.sampled) == (20, False)


@pytest.mark.parametrize("state", [
    {},
    {"steps": "x", "sampled_steps": 0, "limits": {}},
    {"steps": 1, "sampled_steps": 2, "limits": {}},
    {"steps": 1, "sampled_steps": 0, "limits": {"other": [1, 2, 3]}},
])  # fmt: skip
def test_what_is_no_state_is_refused(state):
    found = approximated(gcn())
    with pytest.raises(ValueError, match="a state must"):
        found.load_state_dict(state)
    assert found.steps == 0


def test_an_average_of_a_model_leaves_the_accounts_of_the_model_alone():
    model = gcn()
    found, optimiser = approximated(model), adam(model)
    average = torch.optim.swa_utils.AveragedModel(model)
    for _ in range(3):
        loss(model).backward()
        optimiser.step()
        average.update_parameters(model)
    assert found.k_per_layer["convs.1"] is not None
    accounts, state = [layer.accounts.backward for layer in found._layers.values()], found.state_dict()
    limits = [account.limit for account in accounts]
    for account in accounts:
        account.limit = None
    found.load_state_dict(state)
    assert [account.limit for account in accounts] == limits
    copies = len(found._running.accounts)
    del average
    gc.collect()
    assert len(found._running.accounts) == copies // 2


def test_steps_in_evaluation_mode_alone_are_told_once():
    model = gcn().eval()
    found, optimiser = approximated(model), adam(model)

    def step(turn):
        loss(model).backward()
        optimiser.step()

    with pytest.warns(
        UserWarning, match=r"20 steps were of a model in evaluation mode, so nothing is sampled: call train\(\)"
    ) as told:
        repeat(45, step)
    assert len(told) == 1
    assert found.steps == 0


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
def test_a_model_that_is_compiled_already_is_counted_and_sampled():
    model = torch.compile(gcn(), backend="eager")  # its wrapper has a __len__ that raises
    found, optimiser = approximated(model), adam(model)

    def step(turn):
        optimiser.zero_grad()
        loss(model).backward()
        optimiser.step()

    repeat(4, step)
    assert (found.steps, found.sampled_steps) == (4, 3)


def test_a_state_with_a_limit_of_another_kind_changes_nothing():
    model = gcn()
    found = approximated(model)
    state = found.state_dict() | {"steps": 3, "limits": {"convs.1": [1, 2]}}
    with pytest.raises(ValueError, match=r"a state must have steps, sampled_steps and limits"):
        found.load_state_dict(state)
    assert found.steps == 0


def test_copies_that_are_gone_are_followed_no_more():
    model = gcn()
    found = accelerate(model)
    for _ in range(5):
        copy.deepcopy(model)
    gc.collect()
    assert len(found._running.optimisers._modules) == 1


def test_a_state_of_another_model_is_refused():
    state = approximated(gcn()).state_dict()
    larger = approximated(seeded(lambda: GCN(6, 16, 3, 4)))
    with pytest.raises(ValueError, match=r"the same layers, .* \(got \['convs.2'\]\)"):
        larger.load_state_dict(state)
    with pytest.raises(ValueError, match=r"limits must be pairs, non-zeros .* \(got \['convs.1'\]\)"):
        approximated(gcn()).load_state_dict(state | {"limits": {"convs.1": [1, -2, 294]}})


def test_what_follows_the_planned_training_is_exact_and_says_so_once():
    model = gcn()
    approximated(model, epochs=4)
    optimiser = adam(model)

    def step(_):
        loss(model).backward()
        optimiser.step()

    repeat(4, step)
    with pytest.warns(UserWarning, match=r"the planned training of 4 steps is over: .* are exact") as seen:
        repeat(3, step)
    assert len(seen) == 1


def test_the_same_graph_in_a_new_object_at_each_step_is_no_mini_batch():
    model = gcn()
    approximated(model, epochs=100)
    optimiser = adam(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "layer .* is run by PyTorch Geometric itself")
        for _ in range(25):
            model(features(), INDEX.clone()).square().mean().backward()
            optimiser.step()


def test_backward_passes_that_are_gone_through_again_are_the_reason_why_nothing_is_sampled():
    model = gcn()
    approximated(model, epochs=10)
    optimiser = adam(model)

    def step(_):
        x = features().requires_grad_()
        (gradient,) = torch.autograd.grad(model(x, INDEX).sum(), x, create_graph=True)
        gradient.square().mean().backward()
        optimiser.step()

    with pytest.warns(UserWarning, match=r"no backward product was sampled: .* made with create_graph=True, and are exact"):
        repeat(8, step)


def test_what_was_spent_is_resumed_with_the_steps():
    model = gcn()
    found, optimiser = approximated(model, epochs=40), adam(model)

    def step(_):
        loss(model).backward()
        optimiser.step()

    repeat(6, step)
    state = found.state_dict()
    found.undo()
    resumed = approximated(model, epochs=40)
    resumed.load_state_dict(state)
    assert resumed.spent_share == pytest.approx(found.spent_share)
    assert resumed.spent_share < 1
