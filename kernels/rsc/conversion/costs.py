"""What converting an edge list costs on this machine, and what it saves: decides where a graph is new in every step."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from rsc_bench.kernels.contract import Kernel
from rsc_bench.kernels.csr import Csr

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
        return cls(_fastest(convert, device) / _EDGES, _fastest(own, device) / elements, _fastest(ours, device) / elements)

    def pays(self, edges: int, width: int, products: float) -> bool:
        """Return whether converting `edges` for so many products, each of `width` features, takes less than it saves."""
        return self.convert_s * edges < self.saved_s(edges, width) * products

    def saved_s(self, edges: int, width: int) -> float:
        """Return the seconds that one product saves."""
        return (self.own_s - self.ours_s) * edges * width

    def __str__(self) -> str:
        return (
            f"on this machine PyTorch Geometric's product takes {_ns(self.own_s)} for an edge and a feature, ours "
            f"{_ns(self.ours_s)}; converting an edge takes {_ns(self.convert_s)}"
        )


class Together:
    """How many features the layers of a model multiply with one edge list, all together: it is converted once for all of them."""

    def __init__(self) -> None:
        self.width = 0
        """Of the edge list before this one, once a second one has come."""
        self._this: weakref.ref[Any] | None = None
        self._new, self._so_far = False, 0

    def add(self, source: Any, width: int, known: bool) -> bool:
        """Take down that a layer multiplies `width` features with the edge list `source`.

        Return whether that was new, not `known`, when it came to the first of the layers.
        """
        if self._this is None or self._this() is not source:
            self.width, self._so_far, self._this, self._new = self._so_far, 0, weakref.ref(source), not known
        self._so_far += width
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
