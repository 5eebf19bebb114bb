"""Turns the table into a tidy frame for other programs: one row a case, plain values, units in the names of the columns."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from rsc_bench.harness.metrics import Metric, call_s
from rsc_bench.harness.records.case import Case
from rsc_bench.reports.tables.frames import IDENTITY, metric_columns
from rsc_bench.reports.tables.table import Table

if TYPE_CHECKING:
    import pandas as pd

KEY = Case.__struct_fields__
"""The columns that say which case a row is."""
WHOLE = ("width", "layers", "seed", "epochs", "nnz", "pairs")
"""Columns of whole numbers, of which a case may have none."""
# How a unit is written in the name of a column, where it has letters that a program would have to quote.
_UNITS = {"%": "percent", "µs": "us", "°C": "celsius"}


def tidy(table: Table, metrics: Sequence[Metric] = ()) -> pd.DataFrame:
    """Return a row for each case, measured or not, of all files.

    Its columns are the fields of the case; ``status`` and ``reason``: ``ok``, or why there is no number in some or all of the
    rounds; the ``rounds`` that have a measurement; of a training the name of its test metric; and of each metric its median over
    the rounds, the lowest and the highest (``latency_ms``, ``latency_ms_low``, ``latency_ms_high``) and, of a speedup, the kernel
    it is ``against``. What is absent is NaN or None; what can be never (`Metric.can_be_never`) is infinite.

    Args:
        table: the cases.
        metrics: in this order; none: every metric that a case has a value of.
    """
    import pandas as pd

    chosen = list(metrics) or [each for each in table.metrics if table.cases[each.name].notna().any()]
    own = table.cases[["file", "machine", IDENTITY, *KEY, "nnz", "pairs", "rounds", *(["metric name"] if table.trainings else [])]]
    measured = _plain(own.rename(columns={"metric name": "metric_name"})).assign(status="ok")
    columns = {new: _values(table.cases[old]) for metric in chosen for old, new in _named(metric).items()}
    measured = pd.concat([measured, pd.DataFrame(columns, index=measured.index)], axis=1)
    found = _with_reasons(measured, _plain(table.unmeasured[["file", "machine", IDENTITY, *KEY, "status", "reason"]]))
    first = [*KEY, "status", "reason", "rounds", "nnz", "pairs", *(["metric_name"] if table.trainings else [])]
    files = ["file"] * (len(table.sources) > 1)
    return found.reindex(columns=[*first, *columns, "machine", *files]).astype({"rounds": int})


def name_of(metric: Metric) -> str:
    """Return the name of a metric's column, with its unit: ``latency_ms``, ``bandwidth_GB_per_s``."""
    unit = _UNITS.get(metric.unit, metric.unit.replace("/", "_per_"))
    return "_".join(filter(None, (re.sub(r"\W+", "_", text).strip("_") for text in (metric.name, unit))))


def says_against(metric: Metric) -> bool:
    """Return whether a metric is a ratio to a baseline, or chooses one by a rule of its own: its kernel must be said."""
    return "speedup" in metric.name or metric.fastest_by is not call_s


def _named(metric: Metric) -> dict[str, str]:
    """The columns of a metric in the table, and what they are called in the frame."""
    value, low, high, against = metric_columns(metric)
    own = name_of(metric)
    names = {value: own, low: f"{own}_low", high: f"{own}_high"}
    return names | ({against: f"{own}_against"} if says_against(metric) else {})


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of whole numbers and texts, in place of codes and of floats that stand for whole numbers."""
    return frame.apply(_values)


def _values(column: pd.Series) -> pd.Series:
    import pandas as pd

    if column.dtype == "category":
        return column.astype(object).where(column.notna(), None)
    if column.name in WHOLE:
        return pd.to_numeric(column, errors="coerce").astype("Int64")
    return pd.to_numeric(column) if column.name == "budget" else column


def _with_reasons(measured: pd.DataFrame, missing: pd.DataFrame) -> pd.DataFrame:
    """The measured cases with the reason of rounds without a number, and below them those that have none in any round."""
    import pandas as pd

    known: dict[Hashable, int] = {key: place for place, key in enumerate(_keys(measured))}
    reasons: list[Any] = [None] * len(measured)
    rest: dict[Hashable, int] = {}
    for place, key in enumerate(_keys(missing)):
        if key in known:
            reasons[known[key]] = missing["reason"].iat[place]
        else:
            rest[key] = place
    found = measured.assign(reason=pd.Series(reasons, dtype=object, index=measured.index))
    below = missing.iloc[list(rest.values())].assign(rounds=0)
    return pd.concat([found, below], ignore_index=True) if rest else found


def _keys(frame: pd.DataFrame) -> list[Hashable]:
    """What tells the rows apart."""
    return list(frame[["file", IDENTITY]].itertuples(index=False, name=None))
