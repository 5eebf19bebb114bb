"""Turns trainings into panels of the test metric over something else: one path a sampled kernel, and a band for exact training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rsc_bench.harness.metrics.training import MAX_DROP_POINTS
from rsc_bench.reports.drawing.lines import SYMBOLS
from rsc_bench.reports.drawing.panels import Panel
from rsc_bench.reports.drawing.theme import EXACT_GREY, colours
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Spread, Trained, method, settings, where

HOVER = "%{text}: %{y:.2f} ± %{customdata[0]:.2f} points at %{x:.3g}, %{customdata[1]} seeds"


@dataclass(frozen=True)
class Abscissa:
    """What the test metric is drawn over."""

    place: Callable[[Trained], Spread | None]
    """Where a setting is drawn; None: it is not."""
    labels: bool
    """Whether each budget stands at its marker."""
    margin: float
    """How many times beyond the outermost markers the band of exact training reaches."""
    where: Callable[[Sequence[Trained]], dict[str, str]] = lambda _: {}
    """What the panels show beyond the training, from the settings that are drawn."""


def score_panels(table: Table, abscissa: Abscissa) -> list[Panel]:
    """Return one panel for each training that has a sampled setting to draw."""
    palette = colours(table.kernels)
    panels = []
    for key, found in settings(table.trainings).items():
        lines = _lines(method(found), abscissa)
        drawn = [each for line in lines for each in line]
        if any(each.budget is not None for each in drawn):
            traces = [_trace(line, abscissa, palette[line[0].kernel], place) for place, line in enumerate(lines)]
            band = exact_band(found, _ends(drawn, abscissa))
            title = f"test {found[0].metric} [points] (better\u2009→)"
            panels.append(Panel(where(key) | abscissa.where(drawn), [*band, *traces], titles={"yaxis": title}))
    return panels


def exact_band(found: Sequence[Trained], ends: tuple[float, float]) -> list[dict[str, Any]]:
    """Return the traces of the score of exact training between two abscissas, its spread, and the limit below it."""
    exact = next((each for each in found if each.exact), None)
    if exact is None:
        return []
    score, x = exact.score, list(ends)
    line = {"type": "scatter", "mode": "lines", "x": x, "hoverinfo": "skip"}
    limit, name = score.middle - MAX_DROP_POINTS, f"{MAX_DROP_POINTS:g} points below"
    band = line | {"x": [*x, *reversed(x)], "y": [score.middle - score.down] * 2 + [score.middle + score.up] * 2, "fill": "toself"}
    return [
        band | {"fillcolor": "rgba(139,150,161,0.22)", "line": {"width": 0}, "name": "exact, ± standard deviation"},
        line | {"y": [score.middle] * 2, "line": {"color": EXACT_GREY, "width": 1.5}, "showlegend": False},
        line | {"y": [limit] * 2, "line": {"color": EXACT_GREY, "width": 1.5, "dash": "dot"}, "name": name},
    ]


def bar(spreads: Sequence[Spread]) -> dict[str, Any]:
    """Return the error bars of a plotly trace."""
    lengths = {"array": [each.up for each in spreads], "arrayminus": [each.down for each in spreads]}
    return {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4} | lengths


def _lines(found: Sequence[Trained], abscissa: Abscissa) -> list[list[Trained]]:
    """The path of each sampled kernel, and the fastest exact training; slower ones would only stretch the axis."""
    lines: dict[str, list[Trained]] = {}
    exact = next((each for each in found if each.exact), None)
    for each in found:
        if abscissa.place(each) is not None and (each.budget is not None or each is exact):
            lines.setdefault(each.kernel, []).append(each)
    return list(lines.values())


def _ends(drawn: Sequence[Trained], abscissa: Abscissa) -> tuple[float, float]:
    spreads = [spread for each in drawn if (spread := abscissa.place(each))]
    low, high = min(each.middle - each.down for each in spreads), max(each.middle + each.up for each in spreads)
    return low / abscissa.margin, high * abscissa.margin


def _trace(line: Sequence[Trained], abscissa: Abscissa, colour: str, place: int) -> dict[str, Any]:
    sampled = line[0].budget is not None
    at = [spread for each in line if (spread := abscissa.place(each))]
    scores = [each.score for each in line]
    return {
        "type": "scatter",
        "mode": "lines+markers" + ("+text" if abscissa.labels and sampled else ""),
        "name": line[0].kernel if sampled else f"exact: {line[0].kernel}",
        "x": [spread.middle for spread in at],
        "y": [score.middle for score in scores],
        "error_x": bar(at) | {"color": colour, "visible": any(spread.up or spread.down for spread in at)},
        "error_y": bar(scores) | {"color": colour},
        "text": [each.name for each in line],
        "customdata": [[score.up, len(each.rows)] for score, each in zip(scores, line, strict=True)],
        "textposition": "bottom left",
        "textfont": {"size": 11},
        "cliponaxis": False,
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 9, "symbol": SYMBOLS[place % len(SYMBOLS)]},
        "hovertemplate": f"{HOVER}<extra>%{{fullData.name}}</extra>",
    }
