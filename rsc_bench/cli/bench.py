"""``bench``: the suites of the installed package, run by pytest in the user's folder."""

from __future__ import annotations

from pathlib import Path

import click

SUITES = ("exact", "sampled", "training")
PACKAGE = "rsc_bench.suites"


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


def arguments(options: tuple[str, ...]) -> list[str]:
    """Return the arguments of pytest: which suites, and that they measure unless they are to check."""
    named = [option for option in options if option in SUITES]
    rest = [option for option in options if option not in (*SUITES, "--check")]
    measuring = [] if "--check" in options else ["--benchmark"]
    modules = [f"{PACKAGE}.test_{name}" for name in named] or [PACKAGE]
    # The user's own pytest settings are for the user's tests, and are left where they are.
    return ["-c", str(_configuration()), "--rootdir", ".", "-p", "no:cacheprovider", "--pyargs", *modules, *measuring, *rest]


def _configuration() -> Path:
    """The settings of the suites: beside them, wherever the package was installed from."""
    from rsc_bench import suites

    return Path(next(iter(suites.__path__))) / "bench.ini"


COMMAND = bench
