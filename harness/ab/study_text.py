"""Turns a study of identical code, or of an injected slow-down, into what a reader is shown, and what a program gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rsc_bench.harness.ab.study import ALARMS, SLOWED, SURE, Study, Trial, recommended
from rsc_bench.harness.output.console import Screen, drawn

Cell = Callable[[Trial], str]

SHOWN = (0.05, 0.1)
"""Changes whose detection has a column."""


def as_text(study: Study, screen: Screen) -> str:
    """Return the findings for a reader."""
    return drawn(screen, _identical(study) if study.pool.injected is None else _injected(study))


def _identical(study: Study) -> RenderableType:
    return Group(
        Text(_headline(study), style="bold"),
        *_table(study, {"runs that pass": _passed, "that fail": _failed, "cases slower": _slower, **_catching(study)}),
        Text(),
        *(Text(line) for line in _advice(study)),
    )


def _injected(study: Study) -> RenderableType:
    return Group(
        Text(_headline(study), style="bold"),
        *_table(study, {"runs that fail": _failed, "cases slower": _slower, "median ratio": _ratio}),
        Text(),
        Text("Every case of one side really took longer, so a run that fails has caught it in one case or more. The cases called"),
        Text("slower are the chance of catching it where it hits a single one."),
    )


def _headline(study: Study) -> str:
    """What came out of all rounds as one comparison."""
    whole, pool = study.whole, study.pool
    what = "identical code" if pool.injected is None else f"one side slowed by {_percent(pool.injected)}"
    judged = sum(verdict.ratio is not None for verdict in whole.verdicts)
    slower = sum(verdict.change == "slower" for verdict in whole.verdicts)
    found = f"{slower} of {judged} cases called slower at a threshold of {_percent(study.threshold)}"
    return f"{what}, all {pool.rounds} rounds of each side as one comparison: {found} (exit status {whole.exit_status})"


def _table(study: Study, columns: dict[str, Cell]) -> list[RenderableType]:
    if not study.trials:
        return [Text("too few rounds for more: comparisons of 3 rounds need a pool of 6 on each side")]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("rounds", "minutes", "threshold", "comparisons", "apart", *columns):
        table.add_column(head, justify="right")
    for trial in study.trials:
        cells = [cell(trial) for cell in columns.values()]
        counts = str(trial.tally.comparisons), str(study.pool.apart(trial.rounds))
        table.add_row(str(trial.rounds), _minutes(study, trial), _percent(trial.threshold), *counts, *cells)
    return [Text(), table, Text(_OVERLAP, style="dim")]


_OVERLAP = (
    "comparisons are stretches of the same rounds, which overlap: they are not independent; so many lie apart from each "
    "other, and the shares rest on something in between"
)


def _minutes(study: Study, trial: Trial) -> str:
    """What the rounds of both sides take."""
    round_s = study.pool.round_s
    return "-" if round_s is None else f"{2 * trial.rounds * round_s / 60:.1f}"


def _failed(trial: Trial) -> str:
    return f"{_percent(trial.tally.failed_share)} ({trial.tally.failed})"


def _slower(trial: Trial) -> str:
    return f"{100 * trial.tally.slower_share:.2f}% ({trial.tally.slower} of {trial.tally.cases})"


def _passed(trial: Trial) -> str:
    return _percent(trial.tally.passed_share)


def _ratio(trial: Trial) -> str:
    return "-" if trial.tally.ratio is None else f"{trial.tally.ratio:.3f}"


def _catching(study: Study) -> dict[str, Cell]:
    def share(change: float) -> Cell:
        return lambda trial: _percent(trial.caught[change]) if change in trial.caught else "-"

    columns = {f"{_percent(change)} caught": share(change) for change in sorted({*SHOWN, study.catch})}
    return {**columns, f"smallest caught in {_percent(SURE)}": _smallest}


def _smallest(trial: Trial) -> str:
    return "-" if trial.smallest is None else _percent(trial.smallest)


def _advice(study: Study) -> list[str]:
    """Which rounds and threshold to use here."""
    best, change = recommended(study), _percent(study.catch)
    if best is None:
        identical = f"passes {_percent(SURE)} and fails at most {_percent(ALARMS)} of the runs of identical code"
        first = f"No setting catches {change} in {_percent(SURE)} of the cases and {identical}: take more --rounds"
    else:
        use = f"--rounds {best.rounds} and --threshold {_percent(best.threshold)}"
        first = f"To catch {change} on this machine: {use}, about {_minutes(study, best)} minutes for this sweep"
    return [
        f"{first}.",
        f"What would be caught is worked out, from times made longer in one case of {SLOWED};",
        "--inject really slows one side of our suites.",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def as_tree(study: Study) -> dict[str, Any]:
    """Return all that was found."""
    best = recommended(study) if study.pool.injected is None else None
    return {
        "rounds": study.pool.rounds,
        "round_s": study.pool.round_s,
        "injected": study.pool.injected,
        "files": [str(side.path) for side in (study.pool.sides.base, study.pool.sides.new)],
        "whole": {
            "threshold": study.threshold,
            "exit_status": study.whole.exit_status,
            "counts": study.whole.counts,
            "cases": [
                {"case": str(verdict.case), "change": verdict.change, "ratio": verdict.ratio, "interval": verdict.interval}
                for verdict in study.whole.verdicts
            ],
        },
        "trials": [{**_trial(trial), "apart": study.pool.apart(trial.rounds)} for trial in study.trials],
        "catch": study.catch,
        "recommended": None if best is None else {"rounds": best.rounds, "threshold": best.threshold},
    }


def _trial(trial: Any) -> dict[str, Any]:
    caught = [{"change": change, "share": share} for change, share in trial.caught.items()]
    return {**msgspec.to_builtins(trial), "caught": caught, "smallest": trial.smallest}
