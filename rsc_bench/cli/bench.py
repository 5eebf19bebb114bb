"""``bench``: the suites of the installed package, run by pytest in the user's folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from rsc_bench.text import SUITES, call, nearest, nearest_is

if TYPE_CHECKING:
    import pytest


@dataclass
class SuiteOptions:
    """Stands in for pytest's parser, and notes the options that the suites add to it: for the help, and for the guide."""

    found: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def getgroup(self, name: str, description: str = "") -> SuiteOptions:
        """Return itself: all options of the suites are in one group."""
        del name, description
        return self

    def addoption(self, name: str, **settings: Any) -> None:
        """Note an option."""
        self.found.append((name, settings))


def suite_options() -> list[tuple[str, str]]:
    """Return how each option of the suites is written, and what it does."""
    from rsc_bench.suites import conftest

    noted = SuiteOptions()
    conftest.pytest_addoption(cast("pytest.Parser", noted))
    return [(f"{name} {each.get('metavar') or ''}".rstrip(), str(each["help"]).replace("%%", "%")) for name, each in noted.found]


class Bench(click.Command):
    """A command that hands its options on to pytest, and lists those of the suites."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options into the help."""
        with formatter.section("Options"):
            formatter.write_dl(suite_options())
        super().format_options(ctx, formatter)


def _one_line() -> object:
    """Return a plug-in of pytest: what it cannot use of a command line is one line of ours, with status 2."""
    import pytest

    class OneLine:
        @pytest.hookimpl(trylast=True)
        def pytest_load_initial_conftests(self, parser: pytest.Parser, args: list[str]) -> None:
            """Read the options as pytest is about to do, now that the suites have added theirs."""
            try:
                words = getattr(parser.parse(args), "file_or_dir", [])
            except pytest.UsageError as error:
                found = re.search(r"error: (.*)", str(error))
                raise click.UsageError(f"{found[1] if found else error}: `{call('bench --help')}` lists the options") from None
            if behind := [word for word in words if word in SUITES]:
                front = call(f"bench {' '.join(behind)}")
                raise click.UsageError(f"{behind[0]!r} is a suite, which must stand in front of the options: write `{front} ...`")

    return OneLine()


@click.command(
    "bench", cls=Bench, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}, add_help_option=False
)
@click.argument(
    "options", nargs=-1, type=click.UNPROCESSED, metavar="[exact|sampled|minmax|sddmm|growth|training|harness] [--check] [OPTIONS]"
)
def bench(options: tuple[str, ...]) -> int:
    """Measure the suites into results/TIME.jsonl of this folder.

    In interleaved rounds; with --check every case is checked once instead. Without the name of a suite it measures the products of
    `exact` and `sampled`, and a `training` where --model names one. Measured where they are named are `minmax`, the largest and
    smallest of each node's neighbours, `sddmm`, a dot product for each edge, `growth`, time over the size of a graph and over the
    width, and `harness`, what the harness itself takes. The same as `pytest suites/ --benchmark` in a checkout; options of pytest,
    as -k and -x, work too.

    Exit status: 0 all measured; 1 a case is wrong or failed; 2 bad usage; 4 an error of rsc-bench itself; 5 no case.
    """
    if {"-h", "--help"} & set(options):
        click.echo(click.get_current_context().get_help())
        return 0
    import pytest

    from rsc_bench.suites.measuring.internal_errors import InternalErrors

    errors = InternalErrors()
    status = int(pytest.main(arguments(options), plugins=[_one_line(), errors]))
    if errors.status is not None:
        return errors.status
    return 2 if status == pytest.ExitCode.USAGE_ERROR else status


def arguments(options: Sequence[str]) -> list[str]:
    """Return the arguments of pytest: which suites of the package, and that they measure unless they are to check."""
    folder = _folder()
    # Only in front: further on such a word is what an option is given, as in `-k sampled`.
    named = list(takewhile(lambda option: option in (*SUITES, "--check"), options))
    rest = [option for option in options[len(named) :] if option != "--check"]
    if rest and not rest[0].startswith("-"):
        near = nearest(rest[0], SUITES)
        known = nearest_is(near) if len(near) == 1 else f"there are {', '.join(SUITES)}"
        raise click.UsageError(f"{rest[0]!r} is no suite: {known} (a suite stands in front of the options)")
    measuring = [] if "--check" in options else ["--benchmark"]
    # Paths, not names of modules: of a name pytest learns the options too late.
    modules = [str(folder / f"test_{name}.py") for name in named if name in SUITES] or [str(folder)]
    # The user's own pytest settings are for the user's tests, and are left where they are.
    # As in a checkout: the names of the cases do not tell where the package lies.
    return ["-c", str(folder / "bench.ini"), "--rootdir", str(folder.parent), "-p", "no:cacheprovider", *modules, *measuring, *rest]


def _folder() -> Path:
    """The suites, with their settings beside them, wherever the package was installed from."""
    from rsc_bench import suites

    return Path(next(iter(suites.__path__)))


COMMAND = bench
