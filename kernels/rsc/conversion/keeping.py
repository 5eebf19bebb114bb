"""Keeps the product of an adjacency with features that stay what they are, as those of the nodes in full-batch training.

A first layer that aggregates before it transforms (GraphSAGE, GIN, SGC) has the same product in each step and evaluation.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial

import torch

from rsc_bench.kernels.rsc.conversion.remembering import version


def may_stay(features: torch.Tensor) -> bool:
    """Return whether `features` can be the same again: they do not learn, and no CUDA graph is captured.

    A captured graph runs again over other numbers in the same tensors, so what is made in it is part of it.
    """
    return not features.requires_grad and not (features.is_cuda and torch.cuda.is_current_stream_capturing())


@dataclass(eq=False)
class _Met:
    """Features as they were met, and their product, which is kept from the second time on."""

    features: weakref.ref[torch.Tensor]
    version: tuple[int, ...]
    product: torch.Tensor | None = None
    made: tuple[int, ...] | None = None
    """The version of the product as it was made: a layer may go on to change what it was given."""
    spoiled: bool = False
    """Whether that has happened: then nothing is kept of these features any more."""


class KeptProducts:
    """The exact products of one adjacency with features that came twice, unchanged; each goes when its features do.

    A kept product stays what it is as well, so the further hops of an SGC are kept, too.
    """

    def __init__(self) -> None:
        self._met: dict[int, _Met] = {}

    def find(self, features: torch.Tensor) -> torch.Tensor | None:
        """Return the product that is kept for `features`, (columns, width), which need no gradient; None where there is none.

        Features are the same where the object and its version are: see `remembering.version` for what is not seen.
        """
        met = self._known(features)
        if met is None or met.product is None:
            return None
        if version(met.product) == met.made:
            return met.product
        met.product, met.spoiled = None, True
        return None

    def keep(self, features: torch.Tensor, product: torch.Tensor) -> None:
        """Keep what was made for `features` where they came a second time: those of a mini-batch may come once."""
        met, made = self._known(features), version(product)
        if met is None:
            now = version(features)
            if now is not None:
                self._met[id(features)] = _Met(weakref.ref(features, partial(_forget, weakref.ref(self), id(features))), now)
        elif made is not None and not met.spoiled:  # in inference mode it is None: no training could use such a product
            met.product, met.made = product, made

    @property
    def nbytes(self) -> int:
        """Bytes of the products that are kept."""
        return sum(met.product.nbytes for met in self._met.values() if met.product is not None)

    def _known(self, features: torch.Tensor) -> _Met | None:
        """Return what is known of features that were met before, as they are now."""
        met = self._met.get(id(features))
        same = met is not None and met.features() is features and met.version == version(features)
        return met if same else None


def _forget(kept: weakref.ref[KeptProducts], key: int, _: object) -> None:
    """Let go of what was kept for features that are no more."""
    mine = kept()
    if mine is not None:
        mine._met.pop(key, None)
