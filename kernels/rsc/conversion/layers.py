"""Turns single PyTorch Geometric layers into approximated ones in place, and back."""

from __future__ import annotations

import warnings
from functools import partial
from types import MethodType
from typing import Any

import torch
from torch_geometric.nn import GCN2Conv, GCNConv, MessagePassing, SAGEConv
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.typing import SparseTensor

from rsc_bench.kernels.contract import Reduce
from rsc_bench.kernels.rsc.account import Accounts
from rsc_bench.kernels.rsc.conversion.sources import Prepared, Sources, is_adjacency
from rsc_bench.kernels.rsc.operation import propagate
from rsc_bench.kernels.rsc.product import Regime
from rsc_bench.kernels.rsc.propagation import Propagation

_LAYERS = (GCNConv, SAGEConv, GCN2Conv)
_REDUCE: dict[str, Reduce] = {"add": "sum", "sum": "sum", "mean": "mean"}
_STATE = "_rsc"
_EDGE_LIST = (
    "layer {name!r} was called with {found} and runs exact PyTorch Geometric code: pass a torch CSR tensor or a torch-sparse "
    "SparseTensor, transposed (rows are targets), that requires no gradient"
)


class Layer:
    """What an approximated layer carries: its accounts, and what it shares with the others of its model.

    A deep copy of the model shares it too: a copy is evaluated, or trained instead of the original.
    """

    def __init__(self, name: str, regime: Regime, sources: Sources, warned: set[str]) -> None:
        self.name, self.regime, self.sources = name, regime, sources
        self.accounts = Accounts.for_layer(name)
        self._warned = warned

    def __deepcopy__(self, memo: dict[int, Any]) -> Layer:
        del memo
        return self

    def aggregate(self, prepared: Prepared, dense: torch.Tensor, training: bool) -> torch.Tensor:
        """Return the aggregation of `dense`, (sources, width), with a sampled gradient where the model is training."""
        key = self.name, dense.shape[1], dense.dtype
        if key not in prepared.propagations:
            made = Propagation(prepared.adjacency, dense.shape[1], self.regime, self.accounts, dense.dtype)
            prepared.propagations[key] = made
        return propagate(prepared.propagations[key], dense, sampled=training and torch.is_grad_enabled())

    def warn_exact(self, found: str) -> None:
        """Say once for a model that a layer is called with something that cannot be approximated."""
        if not self._warned:
            self._warned.add(self.name)
            warnings.warn(_EDGE_LIST.format(name=self.name, found=found), stacklevel=2)


def why_not(layer: MessagePassing) -> str | None:
    """Return why `layer` cannot be approximated, or None where it can."""
    kind = next((kind for kind in _LAYERS if isinstance(layer, kind)), None)
    if kind is None:
        return f"{type(layer).__name__} is none of {', '.join(known.__name__ for known in _LAYERS)}"
    if _STATE in vars(layer):
        return "it is approximated already: undo() that first"
    changed = [
        name for name in ("message", "message_and_aggregate", "update") if getattr(type(layer), name) is not getattr(kind, name)
    ]
    if changed:
        return f"{type(layer).__name__} has a {changed[0]}() of its own"
    if layer.aggr not in _REDUCE:
        return f"its aggregation must be a sum or a mean (got {layer.aggr!r})"
    return "its flow must be 'source_to_target'" if layer.flow != "source_to_target" else None


def change(layer: MessagePassing, state: Layer) -> None:
    """Approximate `layer` from now on: two methods of this instance, no parameter, buffer or name."""
    setattr(layer, _STATE, state)
    layer.propagate = MethodType(_propagate, layer)
    if isinstance(layer, (GCNConv, GCN2Conv)):
        layer.forward = MethodType(_forward_normalised_once, layer)


def restore(layer: MessagePassing) -> None:
    """Take `change` back."""
    for name in (_STATE, "propagate", "forward"):
        vars(layer).pop(name, None)


def _forward_normalised_once(layer: Any, x: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
    """Run the layer's own forward with the adjacency normalised once an object, where it would be in each call.

    The layer takes a normalised adjacency from its cache before it makes one, so it is handed ours there, and only for
    the length of the call. A layer that caches by itself normalises once already.
    """
    at = 1 if isinstance(layer, GCN2Conv) else 0
    source = named.get("edge_index", rest[at] if len(rest) > at else None)
    if not layer.normalize or layer.cached or not is_adjacency(source) or not _is_matrix(x):
        return _own_forward(layer, x, *rest, **named)
    cache = "_cached_adj_t" if isinstance(source, SparseTensor) else "_cached_edge_index"
    ours = _normalised(layer, source, x)
    setattr(layer, cache, ours if cache == "_cached_adj_t" else (ours, None))
    try:
        return _own_forward(layer, x, *rest, **named)
    finally:
        setattr(layer, cache, None)


def _is_matrix(x: Any) -> bool:
    return isinstance(x, torch.Tensor) and x.dim() == 2


def _own_forward(layer: Any, *given: Any, **named: Any) -> torch.Tensor:
    result: torch.Tensor = type(layer).forward(layer, *given, **named)
    return result


def _normalised(layer: Any, source: Any, x: torch.Tensor) -> Prepared:
    improved, reduce = getattr(layer, "improved", False), _REDUCE[layer.aggr]
    form = "gcn", improved, layer.add_self_loops, x.dtype, reduce

    def make() -> tuple[Any, Reduce]:
        found = gcn_norm(source, None, x.size(0), improved, layer.add_self_loops, layer.flow, x.dtype)
        return (found[0] if isinstance(found, tuple) else found), reduce

    prepared: Prepared = layer._rsc.sources.prepared(source, form, make)
    return prepared


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _propagate(layer: Any, edge_index: Any, size: Any = None, **named: Any) -> torch.Tensor:
    """Aggregate by our operation what can be; everything else by PyTorch Geometric."""
    x = named["x"]
    dense = x[0] if isinstance(x, tuple) else x
    prepared = edge_index if isinstance(edge_index, Prepared) else _plain(layer, edge_index)
    if prepared is None or not _is_matrix(dense):
        layer._rsc.warn_exact("an edge_index" if prepared is None else f"{dense.dim()}-dimensional features")
        exact: torch.Tensor = type(layer).propagate(layer, edge_index, size=size, **named)
        return exact
    aggregated: torch.Tensor = layer._rsc.aggregate(prepared, dense, layer.training)
    return aggregated


def _plain(layer: Any, source: Any) -> Prepared | None:
    """Return the adjacency as it was passed, or None for an edge list or one that has to be learnt.

    GraphSAGE leaves out the values of a torch-sparse adjacency, and uses those of a torch tensor: so do we.
    """
    if not is_adjacency(source):
        return None
    weighted = not (isinstance(layer, SAGEConv) and isinstance(source, SparseTensor))
    reduce = _REDUCE[layer.aggr]
    make = partial(_as_passed, source, weighted, reduce)
    prepared: Prepared = layer._rsc.sources.prepared(source, ("plain", weighted, reduce), make)
    return prepared


def _as_passed(source: Any, weighted: bool, reduce: Reduce) -> tuple[Any, Reduce]:
    return (source if weighted else source.set_value(None, layout=None)), reduce
