"""What one layer's product costs, what it may spend, and what it spent: between the products and an allocation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from rsc_bench.kernels.rsc.allocations import LayerCost, ranking


@dataclass(frozen=True)
class Limit:
    """What an allocation gave a product."""

    pairs: int
    """k: the pairs that the allocation counted."""
    nnz: int
    """Non-zeros of the k best pairs at that time: what later selections may spend, so that the FLOPs stay within the budget."""
    of_nnz: int
    """Non-zeros of the matrix that was allocated for."""

    def on(self, nnz: int) -> int:
        """Return the non-zeros that may be kept of a matrix with `nnz` of them: the same share on another mini-batch."""
        return self.nnz if nnz == self.of_nnz else self.nnz * nnz // max(self.of_nnz, 1)


@dataclass(frozen=True)
class Took:
    """Seconds of the host's clock that the products of one account took, and selecting for them; on a GPU none are counted."""

    seconds: float = 0.0
    """All of them."""
    usual_s: float = 0.0
    """Those without the first call of each kind, which compiles, or loads what was compiled."""
    usual_elements: int = 0
    """Non-zeros times columns that the usual calls would have multiplied, had nothing been left out."""

    def more(self, seconds: float, elements: int, first: bool) -> Took:
        """Return it with one more call, which `first` leaves out of the usual ones."""
        if first:
            return replace(self, seconds=self.seconds + seconds)
        return Took(self.seconds + seconds, self.usual_s + seconds, self.usual_elements + elements)


@dataclass(eq=False)
class Account:
    """One product of one layer, over all the adjacencies that the layer meets."""

    name: str
    limit: Limit | None = None
    """None before the first allocation: the budget's share of the non-zeros."""
    cost: LayerCost | None = None
    """As measured last; None: nothing has been measured, as of a layer that has no backward product."""
    count: Callable[[], int] | None = None
    """Counts the non-zeros that the last product multiplied, when called: a step waits for no device; None: see `kept_nnz`."""
    nnz: int = 0
    """Non-zeros of that product's matrix."""
    width: int = 0
    """Columns of that product."""
    spent: torch.Tensor | float = 0.0
    """Non-zeros times columns that were multiplied so far; on a GPU a scalar there."""
    whole: float = 0.0
    """The same, had nothing been left out."""
    took: Took = Took()
    """What the products took so far."""
    made: int = 0
    """Products made so far: so that the random draws of a mini-batch differ from those of the next."""

    def allow(self, pairs: int) -> None:
        """Limit the product to what its `pairs` best pairs cost."""
        assert self.cost is not None, "a cost is measured before it is allocated for"
        best = ranking(self.cost.scores)[:pairs]
        self.limit = Limit(pairs, int(self.cost.pair_nnz[best].sum()), int(self.cost.pair_nnz.sum()))

    def multiplied(self, count: Callable[[], int], kept: torch.Tensor | int, nnz: int, width: int) -> None:
        """Take down what a product multiplied: `kept` of its non-zeros, which `count` returns on the host."""
        self.count, self.nnz, self.width = count, nnz, width
        kept = kept.double() if isinstance(kept, torch.Tensor) else kept  # torch adds a number and an integer tensor in float32
        self.spent, self.whole = self.spent + kept * width, self.whole + nnz * width

    @property
    def kept_nnz(self) -> int | None:
        """Non-zeros that the last product multiplied; None before the first one that could be sampled."""
        return None if self.count is None else self.count()


@dataclass(eq=False)
class Accounts:
    """The two products of one layer."""

    forward: Account
    backward: Account

    @classmethod
    def for_layer(cls, name: str) -> Accounts:
        """Return fresh accounts for the layer `name`."""
        return cls(Account(f"{name} forward"), Account(name))


Spent = tuple[torch.Tensor | float, float]
"""FLOPs of products, as non-zeros times columns: those that were spent, on a GPU a scalar there, and those of exact products."""


def spent_so_far(accounts: list[Account]) -> Spent:
    """Return what all products so far have spent; nothing waits for a device."""
    return sum(account.spent for account in accounts), sum(account.whole for account in accounts)


def share_so_far(accounts: list[Account]) -> float | None:
    """Return the share of the exact FLOPs that all products so far have spent, or None where there were none."""
    spent, whole = spent_so_far(accounts)
    return float(spent) / whole if whole else None


def last_share(accounts: list[Account]) -> float | None:
    """Return the share of the FLOPs that the last products spent of exact ones, or None where there were none."""
    whole = sum(account.nnz * account.width for account in accounts)
    spent = sum((account.kept_nnz or 0) * account.width for account in accounts)
    return spent / whole if whole else None
