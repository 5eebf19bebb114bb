"""Finds the controls of an approximated training among the other trainings of its seeds, and what each had at equal time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rsc_bench.harness.compare.trained.curve import exact_epochs, points_at, time_s
from rsc_bench.harness.compare.trained.drop import is_random, samples
from rsc_bench.harness.metrics.training import points_after
from rsc_bench.harness.records.measurement import Training

AS_LONG, EXACT_EPOCHS = "exact for as long", "exact epochs only"
"""The controls that are read off the exact training."""

SettingKey = tuple[str, float | None, str | None]
"""Kernel, budget and variant."""
Settings = Mapping[SettingKey, Mapping[int | None, Training]]
"""By seed."""
Failed = Mapping[SettingKey, Mapping[int | None, str]]
"""Why there is no training, by seed."""


@dataclass(frozen=True)
class Control:
    """One control, by the seeds of the approximated training."""

    name: str
    points: dict[int | None, float | None]
    """At equal time; None where there is no epoch to judge."""
    trained: Mapping[int | None, Training] = field(default_factory=dict)
    """Empty where it is not the time that ends it."""
    failed: Mapping[int | None, str] = field(default_factory=dict)
    no_epoch: str = "had ended no epoch by then"
    """What None means."""


def controls_of(settings: Settings, budget: float, seeds: Mapping[int | None, Training], failed: Failed) -> list[Control]:
    """Return the controls of an approximated training, by its seeds, also those of which nothing was trained."""
    times = {seed: time_s(trained) for seed, trained in seeds.items()}
    first = _fastest(settings)
    exact = settings[first] if first else {}
    as_long = {seed: points_at(exact[seed], times[seed]) for seed in seeds if seed in exact}
    shorter = {seed: points_after(exact[seed], exact_epochs(trained)) for seed, trained in seeds.items() if seed in exact}
    lost = failed.get(first, {}) if first else {}
    found: dict[str, Control] = {}
    if exact:
        found[AS_LONG] = Control(AS_LONG, as_long, exact, lost)
        found[EXACT_EPOCHS] = Control(EXACT_EPOCHS, shorter, {}, lost, "had no exact epoch")
    for key in dict.fromkeys([*settings, *failed]):
        kernel, at, variant = key
        if variant is None or (samples(kernel) and not is_random(variant)) or at not in (None, budget):
            continue
        others = settings.get(key, {})
        if variant in found and not others:
            continue
        points = {seed: points_at(others[seed], times[seed]) for seed in seeds if seed in others}
        found[variant] = Control(variant, points, others, failed.get(key, {}))
    return list(found.values())


def _fastest(settings: Settings) -> SettingKey | None:
    """The exact kernel that takes the least time."""
    exact = {key: seeds for key, seeds in settings.items() if key[1] is None and key[2] is None and seeds}
    return min(exact, key=lambda key: min(map(time_s, exact[key].values())), default=None)
