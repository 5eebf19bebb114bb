"""Finds the one product or training epoch that the command `profile` is to take apart, and makes it ready and warm."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from math import ceil

import msgspec

from rsc_bench.harness.measure.attempt import reason_of
from rsc_bench.harness.measure.profile import Plan, ProfileError
from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.harness.records.case import SDDMM, Case
from rsc_bench.kernels.rsc import Approximation
from rsc_bench.plugins import PluginError
from rsc_bench.suites import devices
from rsc_bench.suites.catalog import Catalog, Choice, KernelError, catalog
from rsc_bench.suites.graphs import GraphError
from rsc_bench.suites.options import Options, OptionsError, check
from rsc_bench.suites.spmm.cases.sddmm import sddmm_settings
from rsc_bench.suites.spmm.cases.sweep import Setting, settings
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.spmm.work import SpmmWork, from_setting
from rsc_bench.suites.training.data import TrainingError, training_data
from rsc_bench.suites.training.models import ModelError, named
from rsc_bench.suites.training.sweep import TrainingSetting, ours_on, training_settings
from rsc_bench.suites.training.trainer import Trainer

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

_REFUSALS = (OptionsError, KernelError, GraphError, PluginError, ModelError, TrainingError, Skip, Wrong)


@dataclass(frozen=True)
class Request:
    """What a user wants to have profiled; None for an option that is not given."""

    graph: str | None = None
    kernel: str | None = None
    width: int | None = None
    budget: float | None = None
    device: str | None = None
    model: str | None = None


def plan(request: Request) -> Plan:
    """Return what is to be profiled, made ready and warm; raises `ProfileError` where it is not available."""
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
    try:
        options = _options(request)
        devices.HERE.use(options.device)
        found = catalog(options.kernels)
        choice = _choice(options, found)
        options = replace(options, kernels=(choice.name,), budgets=options.budgets or (BUDGET,))
        return _training(options, found, choice) if options.models else _product(options, found, choice)
    except _REFUSALS as refusal:
        raise ProfileError(str(refusal)) from refusal
    except RuntimeError as error:  # out of memory, or a kernel that failed
        raise ProfileError(f"what was to be profiled failed ({reason_of(error)})") from error


def _options(request: Request) -> Options:
    device = request.device or devices.HERE.default()
    # Small enough that a trace can be read: every call of it is in there.
    usual = "twin:reddit2@0.1" if device == "cpu" else "twin:reddit2"
    options = Options(
        benchmark=True,
        device=device,
        graphs=(request.graph or usual,),
        kernels=() if request.kernel is None else (request.kernel,),
        widths=() if request.width is None else (request.width,),
        budgets=() if request.budget is None else (request.budget,),
        models=() if request.model is None else (named(request.model),),
        seeds=1 if request.model else None,
    )
    check(options)
    return options if options.widths or options.models else replace(options, widths=(WIDTH,))


def _choice(options: Options, found: Catalog) -> Choice:
    """Return the kernel that was named; else ours, behind the cached top-k where a budget or a model says that it samples."""
    if not options.kernels:
        ours = ours_on(found, options.device or devices.HERE.default())
        return replace(ours, selection="topk", cached=True) if options.budgets or options.models else ours
    choice = found.find(options.kernels[0])
    if options.budgets and choice.selection is None:
        rule = f"--budget goes with a kernel that samples (got {choice.name})"
        raise OptionsError(f"{rule}: write --kernel 'cached_topk({choice.name})', or leave the budget out")
    return choice


def _budget_of(options: Options, choice: Choice) -> float | None:
    return options.budgets[0] if choice.selection is not None else None


def _product(options: Options, found: Catalog, choice: Choice) -> Plan:
    every = [*settings(options, found), *sddmm_settings(options, found)]
    setting = next(each for each in every if (each.choice, each.budget) == (choice, _budget_of(options, choice)))
    work = from_setting(setting, found, Store(options.data_root))()
    _call(work, nullcontext)  # what is compiled or loaded is in no trace
    phase = "SDDMM" if setting.suite == SDDMM else "backward SpMM"
    phases = (phase,) if work.select is None else (phase, "select")
    return Plan(str(setting), f"{_case(setting)}, {CALLS} calls", lambda named: _call(work, named, phase), setting.device, phases)


def _call(work: SpmmWork, named: Named, phase: str = "backward SpMM") -> None:
    """Call a product as often as `CALLS` says, its parts inside `named`."""
    for call in range(CALLS):
        if work.select is not None and call % work.period == 0:
            with named("select"):
                work.select()
        with named(phase):
            (work.multiply or work)()


def _training(options: Options, found: Catalog, choice: Choice) -> Plan:
    every = training_settings(options, found)
    setting = next(each for each in every if (each.choice, each.budget) == (choice, _budget_of(options, choice)))
    reason = setting.why_not(found)
    if reason is not None:
        raise Skip(reason)
    from rsc_bench.suites.training import run as training

    data = training_data(Store(options.data_root).graph(setting.graph), setting.device)
    trainer = training.prepared(setting, data, found)
    epoch = _profiled_epoch(trainer)
    for before in range(1, epoch):
        trainer.train_once(before)
    phases = tuple(PARTS.values())
    return Plan(
        str(setting), _title(setting, epoch), lambda named: _train(trainer, epoch, named), setting.device, phases, rest="dense"
    )


def _train(trainer: Trainer, epoch: int, named: Named) -> None:
    trainer.timings.named = lambda part: named(PARTS[part])
    trainer.train_once(epoch)


def _profiled_epoch(trainer: Trainer) -> int:
    """Return the first epoch that samples, which selects; of exact training the first that is warm."""
    if not isinstance(trainer.converted, Approximation):
        return 1 + EXACT_EPOCHS
    schedule = trainer.converted.schedule
    return 1 + ceil(schedule.warmup_steps / schedule.steps_per_epoch)


def _title(setting: TrainingSetting, epoch: int) -> str:
    said = ": the first that samples, so it selects for those after it, too; the budget was shared out at the end of the one before"
    what = "" if setting.budget is None else said
    return f"{_case(setting)}, epoch {epoch}{what}"


def _case(setting: Setting | TrainingSetting) -> Case:
    return msgspec.structs.replace(setting.case(), clock="profiler")
