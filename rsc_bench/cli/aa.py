"""``aa``: identical code, or code slowed by a known share, against itself on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.cli._options import FILE, guard_shown, json_option, share, show
from rsc_bench.cli.ab import FOLDER, MEASURED, SET_UP, Asked, measuring, one_line_errors, plugin_options, results_files, say
from rsc_bench.cli.bench import arguments as of_the_package
from rsc_bench.harness.output.console import screen

if TYPE_CHECKING:
    from rsc_bench.harness.ab import Command

ROUNDS = 20
QUICK = ("--graph", "twin:reddit2@0.02", "--width", "64", "--budget", "0.1")
"""A sweep of seconds: the question is how the machine behaves, not how a kernel does."""


@click.command("aa")
@click.option("--rounds", type=click.IntRange(min=3), default=ROUNDS, show_default=True, help="Rounds of each side.")
@click.option("--inject", callback=share, metavar="SHARE", help="Really slow one side by so much, and see how often it is caught.")
@click.option(
    "--threshold",
    callback=share,
    default="5%",
    show_default=True,
    metavar="SHARE",
    help="Change that counts, tried beside some others.",
)
@click.option(
    "--catch", callback=share, default="10%", show_default=True, metavar="SHARE", help="Smallest change that must be caught."
)
@click.option("--output", type=FILE, default=FOLDER, show_default=True, help="Folder of the results.")
@click.option(
    "--read", nargs=2, type=FILE, metavar="A B", help="Measure nothing: judge the rounds in the two files of an earlier aa."
)
@json_option
@SET_UP
@MEASURED
def aa(  # noqa: PLR0913  (an argument an option)
    rounds: int,
    inject: float | None,
    threshold: float,
    catch: float,
    output: Path,
    read: tuple[Path, Path] | None,
    as_json: Path | None,
    set_up: tuple[str, ...],
    words: tuple[str, ...],
) -> int:
    """Measure the same code against itself.

    It shows how often `compare` gives a false alarm here, and which rounds and threshold to use.

    The sides are two copies of the working tree, or this package where that has no suites, taken in turns as `ab` takes two
    revisions. Options behind -- go to the suites, in place of a quick sweep's: -- --graph twin:reddit2@0.1 --width 256
    A COMMAND behind -- is measured in their place, as `ab` does it: -- pytest benchmarks/

    Exit status: 0; 2 bad usage, or it could not be measured; 3 too few rounds to say anything.
    """
    if read and (inject is not None or words or set_up):
        raise click.ClickException("--read measures nothing: leave --inject, --set-up and what stands behind -- out")
    files = list(read) if read else results_files(output, "aa", ("a", "b"))
    guard_shown(as_json, files)  # now: not after all the measuring
    if not read:
        with measuring(files):
            _measure(files, inject, Asked(rounds, set_up, words or QUICK))
    with one_line_errors():
        return _report(files, threshold, catch, as_json)


def _measure(files: list[Path], inject: float | None, asked: Asked) -> None:
    from rsc_bench.harness.ab import Side
    from rsc_bench.harness.ab.checkouts import two_of_the_working_tree
    from rsc_bench.harness.ab.commands import is_program
    from rsc_bench.harness.ab.options import SUITES
    from rsc_bench.harness.ab.session import Plan, measure

    program = is_program(asked.words)
    if program and inject is not None:
        raise click.ClickException("--inject slows calls of our suites, and none of a command of yours: leave one of them out")
    with two_of_the_working_tree(Path.cwd(), None if program else Path(SUITES)) as (folders, root):
        commands = _commands(asked.words, inject, folders[0], root)
        names = "a", "b" if inject is None else f"b, slowed by {100 * inject:g}%"
        within = Path.cwd().relative_to(root) if program and root is not None else Path()
        one, other = (
            Side(name, folder, path.absolute(), command, within)
            for name, folder, path, command in zip(names, folders, files, commands, strict=True)
        )
        measure(Plan((one, other), asked.rounds, asked.set_up), say)


def _commands(words: tuple[str, ...], inject: float | None, folder: Path, root: Path | None) -> list[Command]:
    """The commands of both sides: the same, but for what slows the second one."""
    from rsc_bench.harness.ab.checkouts import is_elsewhere, is_tracked
    from rsc_bench.harness.ab.commands import is_program, of_program, of_suites

    if is_program(words):
        return [of_program(words, lambda path: root is not None and is_elsewhere(root, path))] * 2
    arguments = round_arguments(folder, words, lambda path: root is None or is_tracked(root, path))
    slowed = () if inject is None else ("--slow-down", f"{inject:g}")
    return [of_suites(arguments), of_suites((*slowed, *arguments))]


def round_arguments(folder: Path, options: tuple[str, ...], tracked: Callable[[Path], bool]) -> tuple[str, ...]:
    """Return the arguments of pytest for one round: of the suites in a folder, or of this package where it has none."""
    from rsc_bench.harness.ab.options import SUITES, for_a_round

    if (folder / SUITES).is_dir():
        return for_a_round((*options, *plugin_options()), tracked)
    return tuple(of_the_package(for_a_round((*options, *plugin_options()), tracked, suites=())))


def _report(files: list[Path], threshold: float, catch: float, as_json: Path | None) -> int:
    from rsc_bench.harness.ab.pool import pool
    from rsc_bench.harness.ab.study import study
    from rsc_bench.harness.ab.study_text import as_text, as_tree
    from rsc_bench.harness.records.file import read

    rounds = pool(*(read(path) for path in files))
    say(f"judging {rounds.rounds} rounds of each side, all of them and in parts")
    found = study(rounds, threshold, catch)
    show(lambda: as_text(found, screen()), lambda: as_tree(found), as_json)
    return 0 if found.trials else 3


COMMAND = aa
