"""Reads what the message passing of a PyTorch Geometric layer computes, and whether that is a product with a sparse matrix."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.aggr import MeanAggregation, SumAggregation
from torch_geometric.typing import SparseTensor

from rsc_bench.kernels.contract import Reduce

_REDUCE: dict[type, Reduce] = {SumAggregation: "sum", MeanAggregation: "mean"}
_HOOKS = (
    "_propagate_forward_pre_hooks",
    "_propagate_forward_hooks",
    "_message_forward_pre_hooks",
    "_message_forward_hooks",
    "_aggregate_forward_pre_hooks",
    "_aggregate_forward_hooks",
    "_message_and_aggregate_forward_pre_hooks",
    "_message_and_aggregate_forward_hooks",
)
_EDGES, _NODES, _WIDTH = 5, 4, 3
"""Of the little graph that a layer is tried on."""


@dataclass(frozen=True)
class Aggregation:
    """``out[i]`` = the sum or mean over the edges j -> i of ``weight[edge] * features[j]``: a product with a sparse matrix."""

    features: str
    """Name under which ``propagate()`` is given the nodes' features."""
    weight: str | None
    """Name under which it is given a weight for each edge; None: all are one."""
    reduce: Reduce


def read(layer: MessagePassing) -> Aggregation | str:
    """Return what `layer` aggregates, or why that is no product with a sparse matrix.

    What its ``message()`` does with features and weights is tried on a few numbers, so one rule serves every layer, also those
    that a user wrote.
    """
    kind = type(layer)
    reduce = _REDUCE.get(type(layer.aggr_module))
    if reduce is None:
        return f"its aggregation must be one sum or mean (got {layer.aggr!r})"
    own = next((name for name in ("aggregate", "update") if getattr(kind, name) is not getattr(MessagePassing, name)), None)
    if own is not None:
        return f"{kind.__name__} has {own}() of its own"
    if kind.edge_update is not MessagePassing.edge_update:
        return f"the edge weights of {kind.__name__} are learnt (it has an edge_update() of its own)"
    names = [name for name in inspect.signature(layer.message).parameters if name not in ("args", "kwargs")]
    features = [name for name in names if name.endswith("_j")]
    weights = [name for name in names if not name.endswith("_j")]
    if len(features) != 1 or len(weights) > 1 or any(name.endswith("_i") for name in weights):
        return f"the messages of {kind.__name__} are made of {', '.join(names)}, and not of features of j and a weight alone"
    found = Aggregation(features[0].removesuffix("_j"), weights[0] if weights else None, reduce)
    return found if _weighs(layer, found) else f"the messages of {kind.__name__} are no features times a weight for each edge"


@torch.no_grad()
@torch.autocast("cpu", enabled=False)  # type: ignore[untyped-decorator]
def _weighs(layer: MessagePassing, found: Aggregation) -> bool:
    """Try whether a message is the features of its source times the weight of its edge."""
    generator = torch.Generator().manual_seed(0)
    features, weight = torch.rand(_EDGES, _WIDTH, generator=generator), torch.rand(_EDGES, generator=generator)
    given = {f"{found.features}_j": features} | ({found.weight: weight} if found.weight else {})
    expected = features * weight[:, None] if found.weight else features
    try:
        message = layer.message(**given)
    except Exception:  # whatever the layer needs besides: it is a layer of another kind
        return False
    return isinstance(message, torch.Tensor) and message.shape == expected.shape and torch.allclose(message, expected)


def detour(layer: MessagePassing) -> str | None:
    """Return why a call of the layer must go through PyTorch Geometric's own steps as it stands now; None: it need not."""
    if layer.explain:
        return "it is being explained"
    return "it has hooks on its message passing" if any(getattr(layer, name, None) for name in _HOOKS) else None


@torch.no_grad()
@torch.autocast("cpu", enabled=False)  # type: ignore[untyped-decorator]
def reads_values(layer: MessagePassing, source: Any, given: Mapping[str, Any], features: str) -> bool | str:
    """Return whether the layer multiplies with the values of a sparse adjacency like `source`; or why that is no product.

    A torch-sparse adjacency and a torch tensor are read in different ways by one layer (GraphSAGE), so each kind is tried.

    Args:
        layer: implements ``message_and_aggregate``.
        source: of the kind, a ``SparseTensor`` or a sparse torch tensor.
        given: what ``propagate()`` is given.
        features: name of the nodes' features in `given`.
    """
    kind = type(layer).__name__
    if not layer.fuse:
        return f"{kind} takes an edge_index only (it has no message_and_aggregate)"
    generator = torch.Generator().manual_seed(0)
    weights, x = torch.rand(_NODES, _NODES, generator=generator), torch.rand(_NODES, _WIDTH, generator=generator)
    matrix = weights * (weights > 0.3)
    tried = SparseTensor.from_dense(matrix) if isinstance(source, SparseTensor) else matrix.to_sparse_csr()
    names = list(inspect.signature(layer.message_and_aggregate).parameters)[1:]
    small = {name: _small(given.get(name), x) if name == features else given.get(name) for name in names}
    try:
        found = layer.message_and_aggregate(tried, **small)
    except Exception:  # see `_weighs`
        return f"message_and_aggregate() of {kind} needs more than features and an adjacency"
    reduce = _REDUCE[type(layer.aggr_module)]
    for values, answer in ((matrix, True), ((matrix != 0).float(), False)):
        divisor = (matrix != 0).sum(1, keepdim=True).clamp(min=1) if reduce == "mean" else 1
        if isinstance(found, torch.Tensor) and torch.allclose(found, values @ x / divisor, atol=1e-5):
            return answer
    return f"message_and_aggregate() of {kind} is no product with the adjacency"


def _small(features: Any, x: torch.Tensor) -> Any:
    return (x, x) if isinstance(features, tuple | list) else x
