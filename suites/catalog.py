"""Finds kernels by name, alone or behind a selection (``cached_topk(mkl)``): built in, installed or in a file of the user."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from rsc_bench import plugins
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.checked import word
from rsc_bench.kernels.contract import SDDMM, SPMM
from rsc_bench.kernels.sampled import approximate, compose
from rsc_bench.kernels.sampled.selections import Selection
from rsc_bench.kinds import ALL_BASELINES
from rsc_bench.optional import present
from rsc_bench.text import call, nearest, nearest_is

INTERVAL = 10
"""Calls that one selection serves in a cached kernel (RSC, section 3.3)."""
MOST_NEAR = 3
"""More names than these are no hint."""


class KernelError(Exception):
    """A kernel that is not available; the message names it, the rule and the remedy."""


@dataclass(frozen=True)
class Choice:
    """A kernel by name, before it meets a budget: an exact one, an approximation, or a selection in front of an exact one."""

    exact: str
    selection: str | None = None
    cached: bool = False
    """Whether what was chosen serves several calls, of a selection or of an approximation of somebody's own."""

    @property
    def name(self) -> str:
        """Name as records keep it: ``mkl``, ``topk(mkl)``, ``cached_topk(mkl)``."""
        cached = compose.CACHED * self.cached
        return f"{cached}{self.exact}" if self.selection is None else f"{cached}{self.selection}({self.exact})"


@dataclass(frozen=True)
class Catalog:
    """Every kernel there is: those that are built in or installed, and those in files of the user."""

    exact: dict[str, Kernel]
    """Of products, by name; those that are no approximations of their own are what selections stand in front of."""
    selections: dict[str, Selection]
    missing: dict[str, str] = field(default_factory=dict)
    """Exact kernels that could not be loaded, with the reason."""
    from_files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The files that ``--kernel`` names, and the kernels in each."""
    selections_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The same files, and the selections in each."""
    origins: dict[str, str] = field(default_factory=dict)
    """Kernels of plug-ins that are not ours, and where each comes from (`rsc_bench.plugins.Plugins`)."""
    sddmm: dict[str, Kernel] = field(default_factory=dict)
    """Of dot products, by name: nothing stands in front of them."""

    @property
    def every(self) -> dict[str, Kernel]:
        """The kernels of both operations, by name."""
        return self.exact | self.sddmm

    def build(self, choice: Choice, budget: float | None, seed: int = 0) -> Kernel:
        """Return the kernel of a choice; `budget` is the share of FLOPs for one that samples."""
        exact = self.every[choice.exact]
        if choice.selection is None:
            return approximate.cached(exact, INTERVAL) if choice.cached else exact
        assert budget is not None
        sampling = compose.Sampling(budget, INTERVAL if choice.cached else 1, seed)
        return compose.compose(self.selections[choice.selection], exact, sampling)

    def why_not(self, choice: Choice) -> str | None:
        """Return why a choice cannot run on this machine, or None."""
        return self.missing.get(choice.exact) or self.every[choice.exact].why_not()

    def precision(self, choice: Choice, dtype: torch.dtype) -> str | None:
        """Return what the kernel of a choice computes in where it stores `dtype`; None: in that, as most do."""
        kernel = self.every.get(choice.exact)
        name = word(dtype) if kernel is None else kernel.computes_in(dtype).name
        return None if name == word(dtype) else name

    def find(self, name: str) -> Choice:
        """Return the choice of a name, or raise `KernelError` with the nearest names."""
        if name in self.from_files:
            if len(self.from_files[name]) == 1:
                return Choice(self.from_files[name][0])
            several = ", ".join(self.from_files[name]) or "none"
            raise KernelError(f"--kernel {name}: must have one kernel here (got {several}): give it as --plugin, and name one")
        own = {choice.name: choice for choice in self.approximations()}
        if name in own:
            return own[name]
        parts = compose.split(name)
        choice = Choice(name) if parts is None else Choice(parts[2], parts[1], parts[0])
        if choice.selection is not None and choice.exact in {each.exact for each in own.values()}:
            raise KernelError(
                f"--kernel {name!r}: {choice.exact} is an approximation itself: a selection is in front of an exact kernel"
            )
        if choice.selection is not None and choice.exact in self.sddmm:
            raise KernelError(f"--kernel {name!r}: {choice.exact} computes SDDMM: a selection is in front of a product")
        known_exact = choice.exact in self.every or choice.exact in self.missing
        if known_exact and (choice.selection is None or choice.selection in self.selections):
            return choice
        near = nearest(name, [*self.names(), ALL_BASELINES])
        hint = f"{nearest_is(near)}" if len(near) <= MOST_NEAR else f"`{call('list')}` names them all"
        raise KernelError(f"--kernel {name!r} is not a known kernel or a file: {hint}")

    def baselines(self, device: str) -> list[str]:
        """Return the kernels of a device that are measured where they are named, also those that cannot run."""
        kind = device.partition(":")[0]
        return [name for name, kernel in self.exact.items() if kernel.role == "baseline" and kernel.device == kind]

    def expanded(self, names: Iterable[str], device: str) -> tuple[str, ...]:
        """Return the ``--kernel`` values `names`, and in the place of the word for all baselines those of a device."""
        return tuple(each for name in names for each in (self.baselines(device) if name == ALL_BASELINES else (name,)))

    def foreign(self) -> list[str]:
        """Return the kernels that are not ours: from files of the user and from installed packages."""
        elsewhere = {*chain.from_iterable(self.from_files.values()), *self.origins}
        return [name for name in self.every if name in elsewhere]

    def names(self) -> list[str]:
        """Return every name that `find` knows."""
        own = self.approximations()
        exact = [*(name for name, kernel in self.exact.items() if kernel.exact), *self.missing]
        return [*exact, *(choice.name for choice in own), *(c.name for e in exact for c in self.sampled(e)), *self.sddmm]

    def approximations(self) -> list[Choice]:
        """Return every approximation that is a kernel of its own, fresh, and cached where it chooses apart."""
        own = [(name, kernel) for name, kernel in self.exact.items() if not kernel.exact]
        return [Choice(name, None, cached=asked != name) for name, kernel in own for asked in approximate.names(kernel)]

    def sampled(self, exact: str) -> list[Choice]:
        """Return every selection, fresh and cached, in front of one exact kernel."""
        return [Choice(exact, selection, cached) for selection in self.selections for cached in (False, True)]


