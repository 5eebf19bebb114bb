"""When training is exact, when it samples, and when the budget is shared out anew: a pure function of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rsc_bench.kernels.sampled.compose import Sampling
from rsc_bench.plugins import find


@dataclass(frozen=True)
class Phase:
    """What one training step does."""

    sampled: bool
    """False: all products are exact."""
    allocating: bool = False
    """The budget is shared out before the step."""
    measuring: bool = False
    """The step's gradients are scored, because an allocation comes next."""


@dataclass(frozen=True)
class Schedule:
    """How the method's approximation runs over training (RSC, sections 3.2 to 3.4); it never touches an optimiser."""

    budget: float
    """Share of the exact FLOPs that sampled products may spend, in (0, 1]."""
    epochs: int
    """Epochs of the whole training: what `switch_at` is a share of."""
    interval: int = 10
    """Products that one selection serves; 1 selects afresh each time."""
    reallocate_every: int = 10
    """Epochs from one allocation to the next."""
    switch_at: float = 0.8
    """Share of the epochs after which everything is exact; 1 never switches."""
    warmup_steps: int = 5
    """Exact training steps before the first allocation, which is made from what they measure."""
    steps_per_epoch: int = 1
    """Training steps of an epoch: 1 for full-batch training."""
    allocation: str = "greedy"
    """Name of the file in ``kernels/rsc/allocations`` that shares the budget out."""
    seed: int = 0
    """Of the selections that draw."""

    def __post_init__(self) -> None:
        Sampling(self.budget, self.interval, self.seed)
        for name in ("epochs", "reallocate_every", "warmup_steps", "steps_per_epoch"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1 (got {value})")
        if not 0 <= self.switch_at <= 1:
            raise ValueError(f"switch_at must lie in [0, 1] (got {self.switch_at:g})")
        find("allocation", self.allocation)

    @property
    def sampling(self) -> Sampling:
        """What a sampled product goes by: budget, interval and seed."""
        return Sampling(self.budget, self.interval, self.seed)

    @property
    def exact_from(self) -> int:
        """First training step of the exact end."""
        return math.ceil(self.switch_at * self.epochs - 1e-9) * self.steps_per_epoch

    def phase(self, step: int) -> Phase:
        """Return what training step `step`, counted from 0, does."""
        if step >= self.exact_from and self.switch_at < 1:
            return Phase(sampled=False)
        if step < self.warmup_steps:
            return Phase(sampled=False, measuring=True)
        return Phase(True, self._allocates_at(step), self._allocates_at(step + 1))

    def _allocates_at(self, step: int) -> bool:
        return (step - self.warmup_steps) % (self.reallocate_every * self.steps_per_epoch) == 0
