"""``new``: a plug-in of any kind as a file that works, to be changed into one's own."""

from __future__ import annotations

import keyword
import re
import shlex
from pathlib import Path
from string import Template
from typing import Any

import click

from rsc_bench import plugins
from rsc_bench.cli._options import FILE, unwritable
from rsc_bench.kinds import KINDS
from rsc_bench.text import call, nearest, nearest_is, plain

STARTERS = Path(__file__).resolve().parents[1] / "starters"
"""A text for each kind."""
_SEE = "See it: rsc-bench "


class KindName(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click alone
    """A kind of plug-in."""

    name = "kind"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the kinds."""
        del param, ctx
        return "|".join(KINDS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return a kind that there is; raises one line with the kinds."""
        del param, ctx
        if value not in KINDS:
            near = nearest_is(nearest(value, KINDS))
            raise click.ClickException(f"{value!r} is no kind of plug-in: {near}; all are {', '.join(KINDS)}")
        return str(value)


@click.command("new")
@click.argument("kind", type=KindName())
@click.argument("name")
@click.option("--output", type=FILE, default=Path(), help="The folder of the file, by default this one.")
def new(kind: str, name: str, output: Path) -> None:
    """Write NAME.py, a plug-in of a KIND that works as it is.

    Change it into your own. A file that is there is never overwritten.
    """
    _check(kind, name)
    path = output / f"{name}.py"
    try:
        output.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(starter(kind, name, path))
    except FileExistsError as error:
        if path.exists():
            raise click.ClickException(f"{path}: is there already, and nothing is overwritten: give another name") from None
        raise unwritable(path, error) from None
    except OSError as error:
        raise unwritable(path, error) from None
    click.echo(plain(str(path)))
    click.echo(plain(f"next: {_next(path)}"))


def starter(kind: str, name: str, path: Path) -> str:
    """Return the text of a plug-in of a kind.

    Args:
        kind: as `rsc_bench.kinds.KINDS` calls it.
        name: its name, and that of its file.
        path: the file, which the text says how to see.
    """
    text = (STARTERS / f"{kind}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(name=name, option=_option(name), file=shlex.quote(str(path)))


def _check(kind: str, name: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise click.ClickException(
            f"NAME must be letters, digits and '_', a letter first (got {name!r}): it names a Python file, too"
        )
    found = plugins.load(kind)
    own = _option(name) if kind == "output" else name
    if own in found or own in found.missing or own in KINDS[kind].taken:
        raise click.ClickException(f"{kind} {own!r} is there already: give another name")


def _option(name: str) -> str:
    """The name as it stands in an option."""
    return name.lower().replace("_", "-")


def _next(path: Path) -> str:
    """What its text says how to see it."""
    text = path.read_text(encoding="utf-8")
    return call(next(line.removeprefix(_SEE) for line in text.splitlines() if line.startswith(_SEE)))


COMMAND = new