def catalog(named: Iterable[str] = ()) -> Catalog:
    """Return all kernels that are built in or installed, and those in the Python files among the ``--kernel`` values `named`.

    A file is code: it is loaded when it is named, and in no other way.
    """
    exact, selections = plugins.load("kernel"), dict(plugins.load("selection"))
    kernels, from_files = dict(exact), {}
    selections_of = {}
    for name in dict.fromkeys(name for name in named if name.endswith(".py")):
        found_in = _from_file(Path(name))
        from_files[name] = _added(name, found_in["kernel"], kernels, {**exact, **dict.fromkeys(exact.missing)})
        selections_of[name] = _added(name, found_in["selection"], selections, dict(plugins.load("selection")))
    products = {name: kernel for name, kernel in kernels.items() if kernel.operation == SPMM}
    dots = {name: kernel for name, kernel in kernels.items() if kernel.operation == SDDMM}
    found = Catalog(products, selections, exact.missing, from_files, selections_of, exact.origins, dots)
    for name, count in Counter(found.names()).items():
        if count > 1:
            raise KernelError(f"kernel {name!r}: is the name of a selection in front of another kernel: rename it")
    return found


def _added(file: str, found: list[Any], into: dict[str, Any], others: dict[str, Any]) -> tuple[str, ...]:
    """Put the plug-ins of a file beside those that there are, and return their names; one that is taken is refused."""
    for each in found:
        if each is not others.get(each.name) and (each.name in into or each.name in others):
            kind = type(each).__name__.lower()
            raise KernelError(f"--kernel {file}: its {kind} must have a name of its own (got {each.name!r}): rename it")
        into[each.name] = each
    return tuple(each.name for each in found)


def _from_file(path: Path) -> dict[str, list[Any]]:
    try:
        read = plugins.REGISTRY.read_file(path, "--kernel")
    except plugins.PluginError as error:
        raise KernelError(str(error)) from error
    found = {name: [plugin for kind, plugin in read if kind.name == name] for name in ("kernel", "selection")}
    if not any(found.values()):
        rule = "must define KERNEL = Kernel(...), KERNELS = (...) or SELECTION = Selection(...) (got none)"
        raise KernelError(f"--kernel {path}: {rule}: see `{call('list')}` for examples")
    return found | {"kernel": [_runnable(kernel) for kernel in found["kernel"]]}


def _runnable(kernel: Kernel) -> Kernel:
    """Return a kernel for a GPU as one for a CPU where there is no GPU and Triton's interpreter is asked for, which runs it."""
    if kernel.device == "cuda" and os.environ.get("TRITON_INTERPRET") == "1" and not torch.cuda.is_available():
        return replace(kernel, device="cpu", missing=present)
    return kernel
