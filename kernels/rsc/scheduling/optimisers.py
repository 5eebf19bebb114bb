"""Notices the steps of torch's optimisers: what a schedule counts, whatever the training loop around them looks like."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

_SOME = 8
"""Parameters whose values tell that the model is being trained."""


class Steps:
    """Calls back after each step of an optimiser that holds a parameter of a followed module; keeps neither of them alive."""

    def __init__(self, called: Callable[[], None]) -> None:
        """Follow no module yet; `called` is a bound method, whose object may go: then nothing is called any more."""
        self._called = weakref.WeakMethod(called)
        self.before: Callable[[torch.optim.Optimizer], None] | None = None
        """Called before each step; None: nothing is."""
        self._modules: list[weakref.ref[torch.nn.Module]] = []
        self._holding: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()
        FOLLOWERS.add(self)

    def follow(self, module: torch.nn.Module) -> None:
        """Notice the steps of optimisers that hold a parameter of `module`, too."""
        self._modules.append(weakref.ref(module, self._modules.remove))

    def stop(self) -> None:
        """Notice none any more."""
        FOLLOWERS.discard(self)

    def stepped(self, optimiser: torch.optim.Optimizer) -> None:
        """Take a step of any optimiser of the process."""
        called = self._called()
        if called is not None and self._holds(optimiser):
            called()

    def begins(self, optimiser: torch.optim.Optimizer) -> None:
        """Take a step of any optimiser of the process, which is about to be made."""
        if self.before is not None and self._holds(optimiser):
            self.before(optimiser)

    @property
    def modules(self) -> list[torch.nn.Module]:
        """Those that are followed, as far as they live: one may be empty, or refuse ``len()``."""
        return [module for known in self._modules if (module := known()) is not None]

    def some(self) -> list[torch.Tensor]:
        """Copies of the few smallest parameters: whether others were there later says whether anything has trained them."""
        every = (parameter for module in self.modules for parameter in module.parameters())
        trained = (parameter for parameter in every if parameter.requires_grad and not is_lazy(parameter))
        return [parameter.detach().clone() for parameter in sorted(trained, key=torch.Tensor.numel)[:_SOME]]

    def _holds(self, optimiser: torch.optim.Optimizer) -> bool:
        if optimiser not in self._holding:
            ours = {id(parameter) for module in self.modules for parameter in module.parameters()}
            if any(id(parameter) in ours for group in optimiser.param_groups for parameter in group["params"]):
                self._holding.add(optimiser)
        return optimiser in self._holding


class Followers:
    """Every `Steps` of this process, behind two hooks of torch's: those that nobody keeps are gone by themselves."""

    def __init__(self) -> None:
        self._every: weakref.WeakSet[Steps] = weakref.WeakSet()
        self._hooked = False

    def add(self, follower: Steps) -> None:
        """Tell it of steps from now on."""
        if not self._hooked:
            register_optimizer_step_pre_hook(self._begins)
            register_optimizer_step_post_hook(self._stepped)
            self._hooked = True
        self._every.add(follower)

    def discard(self, follower: Steps) -> None:
        """Tell it no more."""
        self._every.discard(follower)

    def _begins(self, optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        del args, kwargs
        for follower in list(self._every):
            follower.begins(optimiser)

    def _stepped(self, optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        del args, kwargs
        for follower in list(self._every):
            follower.stepped(optimiser)


FOLLOWERS = Followers()
"""Those of this process."""
