"""Draws what was trained beside what a paper reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from rsc_bench.harness.compare.trained.drop import is_sampled
from rsc_bench.harness.metrics import Baselines, Metric
from rsc_bench.harness.output.console import Screen, drawn
from rsc_bench.harness.records.run import Record
from rsc_bench.text import plain

if TYPE_CHECKING:
    from rich.table import Table

DASH = "–"
_METRICS = ("test metric", "backward speedup", "speedup", "memory", "overhead")


@dataclass(frozen=True)
class Published:
    """What a paper reports of one model on one graph, in points; None: no number was at hand."""

    graph: str
    used: str
    """The graph that was trained on here."""
    model: str
    exact: float | None
    sampled: float | None


def as_text(
    rows: Sequence[tuple[Published, Sequence[Record]]], metrics: Mapping[str, Metric], claims: tuple[float, float], screen: Screen
) -> str:
    """Return the table of all models and budgets, each beside its published number.

    Args:
        rows: what is published, and the records of what was trained here; none: it has not been.
        metrics: the metrics by name.
        claims: the published speedups, of one operation and end to end, at most.
        screen: what it is drawn for.
    """
    table = _table(claims)
    for published, records in rows:
        for cells in _cells(published, records, metrics):
            table.add_row(*map(plain, cells))
        table.add_section()
    return drawn(screen, table)


def _table(claims: tuple[float, float]) -> Table:
    from rich.table import Table

    caption = (
        "mean and standard deviation over seeds; speedups against exact training with our kernel, of the backward SpMM while it "
        f"samples (published for one operation: up to {claims[0]:g}x) and end to end (up to {claims[1]:g}x); overhead: selecting "
        "and allocating, share of a sampled epoch; a dash: not trained here, or no published number at hand"
    )
    table = Table(caption=caption, caption_justify="left")
    for name in ("graph", "model", "budget or variant"):
        table.add_column(name, overflow="fold")
    for name in ("metric here", "published", "backward", "end to end", "memory", "overhead", "seeds"):
        table.add_column(name, justify="right")
    return table


def _cells(published: Published, trained: Sequence[Record], metrics: Mapping[str, Metric]) -> Iterable[list[str]]:
    named = [published.graph if published.used == published.graph else published.used, published.model]
    groups = _groups(trained, published.model)
    if not groups:
        yield [*named, DASH, DASH, _points(published.exact), *[DASH] * 5]
        return
    baselines = Baselines(record for records in groups.values() for record in records)
    for (budget, variant), records in groups.items():
        found = {name: _values(metrics[name], records, baselines) for name in _METRICS}
        reported = published.exact if budget is None else published.sampled if variant is None else None
        label = "exact" if budget is None else f"C = {budget:g}"
        yield [
            *named,
            label if variant is None else f"{label}, {variant}",
            _spread(found["test metric"]),
            _points(reported),
            *(f"{fmean(values):.2f}x" if values else DASH for values in (found["backward speedup"], found["speedup"])),
            f"{fmean(found['memory']):.0f} MB" if found["memory"] else DASH,
            f"{fmean(found['overhead']):.1f} %" if found["overhead"] else DASH,
            str(len(records)),
        ]
        named = ["", ""]


def _groups(records: Iterable[Record], model: str) -> dict[tuple[float | None, str | None], list[Record]]:
    """The trainings by budget and variant, exact ones first, then in descending budget; one a seed."""
    groups: dict[tuple[float | None, str | None], dict[int | None, Record]] = {}
    for record in records:
        case = record.case
        if case.model == model and record.measurement is not None and (is_sampled(case) or case.variant is None):
            groups.setdefault((case.budget, case.variant), {})[case.seed] = record
    ordered = sorted(groups, key=lambda key: (key[0] is not None, -(key[0] or 0.0), key[1] or ""))
    return {key: list(groups[key].values()) for key in ordered}


def _values(metric: Metric, records: Sequence[Record], baselines: Baselines) -> list[float]:
    found = []
    for record in records:
        against = baselines.of(metric, record.case)
        value = metric.compute(record.measurement, against[1] if against else None)  # type: ignore[arg-type]
        if value is not None:
            found.append(value)
    return found


def _spread(values: Sequence[float]) -> str:
    if not values:
        return DASH
    return f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def _points(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"
