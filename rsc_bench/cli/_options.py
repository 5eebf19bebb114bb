"""Options and arguments that several commands have, and the files that commands write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsc_bench import files, plugins, text

if TYPE_CHECKING:
    from rsc_bench.harness.compare.acceptance import Acceptance
    from rsc_bench.harness.metrics import Metric

FILE = click.Path(path_type=Path)
STDOUT = Path("-")
"""What an option for a file stands for where no file is named."""

RUN_LINE = b'{"run":{'
PAGE_MARK = b'<meta name="generator" content="RSC Bench">'
_FOOTED, _FOOTER_BYTES = b"PAR1", 1 << 20
"""How a Parquet file begins, which says at its end what it is, and where it came from."""


def _add_plugins(_context: click.Context, _parameter: click.Parameter, paths: tuple[Path, ...]) -> None:
    for path in paths:
        plugins.REGISTRY.add_file(path)


def load_plugins(arguments: Sequence[str]) -> None:
    """Load what ``--plugin`` names in a command line, before the options that it may add are looked for."""
    ours = list(takewhile(lambda argument: argument != "--", arguments))
    paths = [value for option, value in pairwise(ours) if option == "--plugin"]
    paths += [argument.partition("=")[2] for argument in ours if argument.startswith("--plugin=")]
    for path in paths:
        plugins.REGISTRY.add_file(Path(path))


PLUGIN = click.Option(
    ["--plugin"],
    type=FILE,
    multiple=True,
    expose_value=False,
    is_eager=True,
    callback=_add_plugins,
    metavar="FILE.py",
    help="Load the plug-ins in a Python file of yours. May be repeated.",
)


def share(_context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return an option's value as a number: ``5%`` or ``0.05``."""
    if value is None:
        return None
    found = text.share(value)
    if not 0 < found < 1:
        raise click.ClickException(f"{parameter.opts[0]} must be above 0% and below 100% (got {value!r}): write 5% or 0.05")
    return found


def given_metrics(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, float | None]:
    """Return the metrics by name, each with its own margin or None: ``memory``, ``memory=1%``, ``accuracy=0.5``."""
    if not texts:
        return {}
    from rsc_bench.harness.compare.criteria import criteria

    metrics = {}
    for each in texts:
        name, given, margin = each.partition("=")
        if name in metrics:
            raise click.ClickException(f"--metric {name}: must be given once, with one margin (got it twice)")
        metrics[name] = text.share(margin) if given else None
    try:
        criteria(0.5, metrics)
    except ValueError as error:
        raise click.ClickException(f"--metric: {error}") from None
    return metrics


def given_names(names: tuple[str, ...]) -> tuple[Metric, ...]:
    """Return the metrics of these names, each once; raises one line with the nearest for a name that is not known."""
    try:
        return tuple(plugins.find("metric", name) for name in dict.fromkeys(names))
    except ValueError as error:
        raise click.ClickException(f"--metric: {error}") from None


def given_across(_context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]) -> frozenset[str]:
    """Return what ``--across`` names; raises one line for what cannot be crossed."""
    if not names:
        return frozenset()
    from rsc_bench.harness.compare.obstacles import check_across

    try:
        check_across(names)
    except ValueError as error:
        raise click.ClickException(f"--{error}") from None
    return frozenset(names)


