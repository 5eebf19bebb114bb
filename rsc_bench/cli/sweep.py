"""``sweep``: the runs of a study in one file, on this machine, on a Ray cluster, or as an array of SLURM jobs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.cli import _sweeping
from rsc_bench.cli._options import FILE
from rsc_bench.text import call, plain

if TYPE_CHECKING:
    from rsc_bench.suites.sweeping.session import Prepared
    from rsc_bench.suites.sweeping.study import Study

JOBS = 8
MOST_SIMULATED = 10_000
"""Devices: beyond that a simulation takes longer than many a study."""


def _part(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, int]:
    if value is None:
        return 1, 1
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", value, re.ASCII)
    part = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= part[0] <= part[1]:
        raise click.ClickException(f"--part must be I/N with I from 1 to N (got {value!r}): 3/8 is the third of eight shares")
    return part


def _jobs(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise click.ClickException(f"--jobs must be at least 1 (got {value}), the jobs of the array")
    return value


def _simulated(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None and not 1 <= value <= MOST_SIMULATED:
        raise click.ClickException(f"--simulate must be from 1 to {MOST_SIMULATED} devices (got {value}): 8, say")
    return value


@click.command("sweep")
@click.argument("study", type=FILE)
@click.argument("sbatch", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF SBATCH...]")
@click.option("--plan", "plans", is_flag=True, help="Only say what would be measured, about how long it takes, and what is done.")
@click.option("--results", type=FILE, help="Folder of the results files (default: the study's, else results/NAME).")
@_sweeping.RAY
@_sweeping.CORES
@click.option(
    "--part", callback=_part, metavar="I/N", help="Only the I-th of N shares of the study, as a job of an array measures it."
)
@click.option(
    "--submit", type=click.Choice(["slurm"]), help="Write the script of an array of jobs, and submit it; with --plan only write it."
)
@click.option("--jobs", type=int, callback=_jobs, metavar="N", help=f"With --submit: jobs of the array (default: {JOBS}).")
@click.option(
    "--simulate",
    type=int,
    callback=_simulated,
    metavar="DEVICES",
    help="Measure nothing: say how long it would take on so many devices like this one, with and without failures.",
)
def sweep(  # noqa: PLR0913  (an argument an option)
    study: Path,
    sbatch: tuple[str, ...],
    plans: bool,
    results: Path | None,
    ray: str | None,
    cores: int | None,
    part: tuple[int, int],
    submit: str | None,
    jobs: int | None,
    simulate: int | None,
) -> int:
    """Measure the runs of a study.

    STUDY is a TOML file: a table for each run of the suites, with the options of `bench` without the dashes. The same command again
    carries on where it was stopped. On a cluster all that is compared is measured by one device, in interleaved rounds, into a file
    for each kind of machine.

    Exit status: 0 all is measured; 1 a case is wrong, failed or left; 2 bad usage.
    """
    _check(sbatch, part, submit, jobs)
    _sweeping.check_cores(ray, cores)
    if ray is not None and (submit or part != (1, 1)):
        other = "--submit" if submit else "--part"
        raise click.ClickException(f"{other} must go without --ray, which shares the whole study out: leave one of them out")
    if simulate is not None and (ray is not None or submit is not None):
        raise click.ClickException("--simulate must go without --ray and --submit: it measures nothing, on no devices")
    found = _read(study, results)
    if submit is not None:
        return _submitted(found, jobs or JOBS, sbatch, plans)
    log = "sweep.log" if part == (1, 1) else f"sweep.part-{part[0]}-of-{part[1]}.log"
    with _sweeping.devices(found, ray, cores, log) as devices:
        from rsc_bench.suites.sweeping.session import prepared, said

        ready = prepared(found, devices, part)
        click.echo(said(ready, found))
        if simulate is not None and not plans:
            return _forecast(ready, simulate)
        if plans:
            return 0
        ended = _sweeping.run(ready, devices, found, _again(study, results, (ray, cores), part))
    for line in ended.lines:
        click.echo(plain(line), err=ended.status == _sweeping.INTERRUPTED)
    for line in _sweeping.results_of(ready):
        click.echo(plain(line))
    return ended.status


def _check(sbatch: Sequence[str], part: tuple[int, int], submit: str | None, jobs: int | None) -> None:
    if submit is not None and part != (1, 1):
        raise click.ClickException("--submit must go without --part: each job of the array measures its own part")
    if submit is None and sbatch:
        raise click.ClickException(f"{sbatch[0]!r} is no option of this command: what stands behind -- is for --submit slurm")
    if submit is None and jobs is not None:
        raise click.ClickException(f"--jobs must go with --submit slurm (got {jobs}): --part I/N measures one share")


def _read(study: Path, results: Path | None) -> Study:
    from rsc_bench.suites.sweeping.lines import StudyError
    from rsc_bench.suites.sweeping.study import read

    try:
        return read(study, results)
    except StudyError as error:
        raise click.ClickException(str(error)) from None


def _forecast(ready: Prepared, devices: int) -> int:
    from rsc_bench.suites.sweeping.machines.simulation import forecast

    for line in forecast(ready.shares, devices):
        click.echo(plain(line))
    return 0


def _again(study: Path, results: Path | None, ray: tuple[str | None, int | None], part: tuple[int, int]) -> str:
    """The command that carries on."""
    share = f"{part[0]}/{part[1]}" if part[1] > 1 else None
    given = {"--results": results, "--ray": ray[0], "--cores": ray[1], "--part": share}
    words = [str(study), *(str(word) for option, value in given.items() if value is not None for word in (option, value))]
    return f"`{call(f'sweep {shlex.join(words)}')}`"


def _submitted(study: Study, jobs: int, options: Sequence[str], plans: bool) -> int:
    from rsc_bench.suites.sweeping.lines import StudyError
    from rsc_bench.suites.sweeping.machines.slurm import SubmitError, submit
    from rsc_bench.suites.sweeping.session import USERS

    try:
        for line in submit(study, jobs, options, only_write=plans):
            click.echo(plain(line))
    except (StudyError, SubmitError, *USERS) as error:
        raise click.ClickException(str(error)) from None
    return 0


COMMAND = sweep
