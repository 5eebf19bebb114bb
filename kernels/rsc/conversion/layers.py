"""What a converted PyTorch Geometric layer does: its products with an adjacency run on our kernels, the rest as before."""

from __future__ import annotations

import warnings
import weakref
from collections import Counter
from dataclasses import replace
from functools import cached_property, partial
from types import MethodType
from typing import Any

import torch
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from rsc_bench.kernels.contract import Reduce, Unsupported
from rsc_bench.kernels.rsc.account import Accounts
from rsc_bench.kernels.rsc.conversion import aggregation
from rsc_bench.kernels.rsc.conversion.aggregation import Aggregation
from rsc_bench.kernels.rsc.conversion.costs import Costs, Together
from rsc_bench.kernels.rsc.conversion.keeping import may_stay
from rsc_bench.kernels.rsc.conversion.needed import Needed
from rsc_bench.kernels.rsc.conversion.remembering import Remembered, learnt, version
from rsc_bench.kernels.rsc.conversion.sources import Edges, Prepared, Sources, as_csr, is_adjacency
from rsc_bench.kernels.rsc.operation import propagate
from rsc_bench.kernels.rsc.product import Regime
from rsc_bench.kernels.rsc.propagation import Propagation
from rsc_bench.kernels.rsc.scheduling.running import Running

_NEW_IN_A_ROW = 3
"""Edge lists that were never seen, one call after the other, from which on each is taken to serve one step."""


class Shared:
    """What the converted layers of one model share."""

    def __init__(self, regime: Regime, running: Running, samples: bool) -> None:
        self.regime, self.running, self.samples = regime, running, samples
        self.keeps = regime.keeps_products and not regime.sampler.samples("forward")
        """Whether exact products with features that stay what they are are kept."""
        self.sources, self.remembered = Sources(regime.sampler), Remembered()
        self.copies: weakref.WeakSet[Any] = weakref.WeakSet()
        """Copies of the layers, which are converted, too."""
        self.together = Together()
        self.needed: Needed | None = None
        """Of the loss, where the user said it."""

    @cached_property
    def costs(self) -> Costs:
        """Measured when they are first needed."""
        kernel = self.regime.sampler.kernel
        return Costs.measure(kernel, torch.device(kernel.device))


