"""What the page looks like: its colours, one for each kernel, and the plotly templates for light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.2, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000)

_TICKS = [digit * 10.0**power for power in range(-3, 7) for digit in (1, 2, 5)]
DECADES: dict[str, Any] = {"type": "log", "tickvals": _TICKS, "ticktext": [f"{tick:,g}" for tick in _TICKS]}
"""A logarithmic axis over several decades, labelled at round numbers."""

FONT = "Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

# Distinct with any colour vision, on white and on black: Okabe and Ito's set for what is sampled, and muted tones in the manner
# of Paul Tol for what is exact, so that the two kinds are distinct as well.
SAMPLED = ("#0072B2", "#CC79A7", "#E69F00", "#D55E00", "#009E73", "#7B8794", "#56B4E9")
EXACT = ("#44AA99", "#8C6BB1", "#999933", "#A0714F", "#6B8299", "#AA4466", "#5FA8C4", "#C2A24A")

EXACT_GREY = "#8b96a1"
# Layers differ in kind, not in amount.
LAYERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#999933")
# From hot, where little is multiplied, to cool, where nearly all is.
BUDGETS = ("#C0392B", "#E67E22", "#D4A017", "#4CAF73", "#2E9BC6", "#3566B0", "#6A51A3")


@dataclass(frozen=True)
class Scheme:
    """The colours of everything that is not data."""

    page: str
    """Background."""
    ink: str
    """Text and headings."""
    muted: str
    """Captions, axis labels."""
    line: str
    """Hairlines and grids."""
    soft: str
    """Background of controls and of a row under the pointer."""
    accent: str
    """Links, focus and headline numbers."""


LIGHT = Scheme(page="#ffffff", ink="#15202b", muted="#5a6773", line="#e3e8ec", soft="#f5f7f9", accent="#00619a")
DARK = Scheme(page="#12161a", ink="#e8ecef", muted="#9aa6b1", line="#2b333b", soft="#1b2127", accent="#6cbcf0")


def colours(kernels: Iterable[str]) -> dict[str, str]:
    """Return one colour for each kernel; a selection keeps its colour whichever exact kernel it stands before."""
    names = sorted({*kernels})
    exact = [name for name in names if "(" not in name]
    selections = sorted({_selection(name) for name in names if "(" in name})
    of_exact = {name: EXACT[place % len(EXACT)] for place, name in enumerate(exact)}
    of_selection = {name: SAMPLED[place % len(SAMPLED)] for place, name in enumerate(selections)}
    return {name: of_selection[_selection(name)] if "(" in name else of_exact[name] for name in names}


def budget_colours(budgets: Iterable[float | None]) -> dict[float | None, str]:
    """Return one colour for each budget, in their order along the scale; exact training is grey."""
    ordered = sorted({budget for budget in budgets if budget is not None})
    last = max(1, len(ordered) - 1)
    scale: dict[float | None, str] = {
        budget: BUDGETS[round(place * (len(BUDGETS) - 1) / last)] for place, budget in enumerate(ordered)
    }
    return {None: EXACT_GREY} | scale


def times_axis(title: str) -> dict[str, Any]:
    """Return a logarithmic axis of ratios, labelled at round numbers however little of it is shown."""
    return {"title": {"text": title}, "type": "log", "tickvals": RATIOS, "ticktext": [f"{ratio:g}×" for ratio in RATIOS]}


def _selection(kernel: str) -> str:
    return kernel.partition("(")[0]


def template(scheme: Scheme) -> dict[str, Any]:
    """Return the plotly template of a colour scheme: no frame, hairline grids, the page's own background and font."""
    axis = {
        "gridcolor": scheme.line,
        "linecolor": scheme.line,
        "zerolinecolor": scheme.line,
        "tickfont": {"color": scheme.muted, "size": 12},
        "title": {"font": {"color": scheme.muted, "size": 13}, "standoff": 14},
        "automargin": True,
        "ticks": "",
    }
    layout = {
        "font": {"family": FONT, "size": 13, "color": scheme.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 24, "t": 16, "b": 8},
        "xaxis": axis,
        "yaxis": axis,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": scheme.ink}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": scheme.muted, "activecolor": scheme.accent},
        "hoverlabel": {"bgcolor": scheme.page, "bordercolor": scheme.line, "font": {"color": scheme.ink, "family": FONT}},
        "annotationdefaults": {"font": {"color": scheme.muted, "size": 12}, "showarrow": False},
        "shapedefaults": {"line": {"color": scheme.muted, "width": 1, "dash": "dot"}, "layer": "below"},
    }
    return {"layout": layout}
