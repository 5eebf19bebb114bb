"""Holds approximated trainings against what people would do in their place, at equal time: did sampling earn anything?

A control is stopped when the approximated training ends, and has then the test metric of its best epoch on the validation nodes by
that time. Two of the controls are the exact training itself, of the same seed: *exact for as long* is its epochs up to that time,
*exact epochs only* as many epochs as the approximated one had that were exact. Neither needs a training of its own, because the
learning rate does not depend on how long a training is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import msgspec

from rsc_bench.harness.compare.trained.drop import CONFIDENCE, RANDOM, Drop, drop_over, samples, words
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Training
from rsc_bench.harness.records.run import Run

AS_LONG, EXACT_EPOCHS = "exact for as long", "exact epochs only"
"""The controls that are read off the exact training."""

Verdict = Literal["better", "worse", "no different", "too few seeds"]


@dataclass(frozen=True)
class Held:
    """An approximated training against one control."""

    control: str
    points: float
    """Mean over seeds of the control's test metric at equal time, in points of 100."""
    gain: Drop
    """Points of test metric that sampling is better by, with one-sided bounds of the mean over seeds that hold for
    all controls at once with 95 % confidence."""
    seeds: int

    @property
    def verdict(self) -> Verdict:
        """Whether sampling is surely better, or surely worse, than the control."""
        if self.gain.low is None or self.gain.high is None:
            return "too few seeds"
        return "better" if self.gain.low > 0 else "worse" if self.gain.high < 0 else "no different"


@dataclass(frozen=True)
class Earned:
    """One setting of the method against all of its controls."""

    training: str
    """What was trained, in words: graph, model, how wide, how long."""
    kernel: str
    budget: float
    variant: str | None
    points: float
    """Mean over seeds of its test metric."""
    time_s: float
    """Mean over seeds of what it took, evaluation left out."""
    held: tuple[Held, ...]
    """Those of all seeds first, in descending order of the control's metric."""

    def is_of(self, training: Case) -> bool:
        """Return whether it is a setting of a training."""
        return self.training == f"{training.graph_as_run}, {words(training)}"

    @property
    def best(self) -> Held | None:
        """The control that is best at equal time; None where there is none of the same seeds."""
        return self.held[0] if self.held else None

    @property
    def verdict(self) -> str:
        """In two words whether sampling earned anything over the best control."""
        short = {"better": "sampling earned", "worse": "sampling lost", "no different": "sampling earned nothing that is sure"}
        return short.get(self.best.verdict, "too few seeds to say") if self.best else "no control"

    @property
    def _best_of(self) -> str:
        return "the only control" if len(self.held) == 1 else f"the best of {len(self.held)} controls"

    def sentence(self) -> str:
        """Return in one sentence whether sampling earned anything over the best control."""
        what = ", ".join(filter(None, [self.training, f"C = {self.budget:g}", self.variant]))
        best = self.best
        if best is None:
            return f"{what}: there is no control of the same seeds, so nobody knows whether sampling earned anything."
        gain = best.gain
        if gain.low is None or gain.high is None:
            seeds = f"{best.seeds} {'seed' if best.seeds == 1 else 'seeds'}"
            return (
                f"{what}: {gain.mean:+.2f} points against {self._best_of}, {best.control!r}, over {seeds}: too few for an interval."
            )
        interval = f"{gain.mean:+.2f} points [{gain.low:+.2f} to {gain.high:+.2f}] over {best.seeds} seeds"
        ends = {"better": "sampling earned", "worse": "sampling lost", "no different": "sampling earned nothing that is sure:"}
        return f"{what}: {ends[best.verdict]} {interval} against {self._best_of} at equal time, {best.control!r}."


Settings = dict[tuple[str, float | None, str | None], dict[int | None, Training]]
"""By kernel, budget and variant, then by seed."""


def earned(runs: Iterable[Run]) -> tuple[Earned, ...]:
    """Return each approximated setting of each training against its controls."""
    every: dict[Case, Settings] = defaultdict(lambda: defaultdict(dict))
    for run in runs:
        for record in run.records:
            trained = record.measurement and record.measurement.training
            if trained:
                case = record.case
                every[_training(case)][case.kernel, case.budget, case.variant].setdefault(case.seed, trained)
    found = (earned_of(f"{training.graph_as_run}, {words(training)}", settings) for training, settings in every.items())
    return tuple(each for group in found for each in group)


