"""Turns the table into small tables for a reader: speedups first, and no column that says the same in every row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rsc_bench.harness.compare.trained.candidates import AS_LONG, EXACT_EPOCHS
from rsc_bench.harness.compare.trained.controls import Earned, Held
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.case import GROWTH, SDDMM
from rsc_bench.reports.numbers.tidy import says_against
from rsc_bench.reports.tables.frames import IDENTITY
from rsc_bench.reports.tables.rows import MEMORY_SETTING
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Trained, earned, failed_beside, settings
from rsc_bench.text import NEVER

if TYPE_CHECKING:
    import pandas as pd

PRODUCTS = ("speedup", "speedup vs vendor", "speedup vs torch-sparse", "latency", "error")
"""The metrics of a product that a reader is shown where none is chosen."""
TRAININGS = ("speedup vs PyG", "speedup", "test metric", "metric drop", "epoch")
"""Those of a training."""
FIELDS = (
    "file",
    "machine",
    "graph",
    "model",
    "layers",
    "epochs",
    "recipe",
    "metric name",
    "width",
    "dtype",
    "device",
    "clock",
    "reduce",
    MEMORY_SETTING,
    "kernel",
    "budget",
    "variant",
    "seed",
)
"""What of a case a reader is shown, where it differs between the rows; in this order."""
ALWAYS = ("kernel",)
DOTS = "dot products"
"""What the cases of the suite ``sddmm`` are called; they aggregate nothing."""
CONTROLS = "sampling against controls at equal time"
_CONTROLS_SAY = (
    "points of test metric at the time that the sampled training took",
    "earned = sampled - best control, with bounds that hold for all controls at once (95 %)",
)
_LACKS_SAY = "a control that lacks seeds, and earned against it: over the seeds that both have"
_EARLY_SAY = "*: through before the time was up, and trained no longer (`recommend` says when)"
_SAID_ONCE = {"width": "width {}", "layers": "{} layers", "epochs": "{} epochs", "budget": "C = {}", "seed": "seed {}"}
_SAID_ONCE |= {"reduce": "{} aggregation", "metric name": "test metric: {}"}
_SAID_ONCE |= {"clock": "clock {}", "model": "model {}", "recipe": "recipe {}", "variant": "variant {}"}


@dataclass(frozen=True)
class Reading:
    """One table for a reader: all of its cells are text."""

    title: str
    """``products``, ``trainings``, ``dot products``, ``growing products``, `CONTROLS`."""
    cells: pd.DataFrame
    """A row a case: by what the cases compute, the fastest first; of `CONTROLS` a row for each sampled setting of a training."""
    numbers: frozenset[str]
    """The columns of numbers, which stand to the right."""
    said_once: tuple[str, ...]
    """What is the same in all rows, in words: ``float32``, ``width 64``, ``speedup against mkl``."""


def readings(table: Table, metrics: Sequence[Metric] = ()) -> list[Reading]:
    """Return a table of the products, one of the trainings, one of SDDMM and one of what grows; without those that have no case.

    Where no metrics are chosen there is one more of what sampled trainings earned over their controls.

    Args:
        table: the cases.
        metrics: in this order; none: those that matter most.
    """
    cases = table.cases
    trained, grows, dots = cases["model"].notna(), cases["suite"] == GROWTH, cases["suite"] == SDDMM
    parts = {"products": ~trained & ~grows & ~dots, "trainings": trained, DOTS: dots, "growing products": ~trained & grows}
    found = {title: cases[chosen] for title, chosen in parts.items() if chosen.any()}
    usual = {"trainings": TRAININGS}
    by_name = {metric.name: metric for metric in table.metrics}
    measured = [
        _reading(title, rows, metrics or [by_name[name] for name in usual.get(title, PRODUCTS) if name in by_name])
        for title, rows in found.items()
    ]
    return measured if metrics else [*measured, *_against_controls(table)]


def unmeasured_line(table: Table) -> str:
    """Return in one sentence how many cases have no number, and why; empty where all have one.

    What is wrong or has failed comes first, each case by its kernel; then the most frequent reasons of the others.
    """
    missing = table.unmeasured
    if not len(missing):
        return ""
    bad = missing[missing["status"] != "skipped"].drop_duplicates(IDENTITY)
    said = [f"{row['kernel']} {row['status']} ({row['reason']})" for row in bad.to_dict("records")]
    left = missing[missing["status"] == "skipped"]
    counted = Counter(left["reason"]).most_common(3)
    said += [f"{count} skipped ({reason})" for reason, count in counted]
    more = len(left) - sum(count for _, count in counted)
    return f"not measured: {'; '.join(said)}" + (f"; and {more} more skipped" if more else "")


def _reading(title: str, rows: pd.DataFrame, metrics: Sequence[Metric]) -> Reading:
    import pandas as pd

    shown = [metric for metric in metrics if rows[metric.name].notna().any()]
    differ, once = _fields(rows, ALWAYS, ("reduce",) if title == DOTS else ())
    rows = rows.sort_values(_order(differ, shown), ascending=_ascending(differ, shown), kind="stable")
    columns: dict[str, Any] = {name: [_text(value) for value in rows[name]] for name in differ}
    numbers: set[str] = {name for name in ("width", "layers", "epochs", "budget", "seed") if name in differ}
    for metric in shown:
        head = f"{metric.name} [{metric.unit}]" if metric.unit else metric.name
        columns[head] = [_number(value) for value in rows[metric.name]]
        numbers.add(head)
        if metric is shown[0] and (rows["rounds"] > 1).any():
            columns["its range"] = list(map(_range, rows[f"{metric.name} low"], rows[f"{metric.name} high"]))
            numbers.add("its range")
        if says_against(metric):
            against = rows[f"{metric.name} against"].astype(object)
            if against.nunique() > 1:
                columns[f"{metric.name} against"] = [_text(value) for value in against]
            elif against.notna().any():
                once.append(f"{metric.name} against {against.dropna().iloc[0]}")
    once.append(_rounds(rows["rounds"].tolist()))
    return Reading(title, pd.DataFrame(columns), frozenset(numbers), tuple(once))


def _against_controls(table: Table) -> Iterator[Reading]:
    """A table of each sampled setting of a training against its controls, over the seeds; none where nothing has one."""
    import pandas as pd

    found = [pair for trained in settings(table.trainings).values() for pair in _earned(table, trained)]
    known = {held.control for _, each in found for held in each.held}
    if not known:
        return
    fields = [name for name in FIELDS if name in table.cases]
    rows = pd.DataFrame([{name: trained.rows[0][name] for name in fields} for trained, _ in found])
    differ, once = _fields(rows, ("budget",), ("seed",))
    columns: dict[str, Any] = {name: [_text(value) for value in rows[name]] for name in differ}
    columns["seeds"] = [f"{each.seeds} of {each.seeds + each.lost}" if each.lost else str(each.seeds) for _, each in found]
    columns["sampled"] = [f"{each.points:.2f}" for _, each in found]
    in_order = dict.fromkeys([AS_LONG, EXACT_EPOCHS, *table.cases["variant"].dropna().unique()])
    for control in (name for name in in_order if name in known):
        columns[control] = [_at_equal_time(each, control) for _, each in found]
    columns["best control"] = [each.best.control if each.best else "" for _, each in found]
    columns["earned"] = [_gain(each.best) if each.best else "" for _, each in found]
    numbers = frozenset(columns) - {*FIELDS, "best control"} | ({"width", "layers", "epochs", "budget"} & {*differ})
    lacks = any(held.seeds < each.seeds for _, each in found for held in each.held)
    early = any(held.ended is not None for _, each in found for held in each.held)
    says = (*_CONTROLS_SAY, *[_LACKS_SAY] * lacks, *[_EARLY_SAY] * early)
    yield Reading(CONTROLS, pd.DataFrame(columns), numbers, (*once, *says))


def _earned(table: Table, trained: Sequence[Trained]) -> Iterator[tuple[Trained, Earned]]:
    lost = failed_beside(table.unmeasured, trained[0].rows[0])
    by_setting = {(each.kernel, each.budget, each.variant): each for each in trained}
    return ((by_setting[each.kernel, each.budget, each.variant], each) for each in earned(trained, lost))


def _at_equal_time(each: Earned, control: str) -> str:
    """The metric of a control in points; of fewer seeds than the sampled training has, or through earlier, it says so."""
    held = next((held for held in each.held if held.control == control), None)
    if held is None:
        return ""
    early = "" if held.ended is None else "*"
    return f"{held.points:.2f}{early}" + (f" ({held.seeds} of {each.seeds} seeds)" if held.seeds < each.seeds else "")


def _gain(held: Held) -> str:
    gain = held.gain
    bounds = "no interval" if gain.low is None or gain.high is None else f"{gain.low:+.2f} to {gain.high:+.2f}"
    return f"{gain.mean:+.2f} [{bounds}]"


def _fields(rows: pd.DataFrame, always: Sequence[str], never: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The fields of the cases that differ between the rows, and in words what is the same in all of them."""
    fields = [name for name in FIELDS if name in rows and name not in never]
    differ = [name for name in fields if name in always or rows[name].nunique(dropna=False) > 1]
    return differ, [_once(name, rows[name].iloc[0]) for name in fields if name not in differ and rows[name].notna().all()]


def _order(differ: Sequence[str], shown: Sequence[Metric]) -> list[str]:
    computed = [name for name in differ if name not in {"kernel", "budget", "variant", "seed"}]
    return [*computed, *([shown[0].name] if shown else []), "kernel"]


def _ascending(differ: Sequence[str], shown: Sequence[Metric]) -> list[bool]:
    return [name not in {metric.name for metric in shown if metric.better == "higher"} for name in _order(differ, shown)]


def _once(name: str, value: Any) -> str:
    return _SAID_ONCE.get(name, "{}").format(_text(value))


def _rounds(counts: Iterable[int]) -> str:
    low, high = min(found := list(counts)), max(found)
    return f"medians over {low if low == high else f'{low} to {high}'} rounds" if high > 1 else "one round"


def _text(value: Any) -> str:
    """A field of a case: absent ones are empty, whole numbers have no point."""
    if value is None or value != value:  # noqa: PLR0124  (NaN)
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """A value of a metric, with the three digits that a reader compares."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return NEVER
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".") if value else "0"


def _range(low: float, high: float) -> str:
    return f"{_number(low)} – {_number(high)}" if _number(low) else ""
