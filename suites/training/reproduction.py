"""What a paper reports, and the trainings that its tables need on this machine: on the published graphs, else on their twins."""

from __future__ import annotations

import gc
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from time import perf_counter

import msgspec
import torch

from rsc_bench.harness.measure.attempt import reason_of
from rsc_bench.harness.output.reproduction import AS_PUBLISHED
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.file import ResultsError, read
from rsc_bench.harness.records.run import Record
from rsc_bench.suites import devices, graphs
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.options import Memory, Options, check
from rsc_bench.suites.training.data import training_data
from rsc_bench.suites.training.method import VARIANTS
from rsc_bench.suites.training.recipes import recipe
from rsc_bench.suites.training.run import prepared
from rsc_bench.suites.training.sweep import TrainingSetting, training_settings

TWINS = {"reddit2": 0.05, "yelp": 0.02, "ogbn-products": 0.01, "ogbn-proteins": 0.02}
"""Scale of the twin that stands for a graph on a CPU; on a GPU it is as large as the graph."""
LEFT_OUT = "pyg"
"""What the names of those trainings of a run have in them that are no part of a paper's tables."""


class EstimateError(Exception):
    """How long trainings take is not known; the message is the reason."""


@dataclass(frozen=True)
class Row:
    """What a paper reports of one model on one graph, in points of the test metric; None: no number was at hand."""

    graph: str
    model: str
    exact: float | None = None
    sampled: float | None = None


@dataclass(frozen=True)
class Paper:
    """A paper whose tables can be made again."""

    name: str
    title: str
    budgets: tuple[float, ...]
    speedup_operation: float
    """Of one sparse operation, at most."""
    speedup: float
    """End to end, at most."""
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Wish:
    """What a user wants of a reproduction."""

    paper: Paper
    folder: Path
    """Where its results files are."""
    seeds: int = 3
    epochs_share: float = 1.0
    """Share of the published epochs, in (0, 1]."""
    data_root: Path | None = None
    device: str | None = None
    graphs: tuple[str, ...] = ()
    """Names of the paper's graphs; empty for all."""
    ablation: bool = False
    """Whether the method as it is usual here is trained, too, and that with each of its parts left out or changed."""
    memory: Memory | None = None
    """Whether large results are fresh memory or freed memory is kept, on a CPU; None: fresh, as is usual."""
    here: devices.Devices = devices.HERE
    """The devices that train: others than those of this machine where a cluster does."""


