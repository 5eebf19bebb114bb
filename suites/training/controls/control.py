"""What a control is: an exact training in another way, at the cost of an approximated one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from rsc_bench.suites.training.batches import Batches
from rsc_bench.suites.training.data import TrainingData

Fewer = Callable[[torch.Tensor, float, torch.Generator], torch.Tensor]
"""(adjacency, torch CSR; share of its non-zeros; generator) -> adjacency with about that share of them."""


@dataclass(frozen=True)
class Way:
    """A better way to make a control, which needs a package that may be absent."""

    name: str
    """What records add to the control's name."""
    summary: str
    """One sentence, with the source."""
    missing: Callable[[], str | None]
    """Why it cannot be gone on this machine, with the remedy; None where it can."""


@dataclass(frozen=True)
class Control:
    """One control that is a training of its own, exact: on fewer edges, or on mini-batches."""

    name: str
    """What it is called; its records add to that how it was made."""
    summary: str
    """One sentence, with the source."""
    edges: Fewer | None = None
    """Leaves edges out, once and for all before training; the model is judged on the whole graph. None: all edges."""
    loader: Callable[[TrainingData, int, int], Batches] | None = None
    """Mini-batches, as a model's loader; None: the whole graph. Raises `Skip` where the graph does not allow them."""
    better: Way | None = None
    """How it is made where that can be; None: there is one way."""

    @property
    def way(self) -> Way | None:
        """The better way, where it can be gone here."""
        return self.better if self.better is not None and self.better.missing() is None else None

    @property
    def recorded(self) -> str:
        """What its records have as variant: its name, and that of the better way where it is made so."""
        return self.name if self.way is None else f"{self.name},{self.way.name}"

    @property
    def has_budget(self) -> bool:
        """Whether it costs what an approximated training costs, and there is one for each budget."""
        return self.edges is not None
