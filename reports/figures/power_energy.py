"""What each kernel takes of the GPU's power, and what energy one call costs; where that is not known, the reason."""

from __future__ import annotations

import textwrap
from html import escape
from typing import Any

from rsc_bench.reports.drawing.panels import Panel, assemble, where
from rsc_bench.reports.drawing.theme import colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.frames import SENSED
from rsc_bench.reports.tables.rows import OPERATION, Row, absent, by, is_exact, present
from rsc_bench.reports.tables.table import Table

ROW_PX = 38
AROUND_PX = 120
REASON_CHARACTERS = 48

# Energy has no timing mode: it is measured once, whichever mode its record has.
_SHARED = tuple(name for name in OPERATION if name != "clock")
_NO_BUDGET = "none"
# Metric, digits and unit of what is said of a kernel's bar.
_STATE = (
    ("power", ".0f", "W"),
    ("SM clock", ".0f", "MHz"),
    ("temperature", ".0f", "°C"),
    ("throttled", ".2g", "% of samples throttled"),
)


def draw(table: Table) -> Any:
    """Return the figure, or None where nothing ran on a GPU whose power was to be read."""
    palette = colours(table.kernels)
    rows = [row for row in table.products if not absent(row[SENSED]) and (_why_not(row) or present(row, "energy"))]
    panels = [panel for key, found in _operations(rows) for panel in _panels(key, _one_a_kernel(found), palette)]
    layout = {
        "barmode": "stack",
        "bargap": 0.35,
        "showlegend": False,
        "margin": {"l": 8, "r": 72, "t": 16, "b": 8},
        "xaxis": {"domain": [0, 0.32], "title": {"text": "power [W]"}, "rangemode": "tozero"},
        "xaxis2": {
            "domain": [0.46, 1],
            "title": {"text": "energy [mJ] (←\u2009better)"},
            "rangemode": "tozero",
        },
        "yaxis": {"autorange": "reversed", "ticklabelstandoff": 8, "type": "category"},
    }
    return assemble(panels, layout)


def _operations(rows: list[Row]) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """The rows of each operation, the largest width of a graph first."""
    width = _SHARED.index("width")
    return sorted(by(rows, _SHARED).items(), key=lambda entry: (*entry[0][:width], -entry[0][width], *entry[0][width + 1 :]))


def _one_a_kernel(rows: list[Row]) -> list[Row]:
    """One row for each kernel and budget: of its timing modes the one that has the energy, or else the first."""
    chosen: dict[tuple[Any, Any], Row] = {}
    for row in rows:
        key = (row["kernel"], row["budget"] if present(row, "budget") else None)
        if key not in chosen or (present(row, "energy") and not present(chosen[key], "energy")):
            chosen[key] = row
    return sorted(chosen.values(), key=lambda row: (present(row, "budget"), not present(row, "energy"), _number(row, "energy")))


def _panels(operation: tuple[Any, ...], rows: list[Row], palette: dict[str, str]) -> list[Panel]:
    exact = [row for row in rows if is_exact(row)]
    sampled = by((row for row in rows if present(row, "budget")), ["budget"])
    named = where(operation, _SHARED)
    shown = {f"{budget:g}": [*exact, *found] for (budget,), found in sampled.items()} or {_NO_BUDGET: exact}
    return [
        Panel(named | {"budget": name}, _bars(found, palette), AROUND_PX + ROW_PX * len(found)) for name, found in shown.items()
    ]


def _bars(rows: list[Row], palette: dict[str, str]) -> list[dict[str, Any]]:
    colour = [palette[row["kernel"]] for row in rows]
    bars = {"type": "bar", "orientation": "h", "y": [row["kernel"] for row in rows], "cliponaxis": False}
    idle = [_idle_w(row) for row in rows]
    above = [max(0.0, _number(row, "power") - rest) for row, rest in zip(rows, idle, strict=True)]
    power = bars | {"hovertemplate": "%{customdata}<extra>%{y}</extra>", "customdata": [_state(row) for row in rows]}
    return [
        power | {"x": idle, "marker": {"color": colour, "opacity": 0.4}},
        power | {"x": above, "marker": {"color": colour}, "text": [_watts(row) for row in rows], "textposition": "outside"},
        bars
        | {
            "x": [_number(row, "energy") for row in rows],
            "xaxis": "x2",
            "marker": {"color": colour},
            "text": [_millijoules(row) for row in rows],
            "textposition": "outside",
            "customdata": [_per_edge(row) for row in rows],
            "hovertemplate": "%{customdata}<extra>%{y}</extra>",
        },
    ]


def _number(row: Row, column: str) -> float:
    return float(row[column]) if present(row, column) else 0.0


def _idle_w(row: Row) -> float:
    seen = row[SENSED].energy
    return min(seen.idle_w, _number(row, "power")) if seen else 0.0


def _watts(row: Row) -> str:
    return f"{row['power']:.0f} W" if present(row, "power") else "not measured"


def _millijoules(row: Row) -> str:
    if present(row, "energy"):
        return f"{row['energy']:.3g} mJ"
    return "<br>".join(textwrap.wrap(f"not measured: {_why_not(row)}", REASON_CHARACTERS, break_long_words=False))


def _per_edge(row: Row) -> str:
    return f"{row['energy per edge']:.3g} nJ per edge" if present(row, "energy per edge") else f"not measured: {_why_not(row)}"


def _state(row: Row) -> str:
    """What the sensors read beside power, or why they read nothing."""
    if not present(row, "power"):
        trace = row[SENSED].trace
        reason = row[SENSED].trace_missing or (trace and (trace.absent.get("power_w") or trace.ended))
        return f"not measured: {escape(reason or 'the case was over between two readings')}"
    return ", ".join(f"{row[name]:{digits}} {unit}" for name, digits, unit in _STATE if present(row, name))


def _why_not(row: Row) -> str:
    """Why a row has no energy; empty where its file is from before energy was measured."""
    readings = row[SENSED]
    if readings.energy is not None:
        return "the call takes no more than idling"
    return escape(readings.energy_missing or "", quote=False)


FIGURE = Figure(
    name="power_energy",
    title="Power and energy",
    caption=(
        "Left: median power while calls ran one behind the other; pale is what the GPU takes when idle. Right: energy of one call "
        "above idle, from the GPU's own counter. What could not be read stands there with its reason."
    ),
    draw=draw,
    order=6,
)
