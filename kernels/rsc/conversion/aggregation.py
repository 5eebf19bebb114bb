"""Reads what the message passing of a PyTorch Geometric layer computes, and whether that is a product with a sparse matrix."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.aggr import MeanAggregation, SumAggregation
from torch_geometric.typing import SparseTensor

from rsc_bench.kernels.contract import Reduce
from rsc_bench.kernels.rsc.conversion.depending import depends_on
from rsc_bench.kernels.rsc.conversion.remembering import transformed

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
NO_WEIGHT = "its messages need a weight for each edge"
_EDGES, _NODES, _WIDTH = 70, 4, 67
"""Of the little graph that a layer is tried on."""
_TIMES = 40
"""So many times the edges, for a message that depends on how many there are."""


@dataclass(frozen=True)
class Aggregation:
    """``out[i]`` = the sum or mean over the edges j -> i of ``weight[edge] * features[j]``: a product with a sparse matrix."""

    features: str
    """Name under which ``propagate()`` is given the nodes' features."""
    weight: str | None
    """Name under which it is given a weight for each edge; None: all are one."""
    reduce: Reduce
    bare: bool = True
    """Whether edges without a weight weigh one."""


def read(layer: MessagePassing) -> Aggregation | str:
    """Return what `layer` aggregates, or why that is no product with a sparse matrix.

    What its ``message()`` does with features and weights is tried on a few numbers, so one rule serves every layer, also those
    that a user wrote.
    """
    kind = type(layer)
    reduce = _REDUCE.get(type(layer.aggr_module))
    if reduce is None:
        return f"its aggregation must be one sum or mean (got {layer.aggr!r})"
    own = next((name for name in ("propagate", "aggregate", "update") if _writes(kind, name)), None)
    if own is not None:
        return f"{kind.__name__} has {own}() of its own"
    if kind.edge_update is not MessagePassing.edge_update:
        return f"the edge weights of {kind.__name__} are learnt (it has an edge_update() of its own)"
    names = [name for name in inspect.signature(layer.message).parameters if name not in ("args", "kwargs")]
    features = [name for name in names if name.endswith("_j")]
    weights = [name for name in names if not name.endswith("_j")]
    if len(features) != 1 or len(weights) > 1 or any(name.endswith("_i") for name in weights):
        return f"the messages of {kind.__name__} are made of {', '.join(names)}, and not of features of j and a weight alone"
    found: Aggregation | str = _tried(layer, Aggregation(features[0].removesuffix("_j"), weights[0] if weights else None, reduce))
    return found


def _writes(kind: type, name: str) -> bool:
    """Whether a class has a method that is neither `MessagePassing`'s, nor written for the class by PyTorch Geometric."""
    if name != "propagate":
        return getattr(kind, name) is not getattr(MessagePassing, name)
    own = [vars(each).get(name) for each in kind.__mro__[: kind.__mro__.index(MessagePassing)]]
    return any(each not in (None, MessagePassing.propagate) and not each.__module__.endswith("_propagate") for each in own)


@torch.inference_mode(False)
@torch.enable_grad()
@torch.autocast("cpu", enabled=False)  # type: ignore[untyped-decorator]
def _tried(layer: MessagePassing, found: Aggregation) -> Aggregation | str:
    """Return `found` where a message is the features of its source times the weight of its edge, or why it is not."""
    kind, (watched, state) = type(layer).__name__, _watched(layer)
    features, weight = _odd_numbers()

    def gives(given: dict[str, torch.Tensor | None], dtype: torch.dtype = torch.float32, times: int = 1) -> bool:
        x = features.to(dtype).repeat(times, 1).requires_grad_()
        weights = {name: each if each is None else each.to(dtype).repeat(times) for name, each in given.items()}
        each = next(iter(weights.values()), None)
        factor = torch.ones(len(x), 1, dtype=dtype, device="cpu") if each is None else each[:, None]
        try:
            message = watched.message(**{f"{found.features}_j": x}, **weights)
            (gradient,) = torch.autograd.grad(message, x, torch.ones_like(message))
        except Exception:  # whatever the layer needs besides: it is a layer of another kind
            return False
        pairs = ((message, x.detach() * factor), (gradient, factor.expand(len(x), _WIDTH)))
        return all(_close(one, other) for one, other in pairs)

    whole: dict[str, torch.Tensor | None] = {found.weight: weight} if found.weight else {}
    another = f"the messages of {kind} are not its features times one weight for each edge"
    if not gives(whole):
        return another
    if state:
        return f"the messages of {kind} depend on its {', '.join(sorted(state))}, which may change"
    if not (gives(whole, torch.bfloat16) and gives(whole, times=_TIMES)):
        return another
    if names := depends_on(type(layer).message):
        return f"the messages of {kind} depend on {', '.join(names)}, which may change"
    if found.weight is None:
        return found
    optional = inspect.signature(layer.message).parameters[found.weight].default is not inspect.Parameter.empty
    return replace(found, bare=gives({found.weight: None}) and (not optional or gives({})))


