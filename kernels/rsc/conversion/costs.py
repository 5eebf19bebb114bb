"""What converting an edge list costs on this machine, and what it saves: decides where a graph is new in every step."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import torch

from rsc_bench.kernels.contract import Kernel
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.rsc.adjacency import Adjacency
from rsc_bench.kernels.rsc.operation import propagate
from rsc_bench.kernels.rsc.product import Regime, Sampler
from rsc_bench.kernels.rsc.propagation import Propagation
from rsc_bench.kernels.sampled.compose import Sampling
from rsc_bench.plugins import find

_TINY = 64
"""Nodes, and edges, of a graph whose products take no time, so that what is left does not depend on its size."""
_EDGES, _NODES, _WIDTH = 60_000, 6_000, 64
"""Of the graph that is measured: beyond what a call costs whatever its size."""
_CALLS = 3


@dataclass(frozen=True)
class Costs:
    """Seconds, the fastest of a few calls each; a product is one of the two, forward or backward, which take about the same."""

    convert_s: float
    """Sorting an edge, and again for the transpose."""
    own_s: float
    """PyTorch Geometric's product, for an edge and a feature: it copies the features of each edge's source, then adds them up."""
    ours_s: float
    """The kernel's product, for an edge and a feature."""

    @classmethod
    def measure(cls, kernel: Kernel, device: torch.device) -> Costs:
        """Measure them on `device` now; that takes some tens of milliseconds, and compiles the kernel for one width."""
        # Whatever mode the user is in: a model may be evaluated when they are needed first.
        with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
            return cls._measured(kernel, device)

    @classmethod
    def _measured(cls, kernel: Kernel, device: torch.device) -> Costs:
        generator, shape = torch.Generator().manual_seed(0), (_NODES, _NODES)
        index = torch.randint(_NODES, (2, _EDGES), generator=generator, device="cpu").to(device)
        x, weight = (
            torch.rand(*size, generator=generator, dtype=torch.float32, device="cpu").to(device)
            for size in ((_NODES, _WIDTH), (_EDGES,))
        )
        x.requires_grad_()
        csr, _ = Csr.from_edges(index[1], index[0], shape)
        products = [kernel.prepare(matrix, _WIDTH, torch.float32) for matrix in (csr, csr.transpose())]

        def convert() -> None:
            matrix, order = Csr.from_edges(index[1], index[0], shape)
            weight[order]
            matrix.transpose()

        def own() -> None:
            out = x.new_zeros(shape[0], _WIDTH).index_add(0, index[1], x.index_select(0, index[0]) * weight[:, None])
            torch.autograd.grad(out, x, torch.ones_like(out))

        def ours() -> None:
            for product in products:
                product(x.detach())

        elements = 2 * _EDGES * _WIDTH  # forward and backward
        found = cls(_fastest(convert, device) / _EDGES, _fastest(own, device) / elements, _fastest(ours, device) / elements)
        return replace(found, fixed_s=cls._fixed(kernel, device))

    @classmethod
    def _fixed(cls, kernel: Kernel, device: torch.device) -> float:
        """What a layer's first product over a tiny graph takes, and its backward, beyond what PyTorch Geometric's take."""
        index = torch.arange(_TINY, device="cpu").repeat(2, 1).to(device)
        x = torch.ones(_TINY, _WIDTH, dtype=torch.float32, device=device).requires_grad_()
        regime = Regime(Sampler(kernel, find("selection", "topk")), Sampling(1.0), exact=True)

        def ours() -> None:
            matrix, _ = Csr.from_edges(index[1], index[0], (_TINY, _TINY))
            adjacency = Adjacency.from_csr(matrix).fixed(kernel.separable)
            adjacency.prepare_backward()
            out = propagate(kept := Propagation(adjacency, _WIDTH, regime), x, sampled=False)
            torch.autograd.grad(out, x, torch.ones_like(out))
            del kept

        def own() -> None:
            out = x.new_zeros(_TINY, _WIDTH).index_add(0, index[1], x.index_select(0, index[0]))
            torch.autograd.grad(out, x, torch.ones_like(out))

        return max(0.0, _fastest(ours, device) - _fastest(own, device))

    fixed_s: float = 0.0
    """Converting and preparing for a layer, whatever the size of the graph: measured on a tiny one, beyond PyTorch Geometric's."""

    def pays(self, edges: int, width: int, products: float, layers: int = 1) -> bool:
        """Return whether converting `edges` for so many products of some layers, together of `width` features, saves time."""
        return self.convert_s * edges + self.fixed_s * layers < self.saved_s(edges, width) * products

    def saved_s(self, edges: int, width: int) -> float:
        """Return the seconds that one product saves."""
        return (self.own_s - self.ours_s) * edges * width

    def __str__(self) -> str:
        return (
            f"on this machine PyTorch Geometric's product takes {_ns(self.own_s)} for an edge and a feature, ours "
            f"{_ns(self.ours_s)}; converting an edge takes {_ns(self.convert_s)}, and each layer {1e6 * self.fixed_s:.0f} µs more"
        )


class Together:
    """How many features the layers of a model multiply with one edge list, all together: it is converted once for all of them."""

    def __init__(self) -> None:
        self.width = self.layers = 0
        """Features, and products, with the edge list before this one, once a second one has come."""
        self._this: weakref.ref[Any] | None = None
        self._new, self._so_far, self._calls = False, 0, 0

    def add(self, source: Any, width: int, known: bool) -> bool:
        """Take down that a layer multiplies `width` features with the edge list `source`.

        Return whether that was new, not `known`, when it came to the first of the layers.
        """
        if self._this is None or self._this() is not source:
            self.width, self.layers, self._so_far, self._calls = self._so_far, self._calls, 0, 0
            self._this, self._new = weakref.ref(source), not known
        self._so_far += width
        self._calls += 1
        return self._new


def _ns(seconds: float) -> str:
    ns = 1e9 * seconds
    return f"{ns:.2g} ns" if ns < 99.5 else f"{ns:,.0f} ns"


def _fastest(call: Callable[[], None], device: torch.device) -> float:
    times = []
    for _ in range(_CALLS):
        start = perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(perf_counter() - start)
    return min(times)
