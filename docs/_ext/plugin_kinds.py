"""Adds ``.. plugin-kinds::``, a table of the kinds of plug-ins: what a file defines, and where it lies."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tables import literal, table

from rsc_bench.plugins import KINDS, Kind

HEADINGS = ("kind", "constant", "type", "folder in the repository", "entry points")


class PluginKinds(SphinxDirective):
    """Lists the kinds of plug-ins in the order in which the program knows them."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        return [table(self, HEADINGS, [_row(kind) for kind in KINDS.values()], (12, 18, 14, 34, 22))]


def _row(kind: Kind) -> tuple[str, ...]:
    folder = kind.package.removeprefix("rsc_bench.").replace(".", "/")
    inside = f"rsc_bench/{folder}" if folder == "cli" else folder
    type_name = kind.type.rpartition(":")[2]
    return kind.name, literal(kind.constant), literal(type_name), literal(f"{inside}/"), literal(kind.group)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("plugin-kinds", PluginKinds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