def _odd_numbers() -> tuple[torch.Tensor, torch.Tensor]:
    """Return features and weights of both signs and many sizes, and some that are not finite: relu(x), too, is x for some."""
    generator, sizes = torch.Generator().manual_seed(0), torch.arange(_EDGES, device="cpu")
    features = torch.randn(_EDGES, _WIDTH, generator=generator, device="cpu") * 10.0 ** (sizes % 12 - 3)[:, None]
    weight = torch.randn(_EDGES, generator=generator, device="cpu") * 10.0 ** (sizes % 7 - 2)
    for row, value in enumerate((torch.nan, torch.inf, -torch.inf, 1e30, -1e30)):
        features[row, ::3] = value
    return features, weight


def _close(one: Any, other: torch.Tensor) -> bool:
    if not isinstance(one, torch.Tensor) or one.shape != other.shape or one.dtype is not other.dtype:
        return False
    return torch.allclose(one, other, rtol=1e-5 if one.dtype is torch.float32 else 1e-2, equal_nan=True)


def _watched(layer: MessagePassing) -> tuple[Any, set[str]]:
    """Return a stand-in that shares everything with `layer`, and the set that names what its methods read of it."""
    state: set[str] = set()

    def read(self: Any, name: str) -> Any:
        mine = object.__getattribute__(self, "__dict__")
        known = name in mine or not inspect.isroutine(getattr(type(layer), name, None))
        if known and not name.startswith("__"):
            state.add(name)
        return super(kind, self).__getattribute__(name)

    kind: Any = type(type(layer).__name__, (type(layer),), {"__getattribute__": read, "__module__": type(layer).__module__})
    watched = object.__new__(kind)
    object.__setattr__(watched, "__dict__", vars(layer))
    return watched, state


def detour(layer: MessagePassing) -> str | None:
    """Return why a call of the layer must go through PyTorch Geometric's own steps as it stands now; None: it need not."""
    if layer.explain:
        return "it is being explained"
    if any(getattr(layer, name, None) for name in _HOOKS):
        return "it has hooks on its message passing"
    return transformed()


@torch.no_grad()
@torch.autocast("cpu", enabled=False)  # type: ignore[untyped-decorator]
def reads_values(layer: MessagePassing, source: Any, given: Mapping[str, Any], features: str) -> bool | str:
    """Return whether the layer multiplies with the values of a sparse adjacency like `source`; or why that is no product.

    A torch-sparse adjacency and a torch tensor are read in different ways by one layer (GraphSAGE), so each kind is tried.

    Args:
        layer: multiplies in its ``message_and_aggregate``.
        source: of the kind, a ``SparseTensor`` or a sparse torch tensor.
        given: what ``propagate()`` is given.
        features: name of the nodes' features in `given`.
    """
    kind = type(layer).__name__
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(_NODES, _NODES, generator=generator, device="cpu")
    x = torch.randn(_NODES, _WIDTH, generator=generator, device="cpu")
    matrix = weights * (weights > 0.3)
    tried = SparseTensor.from_dense(matrix) if isinstance(source, SparseTensor) else matrix.to_sparse_csr()
    names = list(inspect.signature(layer.message_and_aggregate).parameters)[1:]
    small = {name: _small(given.get(name), x) if name == features else given.get(name) for name in names}
    try:
        found = layer.message_and_aggregate(tried, **small)
    except Exception:  # see `_tried`
        return f"message_and_aggregate() of {kind} needs more than features and an adjacency"
    reduce = _REDUCE[type(layer.aggr_module)]
    for values, answer in ((matrix, True), ((matrix != 0).float(), False)):
        divisor = (matrix != 0).sum(1, keepdim=True).clamp(min=1) if reduce == "mean" else 1
        if isinstance(found, torch.Tensor) and torch.allclose(found, values @ x / divisor, atol=1e-5):
            return answer
    return f"message_and_aggregate() of {kind} is no product with the adjacency"


def collects_values(source: Any, given: Mapping[str, Any], aggregation: Aggregation) -> bool | str:
    """Return whether PyTorch Geometric gives ``message()`` the values of `source` as weights; or why that is no product.

    That is what it does for a layer without ``message_and_aggregate``, or whose ``fuse`` is off.
    """
    if aggregation.weight is None:
        return False
    if given.get(aggregation.weight) is not None:
        return "it is given weights beside a sparse adjacency"
    valued = aggregation.weight in given and (not isinstance(source, SparseTensor) or source.has_value())
    if valued and aggregation.weight in (("edge_weight", "edge_attr") if isinstance(source, SparseTensor) else ("edge_weight",)):
        return True
    return False if aggregation.bare else NO_WEIGHT


def _small(features: Any, x: torch.Tensor) -> Any:
    return (x, x) if isinstance(features, tuple | list) else x
