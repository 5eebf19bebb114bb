"""Approximates the layers of an existing PyTorch Geometric model in place, with one call and without touching its training loop."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from rsc_bench.kernels.contract import Kernel
from rsc_bench.kernels.rsc.account import spent_share
from rsc_bench.kernels.rsc.adjacency import Diagonal
from rsc_bench.kernels.rsc.product import Approximated, Regime, Sampler
from rsc_bench.kernels.rsc.running import Running
from rsc_bench.kernels.rsc.schedule import Phase, Schedule
from rsc_bench.kernels.rsc.timings import Timings
from rsc_bench.optional import absent
from rsc_bench.plugins import find

if TYPE_CHECKING:
    from torch_geometric.nn import MessagePassing


def approximate(  # noqa: PLR0913  (the one call of users: each option stands beside its default)
    model: torch.nn.Module,
    budget: float = 0.1,
    *,
    epochs: int,
    interval: int = 10,
    switch_at: float = 0.8,
    allocation: str = "greedy",
    reallocate_every: int = 10,
    warmup_steps: int = 5,
    steps_per_epoch: int = 1,
    selection: str = "topk",
    kernel: str | Kernel | None = None,
    diagonal: Diagonal = "exact",
    approximated: Approximated = "backward",
    seed: int = 0,
) -> Approximation:
    """Approximate the GCNConv, SAGEConv and GCN2Conv layers of `model` in place (RSC, arXiv 2210.10737).

    Parameters, buffers, ``state_dict`` keys and forward products stay what they are; only gradients are approximated. Each
    call of the model in training mode, with gradients enabled, counts as a training step. The layers take their adjacency
    as a torch CSR tensor or a torch-sparse ``SparseTensor``; called with an ``edge_index`` they run exact code and say so.

    Args:
        model: has PyTorch Geometric layers, anywhere inside.
        budget: share of the exact backward FLOPs that may be spent, in (0, 1].
        epochs: of the whole training, from now on.
        interval: products that one selection serves.
        switch_at: share of the epochs after which everything is exact; 1 never switches.
        allocation: ``"greedy"`` (the paper's), ``"optimal"`` or ``"uniform"``.
        reallocate_every: epochs from one allocation to the next.
        warmup_steps: exact steps before the first allocation.
        steps_per_epoch: training steps of an epoch; 1 for full-batch training.
        selection: ``"topk"`` (the paper's), ``"random"`` or ``"importance"``.
        kernel: the exact kernel that multiplies; None: the fastest for the model's device and dtype that is installed.
        diagonal: ``"exact"`` keeps self-loops out of the sampling, ``"sampled"`` does not.
        approximated: which products are sampled; anything but ``"backward"`` is for ablation.
        seed: of the selections that draw.

    Returns:
        What was changed, how training goes, and the way back.

    Raises:
        ValueError: for an option outside its range, or a model with no layer that can be approximated.
        ModuleNotFoundError: where PyTorch Geometric is not installed, with how to get it.
    """
    schedule = Schedule(
        budget=budget,
        epochs=epochs,
        interval=interval,
        reallocate_every=reallocate_every,
        switch_at=switch_at,
        warmup_steps=warmup_steps,
        steps_per_epoch=steps_per_epoch,
        allocation=allocation,
        seed=seed,
    )
    chosen = find("selection", selection)
    return Approximation(model, schedule, Sampler(_kernel(kernel, model), chosen, diagonal, approximated))


class Approximation:
    """An approximated model: what was changed in it, how its budget is spent, and the way back."""

    def __init__(self, model: torch.nn.Module, schedule: Schedule, sampler: Sampler) -> None:
        _require_pytorch_geometric()
        from rsc_bench.kernels.rsc.conversion import layers as convert
        from rsc_bench.kernels.rsc.conversion.sources import Sources

        self.model, self.schedule = model, schedule
        self._regime = Regime(sampler, schedule.sampling)
        reasons = {name: convert.why_not(layer) for name, layer in _message_passing(model).items()}
        self.unchanged = {name: reason for name, reason in reasons.items() if reason is not None}
        """Name of each PyTorch Geometric layer that was left as it was, and why."""
        self.changed = tuple(name for name, reason in reasons.items() if reason is None)
        """Names of the layers that are approximated."""
        if not self.changed:
            raise ValueError(_nothing(model, self.unchanged))
        self._sources, warned = Sources(sampler), set[str]()
        self._layers = {name: convert.Layer(name, self._regime, self._sources, warned) for name in self.changed}
        for name, layer in self._layers.items():
            convert.change(model.get_submodule(name), layer)
        allocate = find("allocation", schedule.allocation).allocate
        self._running = Running(schedule, allocate, self._regime, [layer.accounts for layer in self._layers.values()])
        self._hook = model.register_forward_pre_hook(self._begin_step)

    def __deepcopy__(self, memo: dict[int, Any]) -> Approximation:
        """Return itself: a copy of the model follows the same schedule."""
        del memo
        return self

    def prepare(self) -> None:
        """Prepare now what sampled steps need over the adjacencies that the model was called with so far.

        Otherwise the first training step does it, and on a machine that never did, it compiles for seconds.
        """
        for propagation in self._sources.propagations():
            propagation.prepare()

    def undo(self) -> None:
        """Make the model exactly what it was before; a second time does nothing."""
        from rsc_bench.kernels.rsc.conversion import layers as convert

        self._hook.remove()
        for name in self.changed:
            layer = self.model.get_submodule(name)
            if vars(layer).get("_rsc") is self._layers[name]:
                convert.restore(layer)

    @property
    def step(self) -> int:
        """Training steps begun so far."""
        return self._running.step

    @property
    def phase(self) -> Phase:
        """What the step that was begun last does."""
        return self._running.phase

    @property
    def k_per_layer(self) -> Mapping[str, int | None]:
        """Column-row pairs that the last allocation gave each layer; None: none yet, or it has no product to sample."""
        return {account.name: account.limit.pairs if account.limit else None for account in self._running.accounts}

    @property
    def spent_share(self) -> float | None:
        """Share of the exact FLOPs that the last sampled products spent, 1 while exact; None before the first one."""
        return spent_share(self._running.accounts)

    @property
    def timings(self) -> Timings:
        """Where the method's seconds went so far."""
        return self._regime.timings

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _begin_step(self, model: torch.nn.Module, inputs: Any) -> None:
        del inputs
        if model.training and torch.is_grad_enabled():
            self._running.begin_step()


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
    return f"{type(model).__name__} must have a GCNConv, SAGEConv or GCN2Conv layer that can be approximated ({found})"


def _kernel(given: str | Kernel | None, model: torch.nn.Module) -> Kernel:
    """Return the kernel that was given, or the default of the model's device and dtype."""
    kernel: Kernel = given if isinstance(given, Kernel) else find("kernel", given or _default_kernel(model))
    reason = kernel.why_not()
    if reason is not None:
        raise ValueError(f"kernel {kernel.name!r} cannot run here: {reason}")
    return kernel


def _default_kernel(model: torch.nn.Module) -> str:
    parameter = next(model.parameters(), torch.empty(0))
    if parameter.is_cuda:
        ours = parameter.dtype in (torch.float32, torch.bfloat16) and importlib.util.find_spec("triton") is not None
        return "rows_triton" if ours else "cusparse"
    if parameter.dtype is torch.float64 or importlib.util.find_spec("numba") is None:
        return "mkl" if torch.backends.mkl.is_available() else "torch_reduce"  # type: ignore[no-untyped-call]
    return "rows_numba"
