"""Approximates the layers of an existing PyTorch Geometric model in place, on a schedule."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from rsc_bench import allocator
from rsc_bench.kernels.contract import Kernel
from rsc_bench.kernels.rsc.accelerated import Accelerated, choose_kernel
from rsc_bench.kernels.rsc.account import Spent, last_share, share_so_far, spent_so_far
from rsc_bench.kernels.rsc.adjacency import Diagonal
from rsc_bench.kernels.rsc.product import Approximated, Measures, Regime, Sampler
from rsc_bench.kernels.rsc.scheduling.schedule import Phase, Schedule, Warmup
from rsc_bench.plugins import find

if TYPE_CHECKING:
    from rsc_bench.kernels.rsc.conversion.layers import Layer


def approximate(  # noqa: PLR0913  (the one call of users: each option stands beside its default)
    model: torch.nn.Module,
    budget: float = 0.1,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    schedule: Callable[[int], bool] | None = None,
    interval: int = 10,
    switch_at: float = 0.8,
    allocation: str = "greedy",
    reallocate_every: int = 10,
    warmup: Warmup = "continue",
    warmup_steps: int = 5,
    steps_per_epoch: int = 1,
    selection: str = "topk",
    kernel: str | Kernel | None = None,
    diagonal: Diagonal = "exact",
    approximated: Approximated = "backward",
    measures: Measures = "latest",
    loss_nodes: torch.Tensor | None = None,
    seed: int = 0,
    keep_products: bool = True,
    keep_memory: bool = False,
) -> Approximation:
    """Do what `accelerate` does, and sample the backward products of `model` in training (RSC, arXiv 2210.10737).

    Parameters, buffers, ``state_dict`` keys and forward products stay what they are; only gradients are approximated. What
    counts as a training step is one of a torch optimiser that holds parameters of the model, however many passes it took.
    One of `epochs`, `steps` and `schedule` says when training is exact again.

    Args:
        model: has PyTorch Geometric layers, anywhere inside, or is one.
        budget: share of the exact backward FLOPs that may be spent, in (0, 1].
        epochs: of the whole training, from now on; of mini-batches with `steps_per_epoch`.
        steps: optimiser steps of the whole training, from now on.
        schedule: returns whether optimiser step n, counted from 0, samples.
        interval: products that one selection serves.
        switch_at: share of the training after which everything is exact; 1 never switches.
        allocation: ``"greedy"`` (the paper's), ``"optimal"``, ``"uniform"``, or ``"published"``, which is that of the authors' code
            and may spend more than the budget.
        reallocate_every: epochs from one allocation to the next; steps where `epochs` is not given.
        warmup: ``"continue"`` trains on from the warm-up. ``"restart"`` goes back, as the authors' code does: behind `warmup_steps`
            steps of a torch optimiser the parameters, the optimiser's state and torch's random states are those of the first
            step again, and the steps are counted from there, so train for so many more. Left alone are a learning rate's
            scheduler, and what runs in a pass before the first converted layer: a batch norm there keeps what it learnt.
        warmup_steps: exact steps before the first allocation; 0: samples at once, each layer with the same share.
        steps_per_epoch: optimiser steps of an epoch; 1 for full-batch training.
        selection: ``"topk"`` (the paper's), ``"random"`` or ``"importance"``.
        kernel: the exact kernel that multiplies; None: the fastest for the model's device and dtype that is installed.
        diagonal: ``"exact"`` keeps self-loops out of the sampling, ``"sampled"`` does not.
        approximated: which products are sampled; anything but ``"backward"`` is for ablation.
        measures: what an allocation goes by. ``"latest"``: the last step's scores, and an estimate of the exact product's norm.
            ``"published"``: as in the authors' code the scores of each selection and the norms of the products as they were,
            sampled or not, each half its value before and half the new one.
        loss_nodes: as `accelerate` takes it; the budget is then a share of the FLOPs that are left.
        seed: of the selections that draw.
        keep_products: as `accelerate` takes it.
        keep_memory: let the whole process keep the memory of freed tensors, as `rsc_bench.keep_memory` does.

    Returns:
        What was changed and how training goes: `print` it. And the way back.

    Raises:
        ValueError: for an option outside its range, or a model with no layer that can be converted.
        ModuleNotFoundError: where PyTorch Geometric is not installed, with how to get it.
    """
    planned = Schedule(
        budget=budget,
        epochs=epochs,
        interval=interval,
        reallocate_every=reallocate_every,
        switch_at=switch_at,
        warmup=warmup,
        warmup_steps=warmup_steps,
        steps_per_epoch=steps_per_epoch,
        allocation=allocation,
        seed=seed,
        steps=steps,
        when=schedule,
    )
    chosen = find("selection", selection)
    if reason := chosen.why_not_train():
        raise ValueError(f"selection must choose pairs (got {selection!r}): {reason}")
    sampler = Sampler(choose_kernel(kernel, model), chosen, diagonal, approximated)
    regime = Regime(sampler, planned.sampling, measures, keeps_products=keep_products)
    found = Approximation(model, planned, regime, loss_nodes)
    if keep_memory:
        allocator.keep_memory()
    return found


class Approximation(Accelerated):
    """An approximated model: what was changed in it, how its budget is spent, and the way back."""

    def __init__(
        self,
        model: torch.nn.Module,
        schedule: Schedule,
        regime: Regime,
        loss_nodes: torch.Tensor | None = None,
    ) -> None:
        allocate = find("allocation", schedule.allocation).allocate
        super().__init__(model, regime, schedule, allocate, loss_nodes)
        self.schedule = schedule
        end = schedule.exact_from
        if end is not None and 0 < end <= schedule.first_sampled:
            warnings.warn(
                f"no step will be sampled: training is exact for {schedule.warmup_steps} steps of warm-up, and again from step "
                f"{end} on; train for longer, or set warmup_steps= or switch_at=",
                stacklevel=3,
            )

    _samples = True

    @property
    def sampled_steps(self) -> int:
        """Optimiser steps so far in which a product was sampled."""
        return self._running.sampled_steps

    @property
    def phase(self) -> Phase:
        """What the training step that comes next, or is under way, does."""
        return self._running.phase

    @property
    def warming_up(self) -> bool:
        """Whether the next step is one of a warm-up behind which training starts again, as with ``warmup="restart"``."""
        return self._running.warming_up

    @property
    def undone_steps(self) -> int:
        """Exact steps of a warm-up that training has started again behind; what they spent is part of what was spent."""
        return self._running.undone_steps

    @property
    def k_per_layer(self) -> Mapping[str, int | None]:
        """Column-row pairs that the last allocation gave each layer; None: none yet, or it has no product to sample."""
        return {name: account.limit.pairs if account.limit else None for name, account in self._running.named.items()}

    @property
    def spent_share(self) -> float | None:
        """Share of the exact FLOPs of the sampled direction that was spent so far, exact steps included; None before the first."""
        return share_so_far(self._running.accounts)

    @property
    def spent(self) -> Spent:
        """FLOPs of the sampled direction so far: those that were spent, and those of exact products; nothing waits for a device."""
        return spent_so_far(self._running.accounts)

    @property
    def last_share(self) -> float | None:
        """The same of each layer's last product."""
        return last_share(self._running.accounts)

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule is, as plain numbers and texts: save it beside the model's and the optimiser's."""
        return self._running.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken, in the same phase; raises ``ValueError`` for what is no such state."""
        self._running.load_state_dict(state)

    def _spent(self, layer: Layer) -> float | None:
        return share_so_far([layer.accounts.backward])
