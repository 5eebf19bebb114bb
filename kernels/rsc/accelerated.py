"""Converts the layers of an existing PyTorch Geometric model in place, with one call and without touching its training loop."""

from __future__ import annotations

import importlib.util
import weakref
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from rsc_bench import allocator
from rsc_bench.kernels.contract import SPMM, Kernel
from rsc_bench.kernels.rsc.allocations import Allocate
from rsc_bench.kernels.rsc.product import Regime, Sampler
from rsc_bench.kernels.rsc.scheduling.running import Running
from rsc_bench.kernels.rsc.scheduling.schedule import Schedule
from rsc_bench.kernels.rsc.table import LayerReport, table
from rsc_bench.kernels.rsc.timings import Timings
from rsc_bench.kernels.sampled.compose import Sampling
from rsc_bench.optional import absent
from rsc_bench.plugins import find

if TYPE_CHECKING:
    from torch_geometric.nn import MessagePassing

    from rsc_bench.kernels.rsc.conversion.layers import Layer


def accelerate(
    model: torch.nn.Module,
    *,
    loss_nodes: torch.Tensor | None = None,
    kernel: str | Kernel | None = None,
    keep_products: bool = True,
    keep_memory: bool = False,
) -> Accelerated:
    """Multiply with this project's kernels in every layer of `model` that is a product with its adjacency, exactly.

    Parameters, buffers, ``state_dict`` keys and results stay what they are, to rounding. The layers take an ``edge_index``, a
    torch CSR, CSC or COO tensor, or a torch-sparse ``SparseTensor``, with or without edge weights; each is converted once for
    an object and its version.

    Args:
        model: has PyTorch Geometric layers, anywhere inside, or is one.
        loss_nodes: (nodes,) bool, or their numbers: the nodes whose output the loss reads, as a mask of training nodes. In
            training the last layer then computes no other row, which stay without what their neighbours would have given; in
            evaluation it computes all. None: every row. That the loss has no gradient at other nodes is checked in each step.
        kernel: the exact kernel that multiplies; None: the fastest for the model's device and dtype that is installed.
        keep_products: keep the product of a layer whose features stay what they are, as those of the nodes in full-batch
            training: it is made once for an object and its version, and takes the memory of so many features. A change through
            ``.data`` or NumPy is not seen: False makes it anew in each call.
        keep_memory: let the whole process keep the memory of freed tensors, as `rsc_bench.keep_memory` does.

    Returns:
        What was converted and how training goes: `print` it. And the way back.

    Raises:
        ValueError: for a model with no layer that can be converted, with the reason of each.
        ModuleNotFoundError: where PyTorch Geometric is not installed, with how to get it.
    """
    chosen = choose_kernel(kernel, model)
    regime = Regime(Sampler(chosen, find("selection", "topk")), Sampling(1.0), exact=True, keeps_products=keep_products)
    found = Accelerated(model, regime, loss_nodes=loss_nodes)
    if keep_memory:
        allocator.keep_memory()
    return found


class Accelerated:
    """A converted model: what was changed in it, how its training goes, and the way back."""

    def __init__(
        self,
        model: torch.nn.Module,
        regime: Regime,
        schedule: Schedule | None = None,
        allocate: Allocate | None = None,
        loss_nodes: torch.Tensor | None = None,
    ) -> None:
        _require_pytorch_geometric()
        from rsc_bench.kernels.rsc.conversion import changing as convert
        from rsc_bench.kernels.rsc.conversion.layers import Shared
        from rsc_bench.kernels.rsc.conversion.needed import Needed

        self.model = model
        every = _message_passing(model)
        reasons = {name: convert.why_not(layer) for name, layer in every.items()}
        self._reasons = {name: reason for name, reason in reasons.items() if reason is not None}
        self._kinds = {name: type(layer).__name__ for name, layer in every.items()}
        twice = [name or "the model" for name, reason in self._reasons.items() if reason == convert.CONVERTED]
        if twice:
            raise ValueError(f"{type(model).__name__} must be converted once (already: {', '.join(twice)}): undo() that first")
        if len(self._reasons) == len(every):
            raise ValueError(_nothing(model, self._reasons))
        self._running = Running(regime, schedule, allocate)
        self._shared = Shared(regime, self._running, samples=schedule is not None)
        if loss_nodes is not None:
            self._shared.needed = needed = Needed(loss_nodes, [name for name in every if name not in self._reasons][-1])
            self._running.stepped = needed.stepped
        self._layers: dict[str, Layer] = {}
        self._converted: list[weakref.ref[MessagePassing]] = []
        self._running.why = partial(
            _why_exact, self._layers, self._reasons, regime
        )  # a copy of the model keeps this, and not the model
        self._running.follow(model)
        try:
            for name, layer in every.items():
                if name not in self._reasons:
                    self._layers[name] = convert.change(layer, name, self._shared)
                    self._converted.append(weakref.ref(layer))
        except BaseException:
            self.undo()
            raise

    def __deepcopy__(self, memo: dict[int, Any]) -> Accelerated:
        """Return itself: a copy of the model follows the same schedule."""
        del memo
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        del protocol
        raise TypeError(f"{self!r} cannot be pickled, only its model can: keep it out of what is saved or sent")

    def prepare(self, new_graphs: bool = False) -> None:
        """Prepare now what sampled steps need over the adjacencies that the model was called with so far.

        Otherwise the first training step does it, and on a machine that never did, it compiles for seconds. With `new_graphs`, for
        steps over graphs that are new in each, what converting one costs is measured now as well, and not in one of the first.
        """
        for propagation in self._shared.sources.propagations():
            propagation.prepare()
        if new_graphs:
            _ = self._shared.costs

    def step(self) -> None:
        """Count one training step: only for an optimiser that is none of torch's, whose steps are noticed."""
        self._running.step()

    def undo(self) -> None:
        """Make the model exactly what it was before, and copies of it plain models; a second time does nothing."""
        from rsc_bench.kernels.rsc.conversion import changing as convert

        self._running.stop()
        for layer in [*(known() for known in self._converted), *self._shared.copies]:
            state = None if layer is None else convert.state_of(layer)
            if layer is not None and state is not None and state.shared is self._shared:
                convert.restore(layer)

    @property
    def steps(self) -> int:
        """Optimiser steps so far."""
        return self._running.steps

    @property
    def layers(self) -> Mapping[str, LayerReport]:
        """Every PyTorch Geometric layer of the model by its name, as things stand now."""
        return {name: self._report(name) for name in self._kinds}

    @property
    def timings(self) -> Timings:
        """Where the seconds of the products went so far."""
        return self._shared.regime.timings

    @property
    def memory_bytes(self) -> int:
        """Bytes of the adjacencies that were converted, and their transposes, as far as they are still in use."""
        adjacencies = {id(found.adjacency): found.adjacency for found in self._shared.sources.propagations()}
        return sum(adjacency.nbytes for adjacency in adjacencies.values())

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        converted = f"{len(self._layers)} of {len(self._kinds)} layers converted"
        return f"<{type(self).__name__} of {type(self.model).__name__}: {converted}, {self.steps} steps>"

    def _report(self, name: str) -> LayerReport:
        if name in self._reasons:
            return LayerReport(self._kinds[name], False, self._reasons[name])
        layer = self._layers[name]
        reason = "; ".join(filter(None, [_run_elsewhere(layer), layer.note])) or None
        saved = forward = backward = None
        if layer.products and self._shared.regime.sampler.kernel.device == "cpu":
            took = layer.accounts.forward.took, layer.accounts.backward.took
            forward, backward = (each.seconds for each in took)
            if usual := sum(each.usual_elements for each in took):
                saved = usual * self._shared.costs.own_s - sum(each.usual_s for each in took)
        return LayerReport(
            self._kinds[name],
            True,
            reason,
            layer.width,
            layer.products,
            layer.kept,
            layer.own.total(),
            self._spent(layer),
            self._samples,
            saved,
            forward,
            backward,
        )

    _samples = False
    """Whether its layers are sampled."""

    def _spent(self, layer: Layer) -> float | None:
        del layer
        return None


