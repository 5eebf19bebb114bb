"""When training is exact, when it samples, and when the budget is shared out anew: a pure function of the step."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Literal, get_args

from rsc_bench.kernels.sampled.compose import Sampling
from rsc_bench.plugins import find

Warmup = Literal["continue", "restart"]


@dataclass(frozen=True)
class Phase:
    """What one training step does."""

    sampled: bool
    """False: all products are exact."""
    allocating: bool = False
    """The budget is shared out before the step."""
    measuring: bool = False
    """The step's gradients are scored, because an allocation comes next."""


def _takes_a_step(function: object) -> bool:
    try:
        inspect.signature(function).bind(0)  # type: ignore[arg-type]
    except TypeError:
        return False
    except ValueError:  # one of C has no signature
        pass
    return True


@dataclass(frozen=True)
class Schedule:
    """How the method's approximation runs over training (RSC, sections 3.2 to 3.4); it never touches an optimiser."""

    budget: float
    """Share of the exact FLOPs that sampled products may spend, in (0, 1]."""
    epochs: int | None = None
    """Epochs of the whole training: what `switch_at` is a share of. One of `epochs`, `steps` and `when` is given."""
    interval: int = 10
    """Products that one selection serves; 1 selects afresh each time."""
    reallocate_every: int = 10
    """Epochs from one allocation to the next; steps where `epochs` is not given."""
    switch_at: float = 0.8
    """Share of the training after which everything is exact; 1 never switches."""
    warmup_steps: int = 5
    """Exact training steps before the first allocation, which is made from what they measure; 0: the first one is uniform."""
    warmup: Warmup = "continue"
    """Whether training goes on from the warm-up, or starts again behind it and is sampled from its first step."""
    steps_per_epoch: int = 1
    """Optimiser steps of an epoch: 1 for full-batch training."""
    allocation: str = "greedy"
    """Name of the file in ``kernels/rsc/allocations`` that shares the budget out."""
    seed: int = 0
    """Of the selections that draw."""
    steps: int | None = None
    """Optimiser steps of the whole training."""
    when: Callable[[int], bool] | None = None
    """Returns whether optimiser step n, from 0, samples: a schedule of the user's own, after the warm-up."""

    def __post_init__(self) -> None:
        Sampling(self.budget, self.interval, self.seed)
        given = [name for name in ("epochs", "steps", "when") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join("schedule" if name == "when" else name for name in given) or "none"
            raise ValueError(f"one of epochs=, steps= and schedule= must say when training is exact again (got {found})")
        for name in ("seed", "epochs", "steps", "reallocate_every", "warmup_steps", "steps_per_epoch"):
            value, least = getattr(self, name), 0 if name in ("seed", "warmup_steps") else 1
            if value is not None and (type(value) is bool or not isinstance(value, Integral) or value < least):
                raise ValueError(f"{name} must be a whole number of at least {least} (got {value!r})")
        if self.warmup not in get_args(Warmup):
            raise ValueError(f"warmup must be one of {', '.join(get_args(Warmup))} (got {self.warmup!r})")
        if self.restarts and self.warmup_steps == 0:
            raise ValueError("warmup_steps must be at least 1 where training restarts behind them (got 0)")
        if self.when is not None and not _takes_a_step(self.when):
            raise ValueError(f"schedule must be a function of the step that returns whether it samples (got {self.when!r})")
        if self.steps is not None and self.steps_per_epoch != 1:
            raise ValueError(f"steps_per_epoch goes with epochs= (got steps={self.steps}, steps_per_epoch={self.steps_per_epoch})")
        if not 0 <= self.switch_at <= 1:
            raise ValueError(f"switch_at must lie in [0, 1] (got {self.switch_at:g})")
        find("allocation", self.allocation)

    @property
    def sampling(self) -> Sampling:
        """What a sampled product goes by: budget, interval and seed."""
        return Sampling(self.budget, self.interval, self.seed)

    @property
    def restarts(self) -> bool:
        """Whether training starts again behind the warm-up, which then counts for nothing."""
        return self.warmup == "restart"

    @property
    def first_sampled(self) -> int:
        """The step that may be sampled first."""
        return 0 if self.restarts else self.warmup_steps

    @property
    def counts_epochs(self) -> bool:
        """Whether its length was given in epochs."""
        return self.epochs is not None

    @property
    def exact_from(self) -> int | None:
        """First training step of the exact end; None where a function decides, or there is none."""
        if self.when is not None or self.switch_at == 1:
            return None
        if self.epochs is not None:
            return math.ceil(self.switch_at * self.epochs - 1e-9) * self.steps_per_epoch
        assert self.steps is not None
        return math.ceil(self.switch_at * self.steps - 1e-9)

    @property
    def whole(self) -> int | None:
        """Steps of the training; None where its length is not known."""
        return self.steps if self.epochs is None else self.epochs * self.steps_per_epoch

    @property
    def half(self) -> int | None:
        """Steps that are half of the training; None where its length is not known."""
        return None if self.whole is None else max(1, self.whole // 2)

    def samples_by(self, step: int) -> bool:
        """Return whether a step before `step` was to be sampled."""
        return any(self.phase(before).sampled for before in range(step - 1, -1, -1))

    def phase(self, step: int) -> Phase:
        """Return what training step `step`, counted from 0, does; the steps of a warm-up that training restarts behind are none."""
        end = self.exact_from
        if end is not None and step >= end:
            return Phase(sampled=False)
        if step < self.first_sampled:
            return Phase(sampled=False, measuring=True)
        sampled = self.when is None or bool(self.when(step))
        return Phase(sampled, self._allocates_at(step), self._allocates_at(step + 1))

    def _allocates_at(self, step: int) -> bool:
        return (step - self.first_sampled) % (self.reallocate_every * self.steps_per_epoch) == 0