def earned_of(training: str, settings: Settings) -> list[Earned]:
    """Return the approximated settings of one training, named `training`, each against the controls among the others."""
    known = {name: {seed: each for seed, each in seeds.items() if each.val_metric} for name, seeds in settings.items()}
    exact = _fastest(known)
    found = []
    for (kernel, budget, variant), seeds in known.items():
        if budget is None or not samples(kernel) or variant == RANDOM or not seeds:
            continue
        controls = _controls(known, budget, exact, seeds)
        # The best of many is chosen by the numbers that judge it: the bounds hold for all of them at once (Bonferroni).
        confidence = 1 - (1 - CONFIDENCE) / max(len(controls), 1)
        held = [each for name, points in controls.items() if (each := _held(name, seeds, points, confidence)) is not None]
        own = [_final(trained) for trained in seeds.values()]
        times = [time_s(trained) for trained in seeds.values()]
        # One of a few lucky seeds is not the best of all.
        ordered = tuple(sorted(held, key=lambda each: (-each.seeds, -each.points)))
        found.append(Earned(training, kernel, budget, variant, sum(own) / len(own), sum(times) / len(times), ordered))
    return sorted(found, key=lambda each: (each.budget, each.kernel, each.variant or ""))


def time_s(training: Training) -> float:
    """Return the seconds of a training, its warm-up included and evaluation left out."""
    return sum(training.epoch_s or []) + (training.warmup_s or 0.0)


def points_at(training: Training, seconds: float) -> float | None:
    """Return the test metric, in points, of the best epoch on the validation nodes that ended by then; None where none did."""
    return points_after(training, sum(end <= seconds * (1 + 1e-9) for end in epoch_ends(training)))


def epoch_ends(training: Training) -> list[float]:
    """Return the seconds at the end of each epoch, the warm-up that training restarted behind included."""
    return list(accumulate(training.epoch_s or [], initial=training.warmup_s or 0.0))[1:]


def points_after(training: Training, epochs: int) -> float | None:
    """Return the test metric, in points, of the best of the first epochs on the validation nodes; None where there is none."""
    validation, test = (training.val_metric or [])[:epochs], training.test_metric or []
    return 100 * test[validation.index(max(validation))] if validation else None


def exact_epochs(training: Training) -> int:
    """Return how many epochs of an approximated training were exact."""
    return sum(share >= 1 for share in training.flops_share or [])


def _training(case: Case) -> Case:
    return msgspec.structs.replace(case, kernel="", budget=None, variant=None, seed=None)


def _fastest(settings: Settings) -> dict[int | None, Training]:
    """The trainings of the exact kernel that takes the least time."""
    exact = [seeds for (_, budget, variant), seeds in settings.items() if budget is None and variant is None and seeds]
    return min(exact, key=lambda seeds: min(map(time_s, seeds.values())), default={})


def _controls(
    settings: Settings, budget: float, exact: dict[int | None, Training], seeds: dict[int | None, Training]
) -> dict[str, dict[int | None, float | None]]:
    """The points of each control by seed, at the time that the approximated training of the same seed took."""
    times = {seed: time_s(trained) for seed, trained in seeds.items()}
    points: dict[str, dict[int | None, float | None]] = {
        AS_LONG: {seed: points_at(exact[seed], times[seed]) for seed in seeds if seed in exact},
        EXACT_EPOCHS: {seed: points_after(exact[seed], exact_epochs(trained)) for seed, trained in seeds.items() if seed in exact},
    }
    for (kernel, at, variant), others in settings.items():
        control = variant is not None and (not samples(kernel) or variant == RANDOM)
        if control and at in (None, budget):
            points[str(variant)] = {seed: points_at(others[seed], times[seed]) for seed in seeds if seed in others}
    return points


def _held(name: str, seeds: dict[int | None, Training], points: dict[int | None, float | None], confidence: float) -> Held | None:
    known = {seed: value for seed, value in points.items() if value is not None}
    if not known:
        return None
    gains = [_final(seeds[seed]) - value for seed, value in known.items()]
    return Held(name, sum(known.values()) / len(known), drop_over(gains, confidence), len(known))


def _final(training: Training) -> float:
    """The points of the whole training."""
    points = points_after(training, len(training.val_metric or []))
    assert points is not None, "a training without a validation metric is left out before"
    return points
