"""Turns a plotly figure into what the page stores of it: each trace and each style once, no more digits than are worth it."""

from __future__ import annotations

import base64
import math
import zlib
from html import unescape
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 4
"""Beyond these a time is noise; fewer digits keep the page small."""
MOST_LETTERS = 4_000_000
"""Of JSON that stands on a page as it is; more of it is packed."""


def stored(figure: Any) -> dict[str, Any]:
    """Return a figure as the page draws it: layout, what is fixed, panels, traces and the styles that traces share.

    A figure that was not put together by `rsc_bench.reports.drawing.panels.assemble` is one panel with all of its traces.
    """
    meta = figure.layout.meta or {}
    # The meta has all panels: taken out first, it is not copied with the rest.
    figure.layout.meta = None
    drawing = figure.to_plotly_json()
    layout = {key: value for key, value in drawing["layout"].items() if key not in {"template", "meta"}}
    traces = meta.get("traces", drawing["data"])
    panels = meta.get("panels", [{"where": {}, "height": None, "traces": list(range(len(traces)))}])
    styles, slim = _slim(traces)
    return {
        "layout": _rounded(layout),
        "fixed": _whole(meta.get("fixed", {})),
        "panels": [panel | {"where": _whole(panel["where"])} | _said(panel) for panel in panels],
        "styles": _rounded(styles),
        "traces": _rounded(slim),
    }


def _said(panel: dict[str, Any]) -> dict[str, str]:
    return {"note": unescape(panel["note"])} if "note" in panel else {}


def _whole(where: dict[str, str]) -> dict[str, str]:
    """The page shows these as text, not through plotly: they are shown as they are in the file."""
    return {name: unescape(value) for name, value in where.items()}


def _slim(traces: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Split each trace into its lists, which are its own, and its style, which many traces share."""
    styles: dict[str, tuple[int, dict[str, Any]]] = {}
    slim = []
    for trace in traces:
        own = {key: value for key, value in trace.items() if _is_list(value)}
        style = {key: value for key, value in trace.items() if key not in own}
        place, _ = styles.setdefault(repr(style), (len(styles), style))
        slim.append(own | {"style": place})
    return [style for _, style in styles.values()], slim


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) or hasattr(value, "tolist")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return rounded(value) if math.isfinite(value) else None
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if _is_list(value) else value


def as_json(value: Any) -> msgspec.Raw:
    """Return a value as JSON that can stand in a larger one: a page of 100,000 cases is not kept as objects until its end."""
    return msgspec.Raw(msgspec.json.encode(value))


def embedded(value: Any) -> str:
    """Return JSON that can stand in a script element whatever names are in it."""
    text = msgspec.json.encode(value).decode()
    # Inside a script element only markup can end the text early: none is left.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def packed(text: str) -> str | None:
    """Return JSON that is longer than a page can well carry as base64 of its zlib stream; None where it is short enough."""
    if len(text) <= MOST_LETTERS:
        return None
    return base64.b64encode(zlib.compress(text.encode())).decode()


def rounded_all(column: pd.Series) -> list[float | int | None]:
    """Return the numbers of a column with the digits worth keeping, as `rounded` does, None where there is none."""
    import numpy as np

    values = column.to_numpy(dtype=float, na_value=np.nan)
    there = np.isfinite(values)
    distinct, places = np.unique(values[there], return_inverse=True)
    found = np.empty(len(values), dtype=object)
    found[there] = np.array([*map(rounded, distinct.tolist()), None], dtype=object)[places]
    return found.tolist()


def rounded(value: float) -> float | int:
    """Return the number with the digits worth keeping, whole where it is whole."""
    number = float(f"{value:.{DIGITS}g}") if abs(value) < 10**DIGITS else float(round(value))
    return int(number) if number.is_integer() else number
