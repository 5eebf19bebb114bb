"""Converts single PyTorch Geometric layers in place, and back, and lets copies and pickles of them be made."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any, NoReturn

import torch
from torch_geometric.nn import ChebConv, MessagePassing

from rsc_bench.kernels.rsc.conversion import aggregation, arguments
from rsc_bench.kernels.rsc.conversion.aggregation import Aggregation
from rsc_bench.kernels.rsc.conversion.layers import Layer, Shared, parts_of
from rsc_bench.kernels.rsc.conversion.remembering import NORM, Remembered, outside_of_graphs

_STATE = "_rsc"
_OURS = (
    _STATE,
    "propagate",
    "forward",
    NORM,
    "__getstate__",
    "__deepcopy__",
    "_replicate_for_data_parallel",
    "__prepare_scriptable__",
)
"""Attributes of the instance that make a layer a converted one; its class, parameters and buffers stay what they are."""

CONVERTED = "it is converted already: undo() that first"
"""Why a converted layer is not converted again."""


def why_not(layer: MessagePassing) -> str | None:
    """Return why `layer` cannot be converted, or None where it can."""
    if _STATE in vars(layer):
        return CONVERTED
    if isinstance(layer, torch.jit.ScriptModule):
        return "it is compiled by TorchScript: convert the model before"
    found = aggregation.read(layer)
    return found if isinstance(found, str) else None


def change(layer: MessagePassing, name: str, shared: Shared) -> Layer:
    """Convert `layer` from now on: attributes of this instance, no parameter, buffer or name of a class."""
    found = aggregation.read(layer)
    assert isinstance(found, Aggregation)
    state = Layer(name, found, shared)
    _give(layer, state)
    return state


def _give(layer: Any, state: Layer) -> None:
    mine = vars(layer)
    state.parts = parts_of(layer)
    state.before = {name: mine[name] for name in _OURS if name in mine}
    norm: Any = getattr(type(layer), NORM, None)
    if norm is not None and norm is ChebConv.__norm__:  # one of a user's own may depend on more than the adjacency
        mine[NORM] = state.shared.remembered.remembering(partial(norm, None))  # it does nothing with the layer
    _bind(layer, state)


def _bind(layer: Any, state: Layer) -> None:
    """Give `layer` the methods that are bound to it."""
    mine = vars(layer)
    mine[_STATE] = state
    mine["propagate"] = MethodType(_propagate, layer)
    if "forward" not in state.before:
        mine["forward"] = MethodType(_forward(state, type(layer).forward), layer)
        state.note = _note(type(layer), state.shared.remembered)
    mine["__getstate__"] = MethodType(_plain, layer)
    mine["__deepcopy__"] = MethodType(_copied, layer)
    mine["_replicate_for_data_parallel"] = MethodType(_replicated, layer)
    mine["__prepare_scriptable__"] = MethodType(_refuse_script, layer)


def _forward(state: Layer, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a layer's ``forward`` that remembers what it derives of its adjacency, and goes on to be ours."""
    derives = state.shared.remembered.forward(function) or function

    @functools.wraps(function)
    def forward(layer: Any, *args: Any, **kwargs: Any) -> Any:
        state.calls = 0
        if not torch.compiler.is_compiling():
            _keep(layer)
            state.shared.remembered.refresh(function)
        try:
            return derives(layer, *args, **kwargs)
        except (IndexError, RuntimeError, ValueError) as error:
            fault = arguments.fault(layer, args, kwargs)
            if fault is None or f"layer {state.name!r}" in str(error):
                raise
            raise type(error)(f"layer {state.name!r}: {fault}") from error

    return forward


def _note(kind: type[MessagePassing], remembered: Remembered) -> str | None:
    """Return what a layer loses by a ``forward`` of its own that calls another's, which nobody sees from outside."""
    if remembered.forward(kind.forward) is not None or "super" not in getattr(kind.forward, "__code__", _note.__code__).co_names:
        return None
    above = (vars(each).get("forward") for each in kind.__mro__[1:])
    if not any(remembered.forward(each) for each in above):
        return None
    return "it has a forward() of its own, so what it normalises is computed and converted anew in each call"


def _keep(layer: Any) -> None:
    """Put our ``propagate`` back in front of one that PyTorch Geometric has set since: explaining and decomposing do."""
    mine = vars(layer)
    own = mine["propagate"]
    if getattr(own, "__func__", None) is not _propagate:
        mine[_STATE].before["propagate"], mine["propagate"] = own, MethodType(_propagate, layer)


def restore(layer: MessagePassing) -> None:
    """Take `change` back."""
    _keep(layer)
    mine = vars(layer)
    before = mine[_STATE].before
    for name in _OURS:
        mine.pop(name, None)
    mine.update(before)


def state_of(layer: Any) -> Layer | None:
    """Return what a converted layer carries; None for any other module."""
    found: Layer | None = vars(layer).get(_STATE)
    return found


@outside_of_graphs  # type: ignore[untyped-decorator]
def _propagate(layer: Any, edge_index: Any, size: Any = None, **given: Any) -> torch.Tensor:
    return vars(layer)[_STATE].propagate(layer, edge_index, size, **given)  # type: ignore[no-any-return]


def _plain(layer: Any) -> dict[str, Any]:
    """Pickle, or copy shallowly, a converted layer as the plain one: it works where this package is not installed, exactly."""
    mine = {name: value for name, value in vars(layer).items() if name not in _OURS}
    before: dict[str, Any] = vars(layer)[_STATE].before
    return mine | before


def _copied(layer: Any, memo: dict[int, Any]) -> Any:
    """Deep-copy a converted layer: the copy is converted, too, follows the same schedule, and has accounts of its own."""
    _keep(layer)
    made: Any = object.__new__(type(layer))
    memo[id(layer)] = made
    made.__setstate__(copy.deepcopy(_plain(layer), memo))
    state = vars(layer)[_STATE]
    _give(made, Layer(state.name, state.aggregation, state.shared))
    state.shared.copies.add(made)
    state.shared.running.optimisers.follow(made)
    return made


def _replicated(layer: Any) -> Any:
    """Return what ``DataParallel`` runs on another device in one pass: it shares the layer's accounts."""
    made = type(layer)._replicate_for_data_parallel(layer)
    _bind(made, vars(layer)[_STATE])
    return made


def _refuse_script(layer: Any) -> NoReturn:
    name = vars(layer)[_STATE].name
    raise ValueError(f"layer {name!r} is converted, and TorchScript compiles no layer that is: undo() the conversion first")
