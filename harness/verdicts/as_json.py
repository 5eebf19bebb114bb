"""Writes a comparison as JSON, for a program that goes on from the verdicts."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.compare import Comparison, Verdict
from harness.verdicts import MARK, RATIO, headline, remarks


def text(comparison: Comparison) -> str:
    """Return the document: the verdict on the whole, then every case in the order of the base run."""
    tree: dict[str, Any] = {
        "origin": MARK,
        "base": str(comparison.base),
        "new": str(comparison.new),
        "threshold": comparison.threshold,
        "ratio_is": RATIO,
        "exit_status": comparison.exit_status,
        "headline": headline(comparison),
        "counts": dict(comparison.counts) | {"not judged": comparison.not_judged},
        "machines_differ": list(comparison.machines),
        "differences": {name: {"base": old, "new": new} for name, (old, new) in comparison.differences.items()},
        "remarks": list(remarks(comparison)),
        "verdicts": [_verdict(verdict) for verdict in comparison.verdicts],
    }
    return msgspec.json.format(msgspec.json.encode(tree), indent=1).decode() + "\n"


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "case": verdict.case,
        "change": verdict.change,
        "ratio": verdict.ratio,
        "interval": verdict.interval,
        "rounds": {"base": verdict.rounds[0], "new": verdict.rounds[1]},
        "reason": verdict.reason,
    }
