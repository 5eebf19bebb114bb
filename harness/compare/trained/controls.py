"""Holds approximated trainings against what people would do in their place, at equal time: did sampling earn anything?

A control is stopped when the approximated training ends, and has then the test metric of its best epoch on the validation nodes by
that time. Two of the controls are the exact training itself, of the same seed: *exact for as long* is its epochs up to that time,
*exact epochs only* as many epochs as the approximated one had that were exact. Neither needs a training of its own, because the
learning rate does not depend on how long a training is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rsc_bench.harness.compare.trained.candidates import Control, Failed, SettingKey, Settings, controls_of
from rsc_bench.harness.compare.trained.curve import final_points, time_s
from rsc_bench.harness.compare.trained.drop import CONFIDENCE, Drop, drop_over, is_random, samples
from rsc_bench.harness.compare.trained.group import Group, machine_of, training_of
from rsc_bench.harness.metrics.training import points_after
from rsc_bench.harness.records.measurement import Training
from rsc_bench.harness.records.run import Run

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

    def sentence(self, *training: str) -> str:
        """Return in one sentence whether sampling earned anything over the best control, and in others what that leaves out.

        Args:
            training: what was trained, in words, said first; none where a reader knows.
        """
        return " ".join([self._said(*training), *self._notes()])

    def _notes(self) -> Iterator[str]:
        if self.missing:
            yield f"Not counted: {'; '.join(self.missing)}."
        early = [f"{each.control!r} after {100 * each.ended:.0f} %" for each in self.held if each.ended is not None]
        if early:
            yield (
                "Controls that were through before the time was up, and were trained no longer, which favours sampling: "
                f"{', '.join(early)}."
            )

    def _said(self, *training: str) -> str:
        what = ", ".join(filter(None, [*training, f"C = {self.budget:g}", self.variant]))
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


_LOST = {"skipped": "were skipped", "wrong": "were wrong"}


def earned(runs: Iterable[Run]) -> dict[Group, list[Earned]]:
    """Return each approximated setting of each training against its controls, which were trained on the same machine."""
    every: dict[Group, dict[SettingKey, dict[int | None, Training]]] = defaultdict(lambda: defaultdict(dict))
    failed: dict[Group, dict[SettingKey, dict[int | None, str]]] = defaultdict(lambda: defaultdict(dict))
    for run in runs:
        machine = machine_of(run)
        for record in (each for each in run.records if each.case.model is not None):
            case, group = record.case, Group(training_of(record.case), machine)
            key = case.kernel, case.budget, case.variant
            if record.measurement is not None and record.measurement.training is not None:
                every[group][key].setdefault(case.seed, record.measurement.training)
            elif record.reason is not None:
                failed[group][key][case.seed] = why_missing(record.status, record.reason)
    found = {group: earned_of(settings, failed[group]) for group, settings in every.items()}
    return {group: each for group, each in found.items() if each}


def why_missing(status: str, reason: str) -> str:
    """Return in words why a case has no measurement."""
    return f"{_LOST.get(status, 'failed')} ({reason})"


def earned_of(settings: Settings, failed: Failed | None = None) -> list[Earned]:
    """Return the approximated settings of one training, each against the controls among the others."""
    known, failed = _scored(settings, failed or {})
    found = []
    for (kernel, budget, variant), seeds in known.items():
        if budget is None or not samples(kernel) or is_random(variant) or not seeds:
            continue
        controls = controls_of(known, budget, seeds, failed)
        measured = [each for each in controls if any(value is not None for value in each.points.values())]
        # The best of many is chosen by the numbers that judge it: the bounds hold for all of them at once (Bonferroni).
        confidence = 1 - (1 - CONFIDENCE) / max(len(measured), 1)
        held = [_held(each, seeds, confidence) for each in measured]
        own = [final_points(trained) for trained in seeds.values()]
        times = [time_s(trained) for trained in seeds.values()]
        # One of a few lucky seeds is not the best of all.
        ordered = tuple(sorted(held, key=lambda each: (-each.seeds, -each.points)))
        missing = tuple(_missing(seeds, controls, failed.get((kernel, budget, variant), {})))
        found.append(Earned(kernel, budget, variant, sum(own) / len(own), sum(times) / len(times), ordered, missing))
    return sorted(found, key=lambda each: (each.budget, each.kernel, each.variant or ""))


def _scored(settings: Settings, failed: Failed) -> tuple[Settings, Failed]:
    """Move what has no metric to judge it by, as a file of another program may, to what failed."""
    known: dict[SettingKey, dict[int | None, Training]] = defaultdict(dict)
    lost: dict[SettingKey, dict[int | None, str]] = defaultdict(dict, {name: {**seeds} for name, seeds in failed.items()})
    for name, seeds in settings.items():
        for seed, each in seeds.items():
            if points_after(each) is None:
                lost[name][seed] = "have no test metric of each epoch"
            else:
                known[name][seed] = each
    return known, lost


def _missing(seeds: Mapping[int | None, Training], controls: list[Control], failed: Mapping[int | None, str]) -> Iterator[str]:
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


def _held(control: Control, seeds: Mapping[int | None, Training], confidence: float) -> Held:
    known = {seed: value for seed, value in control.points.items() if value is not None}
    gains = [final_points(seeds[seed]) - value for seed, value in known.items()]
    used = [_used(control.trained[seed], time_s(seeds[seed])) for seed in known if seed in control.trained]
    ended = sum(used) / len(used) if used and min(used) < 1 else None
    return Held(control.name, sum(known.values()) / len(known), drop_over(gains, confidence), len(known), ended)


def _used(training: Training, seconds: float) -> float:
    """Return the share of a time after which a training was through; 1 where it had no room for one more epoch."""
    took, epochs = time_s(training), len(training.epoch_s or [])
    return took / seconds if epochs and seconds - took >= took / epochs else 1.0
