"""``ab``: two revisions measured in turns on this machine, then compared."""

from __future__ import annotations

import contextlib
import shlex
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click

from rsc_bench.cli._options import FILE
from rsc_bench.cli.compare import Judging, JudgingCommand, judging_options
from rsc_bench.plugins import REGISTRY
from rsc_bench.text import plain


def _words(_context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Return a command as its words, as a shell would take it apart."""
    try:
        words = tuple(shlex.split(text or ""))
    except ValueError as error:
        raise click.ClickException(f"{parameter.opts[0]} must be a command (got {text!r}: {error}): close its quotes") from None
    if text is not None and not words:
        raise click.ClickException(f"{parameter.opts[0]} must be a command (got {text!r}): leave the option out")
    return words


STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Ctrl-C, a job that is cancelled, a terminal that is closed; Windows has no such thing as the last."""
ROUNDS = 9
FOLDER = Path("results")
MEASURED = click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...|OPTIONS OF THE SUITES...]")
SET_UP = click.option(
    "--set-up",
    callback=_words,
    metavar="'COMMAND'",
    help="Run it once in each checkout before the first round, as a build of what is not only Python.",
)


@click.command("ab", cls=JudgingCommand)
@click.option("--base", "base_revision", required=True, help="Commit, branch or tag to compare against.")
@click.option("--new", "new_revision", help="The one that is judged (default: the working tree, uncommitted changes too).")
@click.option("--rounds", type=click.IntRange(min=1), default=ROUNDS, show_default=True, help="Rounds of each.")
@click.option("--output", type=FILE, default=FOLDER, show_default=True, help="Folder of the results.")
@SET_UP
@MEASURED
@judging_options
def ab(  # noqa: PLR0913  (an argument an option)
    base_revision: str,
    new_revision: str | None,
    rounds: int,
    output: Path,
    set_up: tuple[str, ...],
    words: tuple[str, ...],
    judging: Judging,
) -> int:
    """Measure two revisions in turns, and judge NEW against BASE.

    Rounds alternate between the two; then they are judged as `compare` does it.

    Each is checked out into a folder of its own, removed at the end; your files, index, stash and branches stay as they
    are.

    A COMMAND behind -- is run there for each round, in any repository: -- pytest benchmarks/
    It is pytest with pytest-benchmark, prints one time at its end (12.3 ms), or writes pytest-benchmark's JSON to the file that
    {file} stands for.

    Options behind -- go to `pytest suites/ --benchmark`: -- --graph twin:reddit2@0.1 --width 64
    A --kernel that only one of the two has is new or missing, and the rest is judged.

    Exit status: 0 nothing slower; 1 slower, missing or broken; 2 bad usage, or it could not be measured; 3 cannot be judged.
    """
    files = results_files(output, "ab", ("base", "new"))
    judging.check_targets(files)  # now: not after all the measuring
    with measuring(files):
        _measure((base_revision, new_revision), files, Asked(rounds, set_up, words))
    status = judging.judge(files[:1], files[1:])
    if status == 1 and rounds < ROUNDS:
        say(f"by {rounds} rounds, processes that differ from run to run can look slower: take {ROUNDS}, or more, to be sure")
    return status


@dataclass(frozen=True)
class Asked:
    """What a user wants to be measured, of each of two sides."""

    rounds: int
    """Of each."""
    set_up: tuple[str, ...]
    """A command to be run once in each checkout; empty: none."""
    words: tuple[str, ...]
    """What stands behind ``--``."""


def _measure(revisions: tuple[str, str | None], files: list[Path], asked: Asked) -> None:
    from rsc_bench.harness.ab import Side
    from rsc_bench.harness.ab.checkouts import checkouts, find, root_of
    from rsc_bench.harness.ab.commands import for_sides, is_program
    from rsc_bench.harness.ab.options import SUITES
    from rsc_bench.harness.ab.session import Plan, measure

    root, program = root_of(Path.cwd()), is_program(asked.words)
    sources = [find(root, revision, None if program else Path(SUITES)) for revision in revisions]
    names = [f"{role} ({source.name})" for role, source in zip(("base", "new"), sources, strict=True)]
    within = Path.cwd().relative_to(root) if program else Path()
    with checkouts(root, sources) as folders:
        words = asked.words if program else (*asked.words, *plugin_options())
        commands, lacking = for_sides(words, dict(zip(names, folders, strict=True)), root)
        base, new = (
            Side(name, folder, path.absolute(), command, within)
            for name, folder, path, command in zip(names, folders, files, commands, strict=True)
        )
        for line in lacking:
            say(line)
        measure(Plan((base, new), asked.rounds, asked.set_up), say)


def results_files(folder: Path, command: str, sides: tuple[str, str]) -> list[Path]:
    """Return the results files of the two sides, named for the moment."""
    now = datetime.now(UTC)
    return [folder / f"{now:%Y%m%d-%H%M%S}-{command}-{side}.jsonl" for side in sides]


def plugin_options() -> list[str]:
    """Return the options that load the user's plug-ins in the suites of each side, too."""
    return [f"--plugin={path}" for path in REGISTRY.files]


def say(line: str) -> None:
    """Show how far it is, beside what the command prints; where nobody can read it any more, the work goes on."""
    with contextlib.suppress(OSError):
        click.echo(plain(line), err=True)


@contextlib.contextmanager
def measuring(files: list[Path]) -> Iterator[None]:
    """Say at the end where the results are, however it comes."""
    with stopped_by_signals(), one_line_errors():
        try:
            yield
        except KeyboardInterrupt:
            raise click.Abort from None  # with the other, click writes a line, which fails where the terminal is gone
        finally:
            written = " ".join(str(path) for path in files if path.is_file())
            if written:
                say(f"results: {written}")


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what cannot be measured into one line for the user."""
    from rsc_bench.harness.ab import AlternatingError

    try:
        yield
    except AlternatingError as error:
        raise click.ClickException(str(error)) from None


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """End as on Ctrl-C where a job is cancelled or its terminal is closed, so that the checkouts are removed.

    A second signal does not disturb the removing. One that is ignored stays so, as under ``nohup``.
    """
    heeded = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in heeded:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMAND = ab
