"""Makes one training of a sweep into its record: the model, approximated or exact, trained, and what was observed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import msgspec
import torch

from rsc_bench.harness.measure.attempt import reason_of, status_of, unchanged
from rsc_bench.harness.measure.memory import process as memory
from rsc_bench.harness.measure.state import State
from rsc_bench.harness.measure.watch import Watch, watched
from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Matrix, Measurement, MemoryUse, Timing, Training
from rsc_bench.harness.records.run import Record
from rsc_bench.kernels.rsc import Accelerated, accelerate, approximate
from rsc_bench.plugins import REGISTRY, find
from rsc_bench.suites.catalog import Catalog
from rsc_bench.suites.graphs import Graph
from rsc_bench.suites.spmm import contract
from rsc_bench.suites.terminal.progress import Epoch
from rsc_bench.suites.training.baselines import as_written
from rsc_bench.suites.training.batches import Batches, called, of_training_nodes, whole
from rsc_bench.suites.training.controls import CONTROLS, Fewer
from rsc_bench.suites.training.data import TrainingData, TrainingError, training_data
from rsc_bench.suites.training.method import Method, flops_share
from rsc_bench.suites.training.models import Shape
from rsc_bench.suites.training.sweep import TrainingSetting, ours_on
from rsc_bench.suites.training.trainer import History, Trainer
from rsc_bench.text import error_line

TRACE_PERIOD_S = 1.0
"""Seconds between two readings of a GPU's sensors: a training takes minutes."""
_REHEARSED_EPOCHS = 6
_REHEARSED_BASELINE = 2
"""Epochs of one without a schedule: its second epoch has all that is ever kept, and it is slow."""
_REHEARSED_PACE = {"interval": 2, "reallocate_every": 2, "warmup_steps": 1}
"""Steps and epochs; so a short training, too, warms up, allocates and selects twice, and goes back to exact."""


_OF_NEW_GRAPHS = (
    r"layer .* its edge_index is new in each call",
    r"half of the planned steps .* its edge_index is new in each call",
)
"""Warnings of what is to be expected of mini-batches; the record has it, as the share of the FLOPs."""
Trained = tuple[History, float]
"""What was observed of a training, and the seconds it took to prepare."""


