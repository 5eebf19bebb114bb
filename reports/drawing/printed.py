"""Turns a figure of the page into an image for a paper: one panel, as wide as a column, letters of a size that can be read."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape, unescape
from itertools import chain
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
LETTER_PX, ROW_PX = 7.0, 19.0
"""Of the page's letters, which are 13 pixels high: the width of one among others, and the height of a line."""
MARK_PX = 50.0
"""What stands before a name in the legend, and behind it."""
LABELS_PX = 80.0
"""Beside an axis, for the labels of the other one."""
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
    """Return the place of the first panel that shows all of `where`; raises `FigureError` with what there is.

    What all panels share may be said as well: one command draws the same of files that have more and of files that have less.
    """
    there, shared = choices(figure), _shared(figure)
    for name, value in where.items():
        if name not in there and name not in shared:
            raise FigureError(f"its panels know no {name!r}: {_words(there, shared)}")
        if shared.get(name, value) != value:
            raise FigureError(f"it has no panel of {name}={value}: all are of {name}={shared[name]}")
    for place, panel in enumerate(_panels(figure)):
        shows = shared | {name: unescape(value) for name, value in panel["where"].items()}
        if all(shows.get(name, "") == value for name, value in where.items()):
            return place
    said = ", ".join(f"{name}={value}" for name, value in where.items())
    raise FigureError(f"it has no panel of {said}: {_words(there, {})}")


def _shared(figure: go.Figure) -> dict[str, str]:
    """What all panels of a figure have in common."""
    meta = figure.layout.meta or {}
    return {name: unescape(value) for name, value in meta.get("fixed", {}).items()}


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
    # Nobody clicks on it: entries that are switched together would stand in rows of their own.
    drawn.for_each_trace(lambda trace: trace.update(legendgroup=None, name=trace.name and _wrapped(trace.name, width_px - MARK_PX)))
    legend_px = _legend_px([trace.name for trace in drawn.data if trace.name and trace.showlegend is not False], width_px)
    plot_px = max(panel["height"] or 0, FLAT * width_px)
    # Above the drawing plotly gives a legend half of the height at most: of a longer one the rest is cut off.
    height_px = max(plot_px + legend_px, 2.1 * legend_px)
    drawn.update_layout(width=width_px, height=height_px, paper_bgcolor="white", margin={"l": 4, "r": 12, "t": 8, "b": 4})
    drawn.update_layout(legend={"xref": "container", "yref": "container", "x": 0, "xanchor": "left", "y": 1, "yanchor": "top"})
    for axis, title in panel.get("titles", {}).items():
        drawn.layout[axis].title.text = title
    for axis in panel.get("logarithmic", ()):
        drawn.layout[axis].type = "log"
    _fit_titles(drawn, height_px - legend_px)
    below = max((axis.title.text.count("<br>") for axis in drawn.select_xaxes() if axis.title.text), default=0)
    drawn.update_layout(height=height_px + below * ROW_PX)
    return drawn


def _fit_titles(drawn: go.Figure, plot_px: float) -> None:
    """Have the titles of the axes go on in another line where they are longer than their axes."""
    named = max((len(name) for trace in drawn.data for name in _values(trace.y) if isinstance(name, str)), default=0)
    along_px = max(drawn.layout.width / 3, drawn.layout.width - max(LABELS_PX, LETTER_PX * named))
    for axes, room_px in ((drawn.select_xaxes(), along_px), (drawn.select_yaxes(), plot_px - LABELS_PX)):
        for axis in axes:
            if axis.title.text:
                start, end = axis.domain or (0, 1)
                axis.title.text = _wrapped(axis.title.text, (end - start) * room_px)


def _values(given: Any) -> Iterable[Any]:
    return () if given is None else given


def _wrapped(text: str, room_px: float) -> str:
    """A text in lines, each as long as there is room for; those that it has stay."""
    letters = max(10, int(room_px / LETTER_PX))
    lines = (textwrap.wrap(unescape(line), letters, break_on_hyphens=False) for line in text.split("<br>"))
    return "<br>".join(escape(line, quote=False) for line in chain(*lines))


def _legend_px(names: Sequence[str], width_px: float) -> float:
    """The height of a legend: in one row where all names have room in it, else in columns as wide as the longest name."""
    if len(names) < 2:
        return 0.0
    widths = [MARK_PX + LETTER_PX * max(map(len, unescape(name).split("<br>"))) for name in names]
    columns = len(names) if sum(widths) <= width_px else max(1, int(width_px / max(widths)))
    lines = [1 + name.count("<br>") for name in names]
    return ROW_PX + ROW_PX * sum(max(lines[first : first + columns]) for first in range(0, len(lines), columns))


def _panels(figure: go.Figure) -> Sequence[dict[str, Any]]:
    meta = figure.layout.meta or {}
    whole: dict[str, Any] = {"where": {}, "height": None, "traces": list(range(len(figure.data)))}
    found: Sequence[dict[str, Any]] = meta.get("panels", [whole])
    return found


def _words(there: Mapping[str, Sequence[str]], shared: Mapping[str, str]) -> str:
    has = "; ".join(f"{name} {', '.join(values)}" for name, values in there.items())
    has = f"it has {has}" if there else "it has one panel"
    return has + (f"; of all it is {', '.join(f'{name}={value}' for name, value in shared.items())}" if shared else "")
