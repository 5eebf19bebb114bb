"""Turns the rows of trainings, one a seed, into settings over their seeds: what the training figures and the headline draw."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, Any

from rsc_bench.harness.compare.trained.candidates import Failed, SettingKey, Settings
from rsc_bench.harness.compare.trained.controls import Earned, earned_of, why_missing
from rsc_bench.harness.compare.trained.drop import is_random, way_of
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Training
from rsc_bench.reports.tables.rows import Row, absent, by, present

if TYPE_CHECKING:
    import pandas as pd

TRAINING = ("file", "graph", "trained", "dtype", "device", "clock", "reduce")
"""What two trainings share when one may be drawn against the other."""
_SHARED = ("suite", "graph", "model", "layers", "width", "epochs", "recipe", "freed_memory", "dtype", "device", "clock", "reduce")
"""The same by the fields of a case."""


@dataclass(frozen=True)
class Spread:
    """A number over seeds."""

    middle: float
    """Mean of what is learnt, median of what is timed."""
    down: float
    """Length of the error bar below: the standard deviation of what is learnt, down to the lowest of what is timed."""
    up: float
    """Length of the error bar above."""


@dataclass(frozen=True)
class Trained:
    """One setting of a training, over its seeds."""

    kernel: str
    budget: float | None
    """None for exact training."""
    variant: str | None
    base: str
    """The exact kernel that multiplies."""
    metric: str
    """``accuracy``, ``micro-F1`` or ``ROC-AUC``."""
    score: Spread
    """The metric on the test nodes, in points."""
    speedup: Spread | None
    """End to end, against the fastest exact training; None where that is not measured."""
    rows: list[Row]
    """One a seed."""

    @property
    def exact(self) -> bool:
        """Whether this is exact training as it is: a control on batches has no budget either."""
        return self.budget is None and self.variant is None

    @property
    def samples(self) -> bool:
        """Whether products are sampled; otherwise its budget is what a control costs."""
        return self.kernel != self.base

    @property
    def name(self) -> str:
        """How the setting is called among others of the same kernel."""
        return self.kernel if self.budget is None else f"C = {self.budget:g}"


def settings(rows: Iterable[Row]) -> dict[tuple[Any, ...], list[Trained]]:
    """Return all settings of each training: exact ones first, the fastest before all, then in descending budget."""
    scored = [row for row in rows if present(row, "test metric")]
    return {key: sorted(map(_trained, _alike(found)), key=_order) for key, found in by(scored, TRAINING).items()}


def method(found: Iterable[Trained]) -> list[Trained]:
    """Return the settings of the method as it is, and exact training; no ablations and no controls.

    Where a run has sampled in other ways alone, as with ``--warmup restart``, that with the most trainings is its method.
    """
    every = list(found)
    counts: Counter[str | None] = Counter()
    for each in every:
        counts[each.variant] += len(each.rows) if each.samples and not is_random(each.variant) else 0
    ways = [variant for variant in counts if counts[variant] and way_of(variant) == variant] or [
        variant for variant in counts if counts[variant]
    ]
    return in_way(every, None if None in ways or not ways else max(ways, key=counts.__getitem__))


def in_way(found: Iterable[Trained], way: str | None) -> list[Trained]:
    """Return the settings that were sampled in one way, None: the usual, and exact training."""
    return [each for each in found if each.exact or (each.samples and each.variant == way)]


def controls(found: Iterable[Trained]) -> list[Trained]:
    """Return what sampling is held against: exact training in other ways, and random pairs."""
    return [each for each in found if each.variant is not None and (not each.samples or is_random(each.variant))]


def earned(found: Iterable[Trained], failed: Failed | None = None) -> list[Earned]:
    """Return the approximated settings of one training, each against its controls; `failed`: why seeds have no training."""
    return earned_of(by_round(found), failed)


def by_round(found: Iterable[Trained]) -> list[Settings]:
    """Return what was trained in each round, in their order."""
    rounds: dict[int, dict[SettingKey, dict[int | None, Training]]] = defaultdict(lambda: defaultdict(dict))
    for each in found:
        key = each.kernel, each.budget, each.variant
        for seed, number, training in ((row["seed"], *entry) for row in each.rows for entry in row["by round"].items()):
            rounds[number][key][seed] = training
    return [rounds[number] for number in sorted(rounds)]


def failed(unmeasured: pd.DataFrame, file: str, training: Case) -> Failed:
    """Return why seeds of a training in a file have no measurement, by setting and seed."""
    shared = {name: getattr(training, "graph_as_run" if name == "graph" else name) for name in _SHARED}
    return _failed(unmeasured, {"file": file, **shared})


def failed_beside(unmeasured: pd.DataFrame, row: Row) -> Failed:
    """Return the same for the training that a row is of."""
    return _failed(unmeasured, {name: None if absent(row[name]) else row[name] for name in ("file", *_SHARED)})


def _failed(unmeasured: pd.DataFrame, shared: Mapping[str, Any]) -> Failed:
    found: dict[SettingKey, dict[int | None, str]] = defaultdict(dict)
    for row in unmeasured.to_dict("records"):
        case: dict[str, Any] = {name: None if absent(row[name]) else row[name] for name in ("file", *Case.__struct_fields__)}
        if all(case[name] == value for name, value in shared.items()):
            found[case["kernel"], case["budget"], case["variant"]][case["seed"]] = why_missing(row["status"], row["reason"])
    return found


def where(key: tuple[Any, ...]) -> dict[str, str]:
    """Return the dimensions of a panel for one training."""
    return {"model" if name == "trained" else name: str(value) for name, value in zip(TRAINING, key, strict=True)}


def over_seeds(rows: Sequence[Row], column: str) -> Spread | None:
    """Return the median of a metric over the seeds, with the lowest and the highest; None where no seed has it."""
    values = [row[column] for row in rows if present(row, column)]
    middle = median(values) if values else 0.0
    return Spread(middle, middle - min(values), max(values) - middle) if values else None


def _alike(rows: Iterable[Row]) -> Iterable[list[Row]]:
    named = [row | {"what": f"{row['kernel']} {row['budget']} {row['variant']}"} for row in rows]
    return by(named, ["what"]).values()


def _trained(rows: list[Row]) -> Trained:
    first = rows[0]
    budget, variant, base = (None if absent(first[name]) else first[name] for name in ("budget", "variant", "base"))
    points = [row["test metric"] for row in rows]
    deviation = stdev(points) if len(points) > 1 else 0.0
    score = Spread(fmean(points), deviation, deviation)
    speedup = over_seeds(rows, "speedup")
    return Trained(first["kernel"], budget, variant, base or first["kernel"], first["metric name"], score, speedup, rows)


def _order(each: Trained) -> tuple[Any, ...]:
    pace = each.speedup.middle if each.speedup else 0.0
    exact = each.budget is None
    return (not exact, -(each.budget or 0.0), -pace if exact else 0.0, each.kernel, each.variant or "")
