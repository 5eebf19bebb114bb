"""Remembers what layers derive from an adjacency: normalised once an object, where PyTorch Geometric does it in each call."""

from __future__ import annotations

import dis
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

import torch
from torch.autograd import forward_ad
from torch_geometric import utils
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.typing import SparseTensor

DERIVE = (gcn_norm, utils.add_self_loops, utils.remove_self_loops, utils.add_remaining_self_loops, utils.get_laplacian)
"""Functions of an adjacency that layers call in each forward, and whose result depends on nothing else."""
outside_of_graphs = torch.compiler.disable(  # type: ignore[no-untyped-call]
    reason="rsc_bench multiplies outside of the graph: fullgraph=True needs a model that is not converted"
)
"""Decorates what looks at the identity of tensors: torch.compile breaks its graph there, or says so where it must not."""
NORM = "__norm__"
"""The name that layers with a normalisation of their own give it (ChebConv)."""


def transformed() -> str | None:
    """Return what PyTorch is doing with the calls that it sees, where tensors are not what they stand for; None: they are."""
    if torch._C._get_tracing_state() is not None:
        return "it is being traced by TorchScript"
    if torch.compiler.is_exporting():
        return "it is being exported"
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "it is called inside of a transform of torch.func"
    if forward_ad._current_level >= 0:
        return "it is called in forward-mode differentiation"
    return None


def version(thing: Any) -> tuple[int, ...] | None:
    """Return what changes when `thing`, a tensor or torch-sparse adjacency, is changed in place; None: that cannot be known.

    Its memory counts as well: ``.data = other`` and ``set_value_`` exchange that. A write through ``.data`` or NumPy is not seen.
    """
    if isinstance(thing, SparseTensor):
        parts = [part for part in thing.csr() if part is not None]
    elif thing.layout in (torch.sparse_csr, torch.sparse_csc, torch.sparse_coo):
        parts = [thing, thing.detach()._values() if thing.layout is torch.sparse_coo else thing.detach().values()]
    else:
        parts = [thing]
    if any(part.is_inference() for part in parts):
        return None
    return tuple(number for part in parts for number in (part._version, *part.shape, *_place(part)))


def _place(part: torch.Tensor) -> tuple[int, ...]:
    """Where a tensor's numbers lie, and how far apart; nothing where it does not say."""
    try:
        return part.data_ptr(), *part.stride()
    except RuntimeError:  # sparse, or what torch.compile and torch.func look at
        return ()


def is_graph_part(thing: Any) -> bool:
    """Return whether `thing` is a tensor or an adjacency, which are told apart by identity and version."""
    return isinstance(thing, torch.Tensor | SparseTensor)


def learnt(thing: Any) -> bool:
    """Return whether gradients flow into `thing`."""
    return bool(thing.requires_grad() if isinstance(thing, SparseTensor) else thing.requires_grad)


@dataclass(eq=False)
class _Derived:
    """One result, and what it was made of."""

    parts: list[weakref.ref[Any]]
    result: tuple[Any, ...] | Any
    versions: list[tuple[int, ...] | None]
    """Of the tensors in the result: a layer may go on to change what it was given."""

    @property
    def alive(self) -> bool:
        return all(part() is not None for part in self.parts)

    def of(self, parts: list[Any]) -> bool:
        same = all(kept() is part for kept, part in zip(self.parts, parts, strict=True))
        return same and self.versions == [version(each) for each in _tensors(self.result)]


@dataclass(frozen=True)
class _Argument:
    """Stands in a result for an argument that was handed back: held there, it would keep itself alive."""

    place: int


def _derives(value: Any) -> bool:
    return any(value is each for each in DERIVE)


def _sets_globals(code: CodeType) -> bool:
    """Whether a function, or one inside of it, assigns to a name of its module."""
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return any(each.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") for each in dis.get_instructions(code)) or any(
        map(_sets_globals, inner)
    )


def _tensors(result: Any) -> list[Any]:
    return [each for each in (result if isinstance(result, tuple) else (result,)) if is_graph_part(each)]