def _run_elsewhere(layer: Layer) -> str | None:
    """Why PyTorch Geometric ran calls of a layer itself, and how many; None where it ran none."""
    return "; ".join(f"{reason} ({calls} calls)" for reason, calls in layer.own.items()) or None


def _why_exact(layers: dict[str, Layer], unchanged: dict[str, str], regime: Regime) -> str:
    """Why no layer was sampled, for a warning."""
    found = unchanged | {name: reason for name, layer in layers.items() if (reason := _run_elsewhere(layer))}
    reasons = {f"layer {name!r}: {reason}" for name, reason in found.items()}
    if regime.second_order:
        reasons.add(f"{regime.second_order} backward products were made with create_graph=True, and are exact")
    if not any(layer.products or layer.own for layer in layers.values()):
        reasons.add("no converted layer was called in training with gradients enabled")
    return "; ".join(sorted(reasons)) or "no layer has a backward product of its features"


def choose_kernel(given: str | Kernel | None, model: torch.nn.Module) -> Kernel:
    """Return the kernel that was given, or the default of the model's device and dtype; ``ValueError`` where it cannot run."""
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model must be a torch.nn.Module (got {model!r})")
    kernel: Kernel = given if isinstance(given, Kernel) else find("kernel", given or _default_kernel(model))
    if kernel.operation != SPMM:
        what = f"{kernel.name!r}, which computes {kernel.operation}"
        raise ValueError(f"kernel must be one that multiplies (got {what}): leave it out for ours")
    reason = kernel.why_not()
    if reason is not None:
        raise ValueError(f"kernel {kernel.name!r} cannot run here: {reason}")
    return kernel


def _default_kernel(model: torch.nn.Module) -> str:
    parameter = next(model.parameters(), torch.empty(0))
    if parameter.is_cuda:
        ours = parameter.dtype in (torch.float32, torch.bfloat16) and importlib.util.find_spec("triton") is not None
        return "rows_triton" if ours else "cusparse"
    if importlib.util.find_spec("numba") is None:
        return "mkl" if torch.backends.mkl.is_available() else "torch_reduce"  # type: ignore[no-untyped-call]
    return "rows_numba"


def _require_pytorch_geometric() -> None:
    """Raise one line that says how to get PyTorch Geometric where it is not installed."""
    try:
        import torch_geometric  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "torch_geometric":
            raise
        raise ModuleNotFoundError(absent("torch_geometric"), name="torch_geometric") from None


def _message_passing(model: torch.nn.Module) -> dict[str, MessagePassing]:
    from torch_geometric.nn import MessagePassing

    return {name: layer for name, layer in model.named_modules() if isinstance(layer, MessagePassing)}


def _nothing(model: torch.nn.Module, unchanged: dict[str, str]) -> str:
    found = (
        "; ".join(f"{name or 'the model'}: {reason}" for name, reason in unchanged.items()) or "it has no PyTorch Geometric layer"
    )
    return f"{type(model).__name__} must have a layer that is a product with its adjacency ({found})"
