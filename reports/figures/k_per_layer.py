"""The share of column-row pairs that each layer was allotted, over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from statistics import fmean
from typing import Any

from rsc_bench.harness.records.measurement import Training
from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.theme import LAYERS
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Trained, method, settings, where

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
LEAD_BUDGET = 0.1
# How many times below the lowest share "none" is drawn.
BELOW = 3


def draw(table: Table) -> Any:
    """Return the figure, or None where no sampled training says what it kept."""
    panels = []
    for key, found in settings(table.trainings).items():
        kept = [each for each in method(found) if each.budget is not None and _series(each)]
        panels += [Panel(where(key) | _setting(each), _lines(_series(each))) for each in sorted(kept, key=_distance)]
    layout = {"height": 420, "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"}, "yaxis": _axis(_floor(panels))}
    return assemble(panels, layout)


def _floor(panels: Sequence[Panel]) -> float | None:
    """Draw layers that keep nothing below all others, which a logarithm cannot, and return where; None where there are none."""
    lines = [trace for panel in panels for trace in panel.traces]
    shares = [share for line in lines for share in line["y"]]
    lowest = min((share for share in shares if share > 0), default=1.0) / BELOW
    for line in lines:
        line["y"] = [share or lowest for share in line["y"]]
    return None if all(shares) else lowest


def _axis(floor: float | None) -> dict[str, Any]:
    ticks = {share: f"{share:g}" for share in SHARES if floor is None or share > floor * BELOW / 2}
    ticks |= {} if floor is None else {floor: "none"}
    return {"title": {"text": "share of all [%]"}, "type": "log", "tickvals": [*ticks], "ticktext": [*ticks.values()]}


def _setting(each: Trained) -> dict[str, str]:
    return {"budget": each.name, "kernel": each.kernel}


def _distance(each: Trained) -> float:
    return abs((each.budget or 0.0) - LEAD_BUDGET)


def _series(setting: Trained) -> list[tuple[Training, int | None]]:
    """Each seed's epochs, and the column-row pairs of its matrix."""
    return [(row["series"], row["pairs"]) for row in setting.rows if row["series"].k_per_layer and any(row["series"].k_per_layer)]


def _lines(found: Sequence[tuple[Training, int | None]]) -> list[dict[str, Any]]:
    series = [each for each, _ in found]
    epochs = min(len(each.k_per_layer or []) for each in series)
    layers = min(len(kept) for each in series for kept in each.k_per_layer or [])
    pairs = [int(columns or max(chain(*(each.k_per_layer or [])))) for each, columns in found]
    lines = []
    for layer in range(layers):
        shares = [_mean_share([(each.k_per_layer or [])[epoch][layer] for each in series], pairs) for epoch in range(epochs)]
        lines.append(_line(f"layer {layer + 1}: pairs kept", shares, {"color": LAYERS[layer % len(LAYERS)], "width": 2}))
    spent = [each.flops_share for each in series if each.flops_share and len(each.flops_share) >= epochs]
    if spent:
        shares = [100 * fmean(share[epoch] for share in spent) for epoch in range(epochs)]
        lines.append(_line("all layers: FLOPs spent", shares, {"color": "#8b96a1", "width": 1.5, "dash": "dot"}))
    return lines


def _mean_share(kept: Sequence[int], pairs: Sequence[int]) -> float:
    return 100 * fmean(k / max(1, of) for k, of in zip(kept, pairs, strict=True))


def _line(name: str, shares: list[float], line: dict[str, Any]) -> dict[str, Any]:
    # It stays the same between two allocations: the ends of the steps are all there is to draw.
    last = len(shares) - 1
    steps = [epoch for epoch, share in enumerate(shares) if epoch in {0, last} or share != shares[epoch - 1]]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [epoch + 1 for epoch in steps],
        "y": [shares[epoch] for epoch in steps],
        "line": line | {"shape": "hv"},
        "text": [f"{shares[epoch]:.3g} %" for epoch in steps],
        "hovertemplate": "epoch %{x}: %{text}<extra>%{fullData.name}</extra>",
    }


FIGURE = Figure(
    name="k_per_layer",
    title="What each layer is allotted",
    caption=(
        "The column-row pairs that each layer keeps, as a share of all pairs, and the FLOPs that all layers spend together, as a "
        "share of the exact ones; means over the seeds. At 100 % an epoch is exact: the first ones and those after the switch back."
    ),
    draw=draw,
    order=15,
)
