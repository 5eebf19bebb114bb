"""How trainings are sampled where a run says so: what differs from the usual is part of a training's identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rsc_bench.kernels.rsc.scheduling.schedule import Schedule
from rsc_bench.kernels.sampled.selections import Selection
from rsc_bench.plugins import find
from rsc_bench.suites.catalog import INTERVAL, Choice
from rsc_bench.suites.options import MOST, Options, OptionsError

MOST_WARMUP = 5
"""Exact steps before the first allocation where nothing is said; a tenth of the epochs where that is less."""

ABLATED_BUDGETS = (0.1,)
"""The smallest budget: where a part of the method is worth most."""

VARIANTS: dict[str, dict[str, Any]] = {
    "forward": {"approximated": "forward"},
    "both": {"approximated": "both"},
    "no-cache": {},
    "no-switch": {"switch_at": 1.0},
    "uniform": {"allocation": "uniform"},
    "optimal": {"allocation": "optimal"},
    "random": {},
    "importance": {},
    "sampled-diagonal": {"diagonal": "sampled"},
    "restart": {"warmup": "restart"},
    "no-warmup": {"warmup_steps": 0},
    "published": {"warmup": "restart", "allocation": "published", "measures": "published"},
}
"""What each ablation changes of the options of `approximate`; those without are changes of the kernel (`varied`)."""


@dataclass(frozen=True)
class Method:
    """The options of `approximate` that a run can set; None: as is usual."""

    warmup: str | None = None
    """``restart``, or the number of exact steps that training goes on from."""
    interval: int | None = None
    """Products that one selection serves."""
    switch_at: float | None = None
    """Share of the training from which on it is exact."""
    allocation: str | None = None
    """Name of what shares the budget out."""

    @classmethod
    def of(cls, options: Options) -> Method:
        """Return what a run says; raises `OptionsError` for what no training can be sampled by."""
        for message in refusals(options):
            raise OptionsError(message)
        return cls(options.warmup, options.interval, options.switch_at, options.allocation)

    @property
    def name(self) -> str | None:
        """What differs from the usual in one word, as a record's variant; None where nothing does."""
        named = {"warmup": self.warmup, "interval": self.interval, "switch-at": self.switch_at, "allocation": self.allocation}
        return ",".join(f"{name}={value}" for name, value in named.items() if value is not None) or None

    def given(self, epochs: int) -> dict[str, Any]:
        """Return the options for `approximate` of a training of so many epochs."""
        given: dict[str, Any] = {"interval": self.interval or INTERVAL, "epochs": epochs}
        given |= {"warmup_steps": min(MOST_WARMUP, max(1, epochs // 10))}
        if self.warmup is not None:
            given |= {"warmup": "restart"} if self.warmup == "restart" else {"warmup_steps": int(self.warmup)}
        given |= {} if self.switch_at is None else {"switch_at": self.switch_at}
        return given | ({} if self.allocation is None else {"allocation": self.allocation})


def refusals(options: Options) -> Iterator[str]:
    """Yield what is wrong with the options that say how trainings are sampled."""
    warmup, interval, switch_at = options.warmup, options.interval, options.switch_at
    if warmup not in (None, "restart") and not (warmup.isdecimal() and int(warmup) <= MOST):
        yield f"--warmup must be restart or a number of exact steps, 0 for none (got {warmup!r})"
    if interval is not None and interval < 1:
        yield f"--interval must be at least 1, the products that a selection serves (got {interval})"
    if switch_at is not None and not 0 <= switch_at <= 1:
        yield f"--switch-at must lie in [0, 1], a share of the training (got {switch_at:g})"
    named = [("allocation", options.allocation)] if options.allocation is not None else []
    for kind, name in (*named, *(("selection", name) for name in options.selections)):
        try:
            found = find(kind, name)
        except ValueError as error:
            yield f"--{kind}: {error}"
            continue
        if isinstance(found, Selection) and (reason := found.why_not_train()):
            yield f"--{kind} must choose pairs (got {name!r}): {reason}"


def ablatable(choice: Choice) -> bool:
    """Return whether ablations are made of what samples so: parts are changed of the paper's method, which is cached top-k."""
    return choice.selection == "topk" and choice.cached


def varied(choice: Choice, variant: str) -> Choice:
    """Return what samples in a variant of the method."""
    if variant == "no-cache":
        return replace(choice, cached=False)
    return replace(choice, selection=variant) if variant in ("random", "importance") else choice


def check_ablation(options: Options, sampled: Sequence[Choice]) -> None:
    """Raise `OptionsError` where a run asks for ablations, and samples by nothing that they are made of."""
    if not options.ablation:
        return
    given: dict[str, Any] = {"--warmup": options.warmup, "--interval": options.interval}
    given |= {"--switch-at": options.switch_at, "--allocation": options.allocation}
    named = [option for option, value in given.items() if value is not None]
    if named:
        rule = f"must go without {', '.join(given)}, for it changes parts of the method as it is usual"
        raise OptionsError(f"--ablation {rule} (got {', '.join(named)}): leave one of the two out")
    if not any(map(ablatable, sampled)):
        rule = "must have a cached top-k, whose parts it changes"
        names = ", ".join(choice.name for choice in sampled)
        raise OptionsError(f"--ablation {rule} (got {names}): add --selection topk, or leave --ablation out")


def flops_share(budget: float, given: dict[str, Any]) -> float:
    """Return the share of the exact FLOPs, forward and backward, that a training spends at a budget; 1 where it spends more.

    The exact steps of a warm-up that training restarts behind are spent besides. `given` is what `approximate` is given, the steps
    of an epoch included where there are several.
    """
    given = {name: value for name, value in given.items() if name in Schedule.__dataclass_fields__}
    planned = Schedule(budget, **given)
    steps = planned.whole or 1
    sampled = sum(planned.phase(step).sampled for step in range(steps))
    besides = planned.warmup_steps if planned.restarts else 0
    return min(1.0, 1 - (1 - budget) * sampled / steps / 2 + besides / steps)