def given_rule(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    """Return the name of a decision rule that there is."""
    try:
        plugins.find("rule", name)
    except ValueError as error:
        raise click.ClickException(f"--rule: {error}") from None
    return name


def given_acceptances(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[Acceptance, ...]:
    """Return what ``--accept`` says."""
    if not texts:
        return ()
    from rsc_bench.harness.compare.acceptance import AcceptanceError, from_text

    try:
        return tuple(from_text(each) for each in texts)
    except AcceptanceError as error:
        raise click.ClickException(str(error)) from None


def given_acceptance_file(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> tuple[Acceptance, ...]:
    """Return what the file of acceptances says: the one that is named, or the usual one where it is there."""
    from rsc_bench.harness.compare import ACCEPTANCES

    if path is None and not ACCEPTANCES.exists():
        return ()
    from rsc_bench.harness.compare.acceptance import AcceptanceError, from_file

    try:
        return from_file(path or ACCEPTANCES)
    except AcceptanceError as error:
        raise click.ClickException(str(error)) from None


def output_option(name: str, summary: str) -> Callable[[Any], Any]:
    """Return the option ``--NAME [FILE]`` for one form of what a command says: into FILE, or without one in place of the text."""
    return click.option(
        f"--{name}",
        f"as_{name}",
        is_flag=False,
        flag_value=str(STDOUT),
        is_eager=True,  # before an argument is missed that this option has taken
        callback=no_results_file,
        type=FILE,
        metavar="[FILE]",
        help=summary,
    )


def no_results_file(_context: click.Context, parameter: click.Parameter, target: Path | None) -> Path | None:
    """Return the FILE of an option that need not have one; refuse a results file that only stands behind it."""
    if target is not None and target.suffix == ".jsonl":
        option = parameter.opts[0]
        raise click.ClickException(f"{target}: is a results file, and results are never overwritten: put {option} last")
    return target


json_option = output_option("json", "As JSON, for a program: into FILE, or without one in place of the text.")


def show(as_text: Callable[[], str], as_tree: Callable[[], dict[str, Any]], as_json: Path | None) -> None:
    """Print the text of a command; with ``--json`` print the tree in its place, with ``--json FILE`` write it beside.

    What is not shown is not made. Whether FILE may be written is for `guard_shown` to say first.
    """
    if as_json == STDOUT:
        click.echo(json_text(as_tree()), nl=False)
        return
    if as_json is not None:
        write(as_json, json_text({"origin": files.MARK, **as_tree()}))
    click.echo(as_text(), nl=False)


def guard_shown(as_json: Path | None, inputs: Iterable[Path] = ()) -> None:
    """Refuse a FILE of ``--json`` that must not be written over, before any work is done for it."""
    if as_json is not None and as_json != STDOUT:
        guard(as_json, inputs)


def json_text(tree: dict[str, Any]) -> str:
    """Return JSON types as the text of a file, an entry a line, which may also be shown in a terminal."""
    import msgspec

    return text.plain_json(msgspec.json.format(msgspec.json.encode(tree), indent=1).decode() + "\n")


def guard(target: Path, inputs: Iterable[Path], begins: bytes = b"") -> None:
    """Refuse to write over results, and over any file that we did not write.

    Args:
        target: the file to be written.
        inputs: what it is made from.
        begins: how a file of ours begins, of a form without a place for our mark.
    """
    try:
        beginning, end = _ends(target)
    except OSError as error:
        raise unwritable(target, error) from None
    inside = target.resolve() in [path.resolve() for path in inputs]
    if target.suffix == ".jsonl" or inside or beginning.startswith(RUN_LINE):
        raise click.ClickException(f"{target}: is a results file, and results are never overwritten: give another path")
    ours = PAGE_MARK in beginning or files.MARK.encode() in beginning + end or bool(begins and beginning.startswith(begins))
    if beginning and not ours:
        raise click.ClickException(f"{target}: was not written by this program, and is not replaced: give another path")


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first and the last bytes of a file, where a mark may be; empty where there is none."""
    if not path.is_file():
        return b"", b""
    with path.open("rb") as file:
        beginning = file.read(1024)
        file.seek(max(0, path.stat().st_size - _FOOTER_BYTES))
        return beginning, file.read() if beginning.startswith(_FOOTED) else b""


def write(target: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; raises one line where it cannot be written."""
    try:
        files.write_whole(target, content)
    except OSError as error:
        raise unwritable(target, error) from None


def unwritable(target: Path, error: OSError) -> click.ClickException:
    """Return the line that says why `target` cannot be written."""
    return click.ClickException(f"{target}: cannot be written ({files.refusal(target, error)}): give another path")