class Layer:
    """What a converted layer carries beside its own: how it aggregates, and what it did so far."""

    def __init__(self, name: str, found: Aggregation, shared: Shared) -> None:
        self.name, self.aggregation, self.shared = name, found, shared
        self.accounts = Accounts.for_layer(name)
        self.products = 0
        """Products in training by our kernels."""
        self.kept = 0
        """How many of them were the one that is kept."""
        self.width: int | None = None
        self.own: Counter[str] = Counter()
        """Calls that PyTorch Geometric ran itself, by the reason."""
        self.before: dict[str, Any] = {}
        """What the layer itself had under the names that are ours while it is converted."""
        self.parts: tuple[Any, ...] = ()
        """As `parts_of` found them when it was converted."""
        self.note: str | None = None
        """What is worth saying of a layer that is converted; None: nothing."""
        self.calls = 0
        """Products in the pass that is under way."""
        self._reads_values: dict[type, bool | str] = {}
        self._new_in_a_row = 0
        self._last: weakref.ref[Any] | None = None
        """The edge list of the last call."""
        shared.running.add(self.accounts)

    def propagate(self, layer: Any, edge_index: Any, size: Any = None, **given: Any) -> torch.Tensor:
        """Aggregate by our operation what is a product; everything else by PyTorch Geometric, and take down why."""
        reason, new = aggregation.detour(layer) or self._changed(layer), not self.shared.sources.knows(edge_index)
        prepared = self._prepared(layer, edge_index, size, given) if reason is None else reason
        if not isinstance(prepared, str):
            return self._multiplied(layer, prepared, given, new)
        if prepared not in self.own:
            warnings.warn(f"layer {self.name!r} is run by PyTorch Geometric itself, exactly: {prepared}", stacklevel=4)
        self.own[prepared] += 1
        if layer.training and torch.is_grad_enabled():
            met = _size(edge_index, _sources(layer, given.get(self.aggregation.features)))
            self.shared.running.forward(self.products + self.own.total(), self._new_in_a_row > 0, met)
            if self.shared.needed is not None:
                self.shared.needed.left_alone(self, f"PyTorch Geometric runs it itself ({prepared})")
        own = self.before.get("propagate") or MethodType(type(layer).propagate, layer)
        exact: torch.Tensor = own(edge_index, size=size, **given)
        return exact

    def _changed(self, layer: Any) -> str | None:
        """Return what of the layer was replaced since it was converted, or None."""
        now = parts_of(layer)
        return None if now == self.parts else "its aggregation or its message was replaced after it was converted"

    def _prepared(self, layer: Any, edge_index: Any, size: Any, given: dict[str, Any]) -> Prepared | str:
        features = given.get(self.aggregation.features)
        dense = _sources(layer, features)
        if dense is None or not dense.is_floating_point() or dense.layout is not torch.strided:
            return f"its {self.aggregation.features} must be floating-point features of the nodes"
        reason = _cannot(dense, layer.node_dim)
        if reason is not None:
            return reason
        if is_adjacency(edge_index):
            return self._from_adjacency(layer, edge_index, given)
        if isinstance(edge_index, torch.Tensor) and edge_index.layout is torch.strided:
            return self._from_edges(layer, edge_index, size, given, dense)
        return f"its adjacency {'requires a gradient' if _requires_gradient(edge_index) else 'is of a kind that is not known'}"

    def _from_adjacency(self, layer: Any, source: Any, given: dict[str, Any]) -> Prepared | str:
        if layer.flow != "source_to_target" or version(source) is None:
            return "a sparse adjacency must be for source_to_target, and made outside of inference mode"
        weighted = self._weighted(layer, source, given)
        if isinstance(weighted, str):
            return weighted
        reduce = self.aggregation.reduce
        try:
            return self.shared.sources.prepared(source, ("plain", weighted, reduce), partial(_as_passed, source, weighted, reduce))
        except ValueError as error:
            raise ValueError(f"layer {self.name!r}, {error}") from None

    def _weighted(self, layer: Any, source: Any, given: dict[str, Any]) -> bool | str:
        """Return whether the layer multiplies with the values of a sparse adjacency, or why that is no product."""
        if not layer.fuse:
            return aggregation.collects_values(source, given, self.aggregation)
        kind = type(source)
        if kind not in self._reads_values:
            self._reads_values[kind] = aggregation.reads_values(layer, source, given, self.aggregation.features)
        return self._reads_values[kind]

    def _from_edges(
        self, layer: Any, source: torch.Tensor, size: Any, given: dict[str, Any], dense: torch.Tensor
    ) -> Prepared | str:
        index = source.as_tensor() if isinstance(source, EdgeIndex) else source
        weight = given.get(self.aggregation.weight) if self.aggregation.weight else None
        sizes = layer._check_input(source, size)  # raises PyTorch Geometric's own errors
        reason = _unfit(index, weight, dense) if weight is not None or self.aggregation.bare else aggregation.NO_WEIGHT
        if reason is not None or version(source) is None or (weight is not None and version(weight) is None):
            return reason or "its edge_index was made in inference mode"
        edges = Edges(source, index, weight, _shape(layer, sizes, given[self.aggregation.features]), *self._direction(layer))
        reason = self._not_worth(edges, dense)
        try:
            return reason or self.shared.sources.from_edges(edges)
        except ValueError as error:  # an index out of range, which is PyTorch Geometric's IndexError
            raise IndexError(f"layer {self.name!r}, {error}") from None

    def _direction(self, layer: Any) -> tuple[bool, Reduce]:
        return layer.flow == "target_to_source", self.aggregation.reduce

    def _not_worth(self, edges: Edges, dense: torch.Tensor) -> str | None:
        """Return why an edge list that will serve one step is left alone, or None where it is known or worth its conversion."""
        source, width, together = edges.source, dense.shape[-1], self.shared.together
        known = self.shared.sources.knows(source)
        again, self._last = self._last is not None and self._last() is source, weakref.ref(source)
        if not together.add(source, width, known) or (again and known):
            self._new_in_a_row = 0
        elif not again:
            self._new_in_a_row += 1
        if known or self._new_in_a_row <= _NEW_IN_A_ROW:
            return None
        width = max(width, together.width)
        # Both directions, also for a first layer that has no backward product: most products have one.
        if self.shared.costs.pays(edges.index.shape[1], width, products=2, layers=max(1, together.layers)):
            return None
        return f"its edge_index is new in each call, and for {width} features of all layers converting takes longer than it saves"

    def _multiplied(self, layer: Any, prepared: Prepared, given: dict[str, Any], new: bool) -> torch.Tensor:
        dense, weight = _sources(layer, given[self.aggregation.features]), given.get(self.aggregation.weight or "")
        assert dense is not None
        if weight is not None:
            dense = dense.to(torch.promote_types(dense.dtype, weight.dtype))  # what multiplying them gives, as under autocast
        dim = layer.node_dim % dense.dim()
        rows = dense if dense.dim() == 2 and dim == 0 else dense.movedim(dim, 0)
        product = self._product(prepared, rows.flatten(1), layer.training, new)
        if rows is dense:
            return product
        return product.reshape(product.shape[0], *rows.shape[1:]).movedim(0, dim).contiguous()  # as PyTorch Geometric's

    def _product(self, prepared: Prepared, dense: torch.Tensor, training: bool, new: bool) -> torch.Tensor:
        """Return the aggregation of `dense`, (sources, width), with a sampled gradient where the model is training."""
        shape, key = prepared.adjacency.matrix.shape, (dense.shape[1], dense.dtype)
        if dense.shape[0] != shape[1]:
            raise ValueError(f"layer {self.name!r}: features must have a row for each of {shape[1]} sources (got {dense.shape[0]})")
        trains, needed = training and torch.is_grad_enabled(), self.shared.needed
        self.calls += 1
        if trains and needed is not None:
            prepared = needed.of(self, prepared, self.calls, dense.requires_grad)
        mine = prepared.propagations.setdefault(self, {})
        if key not in mine:
            mine[key] = self._propagation(prepared, dense)
            mine[key].arrived = None if prepared.adjacency.rows is None or needed is None else needed.arrived
        if trains:
            self.products, self.width = self.products + 1, dense.shape[1]
            self.shared.running.forward(self.products, new, (prepared.adjacency.matrix.nnz, shape[1]))
        elif dense.requires_grad and torch.is_grad_enabled():
            self.shared.running.evaluated()
        kept, took = prepared.kept if self.shared.keeps and may_stay(dense) else None, self.accounts.forward.took
        product = None if kept is None else kept.find(dense)
        if product is not None:
            if trains:
                self.kept += 1
                self.accounts.forward.took = took.more(0.0, prepared.adjacency.matrix.nnz * dense.shape[1], first=False)
            return product
        product = propagate(mine[key], dense, sampled=trains and self.shared.samples)
        if kept is not None:
            kept.keep(dense, product)
        if not trains:
            self.accounts.forward.took = took  # what is told is of training
        return product

    def _propagation(self, prepared: Prepared, dense: torch.Tensor) -> Propagation:
        try:
            made = Propagation(prepared.adjacency, dense.shape[1], self.shared.regime, self.accounts, dense.dtype)
            made.check()
        except (Unsupported, ValueError) as error:
            remedy = "undo() the conversion, move or cast the model, and convert it again"
            raise type(error)(f"layer {self.name!r}: {error}; {remedy}") from None
        return made


