"""Turns many small drawings of one kind into a single figure that shows one of them at a time, chosen on the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import geometric_mean
from typing import TYPE_CHECKING, Any

from rsc_bench.reports.tables.rows import OPERATION, Row, by, operations, present

if TYPE_CHECKING:
    import plotly.graph_objects as go

BEHIND = "multiply with"
"""The dimension that chooses which exact kernel stands behind the selections."""

FASTEST = "the fastest for each"


@dataclass(frozen=True)
class Panel:
    """One drawing: what it shows, and the traces that show it."""

    where: dict[str, str]
    """What it shows, by dimension; the page offers a choice for each dimension in which the panels differ."""
    traces: Sequence[dict[str, Any]]
    """Plotly traces; one that stands in several panels is stored once."""
    height_px: int | None = None
    """None: the layout's."""
    titles: dict[str, str] = field(default_factory=dict)
    """Titles of axes that are this panel's own, by the name of the axis in the layout."""
    logarithmic: tuple[str, ...] = ()
    """Axes that are logarithmic in this panel, by their names in the layout, where they are not in all."""
    note: str = ""
    """What its numbers say, in a sentence or two, which the page shows below it."""


class Meta(dict[str, Any]):
    """What plotly passes on unread, and need not copy: with 1,000 panels that took most of the time of a page."""

    def __deepcopy__(self, _memo: dict[int, Any]) -> Meta:
        return self


def assemble(panels: Sequence[Panel], layout: dict[str, Any]) -> go.Figure | None:
    """Return the figure that shows the first panel and has them all, or None where there is none.

    The layout's ``meta`` has what is ``fixed``, the ``panels`` (``where`` they differ, ``height``, places in ``traces``)
    and all ``traces``; plotly passes it on unread, so that a thousand panels cost no more than one.
    """
    import plotly.graph_objects as go

    if not panels:
        return None
    traces = {id(trace): trace for panel in panels for trace in panel.traces}
    places = {key: place for place, key in enumerate(traces)}
    first = panels[0].where
    fixed = {name: value for name, value in first.items() if all(panel.where[name] == value for panel in panels)}
    entries = [_entry(panel, fixed, places) for panel in panels]
    meta = Meta(fixed=fixed, panels=entries, traces=list(traces.values()))
    return go.Figure({"data": list(panels[0].traces), "layout": {"template": "none", "meta": meta} | layout})


def _entry(panel: Panel, fixed: dict[str, str], places: dict[int, int]) -> dict[str, Any]:
    differs = {name: value for name, value in panel.where.items() if name not in fixed}
    entry = {"where": differs, "height": panel.height_px, "traces": [places[id(trace)] for trace in panel.traces]}
    given = {"titles": panel.titles, "logarithmic": panel.logarithmic, "note": panel.note}
    return entry | {name: value for name, value in given.items() if value}


def where(key: tuple[Any, ...], columns: Sequence[str] = OPERATION) -> dict[str, str]:
    """Return the dimensions of a panel for one operation, or for the rows that share other columns; without what is empty."""
    return {name: str(value) for name, value in zip(columns, key, strict=True) if value is not None}


def paths(rows: Iterable[Row], metrics: Sequence[str]) -> list[tuple[dict[str, str], list[list[Row]]]]:
    """Return the path of each sampled kernel over its budgets, panel by panel.

    A selection stands before several exact kernels: the first panel of an operation shows each selection before the one
    that makes it fastest, then follows one panel for each exact kernel. `metrics` are those a point needs.
    """
    drawn = (row for row in rows if present(row, "selection", "budget", "latency", *metrics))
    return [panel for operation, found in operations(drawn) for panel in _choices(operation, found)]


def _choices(operation: tuple[Any, ...], rows: list[Row]) -> list[tuple[dict[str, str], list[list[Row]]]]:
    lines = [sorted(line, key=lambda row: row["budget"]) for line in by(rows, ["kernel"]).values()]
    before = by([line[0] for line in lines if line[0]["base"] is not None], ["base"])
    choices = {FASTEST: sorted(_fastest(rows, lines), key=lambda line: str(line[0]["kernel"]))}
    if len(before) > 1:
        # An approximation of its own has no kernel behind it, and stands beside all.
        choices |= {base: [line for line in lines if line[0]["base"] in (base, None)] for (base,) in before}
    return [(where(operation) | {BEHIND: name}, chosen) for name, chosen in choices.items()]


def _fastest(rows: list[Row], lines: list[list[Row]]) -> Iterable[list[Row]]:
    """The line of each selection that is nearest to the fastest budget by budget, which the longest calls alone do not decide.

    Of lines of other budgets each is held against what there is at its own; where that is alike, that of most budgets stays.
    """
    least = {key: min(row["latency"] for row in found) for key, found in by(rows, ["selection", "budget"]).items()}

    def behind(line: list[Row]) -> tuple[float, int]:
        shares = (row["latency"] / least[row["selection"], row["budget"]] for row in line)
        return geometric_mean(shares), -len(line)

    best: dict[str, list[Row]] = {}
    for line in sorted(lines, key=behind):
        best.setdefault(line[0]["selection"], line)
    return best.values()