def attempt(case: Case, train: Callable[[], Measurement]) -> Record:
    """Return the record of a training: its measurement, or why there is none. Only an interruption gets past it."""
    state = State.read()
    try:
        with watched(case, TRACE_PERIOD_S) as watch:
            watch.mark("sample")
            record = Record(case=case, status="ok", measurement=_watched(train(), watch))
    except TrainingError as error:
        record = Record(case=case, status="failed", reason=str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # as of a product
        record = Record(case=case, status=status_of(error), reason=_place_of(error) + reason_of(error))
    return unchanged(record, state)


def _place_of(error: BaseException) -> str:
    """Return the user's file and the line in it that raised an error, in front of the reason; empty where none did."""
    blamed = None if isinstance(error, Skip | Wrong) else REGISTRY.blame(error)
    return "" if blamed is None else f"{blamed.removesuffix(error_line(error))}"


def _watched(found: Measurement, watch: Watch) -> Measurement:
    """What was observed, with the readings of its device."""
    assert found.memory is not None
    allocated, reserved = watch.memory.allocator_peaks()
    memory = msgspec.structs.replace(found.memory, allocated_peak_bytes=allocated, reserved_peak_bytes=reserved)
    return msgspec.structs.replace(found, memory=memory, gpu=watch.readings())


def train(setting: TrainingSetting, graph: Graph, catalog: Catalog, follow: Callable[[Epoch], None]) -> Measurement:
    """Train as a setting says and return what was observed; `follow` is called after each epoch.

    Raises `TrainingError` where the graph cannot be trained on or the loss is no number, and `Wrong` where more than the
    budget was spent.
    """
    data = training_data(graph, setting.device)
    if setting.choice.exact in catalog.foreign():  # a training itself would not notice, and be fast
        contract.check_on(
            catalog.exact[setting.choice.exact], graph.adjacency.to(setting.device), setting.width, setting.model.reduce
        )
    (history, prepare_s), peak_bytes = _with_peak(setting, data, catalog, follow)
    _check_budget(setting, history)
    nnz = history.nnz
    return Measurement(
        timing=Timing(times_s=[sum(history.epoch_s) + (history.warmup_s or 0.0)], select_s=None, prepare_s=prepare_s),
        matrix=Matrix(
            nnz=nnz,
            kept_nnz=round(nnz * sum(history.flops_share) / len(history.flops_share)),
            rows=history.nodes,
            columns=history.nodes,
            graph_digest=graph.task_digest,
        ),
        memory=MemoryUse(peak_bytes=peak_bytes),
        training=Training(
            epoch_s=history.epoch_s,
            phase_s=dict(history.phase_s),
            loss=history.loss,
            val_metric=history.val_metric,
            test_metric=history.test_metric,
            metric_name=data.metric_name,
            k_per_layer=history.k_per_layer if any(history.k_per_layer) else None,
            flops_share=history.flops_share,
            warmup_s=history.warmup_s,
        ),
    )


def _trained(
    setting: TrainingSetting,
    data: TrainingData,
    catalog: Catalog,
    follow: Callable[[Epoch], None],
    pace: dict[str, int] | None = None,
) -> Trained:
    start = perf_counter()
    trainer = prepared(setting, data, catalog, pace)
    prepare_s = perf_counter() - start
    return trainer.run((pace or {}).get("epochs", setting.epochs), follow), prepare_s


def prepared(setting: TrainingSetting, data: TrainingData, catalog: Catalog, pace: dict[str, int] | None = None) -> Trainer:
    """Return what trains as a setting says, its model built and approximated and all that is made once made.

    `pace` has what a rehearsal changes of the options of `approximate`: what is trained on stays that of the setting.
    """
    torch.manual_seed(setting.seed)
    # PyTorch Geometric makes CSR tensors without saying whether they are to be checked, about which torch warns; ours have been.
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    settings = setting.recipe
    if settings.class_weights and setting.model.loss is not None:
        raise TrainingError(f"class_weights are of cross entropy, and {setting.model.name} has a loss of its own: leave them out")
    data = data.by(settings)
    learnt = of_training_nodes(data) if settings.inductive else data
    history = History(nodes=learnt.nodes, nnz=learnt.adjacency.values().numel())
    control = CONTROLS[setting.control] if setting.control else None
    if control is not None and control.edges is not None:
        learnt = replace(learnt, adjacency=_fewer(setting, control.edges, learnt))
        history.kept = learnt.adjacency.values().numel() / history.nnz
    shape = Shape(data.features.shape[1], data.classes, setting.layers)
    model = setting.model.build(shape, settings).to(setting.device)
    evaluated, seen, batches = _steps(setting, data, learnt)
    converted = None
    if setting.baseline is None:
        converted = _converted(model, setting, catalog, {"steps_per_epoch": len(batches)} | (pace or {}))
    if not isinstance(batches, list):
        for said in _OF_NEW_GRAPHS:
            warnings.filterwarnings("ignore", message=said)
    trainer = Trainer(model, converted, evaluated, seen, batches, settings, setting.model.loss, setting.amp, history)
    trainer.prepare()
    return trainer


def _steps(setting: TrainingSetting, data: TrainingData, learnt: TrainingData) -> tuple[TrainingData, TrainingData, Batches]:
    """Return what is evaluated, what steps see, and the steps of an epoch, as what trains is called with them.

    The whole graph is one object, in training as in evaluation: what is prepared for it is prepared once.
    """
    form = setting.baseline.adjacency if setting.baseline else as_written
    evaluated = replace(data, adjacency=form(data.adjacency))
    control = CONTROLS[setting.control] if setting.control else None
    loader = control.loader if control and control.loader else setting.model.loader
    if loader is whole:
        seen = evaluated if learnt is data else replace(learnt, adjacency=form(learnt.adjacency))
        return evaluated, seen, whole(seen)
    batches = loader(learnt, setting.layers, setting.seed)
    if setting.baseline or not isinstance(batches, list):
        batches = called(batches, form)  # ours have those that come again as they are, in CSR: it pays to convert them
    return evaluated, learnt if setting.recipe.inductive else evaluated, batches


def _converted(model: torch.nn.Module, setting: TrainingSetting, catalog: Catalog, pace: dict[str, int]) -> Accelerated:
    """Convert `model` as a setting says; exact training has the same products, transposes and clock, and samples nothing."""
    choice = setting.choice
    kernel = catalog.exact[choice.exact]
    if setting.budget is None or choice.selection is None:
        return accelerate(model, kernel=kernel)
    given: dict[str, Any] = {"kernel": kernel, "selection": choice.selection, "seed": setting.seed}
    given |= setting.given | pace | ({} if choice.cached else {"interval": 1})
    return approximate(model, setting.budget, **given)


def _fewer(setting: TrainingSetting, edges: Fewer, learnt: TrainingData) -> torch.Tensor:
    """Return what a control leaves of a graph: as many FLOPs as a training that is approximated at its budget.

    Raises `Skip` where that is no edge.
    """
    assert setting.budget is not None
    steps = len(setting.model.loader(learnt, setting.layers, setting.seed))
    share = flops_share(setting.budget, setting.method.given(setting.epochs) | {"steps_per_epoch": steps})
    kept = edges(learnt.adjacency, share, torch.Generator().manual_seed(setting.seed))
    if not kept.values().numel():
        raise Skip(f"{setting.control} must leave an edge to train on (got 0 of {learnt.adjacency.values().numel()})")
    return kept


def _check_budget(setting: TrainingSetting, history: History) -> None:
    if setting.budget is None or not find("allocation", setting.given.get("allocation", "greedy")).keeps_budget:
        return
    for epoch, (share, sampled) in enumerate(zip(history.flops_share, history.sampled, strict=True), start=1):
        if sampled and share > setting.budget + 1e-9:
            raise Wrong(f"epoch {epoch} must spend at most {setting.budget:g} of the exact FLOPs (got {share:.4g})")


def check(setting: TrainingSetting, graph: Graph, catalog: Catalog) -> None:
    """Train, and raise `Wrong` unless what is observed is what the method promises."""
    found = train(setting, graph, catalog, _nobody)
    if (setting.budget == 1.0 and setting.control is None) or setting.baseline is not None:
        exact = train(_exact(setting, catalog), graph, catalog, _nobody)
        what = "with all of the budget" if setting.baseline is None else "of PyTorch Geometric's own code"
        _check_alike(what, _loss(found), _loss(exact))


def _loss(found: Measurement) -> list[float]:
    assert found.training is not None
    return found.training.loss or []


def _nobody(epoch: Epoch) -> None:
    del epoch


def _exact(setting: TrainingSetting, catalog: Catalog) -> TrainingSetting:
    own = ours_on(catalog, setting.device) if setting.baseline else replace(setting.choice, selection=None, cached=False)
    return replace(setting, budget=None, variant=None, method=Method(), choice=own)


def _check_alike(what: str, loss: list[float], exact: list[float]) -> None:
    for epoch, (found, wanted) in enumerate(zip(loss, exact, strict=True), start=1):
        if not math.isclose(found, wanted, rel_tol=1e-4):
            raise Wrong(f"loss at epoch {epoch} {what} must be that of our exact training, {wanted:.6f} (got {found:.6f})")


def _with_peak(
    setting: TrainingSetting, data: TrainingData, catalog: Catalog, follow: Callable[[Epoch], None]
) -> tuple[Trained, int | None]:
    """Return a training, and the most memory of its device that it took above what was there before.

    A GPU's allocator counts. On a CPU a short training of its own is watched instead: watching would slow the timed one down.
    """
    if setting.device == "cpu":
        return _trained(setting, data, catalog, follow), _rehearsed_peak(setting, data, catalog)
    before = torch.cuda.memory_allocated(setting.device)
    start = perf_counter()
    trainer = prepared(setting, data, catalog)
    prepare_s = perf_counter() - start
    torch.cuda.reset_peak_memory_stats(setting.device)  # sorting for the transpose takes more than any step, and is done once
    history = trainer.run(setting.epochs, follow)
    return (history, prepare_s), torch.cuda.max_memory_allocated(setting.device) - before


def _rehearsed_peak(setting: TrainingSetting, data: TrainingData, catalog: Catalog) -> int | None:
    most = _REHEARSED_EPOCHS if setting.baseline is None else _REHEARSED_BASELINE
    pace = _REHEARSED_PACE | {"epochs": min(setting.epochs, most)}
    # What is kept, with the gaps that the timed training has left, is memory of a training that keeps it.
    watched = _kept_peak if setting.keeps_memory else memory.peak_of_rehearsal
    return watched(lambda: _trained(setting, data, catalog, _nobody, pace))


def _kept_peak(call: Callable[[], object]) -> int | None:
    return memory.peak_of(call)[1]
