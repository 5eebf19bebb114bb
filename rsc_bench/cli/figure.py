"""``figure``: one figure of results files as an image for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsc_bench.cli._options import FILE, unwritable
from rsc_bench.plugins import find, load
from rsc_bench.text import nearest, nearest_is, plain

if TYPE_CHECKING:
    from rsc_bench.reports.figures import Figure
    from rsc_bench.reports.tables.table import Table

FORMS = (".svg", ".pdf", ".png")


def _width(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """The width in inches."""
    from rsc_bench.reports.drawing.printed import WIDTHS_IN

    try:
        inches = WIDTHS_IN.get(text) or float(text)
    except ValueError:
        inches = 0.0
    if not 1 <= inches <= 40:
        raise click.ClickException(f"--width must be column, page, or inches from 1 to 40 (got {text!r}): write --width 3.35")
    return inches


def _where(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise click.ClickException(f"--where must be NAME=VALUE (got {text!r}): write --where width=256")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


@click.command("figure")
@click.argument("name")
@click.argument("results", nargs=-1, required=True, type=FILE)
@click.option("--output", type=FILE, required=True, help="The image; its end says the form: .svg, .pdf or .png.")
@click.option(
    "--width", default="column", show_default=True, metavar="column|page|INCHES", callback=_width,
    help="On paper: 3.35 or 7 inches, or another. Letters are of 8 points in any of them.",
)  # fmt: skip
@click.option(
    "--where", multiple=True, metavar="NAME=VALUE", callback=_where,
    help="Which panel, of a figure that has several: width=256. May be repeated; without it the first.",
)  # fmt: skip
def figure(name: str, results: tuple[Path, ...], output: Path, width: float, where: Mapping[str, str]) -> None:
    """Draw one figure of results files for a paper.

    The figures are those of the page, `rsc-bench list` names them. One panel of it, on white.
    """
    from rsc_bench import files
    from rsc_bench.optional import absent
    from rsc_bench.reports.drawing import printed

    chosen = _named(name)
    _refuse(output, results)
    if not _installed("kaleido"):
        raise click.ClickException(f"figure: {absent('kaleido')}")
    drawing = _drawing(chosen, results)
    try:
        place = printed.chosen(drawing, where)
        content = printed.image(drawing, place, width, output.suffix[1:])
    except printed.FigureError as error:
        raise click.ClickException(f"figure {name}: {error}") from None
    try:
        files.write_whole(output, content)
    except OSError as error:
        raise unwritable(output, error) from None
    click.echo(plain(str(output)))
    for said in (_panel(drawing, place), *_note(drawing, place)):
        if said:
            click.echo(plain(said), err=True)


def _named(name: str) -> Figure:
    try:
        found: Figure = find("figure", name)
    except ValueError:
        known = load("figure")
        near = nearest(name, known)
        more = "" if len(near) == len(known) else f"; all are {', '.join(sorted(known))}"
        raise click.ClickException(f"figure {name!r} is not known: {nearest_is(near)}{more}") from None
    return found


def _refuse(output: Path, results: tuple[Path, ...]) -> None:
    """Refuse an output of another form, or that is one of the files."""
    if output.suffix not in FORMS:
        raise click.ClickException(f"--output must end in {', '.join(FORMS)} (got {str(output)!r}): write figure.svg")
    if output.resolve() in {path.resolve() for path in results}:
        raise click.ClickException(f"{output}: is a results file, and results are never overwritten: give another path")
    if output.is_file() and not _is_image(output):
        raise click.ClickException(f"{output}: is no image, and is not replaced: give another path")


def _is_image(path: Path) -> bool:
    with path.open("rb") as file:
        beginning = file.read(512)
    return not beginning or b"<svg" in beginning or beginning.startswith((b"%PDF", b"\x89PNG"))


def _installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def _drawing(chosen: Figure, results: tuple[Path, ...]) -> Any:
    """The figure with all of its panels; raises one line, with the figures that there are, where it has nothing to draw."""
    from rsc_bench.harness.records.run import uncollected
    from rsc_bench.reports.tables.runs import latest
    from rsc_bench.reports.tables.table import read_files

    with uncollected():
        table = read_files(results)
        last = latest(table)
    drawing = _draw(chosen, table, last)
    if drawing is None:
        others = sorted(name for name, each in load("figure").items() if _draw(each, table, last) is not None)
        has = f"it has data for {', '.join(others)}" if others else "nor for any other figure"
        raise click.ClickException(f"figure {chosen.name}: {', '.join(map(str, results))} has no data for it: {has}")
    return drawing


def _draw(chosen: Figure, table: Table, last: Table) -> Any:
    return chosen.draw((table if chosen.every_run else last).escaped())


def _panel(drawing: Any, place: int) -> str:
    """Which panel was drawn, and what there is to choose; empty where there is one."""
    from rsc_bench.reports.drawing.printed import choices

    there = choices(drawing)
    if not there:
        return ""
    first = drawing.layout.meta["panels"][place]["where"]
    shown = ", ".join(f"{name}={value}" for name, value in first.items())
    return f"shows {shown}; --where chooses: " + "; ".join(f"{name}: {', '.join(values)}" for name, values in there.items())


def _note(drawing: Any, place: int) -> list[str]:
    """What the page says below the panel, which the caption of an image may have to say as well."""
    panels = (drawing.layout.meta or {}).get("panels") or [{}] * (place + 1)
    return [unescape(line) for line in panels[place].get("note", "").splitlines()]


COMMAND = figure
