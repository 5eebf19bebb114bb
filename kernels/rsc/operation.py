"""The autograd operation: a propagation behind `torch.library`, so that autograd and `torch.compile` see one opaque step.

An operator's arguments are tensors and numbers, so a propagation is addressed by its handle. Whoever made it keeps it, and
so does an eager autograd graph that still needs it.
"""

from __future__ import annotations

from typing import Any

import torch

from rsc_bench.kernels.rsc.propagation import HANDLES, Propagation


def propagate(
    propagation: Propagation, dense: torch.Tensor, value: torch.Tensor | None = None, sampled: bool = True
) -> torch.Tensor:
    """Return ``A @ dense`` with the approximated gradient ``A^T @ G`` (RSC, arXiv 2210.10737, section 3).

    Args:
        propagation: of the adjacency, at the width and dtype of `dense`.
        dense: (columns, width).
        value: (nnz,), edge values in place of the adjacency's own, for a gradient with respect to them (exact).
        sampled: False: an exact product in both directions, as in evaluation.

    Returns:
        (rows, width).
    """
    expected = (propagation.shape[1], propagation.width)
    if tuple(dense.shape) != expected or dense.dtype is not propagation.dtype:
        found = f"{tuple(dense.shape)}, {dense.dtype}"
        raise ValueError(f"the dense operand must have shape {expected} and dtype {propagation.dtype} (got {found})")
    product: torch.Tensor = _propagate(dense, value, propagation.handle, sampled)
    return product


@torch.library.custom_op("rsc::propagate", mutates_args=())
def _propagate(dense: torch.Tensor, value: torch.Tensor | None, handle: int, sampled: bool) -> torch.Tensor:
    return HANDLES.find(handle).forward(dense, value, sampled)


@torch.library.custom_op("rsc::dense_gradient", mutates_args=())
def _dense_gradient(gradient: torch.Tensor, value: torch.Tensor | None, handle: int, sampled: bool) -> torch.Tensor:
    return HANDLES.find(handle).backward(gradient, value, sampled)


@torch.library.custom_op("rsc::value_gradient", mutates_args=())
def _value_gradient(gradient: torch.Tensor, dense: torch.Tensor, handle: int) -> torch.Tensor:
    return HANDLES.find(handle).value_gradient(gradient, dense)


@_propagate.register_fake
def _(dense: torch.Tensor, value: torch.Tensor | None, handle: int, sampled: bool) -> torch.Tensor:
    del value, sampled
    return dense.new_empty(HANDLES.find(handle).shape[0], dense.shape[1])


@_dense_gradient.register_fake
def _(gradient: torch.Tensor, value: torch.Tensor | None, handle: int, sampled: bool) -> torch.Tensor:
    del value, sampled
    return gradient.new_empty(HANDLES.find(handle).shape[1], gradient.shape[1])


@_value_gradient.register_fake
def _(gradient: torch.Tensor, dense: torch.Tensor, handle: int) -> torch.Tensor:
    del dense
    return gradient.new_empty(HANDLES.find(handle).adjacency.pattern.nnz)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    del output
    dense, value, ctx.handle, ctx.sampled = inputs
    # The dense operand is kept only for the edge values' gradient: a product needs none of its operands again.
    ctx.save_for_backward(*(() if value is None else (dense, value)))
    ctx.propagation = HANDLES.find(ctx.handle)  # an eager graph keeps it alive


def _backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None, None]:
    dense, value = ctx.saved_tensors or (None, None)
    if torch.is_grad_enabled():
        # create_graph=True: a derivative of a sampled product is one of noise, here and when this graph is gone through again.
        ctx.sampled = False
        ctx.propagation.regime.second_order += 1
    to_dense = _dense_gradient(gradient, value, ctx.handle, ctx.sampled) if ctx.needs_input_grad[0] else None
    to_value = _value_gradient(gradient, dense, ctx.handle) if value is not None and ctx.needs_input_grad[1] else None
    return to_dense, to_value, None, None


def _setup_again(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    del output
    _, value, ctx.handle, _ = inputs
    if value is not None:
        raise NotImplementedError("edge values that are given to propagate() have no second derivative: keep them in the adjacency")
    ctx.propagation = HANDLES.find(ctx.handle)


def _backward_again(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, None, None, None]:
    """The gradient of ``A^T @ G`` with respect to G is ``A @``: exact, as whatever a second derivative is made of."""
    return (_propagate(gradient, None, ctx.handle, False) if ctx.needs_input_grad[0] else None), None, None, None


_propagate.register_autograd(_backward, setup_context=_setup)
_dense_gradient.register_autograd(_backward_again, setup_context=_setup_again)
