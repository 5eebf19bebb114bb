"""Finds the controls of an approximated training among the other trainings of its seeds, and what each had at equal time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from rsc_bench.harness.compare.trained.curve import exact_epochs, points_at, time_s
from rsc_bench.harness.compare.trained.drop import is_random, samples, way_of
from rsc_bench.harness.metrics.training import points_after
from rsc_bench.harness.records.measurement import Training

AS_LONG, EXACT_EPOCHS = "exact for as long", "exact epochs only"
"""The controls that are read off the exact training."""

_NOT_RECORDED = "cannot be told: which epochs were exact is not recorded"

SettingKey = tuple[str, float | None, str | None]
"""Kernel, budget and variant."""
Seeds = Mapping[int | None, Training]
"""The trainings of a setting, by seed."""
Settings = Mapping[SettingKey, Seeds]
Failed = Mapping[SettingKey, Mapping[int | None, str]]
"""Why there is no training, by seed."""


@dataclass(frozen=True)
class Control:
    """One control, by the seeds of the approximated training."""

    name: str
    points: dict[int | None, float | None]
    """At equal time; None where there is no epoch to judge."""
    trained: Seeds = field(default_factory=dict)
    """Empty where it is not the time that ends it."""
    failed: Mapping[int | None, str] = field(default_factory=dict)
    no_epoch: str = "had ended no epoch by then"
    """What None means."""


def approximated(key: SettingKey) -> bool:
    """Return whether a setting is one that is held against controls: it samples, and not at random."""
    kernel, budget, variant = key
    return budget is not None and samples(kernel) and not is_random(variant)


def in_one_round(rounds: Sequence[Settings], setting: SettingKey) -> Settings:
    """Return the trainings of the seeds of a setting, all of one seed from one round.

    What the machine does meanwhile differs between rounds, so seconds of one are not held against epochs of another. Of the rounds
    in which the setting was trained with a seed it is the one with the most trainings of that seed to hold it against, for one
    that was cut short, or was asked for no controls, tells less; of several such rounds the first.
    """
    found: dict[SettingKey, dict[int | None, Training]] = defaultdict(dict)
    for seed in dict.fromkeys(seed for each in rounds for seed in each.get(setting, {})):
        there = [each for each in rounds if seed in each.get(setting, {})]
        chosen = max(there, key=lambda each: sum(seed in seeds for key, seeds in each.items() if not approximated(key)))
        for key, seeds in chosen.items():
            if seed in seeds:
                found[key][seed] = seeds[seed]
    return found


def controls_of(settings: Settings, setting: SettingKey, failed: Failed) -> list[Control]:
    """Return the controls of an approximated setting, by its seeds, also those of which nothing was trained.

    Where several trainings are one control, as with two kernels, it is the one with the most of the seeds, and then the fastest.
    `settings` are the trainings of the seeds of that setting, its own among them.
    """
    own = settings[setting]
    keys: dict[str, list[SettingKey]] = {"": []}
    for key in dict.fromkeys([*settings, *failed]):
        if _is_exact(key) or _is_control_of(key, setting):
            keys.setdefault(key[2] or "", []).append(key)
    exact, why = _best(keys.pop(""), settings, failed)
    found = [_stopped(AS_LONG, own, exact, why), _exact_epochs_only(own, exact, why)]
    return found + [_stopped(name, own, *_best(each, settings, failed)) for name, each in keys.items()]


def _is_exact(key: SettingKey) -> bool:
    return key[1:] == (None, None)


def _is_control_of(key: SettingKey, setting: SettingKey) -> bool:
    """Mini-batches are of every setting; what has a budget costs what a setting of the same way of the method does."""
    (kernel, budget, variant), (_, own_budget, own_variant) = key, setting
    if variant is None or (samples(kernel) and not is_random(variant)):
        return False
    return budget is None or (budget == own_budget and way_of(variant) == way_of(own_variant))


def _best(keys: Sequence[SettingKey], settings: Settings, failed: Failed) -> tuple[Seeds, Mapping[int | None, str]]:
    """The trainings with the most seeds, of those the fastest, and why there are no others."""
    why = {seed: reason for key in reversed(keys) for seed, reason in failed.get(key, {}).items()}
    trained = [key for key in keys if settings.get(key)]
    if not trained:
        return {}, why
    best = min(trained, key=lambda key: (-len(settings[key]), median(map(time_s, settings[key].values()))))
    return settings[best], failed.get(best, {})


def _stopped(name: str, own: Seeds, trained: Seeds, why: Mapping[int | None, str]) -> Control:
    """A control that ends when the approximated training of the same seed does."""
    points = {seed: points_at(trained[seed], time_s(each)) for seed, each in own.items() if seed in trained}
    return Control(name, points, trained, why)


def _exact_epochs_only(own: Seeds, exact: Seeds, why: Mapping[int | None, str]) -> Control:
    counts = {seed: exact_epochs(each) for seed, each in own.items() if seed in exact}
    points = {seed: points_after(exact[seed], count) for seed, count in counts.items() if count is not None}
    unknown = dict.fromkeys([seed for seed, count in counts.items() if count is None], _NOT_RECORDED)
    return Control(EXACT_EPOCHS, points, {}, {**why, **unknown}, "had no exact epoch")
