"""Lets a Jupyter notebook be a page of the guide: its text, its code and what the code showed."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx


class NotebookParser(MystParser):
    """Reads a notebook as the page in Markdown that it is made of."""

    supported: ClassVar[tuple[str, ...]] = ("notebook",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Parse the cells in order."""
        super().parse("\n\n".join(part for cell in json.loads(inputstring)["cells"] for part in _parts(cell)), document)


def _parts(cell: dict[str, Any]) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    return [f"````python\n{source}\n````", *map(_shown, cell["outputs"])]


def _shown(output: dict[str, Any]) -> str:
    data = output.get("data", {"text/plain": output.get("text", [])})
    if "text/html" in data:
        return f'````{{raw}} html\n<div class="cell-output">{"".join(data["text/html"])}</div>\n````'
    return f"````text\n{''.join(data['text/plain'])}\n````"


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the kind of page."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
