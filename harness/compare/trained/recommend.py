"""Turns the trainings of runs into one recommendation per graph and model: the fastest setting that stays accurate enough."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Literal

from rsc_bench.harness.compare.trained.drop import CONFIDENCE, Drop, drop_over, is_random, is_sampled, way_of
from rsc_bench.harness.compare.trained.given import Given
from rsc_bench.harness.compare.trained.group import Group, machine_of, training_of
from rsc_bench.harness.metrics import Baselines
from rsc_bench.harness.metrics.speedup import SPEEDUP
from rsc_bench.harness.metrics.training import MAX_DROP_POINTS, final_metric, metric_drop
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Record, Run

LATE = 0.05
"""Share of the epochs at the end, the last two at least: a best epoch there says that training had not ended."""
FEW = 10
"""Epochs below which a training is a trial, of which nobody expects that it has converged."""
MOST_SEEDS = 100
"""Seeds beyond which nobody goes to settle a recommendation."""
# A drop of exactly the limit, worked out in floating point, is still within it.
ROUNDING_POINTS = 1e-9

Accuracy = Literal["within", "beyond", "unclear", "failed", "too few seeds"]
Status = Literal["recommended", "none", "cannot be judged"]


@dataclass(frozen=True)
class Setting:
    """What the seeds say of one kernel at one budget."""

    kernel: str
    budget: float
    accuracy: Accuracy
    """Whether its drop is surely ``within`` the limit or surely ``beyond`` it, where there are seeds enough to say so."""
    seeds: int
    """Seeds trained both exactly and so."""
    metric: float | None
    """Mean test metric in points; None where no seed was trained."""
    drop: Drop | None
    """None without a seed that was trained exactly, too."""
    speedup: float | None
    """End to end, the median over the seeds of the ratio to the fastest exact training; None where there is no drop."""
    failed: str | None = None
    """Why a training of it failed; None where none did."""

    @property
    def good(self) -> bool:
        """Whether it is accurate enough and gains something."""
        return self.accuracy == "within" and self.speedup is not None and self.speedup > 1

    @property
    def open(self) -> bool:
        """Whether further seeds may show that it is good: too few say so now, or those that there are leave it unclear."""
        return self.accuracy == "too few seeds" or (self.accuracy == "unclear" and self.speedup is not None and self.speedup > 1)


@dataclass(frozen=True)
class Recommendation:
    """All settings of one graph and model, and the one to train with."""

    training: Case
    """What was trained: a case with everything taken out in which the settings differ."""
    machine: str
    max_drop_points: float
    settings: tuple[Setting, ...]
    """In ascending budget."""
    late: tuple[int, int] = (0, 0)
    """Seeds of exact training whose best epoch is among the last (`LATE`), and seeds of it in all."""
    way: str | None = None
    """How it was sampled where that is not as usual: ``warmup=restart,interval=5``, the options of `bench` that say so."""
    graph_file: str | None = None
    """The file that its graph is in, as the run was given it, for commands that train more; None: it is known by its name."""
    recipe_given: tuple[str, ...] = ()
    """The values of ``--recipe``, for the same."""
    model_file: str | None = None
    """The user's file that its model is in, as it was named, for the same; None: it is known by its name."""

    @property
    def converged(self) -> bool:
        """Whether most exact trainings had their best epoch before the last ones: otherwise longer ones may say something else."""
        late, seeds = self.late
        return 2 * late <= seeds

    @property
    def chosen(self) -> Setting | None:
        """The fastest setting that is good, or None."""
        return max((each for each in self.settings if each.good), key=_pace, default=None)

    @property
    def status(self) -> Status:
        """``cannot be judged`` where no setting is good, and one of which that is open might be, or nothing was sampled."""
        if self.chosen:
            return "recommended"
        might_be = not self.settings or any(each.open for each in self.settings)
        return "cannot be judged" if might_be else "none"

    @property
    def unclear(self) -> Setting | None:
        """Of the settings that are open, the one nearest to the limit; None where none has seeds enough for a bound."""
        known = [each for each in self.settings if each.open and each.drop is not None and each.drop.high is not None]
        return min(known, key=_miss, default=None)

    @property
    def nearest(self) -> Setting | None:
        """The setting that misses the limit by least; one that is accurate but not faster misses it not at all."""
        known = [each for each in self.settings if each.drop is not None and each.drop.high is not None and not each.failed]
        return min(known, key=_miss, default=None)

    @property
    def breaks(self) -> Setting | None:
        """The setting with the largest budget that is surely beyond the limit, or failed."""
        return next((each for each in reversed(self.settings) if each.accuracy in {"beyond", "failed"}), None)


