"""Test metric against end-to-end speedup: what a model gains by sampled training, and what it loses, along the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsc_bench.reports.drawing.panels import assemble
from rsc_bench.reports.drawing.scores import Abscissa, score_panels
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.rows import present
from rsc_bench.reports.tables.table import PYG, TORCH_SPARSE, VENDOR, Table
from rsc_bench.reports.tables.trainings import Trained, over_seeds

AGAINST = {PYG: "PyTorch Geometric with an edge_index", "speedup": "the fastest exact kernel", VENDOR: "", TORCH_SPARSE: ""}
"""The speedups to choose from, and what they are against; no words: the kernel's name."""


def draw(table: Table) -> Any:
    """Return the figure, or None where no sampled training has both a test metric and a speedup."""
    layout = {
        "height": 480,
        "xaxis": {"title": {"text": "speedup of the whole training (better\u2009→)"}, "ticksuffix": "×"},
        "yaxis": {"title": {"text": "test metric [points] (better\u2009→)"}},
    }
    return assemble([panel for metric in AGAINST for panel in score_panels(table, _abscissa(metric))], layout)


def _abscissa(metric: str) -> Abscissa:
    def against(drawn: Sequence[Trained]) -> dict[str, str]:
        kernels = {row[f"{metric} against"] for each in drawn for row in each.rows if present(row, metric)}
        return {"speedup against": AGAINST[metric] or ", ".join(sorted(kernels))}

    return Abscissa(place=lambda setting: over_seeds(setting.rows, metric), labels=True, margin=1.08, where=against)


FIGURE = Figure(
    name="accuracy_speedup",
    title="Trained accuracy against speedup",
    caption=(
        "Each line is one sampled kernel, each marker a budget C. Up is more accurate, right is faster end to end than what the "
        "speedup is against, with the same seed. Mean and standard deviation of the test metric over seeds; median, lowest and "
        "highest of the speedup. The grey band is exact training."
    ),
    draw=draw,
    order=11,
)
