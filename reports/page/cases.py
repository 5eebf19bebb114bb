"""Turns the table into the compact columns that the page's own table of all cases sorts and filters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rsc_bench.harness.metrics import Metric, call_s
from rsc_bench.harness.records.case import SDDMM
from rsc_bench.reports.drawing.stored import rounded_all
from rsc_bench.reports.tables.frames import NUMBERS
from rsc_bench.reports.tables.rows import MEMORY_SETTING, PRECISION
from rsc_bench.reports.tables.table import Table
from rsc_bench.text import NEVER

if TYPE_CHECKING:
    import pandas as pd

# A drop that counts is a few tenths of a point, of a metric near 100; there is no part of a call.
DECIMALS = {"points": 2, "calls": 0}

OF_TRAINING = ("model", "variant", "recipe", "seed", "layers", "epochs")
FIELDS = (
    "kernel",
    "graph",
    MEMORY_SETTING,
    *OF_TRAINING,
    "width",
    "budget",
    "suite",
    "file",
    "dtype",
    PRECISION,
    "device",
    "clock",
    "reduce",
    "machine",
)
# Long, and the same in all cases of a file: it would push the numbers aside.
LAST = "machine"
FILTERED = ("file", "graph", "model", "variant", "recipe", MEMORY_SETTING, "kernel", "budget", "width", "dtype", PRECISION)
ALWAYS = ("kernel", "graph", "width", "budget")
# What trainings differ in is shown also where there is only one of it.
ALWAYS_OF_TRAINING = ("model", "variant", "seed")


def columns(table: Table) -> list[dict[str, Any]]:
    """Return the columns of the table of all cases, each with its values, or with codes into its distinct texts.

    A field that is the same in every case is left out (`shared` has it), and so is a metric that no case has.
    """
    shown = _shown(table)
    fields = [_field(table.cases, name) for name in shown if name != LAST]
    last = [_field(table.cases, name) for name in shown if name == LAST]
    metrics = [_metric(table.cases, metric) for metric in table.metrics if table.cases[metric.name].notna().any()]
    return [*fields, *_against(table.cases), *metrics, _count(table.cases), *last]


def shared(table: Table) -> dict[str, str]:
    """Return the fields that are the same in every case, and what they are."""
    same = (name for name in _fields(table) if name not in _shown(table) and table.cases[name].notna().all())
    return {name: f"{table.cases[name].iloc[0]}" for name in same if len(table.cases)}


def _shown(table: Table) -> list[str]:
    always = (*ALWAYS, *ALWAYS_OF_TRAINING) if table.trainings else ALWAYS
    varies = (name for name in _fields(table) if table.cases[name].nunique(dropna=False) > 1)
    present = (name for name in always if name not in OF_TRAINING or table.cases[name].notna().any())
    chosen = {*varies, *present}
    return [name for name in FIELDS if name in chosen]


def _fields(table: Table) -> list[str]:
    """The fields of a case, its suite only where the same product may be one of two, or a case is none: else the budget says it."""
    told = bool(table.growing) or bool((table.cases["suite"] == SDDMM).any())
    return [name for name in FIELDS if name != "suite" or told]


def _field(cases: pd.DataFrame, name: str) -> dict[str, Any]:
    head = {"name": name, "label": name, "summary": "", "filter": name in FILTERED, "lead": False}
    if name in NUMBERS:
        return head | {"values": rounded_all(cases[name])}
    return head | _coded(cases[name])


def _against(cases: pd.DataFrame) -> list[dict[str, Any]]:
    if "speedup against" not in cases or not cases["speedup against"].notna().any():
        return []
    summary = "The kernel that speedup is quoted against: the fastest exact one of each round."
    head = {"name": "against", "label": "against", "summary": summary, "filter": False, "lead": False, "search": False}
    return [head | _coded(cases["speedup against"])]


def _count(cases: pd.DataFrame) -> dict[str, Any]:
    summary = "Rounds that the medians rest on."
    return {
        "name": "rounds",
        "label": "rounds",
        "summary": summary,
        "filter": False,
        "lead": False,
        "values": cases["rounds"].tolist(),
    }


def _metric(cases: pd.DataFrame, metric: Metric) -> dict[str, Any]:
    name = metric.name
    column = {
        "name": name,
        "label": metric.label,
        "summary": metric.summary,
        "filter": False,
        "lead": name == "speedup",
        "measured": True,
    }
    if metric.unit in DECIMALS:
        column["decimals"] = DECIMALS[metric.unit]
    if metric.can_be_never:
        column["never"] = True
    column["values"] = _numbers(cases[name])
    low, high = cases[f"{name} low"], cases[f"{name} high"]
    if not low.equals(high) and (ends := (_numbers(low), _numbers(high)))[0] != ends[1]:
        column |= dict(zip(("low", "high"), ends, strict=True))
    # A speedup, and what has a baseline of its own.
    if "speedup" in name or metric.fastest_by is not call_s:
        column["against"] = _coded(cases[f"{name} against"])
    return column


def _numbers(column: pd.Series) -> list[float | int | str | None]:
    """The numbers with the digits worth keeping; JSON has no infinity, which is a word to the page's script."""
    numbers: list[float | int | str | None] = [*rounded_all(column)]
    for place in (column == math.inf).to_numpy().nonzero()[0].tolist():
        numbers[place] = NEVER
    return numbers


def _coded(column: pd.Series) -> dict[str, Any]:
    """The distinct texts in ascending order, and for each row the place of its own; an absent one is empty."""
    known = [*map(str, column.cat.categories), ""]
    codes = column.cat.codes.to_numpy()
    distinct = {text: place for place, text in enumerate(sorted({known[code] for code in set(codes.tolist())}))}
    places = [distinct.get(text, 0) for text in known]
    return {"texts": list(distinct), "codes": [places[code] for code in codes.tolist()]}