def recommend(runs: Iterable[Run], max_drop_points: float = MAX_DROP_POINTS) -> tuple[Recommendation, ...]:
    """Return one recommendation for each graph and model that was trained, on each machine; empty without a training.

    The settings are the sampled kernels and budgets of the method as it is; its ablations are left out. What was sampled in another
    way, as with ``--warmup restart``, has a recommendation of its own. A setting is good
    when the one-sided 95 % upper bound of its mean drop over the seeds is at most `max_drop_points`, and it is faster than
    the fastest exact training.
    """
    seen: dict[tuple[Group, str | None], _Group] = defaultdict(_Group)
    runs = list(runs)
    ways = _ways(runs)
    for run in runs:
        machine = machine_of(run)
        for start, records in run.rounds:
            trained, given = [record for record in records if record.case.model is not None], Given.of(start.options)
            baselines = Baselines(trained)
            for record in trained:
                group = Group(training_of(record.case), machine)
                for way in ways.get(group, (None,)):
                    if record.case.is_exact or (is_sampled(record.case) and record.case.variant == way):
                        seen[group, way].add(record, baselines, given)
    return tuple(_recommendation(*key, max_drop_points, found) for key, found in seen.items())


def _ways(runs: Iterable[Run]) -> dict[Group, Sequence[str | None]]:
    """How each training was sampled: as is usual, None, and in other ways, ``warmup=restart``; where in none of these, ablated."""
    found: dict[Group, dict[str | None, None]] = defaultdict(dict)
    for run in runs:
        machine = machine_of(run)
        for case in (record.case for record in run.records):
            if case.model is not None and is_sampled(case) and not is_random(case.variant):
                found[Group(training_of(case), machine)][case.variant] = None
    return {group: [each for each in variants if way_of(each) == each] or [*variants] for group, variants in found.items()}


def exit_status(recommendations: Sequence[Recommendation]) -> int:
    """Return 0 where each has a setting to recommend, 1 where one has none, 3 where one cannot be judged."""
    statuses = {each.status for each in recommendations}
    return 1 if "none" in statuses else 3 if "cannot be judged" in statuses or not statuses else 0


def seeds_needed(setting: Setting, max_drop_points: float) -> int | None:
    """Return how many seeds would probably settle a setting that is unclear; None where more than `MOST_SEEDS` would be needed.

    So many that the bound is as far from the mean as the limit is, if the seeds to come spread like those that are there.
    """
    from scipy.special import stdtrit

    assert setting.drop is not None
    assert setting.drop.high is not None
    room = abs(max_drop_points - setting.drop.mean)
    deviation = (setting.drop.high - setting.drop.mean) * math.sqrt(setting.seeds) / float(stdtrit(setting.seeds - 1, CONFIDENCE))
    tried = range(setting.seeds + 1, MOST_SEEDS + 1)
    return next((count for count in tried if float(stdtrit(count - 1, CONFIDENCE)) * deviation / math.sqrt(count) <= room), None)