@dataclass(frozen=True)
class Part:
    """The trainings of one graph that are published with as many epochs: a results file."""

    name: str
    """Of its file: that of the graph, with its models where others of the graph have more epochs or fewer."""
    graph: str
    """As the paper calls it."""
    used: str
    """The graph itself where its files are at hand, else its twin."""
    epochs: int
    results: Path
    settings: tuple[TrainingSetting, ...]
    run: Options
    """What trains it."""
    leave_out: tuple[str, ...]
    """Words; a training of the run whose name has one of them is left out."""
    data_root: Path | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The suite and the options of ``bench`` that train it."""
        return tuple(self.run.asked or ())

    @property
    def records(self) -> list[Record]:
        """Those of these very trainings in its file: other options may have been trained into it before."""
        try:
            found = read(self.results).records if self.results.exists() else []
        except ResultsError:
            return []
        wanted = {setting.case() for setting in self.settings}
        return [record for record in found if _named(record.case) in wanted]

    @property
    def done(self) -> int:
        """Trainings that its file has by now, whatever became of them: what failed for good is not trained again."""
        return len({_named(record.case) for record in self.records})

    @property
    def bad(self) -> dict[Case, str]:
        """The trainings of its file that are wrong or failed, with the reason."""
        return {record.case: record.reason or "" for record in self.records if record.status in ("wrong", "failed")}

    def seconds(self) -> float:
        """Return about how long the trainings that are left take: one epoch of each model is tried, exactly and evaluated.

        What that takes of a device, and the graph, are given back: the trainings are made by another process. Raises
        `EstimateError` for all that would be a training's record: too little memory, a device that fails.
        """
        try:
            found = self._tried()
        finally:
            gc.collect()  # models and what follows them refer to one another
            if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # else the call would take up a GPU
                torch.cuda.empty_cache()
        if isinstance(found, str):
            raise EstimateError(found)
        return found

    def _tried(self) -> float | str:
        """The seconds or the reason: an exception that goes on refers to the graph and the models, which would stay."""
        try:
            return self._estimate()
        except Exception as error:
            return reason_of(error)

    def _estimate(self) -> float:
        known = catalog()
        graph = graphs.GraphStore().load(self.used, self.data_root)
        data = training_data(graph, self.settings[0].device)
        tried = {setting.model.name: setting for setting in self.settings if setting.budget is None and setting.control is None}
        each = {}
        for name, setting in tried.items():
            trainer = prepared(setting, data, known)
            start = perf_counter()
            trainer.train_once(1)
            trainer.evaluate()
            each[name] = perf_counter() - start
        left = 1 - self.done / max(len(self.settings), 1)
        return left * sum(each[setting.model.name] * setting.epochs for setting in self.settings)


def _named(case: Case) -> Case:
    """A case as it is planned, before the contents of its graph are known."""
    return msgspec.structs.replace(case, graph_digest=None)


@cache
def papers() -> dict[str, Paper]:
    """Return every paper by the name that it is asked for by."""
    tables = tomllib.loads(files("rsc_bench.suites.training").joinpath("published.toml").read_text())
    return {
        name: Paper(
            name,
            table["title"],
            tuple(table["budgets"]),
            table["speedup_operation"],
            table["speedup"],
            tuple(Row(**row) for row in table["row"]),
        )
        for name, table in tables.items()
    }


def plan(wish: Wish) -> list[Part]:
    """Return the trainings that the tables need, graph by graph; raises `OptionsError` for what none of them can be made with."""
    names = dict.fromkeys(row.graph for row in wish.paper.rows)
    return [
        _part(wish, name, epochs, models)
        for name in names
        if not wish.graphs or name in wish.graphs
        for epochs, models in _by_epochs(wish.paper, name).items()
    ]


def _by_epochs(paper: Paper, graph: str) -> dict[int, tuple[str, ...]]:
    """The models that a paper has of a graph, by the epochs that they are published with."""
    found: dict[int, tuple[str, ...]] = {}
    for model in (row.model for row in paper.rows if row.graph == graph):
        epochs = recipe(graph, model=model).epochs
        found[epochs] = (*found.get(epochs, ()), model)
    return found


def _part(wish: Wish, graph: str, published: int, models: tuple[str, ...]) -> Part:
    name = graph if published == recipe(graph).epochs else "-".join((graph, *models))
    device = devices.HERE.name(wish.device)
    used = graph if graphs.at_hand(graph, wish.data_root) else _twin(graph, device)
    epochs = max(1, round(published * wish.epochs_share))
    options = Options(
        benchmark=True,
        graphs=(used,),
        models=models,
        budgets=wish.paper.budgets,
        seeds=wish.seeds,
        rounds=1,
        epochs=epochs,
        device=device if wish.device or wish.here is not devices.HERE else None,
        data_root=wish.data_root,
        ablation=True,  # which the method as published is one of
        memory=() if wish.memory is None else (wish.memory,),
    )
    left_out = _left_out(wish)
    options = replace(options, asked=_words(options, left_out))
    check(options, wish.here)
    planned = training_settings(replace(options, device=device), catalog())
    every = tuple(setting for setting in planned if not any(word in str(setting) for word in left_out))
    return Part(name, graph, used, epochs, wish.folder / f"{name}.jsonl", every, options, left_out, wish.data_root)


def _left_out(wish: Wish) -> tuple[str, ...]:
    """Words in the names of the trainings that are not wished for: with no ablation all that sample but as published."""
    if wish.ablation:
        return (LEFT_OUT,)
    usual = [f"-C{budget:g}-seed" for budget in wish.paper.budgets]
    return (LEFT_OUT, *usual, *(f"-{variant}-seed" for variant in VARIANTS if variant != AS_PUBLISHED))


def _words(options: Options, left_out: tuple[str, ...]) -> list[str]:
    words = ["training", "--graph", options.graphs[0], "--epochs", str(options.epochs), "--seeds", str(options.seeds)]
    words += [word for model in options.models for word in ("--model", model)]
    words += [word for budget in options.budgets for word in ("--budget", f"{budget:g}")]
    words += ["--device", options.device] if options.device else []
    words += ["--data-root", str(options.data_root)] if options.data_root else []
    words += ["--ablation"] * options.ablation
    words += [word for memory in options.memory for word in ("--memory", memory)]
    return [*words, "-k", " and ".join(f"not {word}" for word in left_out)]


def _twin(name: str, device: str) -> str:
    return f"twin:{name}@{TWINS[name]:g}" if device == "cpu" else f"twin:{name}"
