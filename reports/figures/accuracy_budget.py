"""Test metric against budget: down to which share of the FLOPs a model stays accurate."""

from __future__ import annotations

from typing import Any

from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.scores import Abscissa, score_panels
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Spread, Trained


def _budget(setting: Trained) -> Spread | None:
    return None if setting.budget is None or setting.budget <= 0 else Spread(setting.budget, 0.0, 0.0)


BUDGET = Abscissa(place=_budget, labels=False, margin=1.15)


def draw(table: Table) -> Any:
    """Return the figure, or None where no sampled training has a test metric."""
    panels = score_panels(table, BUDGET)
    layout = {
        "height": 440,
        "xaxis": {
            "title": {"text": "budget C, share of the exact backward FLOPs (←\u2009cheaper)"},
            "type": "log",
            "tickvals": _budgets(panels),
        },
        "yaxis": {"title": {"text": "test metric [points] (better\u2009→)"}},
    }
    return assemble(panels, layout)


def _budgets(panels: list[Panel]) -> list[float]:
    return sorted({budget for panel in panels for trace in panel.traces if "text" in trace for budget in trace["x"]})


FIGURE = Figure(
    name="accuracy_budget",
    title="Trained accuracy against budget",
    caption=(
        "The same trainings over the budget: a line that leaves the grey band of exact training to the left shows where sampling "
        "breaks this model on this graph. Mean and standard deviation over seeds."
    ),
    draw=draw,
    order=12,
)