@dataclass(frozen=True, eq=False)
class _Rewritten:
    """A function that finds ours under some names."""

    made: FunctionType
    module: dict[str, Any]
    """Where the function that it was made of finds its names."""
    ours: dict[str, Callable[..., Any]]

    def refresh(self) -> None:
        ours = {name: function for name, function in self.ours.items() if _derives(self.module.get(name))}
        self.made.__globals__.update({**self.module, **ours})


@dataclass(eq=False)
class Remembered:
    """What was derived so far, by the first adjacency that it was derived from; it goes when that does."""

    known: dict[int, tuple[weakref.ref[Any], dict[Any, _Derived]]] = field(default_factory=dict)
    _forwards: dict[Any, _Rewritten | None] = field(default_factory=dict)

    def forward(self, function: Any) -> Callable[..., Any] | None:
        """Return a layer's ``forward`` that remembers what it derives; None where it derives nothing that is known here.

        It is the layer's own code: only the functions of `DERIVE` that it finds by name are ours. No module is changed. Code that
        sets a global name is left alone.
        """
        if not isinstance(function, FunctionType):
            return None
        if function not in self._forwards:
            self._forwards[function] = self._rewritten(function)
        found = self._forwards[function]
        return None if found is None else found.made

    def refresh(self, function: Any) -> None:
        """Let what `forward` returned find what stands in the layer's module by now."""
        found = self._forwards.get(function)
        if found is not None:
            found.refresh()

    def _rewritten(self, function: FunctionType) -> _Rewritten | None:
        names, known = function.__code__.co_names, function.__globals__
        ours = {name: self.remembering(known[name]) for name in names if name in known and _derives(known[name])}
        if not ours or _sets_globals(function.__code__):
            return None
        # Code of its own: torch.compile keeps what it made of a code object, for names in the globals of one function.
        code, globals_ = function.__code__.replace(), {**known, **ours}
        made = FunctionType(code, globals_, function.__name__, function.__defaults__, function.__closure__)
        made.__kwdefaults__ = function.__kwdefaults__
        return _Rewritten(made, function.__globals__, ours)

    def remembering(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, which calls itself once for the same tensors and options."""

        @outside_of_graphs  # type: ignore[untyped-decorator]
        def call(*given: Any, **named: Any) -> Any:
            arguments = [*given, *named.values()]
            parts = [each for each in arguments if is_graph_part(each)]
            versions = [version(each) for each in parts]
            if transformed() or not parts or None in versions or any(map(learnt, parts)):
                return function(*given, **named)
            values = tuple(("part", id(each)) if is_graph_part(each) else each for each in arguments)
            key = function, values, tuple(named), tuple(versions)
            entries = self._entries(parts[0])
            found = entries.get(key)
            if found is None or not found.of(parts):
                # Those of tensors that are gone, and of these before they were changed in place.
                for gone in [known for known, entry in entries.items() if not entry.alive or known[:3] == key[:3]]:
                    del entries[gone]
                with torch.inference_mode(False):
                    result = function(*given, **named)
                if any(map(learnt, _tensors(result))):
                    return result
                found = entries[key] = _derived(result, parts)
            return _given_back(found.result, parts)

        remembered: Callable[..., Any] = call
        return remembered

    def _entries(self, first: Any) -> dict[Any, _Derived]:
        key = id(first)
        known = self.known.get(key)
        if known is None or known[0]() is not first:
            known = self.known[key] = weakref.ref(first, lambda _: self.known.pop(key, None)), {}
        return known[1]


def _derived(result: Any, parts: list[Any]) -> _Derived:
    places = {id(part): place for place, part in enumerate(parts)}

    def kept(each: Any) -> Any:
        return _Argument(places[id(each)]) if id(each) in places else each

    stored = tuple(map(kept, result)) if isinstance(result, tuple) else kept(result)
    return _Derived(list(map(weakref.ref, parts)), stored, [version(each) for each in _tensors(stored)])


def _given_back(result: Any, parts: list[Any]) -> Any:
    def back(each: Any) -> Any:
        return parts[each.place] if isinstance(each, _Argument) else each

    return tuple(map(back, result)) if isinstance(result, tuple) else back(result)