def judge_drop(drop: Drop | None, max_drop_points: float) -> Accuracy:
    """Return where a drop lies; what is neither surely within the limit nor surely beyond it is unclear."""
    if drop is None or drop.low is None or drop.high is None:
        return "too few seeds"
    if drop.high <= max_drop_points + ROUNDING_POINTS:
        return "within"
    return "beyond" if drop.low > max_drop_points else "unclear"


@dataclass
class _Group:
    """What the rounds say of one training: of each of its settings, and of the exact one by seed."""

    settings: dict[tuple[float, str], _Seen] = field(default_factory=lambda: defaultdict(_Seen))
    late: dict[int | None, bool] = field(default_factory=dict)
    graph_file: str | None = None
    recipe_given: tuple[str, ...] = ()

    def add(self, record: Record, baselines: Baselines, given: Given) -> None:
        case, measured = record.case, record.measurement
        self.graph_file = self.graph_file or given.graphs.get(case.graph)
        self.recipe_given = self.recipe_given or given.recipe(case.recipe)
        if case.budget is not None:
            self.settings[case.budget, case.kernel].add(record, baselines)
        elif measured is not None and measured.training is not None and measured.training.val_metric:
            validation = measured.training.val_metric
            last = len(validation) - max(2, round(LATE * len(validation)))
            self.late[case.seed] = len(validation) >= FEW and validation.index(max(validation)) >= last


@dataclass
class _Seen:
    """What the rounds say of one setting, by seed."""

    drops: dict[int | None, list[float]] = field(default_factory=lambda: defaultdict(list))
    speedups: dict[int | None, list[float]] = field(default_factory=lambda: defaultdict(list))
    metrics: dict[int | None, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: str | None = None

    def add(self, record: Record, baselines: Baselines) -> None:
        if record.measurement is None:
            # A training that failed says as much as one that ended: leaving it out would praise what survived.
            if record.status != "skipped":
                self.failed = self.failed or f"seed {record.case.seed}: {record.reason}"
            return
        seed, measured = record.case.seed, record.measurement
        metric = final_metric(measured)
        if metric is not None:
            self.metrics[seed].append(metric)
        found = baselines.of(SPEEDUP, record.case)
        exact = found[1] if found else None
        drop, speedup = metric_drop(measured, exact), SPEEDUP.compute(measured, exact)
        if drop is not None and speedup is not None:
            self.drops[seed].append(drop)
            self.speedups[seed].append(speedup)


def _recommendation(group: Group, way: str | None, max_drop_points: float, seen: _Group) -> Recommendation:
    ordered = sorted(seen.settings.items(), key=_key)
    return Recommendation(
        *group,
        max_drop_points,
        settings=tuple(_setting(kernel, budget, found, max_drop_points) for (budget, kernel), found in ordered),
        late=(sum(seen.late.values()), len(seen.late)),
        way=way,
        graph_file=seen.graph_file,
        recipe_given=seen.recipe_given,
    )


def _key(entry: tuple[tuple[float, str], _Seen]) -> tuple[float, str]:
    return entry[0]


def _setting(kernel: str, budget: float, found: _Seen, max_drop_points: float) -> Setting:
    # The seed is the unit: rounds repeat the times of a seed, its model stays the same.
    drops, speedups, metrics = ([median(each) for each in by.values()] for by in (found.drops, found.speedups, found.metrics))
    drop = drop_over(drops) if drops else None
    return Setting(
        kernel=kernel,
        budget=budget,
        accuracy="failed" if found.failed else judge_drop(drop, max_drop_points),
        seeds=len(drops),
        metric=fmean(metrics) if metrics else None,
        drop=drop,
        speedup=median(speedups) if drops else None,
        failed=found.failed,
    )


def _pace(setting: Setting) -> float:
    return setting.speedup or 0.0


def _miss(setting: Setting) -> tuple[float, float]:
    assert setting.drop is not None
    assert setting.drop.high is not None
    return (-_pace(setting), 0.0) if setting.accuracy == "within" else (math.inf, setting.drop.high)
