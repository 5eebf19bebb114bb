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
AS_PUBLISHED = "published"
"""What the variant of a training is called that samples as the authors' code does."""
Group = tuple[float | None, str | None]
"""Budget and variant of trainings that differ in nothing but the seed."""
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
    """Return the table of all models and budgets, the published numbers beside exact training and the best published budget.

    Args:
        rows: what is published, and the records of what was trained here; none: it has not been.
        metrics: the metrics by name.
        claims: the published speedups, of one operation and end to end, at most.
        screen: what it is drawn for.
    """
    table = _table(_title(published for published, _ in rows), claims)
    for published, records in rows:
        for cells in _cells(published, records, metrics):
            table.add_row(*map(plain, cells))
        table.add_section()
    return drawn(screen, table)


def _title(rows: Iterable[Published]) -> str:
    """What was trained on: a twin's numbers are its own."""
    own = {row.graph: row.used == row.graph for row in rows}
    twins = ", ".join(graph for graph, is_own in own.items() if not is_own)
    published = ", ".join(graph for graph, is_own in own.items() if is_own)
    parts = [f"on synthetic twins of {twins}: their metric is their own, compare the drop"] * bool(twins)
    return "; ".join([*parts, *[f"on the published {published}"] * bool(published)])


def _table(title: str, claims: tuple[float, float]) -> Table:
    from rich.table import Table

    caption = (
        "mean and standard deviation over seeds; speedups against exact training with our kernel, of the backward SpMM while it "
        f"samples (published for one operation: up to {claims[0]:g}x) and end to end (up to {claims[1]:g}x); published: the best "
        "of the paper's budgets, beside the best one here; spent: share of the exact backward FLOPs while it samples, which the "
        "published allocation lets exceed C (with scores like Yelp's 1.15 times at C = 0.1, 2.3 times at C = 0.05); overhead: "
        "selecting and allocating, share of a sampled epoch; a dash: not trained here, or no published number at hand"
    )
    table = Table(title=plain(title), caption=caption, caption_justify="left")
    for name in ("graph", "model", "budget and variant"):
        table.add_column(name, overflow="fold")
    for name in ("metric here", "published", "spent", "backward", "end to end", "memory", "overhead", "seeds"):
        table.add_column(name, justify="right")
    return table


def _cells(published: Published, trained: Sequence[Record], metrics: Mapping[str, Metric]) -> Iterable[list[str]]:
    groups = _groups(trained, published.model)
    best = _best(groups, metrics["test metric"]) if groups else None
    named = [published.used, published.model]
    if (None, None) not in groups:
        yield [*named, "exact", DASH, _points(published.exact), *[DASH] * 6]
        named = ["", ""]
    baselines = Baselines(record for records in groups.values() for record in records)
    for (budget, variant), records in groups.items():
        found = {name: _values(metrics[name], records, baselines) for name in _METRICS}
        reported = published.exact if budget is None else published.sampled if (budget, variant) == best else None
        yield [
            *named,
            "exact" if budget is None else f"C = {budget:g}, {variant or 'our usual method'}",
            _spread(found["test metric"]),
            _points(reported),
            DASH if budget is None else _spent(records),
            *(f"{fmean(values):.2f}x" if values else DASH for values in (found["backward speedup"], found["speedup"])),
            f"{fmean(found['memory']):.0f} MB" if found["memory"] else DASH,
            f"{fmean(found['overhead']):.1f} %" if found["overhead"] else DASH,
            str(len(records)),
        ]
        named = ["", ""]
    if best is None:
        yield [*named, f"best C, {AS_PUBLISHED}", DASH, _points(published.sampled), *[DASH] * 6]


def _best(groups: Mapping[Group, Sequence[Record]], metric: Metric) -> Group | None:
    """Return the published method at the budget where it is best here, as the paper takes it; None where it was not trained."""
    nothing = Baselines(())
    means = {
        (budget, variant): fmean(values)
        for (budget, variant), records in groups.items()
        if budget is not None and variant == AS_PUBLISHED and (values := _values(metric, records, nothing))
    }
    return max(means, key=means.__getitem__, default=None)


def _spent(records: Sequence[Record]) -> str:
    trained = [record.measurement.training for record in records if record.measurement and record.measurement.training]
    every = [share for each in trained for share in each.flops_share or ()]
    sampled = [share for share in every if share < 1] or every
    return f"{fmean(sampled):.3f}" if sampled else DASH


def _groups(records: Iterable[Record], model: str) -> dict[Group, list[Record]]:
    """The trainings by budget and variant, one a seed: exact ones, those as published, our usual method, its ablations."""
    groups: dict[Group, dict[int | None, Record]] = {}
    for record in records:
        case = record.case
        if case.model == model and record.measurement is not None and (is_sampled(case) or case.variant is None):
            groups.setdefault((case.budget, case.variant), {})[case.seed] = record
    ordered = sorted(groups, key=lambda key: (key[0] is not None, key[1] != AS_PUBLISHED, key[1] or "", -(key[0] or 0.0)))
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
