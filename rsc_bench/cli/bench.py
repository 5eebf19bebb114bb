"""``bench``: the suites of the installed package, run by pytest in the user's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

SUITES = ("exact", "sampled", "training")


@click.command("bench", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}, add_help_option=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[exact|sampled|training] [OPTIONS OF PYTEST...]")
def bench(options: tuple[str, ...]) -> int:
    """Measure in interleaved rounds, into results/TIME.jsonl of this folder; with --check check every case once instead.

    The same as `pytest suites/ --benchmark` in a checkout: `--graph`, `--kernel`, `--budget`, `--width`, `--rounds`, ...;
    `rsc-bench bench --help` is pytest's own help, with these options under "rsc-bench".

    Exit status: that of pytest: 0 all measured; 1 a case is wrong or failed; 2 bad usage; 5 no case.
    """
    import pytest

    return int(pytest.main(arguments(options)))


def arguments(options: Sequence[str]) -> list[str]:
    """Return the arguments of pytest: which suites of the package, and that they measure unless they are to check."""
    folder = _folder()
    named = [option for option in options if option in SUITES]
    rest = [option for option in options if option not in (*SUITES, "--check")]
    measuring = [] if "--check" in options else ["--benchmark"]
    # Paths, not names of modules: of a name pytest learns the options too late.
    modules = [str(folder / f"test_{name}.py") for name in named] or [str(folder)]
    # The user's own pytest settings are for the user's tests, and are left where they are.
    # As in a checkout: the names of the cases do not tell where the package lies.
    return ["-c", str(folder / "bench.ini"), "--rootdir", str(folder.parent), "-p", "no:cacheprovider", *modules, *measuring, *rest]


def _folder() -> Path:
    """The suites, with their settings beside them, wherever the package was installed from."""
    from rsc_bench import suites

    return Path(next(iter(suites.__path__)))


COMMAND = bench
