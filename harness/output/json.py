"""Writes a comparison as JSON, for a program that goes on from the verdicts: everything that is known of them."""

from __future__ import annotations

from typing import Any

import msgspec

from rsc_bench.harness.compare.comparison import Comparison
from rsc_bench.harness.compare.verdict import Verdict
from rsc_bench.harness.output import Output
from rsc_bench.harness.output.wording import MARK, RATIO, headline, reason_text, remarks
from rsc_bench.text import plain_json

SCHEMA = 1
"""Counts up when a name goes or changes its meaning, not when one is added."""


def text(comparison: Comparison) -> str:
    """Return the document: the verdict on the whole, then every case in the order of the comparison."""
    tree: dict[str, Any] = {
        "origin": MARK,
        "schema": SCHEMA,
        "titles": None if comparison.titles is None else dict(zip(("base", "new"), comparison.titles, strict=True)),
        "base": str(comparison.base),
        "new": str(comparison.new),
        "threshold": comparison.threshold,
        "ratio_is": RATIO,
        "exit_status": comparison.exit_status,
        "headline": headline(comparison),
        "counts": dict(comparison.counts) | {"not judged": comparison.not_judged},
        "accepted": sum(verdict.accepted is not None for verdict in comparison.verdicts),
        "in_both": comparison.in_both,
        "obstacles": comparison.obstacles,
        "across": sorted(comparison.across),
        "differences": {name: {"base": old, "new": new} for name, (old, new) in comparison.differences.items()},
        "unfinished": comparison.unfinished,
        "notes": comparison.notes,
        "remarks": list(remarks(comparison)),
        "environment": comparison.environment,
        "verdicts": [_verdict(verdict) for verdict in comparison.verdicts],
    }
    return plain_json(msgspec.json.format(msgspec.json.encode(tree), indent=1).decode() + "\n")


def _verdict(verdict: Verdict) -> dict[str, Any]:
    """Every field under its own name, the reason in words, and the two sides of `rounds` named."""
    return _fields(verdict) | {"name": str(verdict.case), "rounds": _of_sides(verdict.rounds)}


def _fields(verdict: Verdict) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(verdict)
    parts = [_fields(part) for part in verdict.parts]
    return tree | {"reason": reason_text(verdict.reason) or None, "parts": parts, "values": _of_sides(verdict.values)}


def _of_sides(both: tuple[Any, Any]) -> dict[str, Any]:
    return {"base": both[0], "new": both[1]}


OUTPUT = Output("json", "As JSON, everything that is known.", lambda comparison, _: text(comparison))
