"""Holds approximated trainings against what people would do in their place, at equal time: did sampling earn anything?

A control is stopped when the approximated training ends, and has then the test metric of its best epoch on the validation nodes by
that time. Two of the controls are the exact training itself, of the same seed: *exact for as long* is its epochs up to that time,
*exact epochs only* as many epochs as the approximated one had that were exact. Neither needs a training of its own, because the
learning rate does not depend on how long a training is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
    ended: float | None = None
    """Share of the time after which it was through, mean over the seeds, where one more epoch had room; None: it used all."""

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
    missing: tuple[str, ...] = ()
    """What has not all of the seeds, and why, a clause each."""

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
        """Return in one sentence whether sampling earned anything over the best control, and in others what that leaves out."""
        return " ".join([self._said(), *self._notes()])

    def _notes(self) -> Iterator[str]:
        if self.missing:
            yield f"Not counted: {'; '.join(self.missing)}."
        early = [f"{each.control!r} after {100 * each.ended:.0f} %" for each in self.held if each.ended is not None]
        if early:
            yield (
                "Controls that were through before the time was up, and were trained no longer, which favours sampling: "
                f"{', '.join(early)}."
            )

    def _said(self) -> str:
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


SettingKey = tuple[str, float | None, str | None]
"""Kernel, budget and variant."""
Settings = Mapping[SettingKey, Mapping[int | None, Training]]
"""By seed."""
Failed = Mapping[SettingKey, Mapping[int | None, str]]
"""Why there is no training, by seed."""


_LOST = {"skipped": "were skipped", "wrong": "were wrong"}


@dataclass(frozen=True)
class _Control:
    """One control, by the seeds of the approximated training."""

    name: str
    points: dict[int | None, float | None]
    """At equal time; None where there is no epoch to judge."""
    trained: Mapping[int | None, Training] = field(default_factory=dict)
    """Empty where it is not the time that ends it."""
    failed: Mapping[int | None, str] = field(default_factory=dict)
    no_epoch: str = "had ended no epoch by then"
    """What None means."""


def earned(runs: Iterable[Run]) -> tuple[Earned, ...]:
    """Return each approximated setting of each training against its controls."""
    every: dict[Case, dict[SettingKey, dict[int | None, Training]]] = defaultdict(lambda: defaultdict(dict))
    failed: dict[Case, dict[SettingKey, dict[int | None, str]]] = defaultdict(lambda: defaultdict(dict))
    for run in runs:
        for record in run.records:
            case, trained = record.case, record.measurement and record.measurement.training
            if trained:
                every[_training(case)][case.kernel, case.budget, case.variant].setdefault(case.seed, trained)
            elif case.model is not None and record.reason is not None:
                failed[_training(case)][case.kernel, case.budget, case.variant][case.seed] = why_missing(
                    record.status, record.reason
                )
    found = (
        earned_of(f"{training.graph_as_run}, {words(training)}", settings, failed[training]) for training, settings in every.items()
    )
    return tuple(each for group in found for each in group)


def why_missing(status: str, reason: str) -> str:
    """Return in words why a case has no measurement."""
    return f"{_LOST.get(status, 'failed')} ({reason})"


def earned_of(training: str, settings: Settings, failed: Failed | None = None) -> list[Earned]:
    """Return the approximated settings of one training, named `training`, each against the controls among the others."""
    known = {name: {seed: each for seed, each in seeds.items() if each.val_metric} for name, seeds in settings.items()}
    found = []
    for (kernel, budget, variant), seeds in known.items():
        if budget is None or not samples(kernel) or variant == RANDOM or not seeds:
            continue
        controls = _controls(known, budget, seeds, failed or {})
        measured = [each for each in controls if any(value is not None for value in each.points.values())]
        # The best of many is chosen by the numbers that judge it: the bounds hold for all of them at once (Bonferroni).
        confidence = 1 - (1 - CONFIDENCE) / max(len(measured), 1)
        held = [_held(each, seeds, confidence) for each in measured]
        own = [_final(trained) for trained in seeds.values()]
        times = [time_s(trained) for trained in seeds.values()]
        # One of a few lucky seeds is not the best of all.
        ordered = tuple(sorted(held, key=lambda each: (-each.seeds, -each.points)))
        missing = tuple(_missing(seeds, controls, (failed or {}).get((kernel, budget, variant), {})))
        found.append(Earned(training, kernel, budget, variant, sum(own) / len(own), sum(times) / len(times), ordered, missing))
    return sorted(found, key=lambda each: (each.budget, each.kernel, each.variant or ""))


def _missing(seeds: Mapping[int | None, Training], controls: list[_Control], failed: Mapping[int | None, str]) -> Iterator[str]:
    lost = {seed: why for seed, why in failed.items() if seed not in seeds}
    if lost:
        yield f"{len(lost)} of {len(seeds) + len(lost)} seeds of the sampled training {next(iter(lost.values()))}"
    for each in controls:
        without = [seed for seed in seeds if seed not in each.points]
        reasons = [each.failed[seed] for seed in without if seed in each.failed]
        counts = {
            reasons[0] if reasons else "": len(reasons),
            each.no_epoch: sum(value is None for value in each.points.values()),
            "were not trained": len(without) - len(reasons),
        }
        for why, count in counts.items():
            if count:
                yield f"{count} of {len(seeds)} seeds of {each.name!r} {why}"


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


def _fastest(settings: Settings) -> SettingKey | None:
    """The exact kernel that takes the least time."""
    exact = {key: seeds for key, seeds in settings.items() if key[1] is None and key[2] is None and seeds}
    return min(exact, key=lambda key: min(map(time_s, exact[key].values())), default=None)


def _controls(settings: Settings, budget: float, seeds: Mapping[int | None, Training], failed: Failed) -> list[_Control]:
    """The controls of an approximated training, by its seeds, also those of which nothing was trained."""
    times = {seed: time_s(trained) for seed, trained in seeds.items()}
    first = _fastest(settings)
    exact = settings[first] if first else {}
    as_long = {seed: points_at(exact[seed], times[seed]) for seed in seeds if seed in exact}
    shorter = {seed: points_after(exact[seed], exact_epochs(trained)) for seed, trained in seeds.items() if seed in exact}
    lost = failed.get(first, {}) if first else {}
    found: dict[str, _Control] = {}
    if exact:
        found[AS_LONG] = _Control(AS_LONG, as_long, exact, lost)
        found[EXACT_EPOCHS] = _Control(EXACT_EPOCHS, shorter, {}, lost, "had no exact epoch")
    for key in dict.fromkeys([*settings, *failed]):
        kernel, at, variant = key
        if variant is None or (samples(kernel) and variant != RANDOM) or at not in (None, budget):
            continue
        others = settings.get(key, {})
        if variant in found and not others:
            continue
        points = {seed: points_at(others[seed], times[seed]) for seed in seeds if seed in others}
        found[variant] = _Control(variant, points, others, failed.get(key, {}))
    return list(found.values())


def _held(control: _Control, seeds: Mapping[int | None, Training], confidence: float) -> Held:
    known = {seed: value for seed, value in control.points.items() if value is not None}
    gains = [_final(seeds[seed]) - value for seed, value in known.items()]
    used = [_used(control.trained[seed], time_s(seeds[seed])) for seed in known if seed in control.trained]
    ended = sum(used) / len(used) if used and min(used) < 1 else None
    return Held(control.name, sum(known.values()) / len(known), drop_over(gains, confidence), len(known), ended)


def _used(training: Training, seconds: float) -> float:
    """Return the share of a time after which a training was through; 1 where it had no room for one more epoch."""
    took, epochs = time_s(training), len(training.epoch_s or [])
    return took / seconds if epochs and seconds - took >= took / epochs else 1.0


def _final(training: Training) -> float:
    """The points of the whole training."""
    points = points_after(training, len(training.val_metric or []))
    assert points is not None, "a training without a validation metric is left out before"
    return points
