"""Writes an object for each case as JSON."""

from __future__ import annotations

import math

from rsc_bench.harness.metrics import Metric
from rsc_bench.reports.exports import Export
from rsc_bench.reports.numbers.results import Results
from rsc_bench.reports.numbers.tidy import tidy
from rsc_bench.text import NEVER

DIGITS = 15
"""After the point, the most that pandas writes: an error of a float64 kernel is 1e-16 and still no zero."""


def render(results: Results, metrics: tuple[Metric, ...]) -> str:
    """Return a list of objects, one a line; what is absent is null, and what is never a word, for JSON has no infinity."""
    frame = tidy(results.table, metrics)
    endless = [name for name in frame.select_dtypes("float") if (frame[name] == math.inf).any()]
    frame = frame.astype(dict.fromkeys(endless, object)).replace(dict.fromkeys(endless, math.inf), NEVER)
    return "[" + ",\n".join(str(frame.to_json(orient="records", lines=True, double_precision=DIGITS)).splitlines()) + "]\n"


EXPORT = Export("json", "An object for each case, in a list.", ".cases.json", render, begins='[{"suite":')
