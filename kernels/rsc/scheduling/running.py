"""A schedule as it runs: counts optimiser steps, switches between exact and sampled, and shares the budget out."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import Any

import torch

from rsc_bench.kernels.rsc.account import Account, Accounts, Limit
from rsc_bench.kernels.rsc.allocations import Allocate
from rsc_bench.kernels.rsc.product import Regime
from rsc_bench.kernels.rsc.scheduling.optimisers import Steps
from rsc_bench.kernels.rsc.scheduling.restart import Beginning, Watch
from rsc_bench.kernels.rsc.scheduling.schedule import Phase, Schedule

_UNSEEN = 20
"""Products of one layer without an optimiser's step, at least, before it is looked whether something else trains the model."""


class Running:
    """Follows the training of one model, and its schedule where it has one.

    A step is one of an optimiser that holds parameters of the model, behind a training pass of a converted layer: gradient
    accumulation, several passes, activation checkpointing and a second optimiser count once.
    """

    def __init__(self, regime: Regime, schedule: Schedule | None = None, allocate: Allocate | None = None) -> None:
        self.regime, self.schedule = regime, schedule
        self._allocate = allocate
        self._layers: list[weakref.ref[Accounts]] = []
        self.steps = 0
        """Optimiser steps so far."""
        self.sampled_steps = 0
        """Of those, steps with at least one sampled product."""
        self.phase = Phase(sampled=False)
        """What the step that comes next does."""
        self.why: Callable[[], str] = str
        """Returns why nothing is sampled, for a warning."""
        self.stepped: Callable[[bool], None] | None = None
        """Called at the end of each step, with whether a converted layer was passed through in training; None: nothing is."""
        self._seen = self._evaluated = False
        self._unseen = max(_UNSEEN, (schedule.exact_from or 0) // 2 if schedule else 0)
        self._at_first: list[torch.Tensor] = []
        """Some parameters as they were in the first pass, until a step is seen."""
        self._evaluated_steps = 0
        """Steps behind passes in evaluation mode alone, which count for nothing."""
        self._sampled_before = 0
        self._warned: set[str] = set()
        self._new = False
        self._size: tuple[int, int] | None = None
        self._new_steps = 0
        """Steps over an adjacency that was never seen before."""
        self.warming_up = schedule is not None and schedule.restarts and schedule.budget < 1
        """Whether the steps are those of a warm-up behind which training starts again."""
        self.undone_steps = 0
        """Those of the warm-up, behind which training has started again; `steps` has none of them."""
        self._beginning: Beginning | None = None
        """What training goes back to; kept behind the restart until the next pass, for optimisers that step after the first."""
        self._watch: Watch | None = None
        self.optimisers = Steps(self.step)
        self._enter(self.steps)

    def add(self, accounts: Accounts) -> None:
        """Follow one more layer, or a copy of one, for as long as it lives."""
        self._layers.append(weakref.ref(accounts, self._layers.remove))

    def follow(self, model: torch.nn.Module) -> None:
        """Follow the training of `model`: notice steps of its parameters, and where it begins."""
        self.optimisers.follow(model)
        if self.warming_up:
            self._watch = Watch(model, self._begins)

    def forward(self, products: int, new: bool = False, size: tuple[int, int] | None = None) -> None:
        """Take down a training pass of a layer, which made so many products so far.

        `new`: over an adjacency never seen before, of so many edges and sources; one of the last's size may be the same graph in a
        new object.
        """
        self._seen = True
        self._new = self._new or (new and (size is None or size != self._size))
        self._size = size or self._size
        if not self.warming_up:
            self._go_on()
        elif self._beginning is None:  # the model is compiled, or was not called as a module
            self._remember(Beginning(self.optimisers.modules))
        if self.schedule is not None and self.steps == 0:
            self._look_for_steps(products)

    def _begins(self, module: torch.nn.Module) -> None:
        """Take down where training begins, before any part of the model has learnt or drawn: a batch norm does in its own pass."""
        if not module.training or not torch.is_grad_enabled() or (self._beginning is not None and self.warming_up):
            return
        if self.warming_up:
            self._remember(Beginning(self.optimisers.modules))
        else:
            self._go_on()

    def _remember(self, beginning: Beginning | None) -> None:
        self._beginning = beginning
        self.optimisers.before = None if beginning is None else beginning.note

    def _go_on(self) -> None:
        """Begin the first pass behind the restart: no step of the warm-up comes any more."""
        self._remember(None)
        if self._watch is not None:
            self._watch.stop()

    def stop(self) -> None:
        """Follow the training no more."""
        self.optimisers.stop()
        if self._watch is not None:
            self._watch.stop()

    def _look_for_steps(self, products: int) -> None:
        """Warn where the parameters change and no optimiser of torch's has changed them; accumulated gradients change none."""
        if not self._at_first:
            self._at_first = self.optimisers.some()
        if products <= self._unseen:
            return
        self._unseen *= 2
        if any(not torch.equal(before, now) for before, now in zip(self._at_first, self.optimisers.some(), strict=False)):
            self._warn("no step of a torch optimiser was seen, so nothing is sampled: call step() of what approximate() returned")

    def evaluated(self) -> None:
        """Take down a pass with gradients in evaluation mode."""
        self._evaluated = True

    def step(self) -> None:
        """Count one step; torch's optimisers are noticed, any other calls this after it has changed the parameters."""
        evaluated, self._evaluated = self._evaluated, False
        if self.stepped is not None:
            self.stepped(self._seen)
        if not self._seen:
            self._stepped_unseen()
            self._evaluated_steps += evaluated
            if self._evaluated_steps == _UNSEEN and self.schedule is not None and self.schedule.budget < 1:
                self._warn(f"{_UNSEEN} steps were of a model in evaluation mode, so nothing is sampled: call train() of it before")
            return
        self._new_steps += self._new
        self._seen = self._new = False
        self._at_first = []
        self.steps += 1
        self.sampled_steps += self.regime.sampled_products > self._sampled_before
        self._sampled_before = self.regime.sampled_products
        if self.warming_up and self.schedule is not None and self.steps == self.schedule.warmup_steps:
            self._restart()
        self._enter(self.steps)
        self._look_back()

    def _restart(self) -> None:
        """Go back to where training began, with what the warm-up has measured."""
        assert self._beginning is not None, "a step behind a training pass"
        self._beginning.restore()
        self.warming_up, self.undone_steps, self.steps = False, self.steps, 0

    def _stepped_unseen(self) -> None:
        """Take a step that has no training pass of its own: of one more optimiser, or of parts without a converted layer."""
        if self._beginning is None:
            return
        if not self.warming_up:
            self._beginning.restore()  # the other optimisers' steps behind the same pass are of the warm-up, too
        elif self.steps == 0:
            self._remember(None)  # training of the converted layers has not begun

    @property
    def accounts(self) -> list[Account]:
        """The products that the method samples, layer by layer; those of copied layers come after."""
        sampler = self.regime.sampler
        sampled = [("forward", sampler.samples("forward")), ("backward", sampler.samples("backward"))]
        layers = filter(None, (layer() for layer in self._layers))
        return [getattr(layer, direction) for layer in layers for direction, is_sampled in sampled if is_sampled]

    @property
    def named(self) -> dict[str, Account]:
        """The same by name, without those of copies."""
        found: dict[str, Account] = {}
        for account in self.accounts:
            found.setdefault(account.name, account)
        return found

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` takes: steps, and what each layer may spend; plain numbers and texts."""
        given = {name: account.limit for name, account in self.named.items() if account.limit}
        limits = {name: [limit.pairs, limit.nnz, limit.of_nnz] for name, limit in given.items()}
        return {
            # A warm-up that is cut short begins anew: what training goes back to is not in a state.
            "steps": 0 if self.warming_up else self.steps,
            "sampled_steps": self.sampled_steps,
            "warming_up": self.warming_up,
            "limits": limits,
            "spent": {name: [float(account.spent), float(account.whole)] for name, account in self.named.items()},
            "layers": sorted(self.named),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; raises ``ValueError`` for what is no such state, and for layers of another model."""
        try:
            steps, sampled = int(state["steps"]), int(state["sampled_steps"])
            limits = {name: Limit(*map(int, numbers)) for name, numbers in dict(state["limits"]).items()}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"a state must have steps, sampled_steps and limits, as state_dict() returns them ({error})") from None
        known = self.named
        unknown = sorted(limits.keys() - known.keys() | known.keys() ^ set(state.get("layers", known)))
        if unknown or steps < 0 or not 0 <= sampled <= steps:
            raise ValueError(f"a state must be of a model with the same layers, its steps not negative (got {unknown or steps})")
        wrong = sorted(name for name, limit in limits.items() if not (limit.pairs >= 0 <= limit.nnz <= limit.of_nnz))
        if wrong:
            raise ValueError(f"a state's limits must be pairs, non-zeros and the whole's non-zeros, 0 or more (got {wrong})")
        spent = dict(state.get("spent", {}))
        for name, account in known.items():
            account.limit = limits.get(name)
            account.spent, account.whole = map(float, spent.get(name, (0.0, 0.0)))
        self.steps, self.sampled_steps = steps, sampled
        self.warming_up = self.warming_up and bool(state.get("warming_up", steps == 0))
        self._enter(steps, resumed=True)

    def _enter(self, step: int, resumed: bool = False) -> None:
        """Switch to what step `step` does; an allocation that is due is made first."""
        if self.schedule is None:
            self.regime.exact = True
            return
        self.phase = Phase(sampled=False, measuring=True) if self.warming_up else self.schedule.phase(step)
        if self.phase.allocating and not resumed:
            self._share_out()
        self.regime.exact, self.regime.measuring = not self.phase.sampled, self.phase.measuring

    def _share_out(self) -> None:
        """Give each measured product its limit; one that was never measured, as of a first layer, has nothing to spend."""
        measured = [(account, account.cost) for account in self.accounts if account.cost is not None]
        if not measured or self._allocate is None or self.schedule is None:
            return
        device: torch.device = measured[0][1].scores.device
        with self.regime.timings.of("allocate", device):
            pairs = self._allocate([cost for _, cost in measured], self.schedule.budget)
            for (account, _), k in zip(measured, pairs, strict=True):
                account.allow(k)

    def _look_back(self) -> None:
        """Warn once where half of what was to be sampled has passed without it, and where epochs are taken for steps."""
        schedule = self.schedule
        if schedule is None or schedule.budget == 1:
            return
        if self.steps == schedule.half and self.sampled_steps == 0 and schedule.samples_by(self.steps):
            self._warn(f"half of the planned steps ({self.steps}) have passed, and no backward product was sampled: {self.why()}")
        if schedule.exact_from is not None and schedule.whole is not None and self.steps == schedule.whole + 1:
            self._warn(f"the planned training of {schedule.whole} steps is over: this step and all that follow are exact")
        if self.steps == _UNSEEN and schedule.counts_epochs and schedule.steps_per_epoch == 1 and self._new_steps >= self.steps - 2:
            self._warn(
                f"epochs={schedule.epochs} is taken as so many steps, but the graph changes from step to step as mini-batches "
                "do: give steps= of the whole training, or steps_per_epoch="
            )

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            warnings.warn(text, stacklevel=6)
