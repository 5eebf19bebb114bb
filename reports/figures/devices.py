"""Kernels on several devices: their shares of what each device reaches, beside their times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from rsc_bench.reports.drawing.panels import Panel, assemble, where
from rsc_bench.reports.drawing.theme import LAYERS
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.rows import MEMORY_SETTING, Row, by, is_exact, present
from rsc_bench.reports.tables.sources import Source
from rsc_bench.reports.tables.table import Table

BAR_PX, GAP_PX, AROUND_PX = 16, 14, 130
CEILINGS = ("gather", "copy")

# What two devices share when one may stand beside the other.
_OPERATION = ("graph", "width", "dtype", "precision", "clock", "reduce")
_NO_BUDGET = "none"


def draw(table: Table) -> Any:
    """Return the figure, or None where no product was measured on two devices."""
    sources = {escape(source.name, quote=False): source for source in table.sources}
    rows = [row | {"on": _device(sources[row["file"]], row["device"])} for row in table.products if present(row, "latency")]
    devices = sorted({row["on"] for row in rows})
    palette = {name: LAYERS[place % len(LAYERS)] for place, name in enumerate(devices)}
    panels = [panel for key, found in _shared(_newest(rows, sources)) for panel in _panels(key, found, palette)]
    layout = {
        "barmode": "group",
        "bargap": 0.3,
        "margin": {"l": 8, "r": 72, "t": 16, "b": 8},
        "legend": {"traceorder": "normal"},
        "xaxis": {"domain": [0, 0.44], "rangemode": "tozero", "title": {"text": "share [%]"}},
        "xaxis2": {"domain": [0.56, 1], "rangemode": "tozero", "title": {"text": "latency [ms] (←\u2009better)"}},
        "yaxis": {"autorange": "reversed", "ticklabelstandoff": 8, "type": "category"},
    }
    return assemble(panels, layout)


def _device(source: Source, device: str) -> str:
    """Name of what a case ran on: its GPU, or else the CPU; the file's machine where the environment names neither."""
    environment = dict(source.environment)
    kind, _, index = device.partition(":")
    names = (f"gpus.{index or 0}.name", "gpus.0.name") if kind == "cuda" else ("cpu.model",)
    return escape(next((environment[name] for name in names if name in environment), source.machine), quote=False)


def _newest(rows: Iterable[Row], sources: dict[str, Source]) -> list[Row]:
    """One row for each case and device: of several files of one device the one that was begun last."""
    chosen = {}
    for row in sorted(rows, key=lambda row: sources[row["file"]].started):
        key = (*(row[name] for name in (*_OPERATION, MEMORY_SETTING)), row["kernel"], _budget(row), row["on"])
        chosen[key] = row
    return list(chosen.values())


def _shared(rows: Iterable[Row]) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """The rows of each operation that two devices have, the largest width of a graph first."""
    every = by(rows, _OPERATION).items()
    apart = [((*key, memory), part) for key, found in every for memory, part in _by_memory(found).items()]
    found = [(key, part) for key, part in apart if len({row["on"] for row in part}) > 1]
    return sorted(found, key=lambda entry: (entry[0][0], -entry[0][1], *entry[0][2:]))


def _by_memory(rows: Sequence[Row]) -> dict[str | None, list[Row]]:
    """The rows of one operation by the memory of their results: fresh apart from kept, a GPU, which has neither, beside both."""
    of_gpu, of_cpu = ([row for row in rows if row["device"].startswith("cuda") == gpu] for gpu in (True, False))
    memories = sorted({row[MEMORY_SETTING] for row in of_cpu or of_gpu})
    return {memory: [*of_gpu, *(row for row in of_cpu if row[MEMORY_SETTING] == memory)] for memory in memories}


def _panels(operation: tuple[Any, ...], rows: Sequence[Row], palette: dict[str, str]) -> list[Panel]:
    named = where(operation, (*_OPERATION, MEMORY_SETTING))
    exact = [row for row in rows if is_exact(row)]
    sampled = by((row for row in rows if present(row, "budget")), ["budget"])
    shown = {f"{budget:g}": [*exact, *found] for (budget,), found in sampled.items()} or {_NO_BUDGET: exact}
    return [panel for budget, found in shown.items() for panel in _choices(named | {"budget": budget}, found, palette)]


def _choices(named: dict[str, str], rows: Sequence[Row], palette: dict[str, str]) -> list[Panel]:
    """A panel for each ceiling, with the same times."""
    kernels = _kernels(rows)
    places = {kernel: place for place, kernel in enumerate(kernels)}
    of_device = {name: sorted(found, key=lambda row: places[row["kernel"]]) for (name,), found in by(rows, ["on"]).items()}
    times = [_times(name, found, palette[name]) for name, found in of_device.items()]
    height_px = AROUND_PX + len(kernels) * (GAP_PX + BAR_PX * len(of_device))
    return [
        Panel(
            named | {"share of": ceiling},
            [*(_shares(ceiling, name, found, palette[name]) for name, found in of_device.items()), *times],
            height_px,
            {"xaxis": f"share of {ceiling} [%] (better\u2009→)"},
        )
        for ceiling in CEILINGS
    ]


def _kernels(rows: Sequence[Row]) -> list[str]:
    """Exact kernels first, each kind with the fastest on any device first."""
    fastest: dict[str, float] = {}
    for row in rows:
        fastest[row["kernel"]] = min(row["latency"], fastest.get(row["kernel"], row["latency"]))
    return sorted(fastest, key=lambda kernel: ("(" in kernel, fastest[kernel]))


def _shares(ceiling: str, device: str, rows: Sequence[Row], colour: str) -> dict[str, Any]:
    column = f"share of {ceiling}"
    # An absent number would be drawn as nothing, and its place look like a share of next to nothing.
    shares = [row[column] if present(row, column) else 0.0 for row in rows]
    words = [f"{row[column]:.3g} %" if present(row, column) else "not measured" for row in rows]
    return _bars(device, rows, colour) | {
        "x": shares,
        "text": words,
        "hovertemplate": f"%{{text}} of a {ceiling} on {device}<extra>%{{y}}</extra>",
    }


def _times(device: str, rows: Sequence[Row], colour: str) -> dict[str, Any]:
    return _bars(device, rows, colour) | {
        "x": [row["latency"] for row in rows],
        "xaxis": "x2",
        "showlegend": False,
        "text": [f"{row['latency']:.3g} ms" for row in rows],
        "hovertemplate": f"%{{x:.4g}} ms on {device}<extra>%{{y}}</extra>",
    }


def _bars(device: str, rows: Sequence[Row], colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": device,
        "legendgroup": device,
        "y": [row["kernel"] for row in rows],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": colour},
    }


def _budget(row: Row) -> float | None:
    return float(row["budget"]) if present(row, "budget") else None


FIGURE = Figure(
    name="devices",
    title="Devices",
    caption=(
        "The same products on several devices. Left: the multiply alone as a share of what the device itself reached in a gather "
        "or a copy; where it is the same, a difference in time is the device's, and where it differs, the kernel uses one device "
        "better than the other. Right: the time of a call, selecting included. Of several files of one device the newest counts."
    ),
    draw=draw,
    order=7,
)
