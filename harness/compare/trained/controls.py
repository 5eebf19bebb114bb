"""Holds approximated trainings against what people would do in their place, at equal time: did sampling earn anything?

A control is stopped when the approximated training ends, and has then the test metric of its best epoch on the validation nodes by
that time. Two of the controls are the exact training itself, of the same seed: *exact for as long* is its epochs up to that time,
*exact epochs only* as many epochs as the approximated one had that were exact. Neither needs a training of its own, because the
learning rate does not depend on how long a training is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from rsc_bench.harness.compare.trained.candidates import (
    Control,
    Failed,
    Seeds,
    SettingKey,
    Settings,
    approximated,
    controls_of,
    in_one_round,
)
from rsc_bench.harness.compare.trained.curve import final_points, time_s
from rsc_bench.harness.compare.trained.drop import CONFIDENCE, Drop, drop_over
from rsc_bench.harness.compare.trained.group import Group, machine_of, training_of
from rsc_bench.harness.metrics.training import points_after
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Training
from rsc_bench.harness.records.run import Record, Run

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
    seeds: int
    """With how many it was trained."""
    points: float
    """Mean over them of its test metric."""
    time_s: float
    """Mean over them of what it took, evaluation left out."""
    held: tuple[Held, ...]
    """Those of all seeds first, in descending order of the control's metric."""
    missing: tuple[str, ...] = ()
    """What has not all of the seeds, and why, a clause each."""
    lost: int = 0
    """Further seeds, with which it was not trained for a reason that is known."""

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
    rounds: dict[Group, list[Settings]] = defaultdict(list)
    failed: dict[Group, dict[SettingKey, dict[int | None, str]]] = defaultdict(lambda: defaultdict(dict))
    for run in runs:
        machine, wrong = machine_of(run), {record.case for record in run.records if record.status == "wrong"}
        for record in (each for each in run.records if each.case.model is not None and each.reason is not None):
            group = Group(training_of(record.case), machine)
            failed[group][_key(record.case)][record.case.seed] = why_missing(record.status, record.reason or "")
        for _, records in run.rounds:
            right = (record for record in records if record.case not in wrong)
            for training, settings in _trained(right).items():
                rounds[Group(training, machine)].append(settings)
    found = {group: earned_of(each, failed[group]) for group, each in rounds.items()}
    return {group: each for group, each in found.items() if each}


def _key(case: Case) -> SettingKey:
    return case.kernel, case.budget, case.variant


def _trained(records: Iterable[Record]) -> dict[Case, dict[SettingKey, dict[int | None, Training]]]:
    """What was trained in a round, by setting and seed."""
    found: dict[Case, dict[SettingKey, dict[int | None, Training]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        if record.case.model is not None and record.measurement is not None and record.measurement.training is not None:
            found[training_of(record.case)][_key(record.case)][record.case.seed] = record.measurement.training
    return found


def why_missing(status: str, reason: str) -> str:
    """Return in words why a case has no measurement."""
    return f"{_LOST.get(status, 'failed')} ({reason})"


def earned_of(rounds: Sequence[Settings], failed: Failed | None = None) -> list[Earned]:
    """Return the approximated settings of one training, each against the controls among the others of the same round.

    Args:
        rounds: what was trained in each.
        failed: why there is no training.
    """
    known, lost = _scored(rounds, failed or {})
    settings = dict.fromkeys(key for each in known for key in each if approximated(key))
    found = [_earned(in_one_round(known, setting), setting, lost) for setting in settings]
    return sorted(found, key=lambda each: (each.budget, each.kernel, each.variant or ""))


def _earned(settings: Settings, setting: SettingKey, failed: Failed) -> Earned:
    (kernel, budget, variant), seeds = setting, settings[setting]
    assert budget is not None, "without one nothing is approximated"
    controls = controls_of(settings, setting, failed)
    measured = [each for each in controls if any(value is not None for value in each.points.values())]
    # The best of many is chosen by the numbers that judge it: the bounds hold for all of them at once (Bonferroni).
    confidence = 1 - (1 - CONFIDENCE) / max(len(measured), 1)
    held = [_held(each, seeds, confidence) for each in measured]
    lost = [why for seed, why in failed.get(setting, {}).items() if seed not in seeds]
    return Earned(
        kernel=kernel,
        budget=budget,
        variant=variant,
        seeds=len(seeds),
        points=fmean(map(final_points, seeds.values())),
        time_s=fmean(map(time_s, seeds.values())),
        # One of a few lucky seeds is not the best of all.
        held=tuple(sorted(held, key=lambda each: (-each.seeds, -each.points))),
        missing=tuple(_missing(seeds, lost, controls)),
        lost=len(lost),
    )


def _scored(rounds: Sequence[Settings], failed: Failed) -> tuple[list[Settings], Failed]:
    """Move what has no metric to judge it by, as a file of another program may, to what failed."""
    lost: dict[SettingKey, dict[int | None, str]] = defaultdict(dict, {key: {**seeds} for key, seeds in failed.items()})
    every: list[Settings] = []
    for settings in rounds:
        known: dict[SettingKey, dict[int | None, Training]] = defaultdict(dict)
        for key, seeds in settings.items():
            for seed, each in seeds.items():
                if points_after(each) is None:
                    lost[key][seed] = "have no test metric of each epoch"
                else:
                    known[key][seed] = each
        every.append(known)
    return every, lost


def _missing(seeds: Seeds, lost: Sequence[str], controls: Sequence[Control]) -> Iterator[str]:
    for count, why in _alike(lost):
        yield f"{count} of {len(seeds) + len(lost)} seeds of the sampled training {why}"
    for each in controls:
        reasons = [why for seed, why in each.failed.items() if seed in seeds and seed not in each.points]
        without = len(seeds) - len(each.points) - len(reasons)
        none = sum(value is None for value in each.points.values())
        for count, why in [*_alike(reasons), (none, each.no_epoch), (without, "were not trained")]:
            if count:
                yield f"{count} of {len(seeds)} seeds of {each.name!r} {why}"


def _alike(reasons: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Count reasons of one kind, by the first of them: each seed may have its own epoch at which the loss was NaN."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for why in reasons:
        kinds[why.partition(" (")[0]].append(why)
    return ((len(each), each[0]) for each in kinds.values())


def _held(control: Control, seeds: Seeds, confidence: float) -> Held:
    known = {seed: value for seed, value in control.points.items() if value is not None}
    gains = [final_points(seeds[seed]) - value for seed, value in known.items()]
    used = [_used(control.trained[seed], time_s(seeds[seed])) for seed in known if seed in control.trained]
    ended = sum(used) / len(used) if used and min(used) < 1 else None
    return Held(control.name, sum(known.values()) / len(known), drop_over(gains, confidence), len(known), ended)


def _used(training: Training, seconds: float) -> float:
    """Return the share of a time after which a training was through; 1 where it had no room for one more epoch."""
    took, epochs = time_s(training), len(training.epoch_s or [])
    return took / seconds if epochs and seconds - took >= took / epochs else 1.0
