"""What each part of the method is worth: its ablations beside it, by test metric and by speedup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.scores import bar
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Spread, Trained, settings, where

ROW_PX = 38
AROUND_PX = 110
METHOD, CHANGED, EXACT = "#0072B2", "#D55E00", "#8b96a1"

# Others are called as their records call them.
WORDS = {
    "forward": "sampled forward, exact backward",
    "both": "sampled forward and backward",
    "no-cache": "fresh selection at each step",
    "no-switch": "no switch back to exact",
    "uniform": "uniform allocation",
    "greedy": "greedy allocation",
    "optimal": "optimal allocation",
    "random": "random pairs",
    "importance": "importance sampling",
    "sampled-diagonal": "diagonal sampled, too",
    "restart": "trained again behind the warm-up",
    "no-warmup": "no warm-up",
    "published": "as the authors' code",
    "random-edges": "exact on random edges",
    "degree-edges": "exact on edges by degree",
    "few-neighbours": "exact on few neighbours",
    "saint-batches": "random-walk batches",
    "cluster-batches": "batches of clusters",
    "cluster-batches,metis": "batches of METIS's clusters",
}


def draw(table: Table) -> Any:
    """Return the figure, or None where no ablation was trained."""
    panels = []
    for key, found in settings(table.trainings).items():
        exact = [each for each in found if each.exact][:1]
        for (budget, base), rows in _ablated(found).items():
            shown = [*exact, *sorted(rows, key=_order)]
            about = where(key) | {"budget": f"C = {budget:g}", "multiply with": base}
            title = f"test {shown[0].metric} [points] (better\u2009→)"
            panels.append(Panel(about, _traces(shown), AROUND_PX + ROW_PX * len(shown), {"xaxis": title}))
    return assemble(panels, _layout())


def _layout() -> dict[str, Any]:
    return {
        "showlegend": False,
        "margin": {"l": 8, "r": 72, "t": 16, "b": 8},
        "xaxis": {"title": {"text": "test metric [points] (better\u2009→)"}, "domain": [0, 0.56]},
        "xaxis2": {
            "title": {"text": "speedup of the whole training (better\u2009→)"},
            "ticksuffix": "×",
            "domain": [0.68, 1],
            "anchor": "y",
        },
        "yaxis": {"autorange": "reversed", "type": "category", "ticklabelstandoff": 28},
    }


def _ablated(found: Sequence[Trained]) -> dict[tuple[float, str], list[Trained]]:
    """The method and its ablations at each budget before each exact kernel that has an ablation."""
    groups: dict[tuple[float, str], list[Trained]] = {}
    for each in found:
        if each.samples and each.budget is not None:
            groups.setdefault((each.budget, each.base), []).append(each)
    return {key: rows for key, rows in groups.items() if any(row.variant for row in rows)}


def _order(each: Trained) -> tuple[bool, float]:
    return each.variant is not None, -each.score.middle


def _traces(shown: Sequence[Trained]) -> list[dict[str, Any]]:
    scores = [(each, each.score) for each in shown]
    timed = [(each, each.speedup) for each in shown if each.speedup]
    return [_dots(scores, "%{y}: %{text} points") | {"text": [_learnt(each) for each in shown]}, _speedups(timed)]


def _speedups(timed: Sequence[tuple[Trained, Spread]]) -> dict[str, Any]:
    text = [f"{spread.middle:.2f}×" for _, spread in timed]
    return _dots(timed, "%{y}: %{text}") | {"text": text, "xaxis": "x2"}


def _dots(shown: Sequence[tuple[Trained, Spread]], hover: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [spread.middle for _, spread in shown],
        "y": [_name(each) for each, _ in shown],
        "error_x": bar([spread for _, spread in shown]) | {"color": EXACT},
        "marker": {"color": [_colour(each) for each, _ in shown], "size": 11},
        "textposition": "top center",
        "textfont": {"size": 11},
        "cliponaxis": False,
        "hovertemplate": f"{hover}<extra></extra>",
    }


def _learnt(each: Trained) -> str:
    return f"{each.score.middle:.2f} ± {each.score.up:.2f}"


def _name(each: Trained) -> str:
    if each.budget is None:
        return f"exact: {each.kernel}"
    return WORDS.get(each.variant, each.variant) if each.variant else f"the method: {each.kernel.partition('(')[0]}"


def _colour(each: Trained) -> str:
    return EXACT if each.budget is None else CHANGED if each.variant else METHOD


FIGURE = Figure(
    name="ablation",
    title="What each part of the method is worth",
    caption=(
        "Blue is the method as it is; each orange dot changes one part of it at the same budget, the most accurate first; grey is "
        "exact training. Mean and standard deviation of the test metric over seeds; median, lowest and highest of the speedup."
    ),
    draw=draw,
    order=16,
)
