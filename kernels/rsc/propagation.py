"""One layer's aggregation over one adjacency at one width: an exact product forward, a sampled one backward."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cached_property
from weakref import WeakValueDictionary

import torch

from rsc_bench.kernels.contract import Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.rsc.account import Accounts
from rsc_bench.kernels.rsc.adjacency import Adjacency
from rsc_bench.kernels.rsc.product import Direction, Place, Product, Regime

CHUNK_ELEMENTS = 1 << 22
"""Elements of either gathered operand: 16 MiB of float32, whatever the number of edges."""


class Handles:
    """Propagations by number, as operators address them, whose arguments are tensors and numbers; keeps none of them alive."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._propagations: WeakValueDictionary[int, Propagation] = WeakValueDictionary()

    def add(self, propagation: Propagation) -> int:
        """Return the number under which a propagation is found from now on."""
        handle = next(self._numbers)
        self._propagations[handle] = propagation
        return handle

    def find(self, handle: int) -> Propagation:
        """Return a propagation; raises ``RuntimeError`` where it is no more."""
        found = self._propagations.get(int(handle))
        if found is None:
            raise RuntimeError(f"propagation {handle} is gone: keep it, or the model's Approximation, until backward() has run")
        return found


HANDLES = Handles()
"""Those of this process: its operators are known to torch under one name each."""


class Propagation:
    """``Y = A X`` and ``dL/dX = A^T G``, the second over the column-row pairs that matter most (RSC, section 3).

    The transpose is the adjacency's own, made once for all layers. Self-loops are exact both ways. Products with other edge
    values than the adjacency's are prepared, and selected for, in each call.
    """

    def __init__(
        self, adjacency: Adjacency, width: int, regime: Regime, accounts: Accounts | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        """Prepare nothing yet.

        Args:
            adjacency: on the device of the regime's kernel.
            width: columns of the dense operands to come.
            regime: the sampler, the budget and the switches, shared by all propagations of a model.
            accounts: the layer's; None: fresh ones, under which every product spends the regime's budget.
            dtype: of the dense operands to come.
        """
        kernel, device = regime.sampler.kernel, adjacency.matrix.device.type
        if kernel.device != device:
            raise ValueError(
                f"kernel {kernel.name!r} multiplies on {kernel.device}, the adjacency is on {device}: choose another kernel"
            )
        self.adjacency, self.width, self.dtype, self.regime = adjacency, width, dtype, regime
        self.accounts = Accounts.for_layer(adjacency.matrix.name or "layer") if accounts is None else accounts
        self.shape = adjacency.matrix.shape
        self.arrived: Callable[[torch.Tensor, Adjacency], None] | None = None
        """Called with each gradient before it is multiplied; None: nothing is."""
        self.handle = HANDLES.add(self)
        """What operators know it by."""

    def forward(self, dense: torch.Tensor, value: torch.Tensor | None = None, sampled: bool = True) -> torch.Tensor:
        """Return ``A @ dense``, (rows, width); the edge values are `value`, (nnz,), where it is given."""
        product = self._forward if value is None else self._product("forward", self.adjacency.with_values(value))
        return product(dense.contiguous(), sampled)

    def backward(self, gradient: torch.Tensor, value: torch.Tensor | None = None, sampled: bool = True) -> torch.Tensor:
        """Return ``A^T @ gradient``, (columns, width); ``sampled=False`` multiplies all pairs."""
        gradient = gradient.contiguous()
        if self.arrived is not None:
            self.arrived(gradient, self.adjacency)
        product = self._backward if value is None else self._product("backward", self.adjacency.with_values(value))
        return product(gradient, sampled)

    def value_gradient(self, gradient: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        """Return the gradient with respect to the edge values, (nnz,): exact, in the order of the adjacency's source."""
        return edge_gradient(self.adjacency.pattern, gradient, dense, self.adjacency.reduce)

    def prepare(self) -> None:
        """Prepare now what sampled steps need in the directions that were multiplied in: a first layer may have no backward."""
        for product in (vars(self).get("_forward"), vars(self).get("_backward")):
            if product is not None:
                product.prepare()

    def check(self) -> None:
        """Raise what the kernel raises where it cannot multiply such operands."""
        self._forward.check()

    @property
    def exact(self) -> bool:
        """Whether nothing is sampled; of all propagations of the regime."""
        return self.regime.exact

    @exact.setter
    def exact(self, exact: bool) -> None:
        self.regime.exact = exact

    @cached_property
    def _forward(self) -> Product:
        return self._product("forward", self.adjacency)

    @cached_property
    def _backward(self) -> Product:
        return self._product("backward", self.adjacency)

    def _product(self, direction: Direction, adjacency: Adjacency) -> Product:
        place = Place(direction, self.width, self.dtype, getattr(self.accounts, direction))
        return Product(adjacency, place, self.regime)


def edge_gradient(
    matrix: Csr, gradient: torch.Tensor, dense: torch.Tensor, reduce: Reduce = "sum", chunk_elements: int = CHUNK_ELEMENTS
) -> torch.Tensor:
    """Return ``gradient[row] . dense[column]`` for each stored entry, over the row's number of entries for a mean.

    Args:
        matrix: gives the pattern; its values do not matter.
        gradient: (rows, width).
        dense: (columns, width), same dtype and device.
        reduce: of the aggregation that the gradient belongs to.
        chunk_elements: gathered at a time of either operand; decides how much memory it takes, and nothing else.

    Returns:
        (nnz,), same dtype, in the order of the matrix's entries. Exact: nothing is sampled.
    """
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device), matrix.row_nnz)
    found = torch.empty(matrix.nnz, dtype=dense.dtype, device=dense.device)
    chunk = max(1, chunk_elements // max(1, dense.shape[1]))
    for start in range(0, matrix.nnz, chunk):
        part = slice(start, start + chunk)
        found[part] = torch.linalg.vecdot(gradient[rows[part]], dense[matrix.col[part]])
    return found / matrix.row_nnz[rows] if reduce == "mean" else found
