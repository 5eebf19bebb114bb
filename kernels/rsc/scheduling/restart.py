"""What a training begins from, to go back to it behind a warm-up: as the authors' code resets the parameters there."""

from __future__ import annotations

import copy
import weakref
from typing import Any

import torch
from torch.nn.parameter import is_lazy


class Beginning:
    """Parameters and buffers, torch's random states and the optimisers' states, as they were before the first step."""

    def __init__(self, modules: list[torch.nn.Module]) -> None:
        """Take down what `modules` hold, and the random states, now."""
        every = (tensor for module in modules for tensor in (*module.parameters(), *module.buffers()))
        tensors = (tensor for tensor in every if not is_lazy(tensor))
        self._tensors = [(weakref.ref(tensor), tensor.detach().clone()) for tensor in tensors]
        self._random = torch.get_rng_state()
        self._on_devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
        self._optimisers: weakref.WeakKeyDictionary[torch.optim.Optimizer, dict[str, Any]] = weakref.WeakKeyDictionary()

    def note(self, optimiser: torch.optim.Optimizer) -> None:
        """Take down the state of an optimiser that is about to make its first step."""
        if optimiser not in self._optimisers:
            self._optimisers[optimiser] = copy.deepcopy(optimiser.state_dict())

    @property
    def optimisers(self) -> int:
        """How many optimisers have made a step so far."""
        return len(self._optimisers)

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
