"""Adds ``.. metric-table::``, a table of every metric that the program has."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tables import table

from rsc_bench.plugins import load

HEADINGS = ("metric", "unit", "better", "what it is")


class MetricTable(SphinxDirective):
    """Lists the metrics in the order in which the program lists them."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        rows = [(f"**{metric.name}**", metric.unit, metric.better, metric.summary) for metric in load("metric").values()]
        return [table(self, HEADINGS, rows, (20, 10, 10, 60))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("metric-table", MetricTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
