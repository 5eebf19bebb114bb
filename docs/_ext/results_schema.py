"""Adds the schema of results files to the guide: tables of fields, and the whole as JSON Schema, both from the program's types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tables import literal, table

from rsc_bench.harness.records.measurement import PARTS
from rsc_bench.harness.records.schema import schema

FILE = "results-line.schema.json"
"""Stands beside the page in the built guide."""
HEADINGS = ("field", "type", "what it is")
Schema = dict[str, Any]


class ResultsFields(SphinxDirective):
    """A table of the fields of one type; of ``measurement`` one for each part."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the tables."""
        definitions = schema()["$defs"]
        name = self.arguments[0]
        if name != "measurement":
            return [self._table(definitions[name])]
        return [node for part in PARTS.items() for node in self._part(*part, definitions["Flat"])]

    def _part(self, name: str, struct: type[msgspec.Struct], flat: Schema) -> list[nodes.Node]:
        fields = struct.__struct_encode_fields__
        own = {"properties": {field: flat["properties"][field] for field in fields}, "required": flat["required"]}
        return [nodes.rubric("", name), *self.parse_text_to_nodes(struct.__doc__ or ""), self._table(own)]

    def _table(self, definition: Schema) -> nodes.table:
        required = definition["required"]
        rows = [(literal(name), _kind(entry), _text(entry, name in required)) for name, entry in definition["properties"].items()]
        return table(self, HEADINGS, rows, (20, 20, 60))


def _text(entry: Schema, required: bool) -> str:
    """What a field is, and what it is where a line does without it."""
    text = entry.get("description", "")
    return text if required else f"{text} *If absent:* {literal(json.dumps(entry.get('default')))}.".strip()


def _kind(entry: Schema) -> str:
    """A type in words: ``list of number, or null``."""
    if "anyOf" in entry:
        return ", or ".join(_kind(each) for each in entry["anyOf"])
    if "$ref" in entry:
        return literal(entry["$ref"].rpartition("/")[2])
    if "enum" in entry:
        return " or ".join(literal(each) for each in entry["enum"])
    if entry.get("type") == "array":
        return f"list of {_kind(entry.get('items', {}))}"
    if isinstance(entry.get("additionalProperties"), dict):
        return f"object of {_kind(entry['additionalProperties'])}"
    return str(entry.get("type", "anything"))


class ResultsSchema(SphinxDirective):
    """The whole schema, folded, and a link to it as a file."""

    def run(self) -> list[nodes.Node]:
        """Return the link and the folded text."""
        link = nodes.reference("", "", nodes.literal("", FILE), refuri=FILE, internal=True)
        return [
            nodes.paragraph("", "", nodes.Text("As a file: "), link, nodes.Text(".")),
            nodes.raw("", '<details class="schema"><summary>The whole schema</summary>', format="html"),
            nodes.literal_block("", json.dumps(schema(), indent=1), language="json"),
            nodes.raw("", "</details>", format="html"),
        ]


def write_file(app: Sphinx, error: Exception | None) -> None:
    """Write the schema beside the page that links to it."""
    if error is None and app.builder.format == "html":
        Path(app.outdir, "reference", FILE).write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives, and the file."""
    app.add_directive("results-fields", ResultsFields)
    app.add_directive("results-schema", ResultsSchema)
    app.connect("build-finished", write_file)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