def _size(edge_index: Any, dense: torch.Tensor | None) -> tuple[int, int] | None:
    """Edges and sources of an edge list; None of anything else, and in a trace, which would record that they are asked for."""
    if dense is None or not isinstance(edge_index, torch.Tensor) or edge_index.layout is not torch.strided:
        return None
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return None
    return edge_index.shape[-1], dense.shape[0]


def parts_of(layer: Any) -> tuple[Any, ...]:
    """Return what a layer aggregates by, and what the instance has in the place of its class's message."""
    return type(layer.aggr_module), vars(layer).get("message"), vars(layer).get("message_and_aggregate")


def _sources(layer: Any, features: Any) -> torch.Tensor | None:
    """The features of the edges' sources."""
    if isinstance(features, tuple | list):
        features = features[0 if layer.flow == "source_to_target" else 1]
    return features if isinstance(features, torch.Tensor) and features.dim() > 1 else None


def _cannot(dense: torch.Tensor, node_dim: int) -> str | None:
    """Return why no kernel multiplies these features, or None."""
    if dense.dtype is torch.float16 and dense.device.type == "cpu":
        return "its features are float16, which the kernels do not multiply on a CPU: use bfloat16 or float32"
    if dense.numel() == 0 and dense.shape[node_dim]:
        return "its features have no columns"
    return "its features are on the meta device, which has no numbers" if dense.is_meta else None


def _shape(layer: Any, sizes: list[int | None], features: Any) -> tuple[int, int]:
    """Rows and columns of the matrix of an edge list, by PyTorch Geometric's own rules."""
    of_i, of_j = (1, 0) if layer.flow == "source_to_target" else (0, 1)
    pair = features if isinstance(features, tuple | list) else None
    if pair is not None and isinstance(pair[of_i], torch.Tensor):
        layer._set_size(sizes, of_i, pair[of_i])
    layer._set_size(sizes, of_j, features if pair is None else pair[of_j])
    columns = sizes[of_j]
    rows = sizes[of_i] if sizes[of_i] is not None else columns
    assert columns is not None
    assert rows is not None
    return rows, columns


def _unfit(index: torch.Tensor, weight: Any, dense: Any) -> str | None:
    if weight is None:
        return None
    if not isinstance(weight, torch.Tensor) or weight.dim() != 1 or weight.shape[0] != index.shape[1]:
        return "its edge weights must be one number for each edge"
    if weight.dtype is torch.float64 and dense.dtype is not torch.float64:
        return f"its edge weights are of float64, its features of {str(dense.dtype).removeprefix('torch.')}"
    return "its edge weights require a gradient: they are learnt" if learnt(weight) else None


def _requires_gradient(source: Any) -> bool:
    try:
        return learnt(source)
    except AttributeError:
        return False


def _as_passed(source: Any, weighted: bool, reduce: Reduce) -> tuple[Any, Reduce]:
    if weighted:
        return source, reduce
    if isinstance(source, SparseTensor):
        return source.set_value(None, layout=None), reduce
    return replace(as_csr(source), entries=None, _transposed=[]), reduce
