"""A schedule as it runs: counts training steps, switches between exact and sampled, and shares the budget out."""

from __future__ import annotations

import torch

from rsc_bench.kernels.rsc.account import Account, Accounts
from rsc_bench.kernels.rsc.allocations import Allocate
from rsc_bench.kernels.rsc.product import Regime
from rsc_bench.kernels.rsc.schedule import Phase, Schedule


class Running:
    """Follows one schedule for the layers of one model."""

    def __init__(self, schedule: Schedule, allocate: Allocate, regime: Regime, layers: list[Accounts]) -> None:
        self.schedule, self.regime = schedule, regime
        self._allocate = allocate
        self._layers = layers
        self.step = 0
        """Training steps begun so far."""
        self.phase = Phase(sampled=False)
        """What the step that was begun last does."""
        regime.exact = True

    def begin_step(self) -> None:
        """Switch to what the next training step does; an allocation that is due is made first."""
        self.phase = self.schedule.phase(self.step)
        self.step += 1
        if self.phase.allocating:
            self._share_out()
        self.regime.exact, self.regime.measuring = not self.phase.sampled, self.phase.measuring

    @property
    def accounts(self) -> list[Account]:
        """The products that the method samples, layer by layer."""
        sampler = self.regime.sampler
        sampled = [("forward", sampler.samples("forward")), ("backward", sampler.samples("backward"))]
        return [getattr(layer, direction) for layer in self._layers for direction, is_sampled in sampled if is_sampled]

    def _share_out(self) -> None:
        """Give each measured product its limit; one that was never measured, as of a first layer, has nothing to spend."""
        measured = [(account, account.cost) for account in self.accounts if account.cost is not None]
        if not measured:
            return
        device: torch.device = measured[0][1].scores.device
        with self.regime.timings.of("allocate", device):
            pairs = self._allocate([cost for _, cost in measured], self.schedule.budget)
            for (account, _), k in zip(measured, pairs, strict=True):
                account.allow(k)
