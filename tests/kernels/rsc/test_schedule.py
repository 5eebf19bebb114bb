import pytest
import torch
from made_graphs import regime

from rsc_bench.kernels.rsc.account import Accounts
from rsc_bench.kernels.rsc.allocations import LayerCost
from rsc_bench.kernels.rsc.scheduling.running import Running
from rsc_bench.kernels.rsc.scheduling.schedule import Schedule


def spelt(schedule, steps):
    """One letter a step: e exact, m exact and measured, s sampled, S sampled and measured; A in front where it allocates."""
    found = []
    for phase in map(schedule.phase, range(steps)):
        letter = {(False, False): "e", (False, True): "m", (True, False): "s", (True, True): "S"}[phase.sampled, phase.measuring]
        found.append("A" * phase.allocating + letter)
    return " ".join(found)


def test_the_phases_of_a_training():
    schedule = Schedule(0.1, epochs=10, reallocate_every=3, warmup_steps=2)
    assert spelt(schedule, 12) == "m m As s S As s S e e e e"


def test_the_papers_schedule_allocates_every_10_epochs_and_switches_at_320_of_400():
    phases = [Schedule(0.1, epochs=400).phase(step) for step in range(400)]
    assert [step for step, phase in enumerate(phases) if phase.allocating] == list(range(5, 320, 10))
    assert [phase.sampled for phase in phases] == [False] * 5 + [True] * 315 + [False] * 80


def test_steps_of_an_epoch_stretch_the_epochs_and_not_the_warm_up():
    schedule = Schedule(0.1, epochs=4, reallocate_every=1, switch_at=0.75, warmup_steps=2, steps_per_epoch=3)
    assert spelt(schedule, 12) == "m m As s S As s S As e e e"


def test_switching_at_1_never_switches():
    assert spelt(Schedule(0.1, epochs=2, switch_at=1, warmup_steps=1), 4) == "m As s s"


def test_switching_before_the_warm_up_is_over_leaves_nothing_to_measure_for():
    assert spelt(Schedule(0.1, epochs=3, switch_at=0, warmup_steps=1), 3) == "e e e"
    assert spelt(Schedule(0.1, epochs=4, switch_at=0.5, warmup_steps=3), 4) == "m m e e"


def test_a_share_of_the_epochs_that_rounding_would_miss():
    assert Schedule(0.1, epochs=100, switch_at=0.07).exact_from == 7  # 0.07 * 100 is 7.000000000000001 in float64


@pytest.mark.parametrize(("option", "message"), [
    ({"budget": 0}, r"budget must lie in \(0, 1\] \(got 0\)"),
    ({"epochs": 0}, r"epochs must be a whole number of at least 1 \(got 0\)"),
    ({"interval": 0}, r"interval must be at least 1 \(got 0\)"),
    ({"reallocate_every": 0}, r"reallocate_every must be a whole number of at least 1 \(got 0\)"),
    ({"warmup_steps": -1}, r"warmup_steps must be a whole number of at least 0 \(got -1\)"),
    ({"warmup": "again"}, r"warmup must be one of continue, restart \(got 'again'\)"),
    ({"warmup": "restart", "warmup_steps": 0}, r"warmup_steps must be at least 1 where training restarts behind them \(got 0\)"),
    ({"steps_per_epoch": -1}, r"steps_per_epoch must be a whole number of at least 1 \(got -1\)"),
    ({"switch_at": 1.5}, r"switch_at must lie in \[0, 1\] \(got 1.5\)"),
    ({"switch_at": float("nan")}, r"switch_at must lie in \[0, 1\] \(got nan\)"),
    ({"allocation": "gredy"}, "allocation 'gredy' is not known: nearest is greedy"),
])  # fmt: skip
def test_a_schedule_that_cannot_be_followed_is_refused(option, message):
    with pytest.raises(ValueError, match=message):
        Schedule(**{"budget": 0.1, "epochs": 10, **option})


def running(schedule, calls, layers=2):
    """A run of which the layers but the last are measured, and an allocation that gives one pair to each."""
    accounts = [Accounts.for_layer(f"layer{index}") for index in range(layers)]
    for each in accounts[:-1]:
        each.backward.cost = LayerCost(torch.tensor([1.0, 3.0]), torch.tensor([4, 6]), 8)

    def allocate(costs, budget):
        calls.append((len(costs), budget))
        return [1] * len(costs)

    follows = Running(regime(), schedule, allocate)
    for each in accounts:
        follows.add(each)
    return follows, accounts


def trained(follows):
    """One training step: a forward pass, and the step of an optimiser."""
    follows.forward(1)
    follows.regime.sampled_products += not follows.regime.exact
    follows.step()


def test_an_allocation_limits_what_was_measured_to_the_cost_of_its_best_pairs():
    calls = []
    follows, accounts = running(Schedule(0.25, epochs=10, warmup_steps=1), calls)
    assert (calls, accounts[0].backward.limit) == ([], None)
    trained(follows)
    limit = accounts[0].backward.limit
    assert calls == [(1, 0.25)]
    assert (limit.pairs, limit.nnz, limit.of_nnz) == (1, 6, 10)
    assert accounts[1].backward.limit is None


def test_steps_switch_the_regime_and_allocations_are_made_only_when_due():
    calls, seen = [], []
    follows, _kept = running(Schedule(0.1, epochs=10, reallocate_every=3, warmup_steps=2), calls)
    for _ in range(10):
        seen.append((follows.regime.exact, follows.regime.measuring))
        trained(follows)
    assert len(calls) == 2
    assert [exact for exact, _ in seen] == [True] * 2 + [False] * 6 + [True] * 2
    assert [measuring for _, measuring in seen] == [True, True, False, False, True, False, False, True, False, False]


def test_a_run_with_nothing_measured_allocates_nothing():
    calls = []
    follows, _kept = running(Schedule(0.1, epochs=10, warmup_steps=1), calls, layers=1)
    trained(follows)
    assert calls == []
