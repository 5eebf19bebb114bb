"""Turns a figure of the page into an image for a paper: one panel, as wide as a column, letters of a size that can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any

from rsc_bench.reports.drawing.theme import LIGHT, template
from rsc_bench.text import error_line

if TYPE_CHECKING:
    import plotly.graph_objects as go

WIDTHS_IN = {"column": 3.35, "page": 7.0}
"""Inches: a column of two, and the whole width, of IEEE's and ACM's papers."""
LETTERS_PT = 8.0
"""Size of the letters on paper; of the captions around them it is 8 or 9."""
POINTS_PER_INCH, PIXELS_PER_INCH = 72, 96
"""PostScript's points, and CSS's pixels, in which a browser makes an SVG and a PDF."""
PNG_PER_INCH = 600
"""Dots, as journals ask for line art."""
FLAT = 0.72
"""Height over width, where the figure does not say how high it must be."""
PAPER_FONT = "Helvetica, Arial, Liberation Sans, sans-serif"


class FigureError(Exception):
    """A figure that cannot be made into an image; the message says why and what to do."""


def choices(figure: go.Figure) -> dict[str, list[str]]:
    """Return by dimension what the panels of a figure differ in, in their order: ``{"width": ["256", "64"]}``."""
    found: dict[str, list[str]] = {}
    for panel in _panels(figure):
        for name, value in panel["where"].items():
            found.setdefault(name, [])
            if unescape(value) not in found[name]:
                found[name].append(unescape(value))
    return found


def chosen(figure: go.Figure, where: Mapping[str, str]) -> int:
    """Return the place of the first panel that shows all of `where`; raises `FigureError` with what there is."""
    there = choices(figure)
    for name in where:
        if name not in there:
            raise FigureError(f"its panels do not differ in {name!r}: {_words(there)}")
    for place, panel in enumerate(_panels(figure)):
        if all(unescape(panel["where"].get(name, "")) == value for name, value in where.items()):
            return place
    said = ", ".join(f"{name}={value}" for name, value in where.items())
    raise FigureError(f"it has no panel of {said}: {_words(there)}")


def image(figure: go.Figure, place: int, width_in: float, form: str) -> bytes:
    """Return one panel as the content of an image file.

    Args:
        figure: as `rsc_bench.reports.drawing.panels.assemble` made it, or any figure of plotly, which is one panel.
        place: which panel.
        width_in: width on paper in inches.
        form: ``svg``, ``pdf`` or ``png``.

    Raises `FigureError` where no Chrome or Chromium is found to draw it.
    """
    import kaleido
    from kaleido.errors import ChromeNotFoundError

    drawn = sized(figure, place, width_in)
    # A browser has no points: it draws with letters as on the page, and all of it is made smaller together.
    scale = width_in * (PNG_PER_INCH if form == "png" else PIXELS_PER_INCH) / drawn.layout.width
    asked = {"format": form, "width": drawn.layout.width, "height": drawn.layout.height, "scale": scale}
    try:
        # Not by way of plotly, which has MathJax looked for in the network.
        return bytes(kaleido.calc_fig_sync(drawn.to_plotly_json(), opts=asked, kopts={"mathjax": False}))
    except ChromeNotFoundError:
        raise FigureError("no Chrome or Chromium is found, which draws it: install one, or run `plotly_get_chrome`") from None
    except (RuntimeError, TimeoutError, OSError) as error:
        raise FigureError(f"it cannot be drawn ({error_line(error)})") from error


def sized(figure: go.Figure, place: int, width_in: float) -> go.Figure:
    """Return one panel as a figure whose letters are of `LETTERS_PT` once it is `width_in` inches wide."""
    import plotly.graph_objects as go

    panel, meta = _panels(figure)[place], figure.layout.meta or {}
    look = template(LIGHT)
    look["layout"]["font"]["family"] = PAPER_FONT
    letters_px = look["layout"]["font"]["size"]
    width_px = width_in * POINTS_PER_INCH * letters_px / LETTERS_PT
    traces = [meta["traces"][each] for each in panel["traces"]] if "traces" in meta else list(figure.data)
    drawn = go.Figure({"data": traces, "layout": figure.layout.to_plotly_json() | {"meta": None, "template": look}})
    legend_px = 20 * _legend_rows(traces, width_px)
    height_px = max(panel["height"] or 0, FLAT * width_px + legend_px)
    drawn.update_layout(width=width_px, height=height_px, paper_bgcolor="white", margin={"l": 4, "r": 12, "t": 8, "b": 4})
    for axis, title in panel.get("titles", {}).items():
        drawn.layout[axis].title.text = title
    return drawn


def _panels(figure: go.Figure) -> Sequence[dict[str, Any]]:
    meta = figure.layout.meta or {}
    whole: dict[str, Any] = {"where": {}, "height": None, "traces": list(range(len(figure.data)))}
    found: Sequence[dict[str, Any]] = meta.get("panels", [whole])
    return found


def _legend_rows(traces: Sequence[Any], width_px: float) -> int:
    """How many rows the names of the traces take, each as wide as its letters and its mark."""
    names = {str(trace["name"]) for trace in traces if trace["name"] and trace.get("showlegend") is not False}
    return 1 + int(sum(45 + 7 * len(name) for name in names) / width_px) if len(names) > 1 else 0


def _words(there: Mapping[str, Sequence[str]]) -> str:
    if not there:
        return "it has one panel"
    return "it has " + "; ".join(f"{name} {', '.join(values)}" for name, values in there.items())
