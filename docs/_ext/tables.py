"""Turns rows of text into a table of the guide; the cells are parsed as reStructuredText."""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


def table(directive: SphinxDirective, headings: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> nodes.table:
    """Return a table.

    Args:
        directive: what the table is for; it must stand in an ``eval-rst`` block.
        headings: one for each column.
        rows: a cell for each column, in each row.
        widths: relative widths of the columns.
    """
    group = nodes.tgroup(cols=len(headings))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += nodes.thead("", _row(directive, headings))
    group += nodes.tbody("", *(_row(directive, row) for row in rows))
    return nodes.table("", group, classes=["generated"])


def literal(text: str) -> str:
    """Return text that is shown letter by letter."""
    return f"``{text}``" if text else ""


def _row(directive: SphinxDirective, cells: Sequence[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *directive.parse_text_to_nodes(cell)) for cell in cells))
