"""``sweep``: the runs of a study in one file, on this machine, on a Ray cluster, or as an array of SLURM jobs."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.cli._options import FILE
from rsc_bench.text import call, plain

if TYPE_CHECKING:
    from rich.console import Console

    from rsc_bench.suites.sweeping.devices import Devices
    from rsc_bench.suites.sweeping.session import Prepared
    from rsc_bench.suites.sweeping.study import Study


def _part(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, int]:
    if value is None:
        return 1, 1
    found = re.fullmatch(r"(\d+)/(\d+)", value)
    part = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= part[0] <= part[1]:
        raise click.ClickException(f"--part must be I/N with I from 1 to N (got {value!r}): 3/8 is the third of eight shares")
    return part


def _cores(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise click.ClickException(f"--cores must be at least 1 (got {value}): leave it out for all cores of a node")
    return value


@click.command("sweep")
@click.argument("study", type=FILE)
@click.option("--plan", "plans", is_flag=True, help="Only say what would be measured, about how long it takes, and what is done.")
@click.option("--results", type=FILE, help="Folder of the results files (default: the study's, else results/NAME).")
@click.option("--ray", metavar="ADDRESS|local", help="Measure on all nodes of a Ray cluster; local: on this machine's devices.")
@click.option(
    "--cores", type=int, callback=_cores, metavar="N", help="With --ray: physical cores of each CPU device (default: a node's)."
)
@click.option(
    "--part", callback=_part, metavar="I/N", help="Only the I-th of N shares of the study, as a job of an array measures it."
)
@click.option("--submit", type=click.Choice(["slurm"]), help="Write a job script for an array of jobs, and submit it.")
@click.option("--jobs", type=int, default=8, show_default=True, help="With --submit: jobs of the array.")
def sweep(  # noqa: PLR0913  (an argument an option)
    study: Path,
    plans: bool,
    results: Path | None,
    ray: str | None,
    cores: int | None,
    part: tuple[int, int],
    submit: str | None,
    jobs: int,
) -> int:
    """Measure the runs of a study.

    STUDY is a TOML file: a table for each run of the suites, with the options of `bench` without the dashes. The same command again
    carries on where it was stopped. On a cluster all that is compared is measured by one device, in interleaved rounds, into a file
    for each kind of machine.

    Exit status: 0 all is measured; 1 a case is wrong, failed or left; 2 bad usage.
    """
    _check(ray, cores, part, submit)
    from rsc_bench.suites.sweeping.kinds import ClusterError
    from rsc_bench.suites.sweeping.session import USERS, prepared, said
    from rsc_bench.suites.sweeping.study import StudyError, read

    try:
        found = read(study, results)
        if submit is not None:
            return _submitted(found, study, jobs, plans)
        with _devices(found, ray, cores) as devices:
            ready = prepared(found, devices, part)
            click.echo(said(ready, found))
            if plans:
                return 0
            return _run(ready, devices, study)
    except (StudyError, ClusterError, *USERS) as error:
        raise click.ClickException(str(error)) from None


def _check(ray: str | None, cores: int | None, part: tuple[int, int], submit: str | None) -> None:
    if cores is not None and ray is None:
        raise click.ClickException(f"--cores must go with --ray (got {cores}): `taskset` chooses the cores of this process alone")
    if submit is not None and (ray is not None or part != (1, 1)):
        raise click.ClickException("--submit must go without --ray and --part: each job of the array measures its own part")
    if ray is not None and part != (1, 1):
        raise click.ClickException("--part must go without --ray, which shares the whole study out: leave one of them out")


@contextlib.contextmanager
def _devices(study: Study, ray: str | None, cores: int | None) -> Iterator[Devices]:
    from rsc_bench.suites.sweeping.devices import Here

    study.results.mkdir(parents=True, exist_ok=True)
    devices: Devices
    if ray is None:
        devices = Here(study.blocks, study.results / "sweep.log")
    else:
        from rsc_bench.suites.sweeping.machines.ray_cluster import Cluster

        devices = Cluster(ray, study.blocks, cores)
    try:
        yield devices
    finally:
        devices.close()


def _run(ready: Prepared, devices: Devices, path: Path) -> int:
    from rsc_bench.suites.sweeping.devices import Here
    from rsc_bench.suites.sweeping.sweep import Sweep
    from rsc_bench.suites.terminal.devices import Board

    left = sum(len(task.cases) for share in ready.shares for task in share.tasks)
    console = _console()
    board = Board(list(ready.facts), left, click.echo, console)
    if isinstance(devices, Here):
        devices.watch = board
    session = Sweep(devices, ready.shares, board)
    again = f"`{call(f'sweep {shlex.quote(str(path))}')}` carries on"
    try:
        done = session.run(ready.facts)
    except KeyboardInterrupt:
        click.echo(plain(f"stopped: {again}"), err=True)
        return 130
    finally:
        board.close()
    for line in _last(ready, session.bad, done, again):
        click.echo(plain(line))
    return 0 if done and not session.bad else 1


def _last(ready: Prepared, bad: int, done: bool, again: str) -> Iterator[str]:
    files = [results.path for share in ready.shares for results in share.results.values()]
    if bad:
        yield f"bad:     {bad} records are wrong or failed: the page says which, and why"
    if not done:
        yield f"left:    no device is there any more for some of the cases: {again}"
    yield from (f"results: {file}" for file in files)
    if files:
        yield f"next:    {call('report')} {shlex.join(map(str, files))}"


def _console() -> Console | None:
    """The terminal, where somebody watches one."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console()


def _submitted(study: Study, path: Path, jobs: int, plans: bool) -> int:
    from rsc_bench.suites.sweeping.machines.slurm import submit

    lines: Sequence[str] = submit(study, path, jobs, only_write=plans)
    for line in lines:
        click.echo(plain(line))
    return 0


COMMAND = sweep
