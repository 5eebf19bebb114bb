"""What commands that run a study share: the devices, the run itself, and its last lines."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench import files
from rsc_bench.text import plain, what_next

if TYPE_CHECKING:
    from rich.console import Console

    from rsc_bench.suites.sweeping.devices import Devices
    from rsc_bench.suites.sweeping.session import Prepared
    from rsc_bench.suites.sweeping.study import Study

INTERRUPTED = 130


def _cores(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise click.ClickException(f"--cores must be at least 1 (got {value}): leave it out for all cores of a node")
    return value


RAY = click.option(
    "--ray", metavar="ADDRESS|local", help="Measure on all nodes of a Ray cluster; local: on this machine's devices."
)
CORES = click.option(
    "--cores", type=int, callback=_cores, metavar="N", help="With --ray: physical cores of each CPU device (default: a node's)."
)


def check_cores(ray: str | None, cores: int | None) -> None:
    """Refuse cores where no cluster shares them out."""
    if cores is not None and ray is None:
        raise click.ClickException(f"--cores must go with --ray (got {cores}): `taskset` chooses the cores of this process alone")


@contextlib.contextmanager
def devices(study: Study, ray: str | None, cores: int | None, log: str = "sweep.log") -> Iterator[Devices]:
    """Open this machine, or the devices of a Ray cluster, and end at last what was started; what is wrong is one line."""
    from rsc_bench.suites.measuring.workers import CannotStart
    from rsc_bench.suites.sweeping.devices import Here
    from rsc_bench.suites.sweeping.kinds import ClusterError
    from rsc_bench.suites.sweeping.lines import StudyError
    from rsc_bench.suites.sweeping.session import USERS

    found: Devices | None = None
    try:
        found = Here(study.blocks, study.results / log) if ray is None else _cluster(study, ray, cores)
        yield found
    except (StudyError, ClusterError, CannotStart, *USERS) as error:
        raise click.ClickException(str(error)) from None
    finally:
        if found is not None:
            found.close()


def _cluster(study: Study, ray: str, cores: int | None) -> Devices:
    from rsc_bench.suites.sweeping.machines.ray_cluster import Cluster

    return Cluster(ray, study.blocks, cores)


@dataclass(frozen=True)
class Ended:
    """How a session of a study ended."""

    status: int
    """0 all is measured; 1 a case is wrong, failed or left; `INTERRUPTED`."""
    lines: tuple[str, ...]
    """What is left and what was bad."""


def run(ready: Prepared, devices: Devices, study: Study, again: str) -> Ended:
    """Measure what is left of a study; `again` is what carries on, in words."""
    from rsc_bench.suites.sweeping.devices import Here
    from rsc_bench.suites.sweeping.sweep import Sweep
    from rsc_bench.suites.terminal.devices import Board

    _make(study.results)
    board = Board(list(ready.facts), ready.left, click.echo, _console())
    if isinstance(devices, Here):
        devices.watch = board
    session = Sweep(devices, ready.shares, board)
    try:
        done = session.run(ready.facts)
    except KeyboardInterrupt:
        return Ended(INTERRUPTED, (f"stopped: {again} carries on",))
    finally:
        board.close()
    bad = session.bad + ready.bad
    return Ended(0 if done and not bad else 1, tuple(map(plain, _trouble(bad, done, again))))


def _trouble(bad: int, done: bool, again: str) -> Iterator[str]:
    if bad:
        what = "1 record is" if bad == 1 else f"{bad:,} records are"
        yield f"bad:     {what} wrong or failed: the page says which, and why"
    if not done:
        yield f"left:    no device is there any more for some of the cases: {again} carries on"


def results_of(ready: Prepared) -> Iterator[str]:
    """Yield where the results are, and what reads them."""
    yield from (f"results: {file}" for file in ready.files)
    if ready.files:
        plans = (plan for share in ready.shares for plan in share.plans)
        yield from what_next(ready.files, any(each.trains and each.case.budget for plan in plans for each in plan.cases))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = files.refusal(folder / "sweep.log", error)
        raise click.ClickException(f"{folder}: cannot be made ({reason}): give another --results folder") from None


def _console() -> Console | None:
    """The terminal, where somebody watches one."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console()
