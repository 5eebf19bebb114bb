"""Turns the types of a results file into a JSON Schema of its lines, for programs in other languages."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any

import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings, Probe
from rsc_bench.harness.records.gpu_trace import Energy, GpuTrace
from rsc_bench.harness.records.lines import Head, Line, RecordLine
from rsc_bench.harness.records.measurement import PARTS
from rsc_bench.harness.records.run import SCHEMA, Round

_DESCRIBED: tuple[type[msgspec.Struct], ...] = (Case, Ceilings, Probe, Energy, GpuTrace, Head, RecordLine, Round)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one line of a results file, each field with its description."""
    tree = msgspec.json.schema(Line)
    definitions = tree["$defs"]
    for kind in _DESCRIBED:
        _describe(definitions[kind.__name__], kind)
    for part in PARTS.values():
        _describe(definitions["Flat"], part)
    title = f"A line of a results file of rsc-bench, schema {SCHEMA}: the run first, then rounds, each followed by its records"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **tree}


def _describe(definition: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    """Put the docstring under each field of a type beside the field of its name on disk."""
    on_disk = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    for name, text in _docstrings(kind).items():
        definition["properties"][on_disk[name]].setdefault("description", text)


def _docstrings(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The text that stands under each field in the source of a type."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value) if isinstance(below.value, ast.Constant) else None
            if isinstance(text, str):
                found[field.target.id] = re.sub(r"\bNone\b", "null", " ".join(text.split()))  # as JSON calls it
    return found
