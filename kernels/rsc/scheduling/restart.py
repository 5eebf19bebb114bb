"""What a training begins from, to go back to it behind a warm-up: as the authors' code resets the parameters there."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.utils.hooks import RemovableHandle


class _Hook:
    """Calls a bound method before a module is called, as long as its object lives; a model's pickle and copy have none of it."""

    def __init__(self, called: Callable[[torch.nn.Module], None]) -> None:
        self._called = weakref.WeakMethod(called)

    def __call__(self, module: torch.nn.Module, inputs: Any) -> None:
        """Take the call; what is traced is not what is called."""
        del inputs
        called = None if torch.compiler.is_compiling() else self._called()
        if called is not None:
            called(module)

    def __reduce__(self) -> tuple[Any, ...]:
        # As a hook that is `get` of an empty dict, which returns the inputs: it changes nothing, and needs no package.
        return getattr, ({}, "get")


class Watch:
    """Calls back before a model, or a part of it that has buffers, is called, until it is stopped.

    A hook of torch's for all modules would do that too, but makes `torch.compile` warn of it.
    """

    def __init__(self, model: torch.nn.Module, called: Callable[[torch.nn.Module], None]) -> None:
        """`called` is a bound method, whose object may go: then nothing is called any more."""
        hook = _Hook(called)
        with_buffers = (part for part in model.modules() if part is not model and part._buffers)
        handles = [part.register_forward_pre_hook(hook) for part in (model, *with_buffers)]
        self.stop = weakref.finalize(called.__self__, _remove, handles)  # type: ignore[attr-defined]
        """Call back no more."""


def _remove(handles: list[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()


class Beginning:
    """Parameters and buffers, torch's random states and the optimisers' states, as they were before the first step."""

    def __init__(self, modules: list[torch.nn.Module]) -> None:
        """Take down what `modules` hold, and the random states, now."""
        every = (tensor for module in modules for tensor in (*module.parameters(), *module.buffers()))
        self._tensors: list[tuple[weakref.ref[torch.Tensor], torch.Tensor]] = []
        self._take(tensor for tensor in every if not is_lazy(tensor))
        self._random = torch.get_rng_state()
        self._on_devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
        self._optimisers: weakref.WeakKeyDictionary[torch.optim.Optimizer, dict[str, Any]] = weakref.WeakKeyDictionary()

    def note(self, optimiser: torch.optim.Optimizer) -> None:
        """Take down the state of an optimiser that is about to make its first step, and those of its parameters that are new.

        The first pass may have made them (lazy ones), or they are of another module.
        """
        if optimiser not in self._optimisers:
            self._optimisers[optimiser] = copy.deepcopy(optimiser.state_dict())
            known = {id(tensor) for held, _ in self._tensors if (tensor := held()) is not None}
            every = (parameter for group in optimiser.param_groups for parameter in group["params"])
            self._take(parameter for parameter in every if id(parameter) not in known)

    def _take(self, tensors: Iterable[torch.Tensor]) -> None:
        self._tensors += [(weakref.ref(tensor), tensor.detach().clone()) for tensor in tensors]

    def restore(self) -> None:
        """Put everything back, in place: whoever holds a parameter still holds it."""
        with torch.no_grad():
            for known, value in self._tensors:
                tensor = known()
                if tensor is not None:
                    tensor.copy_(value)
        for optimiser, state in self._optimisers.items():
            rates = [group["lr"] for group in optimiser.param_groups]
            optimiser.load_state_dict(state)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate  # a scheduler goes on from what it has set
        torch.set_rng_state(self._random)
        if self._on_devices is not None:
            torch.cuda.set_rng_state_all(self._on_devices)
