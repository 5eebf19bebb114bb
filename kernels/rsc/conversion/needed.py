"""Multiplies in the last layer only the rows that the loss reads, where the user says which; exactly, or not at all."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING, Any

import torch

from rsc_bench.kernels.rsc.conversion.sources import Prepared
from rsc_bench.kernels.rsc.lossless import rows_that_count

if TYPE_CHECKING:
    from rsc_bench.kernels.rsc.conversion.layers import Layer

_REMEDY = "undo() the conversion, and convert without loss_nodes="
_UNUSED = 10
"""Training steps in which no row was left out, behind which that is said: the first ones may train other layers."""


class Needed:
    """The nodes that a loss reads, and the layer that computes no other row in training; in evaluation it computes all of them."""

    def __init__(self, nodes: torch.Tensor, name: str) -> None:
        """Take `nodes`, (nodes,) bool or their numbers, for the layer `name`; raises ``ValueError`` for anything else."""
        if not isinstance(nodes, torch.Tensor) or nodes.dim() != 1 or not nodes.numel() or nodes.is_floating_point():
            found = f"{tuple(nodes.shape)} of {nodes.dtype}" if isinstance(nodes, torch.Tensor) else repr(nodes)
            raise ValueError(f"loss_nodes must be a mask of the nodes or their numbers, in one dimension (got {found})")
        self._nodes, self._name = nodes, name
        self._made: weakref.WeakKeyDictionary[Prepared, Prepared] = weakref.WeakKeyDictionary()
        self._waits = False
        """Whether rows were left out, and no gradient has come back that shows that nothing has missed them."""
        self.used = 0
        """Products of those rows alone."""
        self._first: str | None = None
        """The layer that a pass begins with."""
        self._steps = 0
        self._why_not = "it was not called in training"

    def of(self, layer: Layer, prepared: Prepared, calls: int, needs_gradient: bool) -> Prepared:
        """Return what a layer multiplies with in its call number `calls` of a training pass.

        That is everything where its input needs no gradient: nothing that comes back would show that a row was missed. Raises
        ``ValueError`` where another product follows: it would read rows that were left out.
        """
        if not needs_gradient:
            self.left_alone(layer, "its input needs no gradient, without which nothing shows that a row was missed")
            return prepared
        self._first = self._first or layer.name
        if layer.name == self._first and calls == 1:  # another pass begins
            self._waits = False
        if self._waits:
            other = f"layer {layer.name!r}" if layer.name != self._name else "it"
            raise ValueError(
                f"layer {self._name!r} must have the last product of a training pass for loss_nodes ({other} has one behind it, "
                f"before a backward pass): {_REMEDY}"
            )
        if layer.name != self._name:
            return prepared
        if calls > 1:
            raise ValueError(f"layer {self._name!r} must have one product a pass for loss_nodes (got {calls}): {_REMEDY}")
        if prepared not in self._made:
            self._made[prepared] = self._restricted(prepared)
        self._waits = True
        self.used += 1
        return self._made[prepared]

    def _restricted(self, prepared: Prepared) -> Prepared:
        whole = prepared.adjacency
        rows = whole.matrix.shape[0]
        mask = self._nodes if self._nodes.dtype is torch.bool else _mask(self._nodes, rows)
        if len(mask) != rows:
            raise ValueError(f"layer {self._name!r}: loss_nodes must have an entry for each of {rows} nodes (got {len(mask)})")
        return Prepared(whole.of_rows(mask.to(whole.matrix.device)))

    def arrived(self, gradient: torch.Tensor, adjacency: Any) -> None:
        """Take the gradient that came back; raises ``ValueError`` where it is of a row that was left out."""
        self._waits = False
        outside = rows_that_count(gradient) & ~adjacency.rows
        if bool(outside.any()):
            node = int(outside.nonzero()[0])
            raise ValueError(
                f"layer {self._name!r}: the loss must read the loss_nodes alone (its gradient is not zero at node {node} and "
                f"{int(outside.sum()) - 1} others): give all that it reads"
            )

    def __str__(self) -> str:
        if self.used:
            return f"loss_nodes: {self.used} products of layer {self._name!r} were of the rows that the loss reads alone"
        return f"loss_nodes: no row was left out of layer {self._name!r} so far: {self._why_not}"

    def left_alone(self, layer: Layer, why: str) -> None:
        """Take down why a layer was called in training and computed all of its rows."""
        if layer.name == self._name:
            self._why_not = why

    def stepped(self, trained: bool) -> None:
        """Begin a new step: the last pass may have had no backward. `trained`: a converted layer was passed through in training."""
        self._waits = False
        self._steps += trained
        if trained and self._steps == _UNUSED and not self.used:
            warnings.warn(f"{self} ({_UNUSED} steps)", stacklevel=7)


def _mask(numbers: torch.Tensor, rows: int) -> torch.Tensor:
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0 or high >= rows:
        raise ValueError(f"loss_nodes must lie in [0, {rows - 1}] (got {low} to {high})")
    mask = torch.zeros(rows, dtype=torch.bool, device=numbers.device)
    mask[numbers.long()] = True
    return mask
