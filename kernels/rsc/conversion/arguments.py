"""Says what is wrong with an adjacency that a layer could not be called with: the rule and the value."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch


def fault(layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Return which rule the adjacency in a call of ``layer.forward`` breaks, with the value; None where none is known.

    Looked at once the call has failed, so it costs a training nothing.
    """
    try:
        given = inspect.signature(type(layer).forward).bind(layer, *args, **kwargs).arguments
        return next(_faults(given.get("x"), given.get("edge_index"), given.get("edge_weight")), None)
    except (TypeError, RuntimeError):  # arguments of another kind: the layer's own error says it
        return None


def _faults(x: Any, index: Any, weight: Any) -> Iterator[str]:
    features = x if isinstance(x, tuple | list) else (x, x)
    if not isinstance(features[0], torch.Tensor) or not isinstance(index, torch.Tensor) or index.layout is not torch.strided:
        return
    index = index.as_subclass(torch.Tensor)
    if index.dim() != 2 or index.shape[0] != 2:
        yield f"edge_index must have the shape (2, edges) (got {tuple(index.shape)})"
    if index.is_floating_point() or index.is_complex() or index.dtype is torch.bool:
        yield f"edge_index must be of an integer dtype (got {index.dtype})"
    if index.device != features[0].device:
        yield f"edge_index must be on {features[0].device}, where the features are (got {index.device})"
    for which, row, nodes in zip(("sources", "targets"), index, features, strict=True):
        if isinstance(nodes, torch.Tensor) and row.numel() and (int(row.min()) < 0 or int(row.max()) >= len(nodes)):
            yield f"edge_index must lie in [0, {len(nodes)}) for its {which} (got {int(row.min())} to {int(row.max())})"
    if isinstance(weight, torch.Tensor) and weight.shape[:1] != index.shape[1:]:
        yield f"edge_weight must have one number for each of {index.shape[1]} edges (got {len(weight) if weight.dim() else 'one'})"
