"""Finds the one case or training that is to be profiled and makes it ready: what `python -m harness profile` runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import ceil
from typing import Any

import msgspec
from rsc_bench.harness.measure import Skip, Wrong, reason_of
from rsc_bench.harness.plugins import PluginError
from rsc_bench.harness.profile import Plan, ProfileError
from rsc_bench.harness.record import Case
from rsc_bench.suites import devices, graphs, recipes
from rsc_bench.suites.asked import Asked, AskedError, check
from rsc_bench.suites.graphs import GraphError
from rsc_bench.suites.kernels import Catalog, Choice, KernelError, catalog
from rsc_bench.suites.products import SpmmWork
from rsc_bench.suites.running import ready
from rsc_bench.suites.sweep import Setting, settings
from rsc_bench.suites.trainer import Trainer
from rsc_bench.suites.training_data import TrainingError
from rsc_bench.suites.training_sweep import TrainingSetting, ours_on, training_settings

BUDGET = 0.1
"""Of what samples, where none is given: the paper's."""
WIDTH = 256
CALLS = 10
"""Products that are profiled together: one interval of a cached kernel."""
EXACT_EPOCHS = 2
"""Epochs before the one that is profiled, where training is exact."""
PARTS = {
    "forward": "forward SpMM",
    "backward": "backward SpMM",
    "select": "select",
    "allocate": "allocate",
    "optimiser": "optimiser",
}
"""The parts that the method times, and what their ranges are called."""

Named = Callable[[str], AbstractContextManager[object]]
"""Opens a range."""

_REFUSALS = (AskedError, KernelError, GraphError, PluginError, recipes.ModelError, TrainingError, Skip, Wrong)


def plan(given: Mapping[str, Any]) -> Plan:
    """Return what is to be profiled, made ready and warm; raises `ProfileError` where it cannot be had.

    Args:
        given: ``graph, kernel, width, budget, device, model``; None for an option that was not given.
    """
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
    try:
        asked = _asked(given)
        devices.use(asked.device or devices.default())
        found = catalog(asked.kernels)
        choice = _choice(asked, found)
        asked = replace(asked, kernels=(choice.name,), budgets=asked.budgets or (BUDGET,))
        return _training(asked, found, choice) if asked.models else _product(asked, found, choice)
    except _REFUSALS as refusal:
        raise ProfileError(str(refusal)) from refusal
    except RuntimeError as error:  # out of memory, or a kernel that failed
        raise ProfileError(f"what was to be profiled failed ({reason_of(error)})") from error


def _asked(given: Mapping[str, Any]) -> Asked:
    device = given["device"] or devices.default()
    # Small enough that a trace can be read: every call of it is in there.
    usual = "twin:reddit2@0.1" if device == "cpu" else "twin:reddit2"
    several: dict[str, Any] = {
        f"{name}s": () if given[name] is None else (given[name],) for name in ("kernel", "width", "budget", "model")
    }
    asked = Asked(benchmark=True, device=device, graphs=(given["graph"] or usual,), seeds=1 if given["model"] else None, **several)
    check(asked)
    return asked if asked.widths or asked.models else replace(asked, widths=(WIDTH,))


def _choice(asked: Asked, found: Catalog) -> Choice:
    """Return the kernel that was named; else ours, behind the cached top-k where a budget or a model says that it samples."""
    if not asked.kernels:
        ours = ours_on(found, asked.device or devices.default())
        return replace(ours, selection="topk", cached=True) if asked.budgets or asked.models else ours
    choice = found.find(asked.kernels[0])
    if asked.budgets and choice.selection is None:
        rule = f"--budget goes with a kernel that samples (got {choice.name})"
        raise AskedError(f"{rule}: write --kernel 'cached_topk({choice.name})', or leave the budget out")
    return choice


def _of(asked: Asked, choice: Choice) -> float | None:
    return asked.budgets[0] if choice.selection is not None else None


def _product(asked: Asked, found: Catalog, choice: Choice) -> Plan:
    setting = next(each for each in settings(asked, found) if (each.choice, each.budget) == (choice, _of(asked, choice)))
    work = ready(setting, found, asked.data_root)()
    _call(work, nullcontext)  # what is compiled or loaded is in no trace
    phases = ("backward SpMM",) if work.select is None else ("backward SpMM", "select")
    return Plan(str(setting), f"{_case(setting)}, {CALLS} calls", lambda named: _call(work, named), setting.device, phases)


def _call(work: SpmmWork, named: Named) -> None:
    """Call a product as often as `CALLS` says, its parts inside `named`."""
    for call in range(CALLS):
        if work.select is not None and call % work.period == 0:
            with named("select"):
                work.select()
        with named("backward SpMM"):
            (work.multiply or work)()


def _training(asked: Asked, found: Catalog, choice: Choice) -> Plan:
    reason = recipes.missing() or found.why_not(choice)
    if reason is not None:
        raise Skip(reason)
    from rsc_bench.suites import training, training_data

    every = training_settings(asked, found)
    setting = next(each for each in every if (each.choice, each.budget) == (choice, _of(asked, choice)))
    data = training_data.of(graphs.load(setting.graph, asked.data_root), setting.device)
    trainer = training.prepared(setting, data, found)
    epoch = _profiled_epoch(setting, trainer)
    for before in range(1, epoch):
        trainer.train_once(before)
    phases = tuple(PARTS.values())
    return Plan(
        str(setting), _title(setting, epoch), lambda named: _train(trainer, epoch, named), setting.device, phases, rest="dense"
    )


def _train(trainer: Trainer, epoch: int, named: Named) -> None:
    trainer.approximation.timings.named = lambda part: named(PARTS[part])
    trainer.train_once(epoch)


def _profiled_epoch(setting: TrainingSetting, trainer: Trainer) -> int:
    """Return the first epoch that samples, in which every phase happens; of exact training the first that is warm."""
    schedule = trainer.approximation.schedule
    return 1 + (EXACT_EPOCHS if setting.budget is None else ceil(schedule.warmup_steps / schedule.steps_per_epoch))


def _title(setting: TrainingSetting, epoch: int) -> str:
    what = "" if setting.budget is None else ": the first that samples, so it allocates and selects for those after it, too"
    return f"{_case(setting)}, epoch {epoch}{what}"


def _case(setting: Setting | TrainingSetting) -> Case:
    return msgspec.structs.replace(setting.case(), clock="profiler")
