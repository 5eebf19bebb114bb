"""Writes an object for each case as JSON."""

from __future__ import annotations

import math

from rsc_bench.harness.metrics import Metric
from rsc_bench.reports.exports import Export
from rsc_bench.reports.numbers.results import Results
from rsc_bench.reports.numbers.tidy import tidy
from rsc_bench.text import NEVER, plain_json


def render(results: Results, metrics: tuple[Metric, ...]) -> str:
    """Return a list of objects, one a line; what is absent is null, and what is never a word, for JSON has no infinity."""
    import msgspec

    frame = tidy(results.table, metrics)
    endless = [name for name in frame.select_dtypes("float") if (frame[name] == math.inf).any()]
    # Not by pandas, which writes 15 digits behind the point: nothing is left of an error of 1e-16.
    frame = frame.astype(object).where(frame.notna(), None)
    frame[endless] = frame[endless].replace(math.inf, NEVER)
    lines = [msgspec.json.encode(record).decode() for record in frame.to_dict("records")]
    return plain_json("[" + ",\n".join(lines) + "]\n")


EXPORT = Export("json", "An object for each case, in a list.", ".cases.json", render, begins='[{"suite":')
