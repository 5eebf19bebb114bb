"""Turns results files into one HTML page that needs no network: text, figures, the table of all cases, all data inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rsc_bench.files import refusal, write_whole
from rsc_bench.harness.compare.trained.drop import MIN_SEEDS
from rsc_bench.harness.metrics.training import MAX_DROP_POINTS
from rsc_bench.harness.records.case import SDDMM
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.harness.records.run import uncollected
from rsc_bench.plugins import load
from rsc_bench.reports.drawing.stored import as_json, embedded, packed, stored
from rsc_bench.reports.drawing.theme import DARK, FONT, LIGHT, template
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.page.cases import columns, shared
from rsc_bench.reports.page.headline import headlines
from rsc_bench.reports.page.training_headline import training_headlines
from rsc_bench.reports.page.unknown import unknown
from rsc_bench.reports.page.unmeasured import lost, unmeasured
from rsc_bench.reports.page.unspent import unspent
from rsc_bench.reports.tables.runs import latest
from rsc_bench.reports.tables.sources import Source
from rsc_bench.reports.tables.table import Refuse, Table, read_files, refused
from rsc_bench.text import call

_HERE = Path(__file__).parent
SCRIPTS = ("data.js", "page.js", "table.js")
FOLLOW = "follow.js"
"""Of a page that is drawn again and again: stands before the data and plotly, so that the reader sees no jump."""


@dataclass(frozen=True)
class Again:
    """What a page says that is drawn again and again, and does to show it."""

    as_of: str
    """When its files were looked at."""
    reload_s: float | None
    """Seconds after which there may be another page; None: it is the last one, which only leaves its reader where he was."""


def write(paths: list[Path], output: Path, again: Again | None = None, refuse: Refuse = refused) -> tuple[Source, ...]:
    """Write the page for results files to `output`, whole or not at all, and return what is on it.

    Where `refuse` returns instead of raising, the page is that of the other files, and nothing is written where there are none.

    Raises `ResultsError` for a file that cannot be read as results, and for an output that cannot be written.
    """
    if not paths:
        raise ResultsError("report: at least one results file is needed (got none): give the path of a results file")
    if output.resolve() in {path.resolve() for path in paths}:
        raise ResultsError(f"{output}: the page would overwrite the results it is drawn from: give another --output path")
    with uncollected():
        table = read_files(paths, refuse)
        if not table.sources:
            return ()
        page = render(table, again)
    try:
        write_whole(output, page)
    except OSError as error:
        raise ResultsError(f"{output}: cannot be written ({refusal(output, error)}): give another --output path") from None
    return table.sources


def render(table: Table, again: Again | None = None) -> str:
    """Return the page of a table as HTML; with `again`, as one that will be drawn again."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"times": times, "points": points}
    return environment.get_template("page.html.jinja").render(_content(table) | {"again": again} | _scripts(again))


def times(value: float | None) -> str:
    """Return a speedup as it is printed, with three digits; a dash where it is absent."""
    if value is None:
        return "–"
    return f"{value:,.0f}×" if value >= 1000 else f"{value:#.3g}".rstrip(".") + "×"


def points(value: float | None) -> str:
    """Return points of a metric as they are printed; a dash where they are absent."""
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _content(table: Table) -> dict[str, Any]:
    found = load("figure")
    last = latest(table)
    figures = list(_drawn(found.values(), table, last))
    data = {
        "figures": {figure.name: drawing for figure, drawing in figures},
        "templates": {"light": template(LIGHT), "dark": template(DARK)},
        "columns": list(map(as_json, columns(table))),
    }
    return _trusted(data) | {
        "sources": table.sources,
        "cases": len(table.cases),
        "headlines": headlines(last),
        "training_headlines": training_headlines(last),
        "before": len(table.cases) - len(last.cases),
        "namesakes": table.namesakes,
        "products": len(table.products) + len(table.growing),
        "dots": bool((table.cases["suite"] == SDDMM).any()),
        "kept": bool(table.cases["freed_memory"].notna().any()),
        "max_drop": MAX_DROP_POINTS,
        "min_seeds": MIN_SEEDS,
        "recommend": call("recommend"),
        "figures": [figure for figure, _ in figures],
        "missing": found.missing,
        "shared": shared(table),
        "unmeasured": unmeasured(table),
        "lost": lost(table),
        "unspent": unspent(table),
        "unknown": unknown(table),
        "font": FONT,
        "schemes": {"light": asdict(LIGHT), "dark": asdict(DARK)},
    }


def _trusted(data: dict[str, Any]) -> dict[str, Any]:
    """The files of this folder, plotly's own, and JSON without any markup; everything else on the page is escaped."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    plain = embedded(data)
    short = packed(plain)
    return {
        "css": Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704
        "plotly": Markup(get_plotlyjs()),  # noqa: S704
        "packed": short is not None,
        "data": Markup(short or plain),  # noqa: S704
    }


def _scripts(again: Again | None) -> dict[str, Any]:
    from markupsafe import Markup

    text = {name: Markup((_HERE / name).read_text(encoding="utf-8")) for name in (*SCRIPTS, FOLLOW)}  # noqa: S704
    return {"scripts": [text[name] for name in SCRIPTS], "follow": text[FOLLOW] if again else None}


def _drawn(figures: Iterable[Figure], table: Table, last: Table) -> Iterator[tuple[Figure, Any]]:
    from plotly.basedatatypes import BaseFigure

    every_run = table.escaped()
    last_run = every_run if last is table else last.escaped()
    for figure in sorted(figures, key=lambda figure: (figure.order, figure.name)):
        drawing = figure.draw(every_run if figure.every_run else last_run)
        if drawing is not None:
            yield figure, as_json(stored(figure.answer("draw", BaseFigure, drawing)))
