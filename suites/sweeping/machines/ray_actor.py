"""One device of a cluster: a process that Ray starts there, and that has nothing beside it on its GPU or its cores."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import msgspec

from rsc_bench.harness.machine import cores as machine_cores
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.lines import to_line
from rsc_bench.suites.measuring.serving import Job
from rsc_bench.suites.sweeping.devices import State
from rsc_bench.suites.sweeping.place import Facts, Place
from rsc_bench.suites.sweeping.planning import Plan
from rsc_bench.suites.sweeping.study import Block
from rsc_bench.suites.terminal.progress import Epoch

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables that say how many threads a process has: of an actor as many as its device has cores, and of what it starts."""


def with_threads(threads: int) -> dict[str, dict[str, str]]:
    """Return what Ray starts the process of an actor in, before that imports anything; on its own it says 1.

    Numba cannot have other threads once they have begun, which is when its first kernel is imported.
    """
    return {"env_vars": dict.fromkeys(THREADS, str(threads))}


@dataclass(frozen=True)
class Node:
    """A machine of the cluster, as a process on it sees it."""

    host: str
    groups: tuple[tuple[int, ...], ...]
    """Logical cores of each device on CPUs that it has room for."""
    can_pin: bool


def node(cores_each: int | None) -> Node:
    """Return what this machine has room for; runs as a task of Ray on each node."""
    return Node(socket.gethostname(), tuple(machine_cores.groups(cores_each)), machine_cores.can_pin())


class Actor:
    """What Ray makes an actor of: measures one case at a time, and says how far it is meanwhile."""

    def __init__(self, blocks: Sequence[Block], device: str, cores: tuple[int, ...]) -> None:
        """Begin; what measures is started by this process, and has the cores of the device and no others."""
        self._cores = cores
        self._settle()
        folder = Path(tempfile.gettempdir(), f"rsc-bench-{os.getuid() if hasattr(os, 'getuid') else 'sweep'}")
        folder.mkdir(exist_ok=True)
        self._place = Place(blocks, folder / f"{os.getpid()}.log", device)
        self._begun: float | None = None
        self._epoch: Epoch | None = None

    def _settle(self) -> None:
        """Take the cores of the device, and the priority that Ray takes from its processes, where the system gives it back.

        Linux has both for a thread, and Ray calls each method in any of several; what it starts inherits them (sched(7)).
        """
        if self._cores and machine_cores.can_pin():
            os.sched_setaffinity(0, self._cores)
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, 0, min(0, os.getpriority(os.PRIO_PROCESS, 0)))

    def facts(self) -> Facts:
        """Return what is known of the device."""
        self._settle()
        return self._place.facts()

    def plan(self, block: str) -> Plan:
        """Return the cases of a block on it."""
        self._settle()
        return self._place.plan(block)

    def ceilings(self, block: str, row_bytes: Iterable[int]) -> Ceilings | None:
        """Return what it can reach."""
        self._settle()
        return self._place.ceilings(block, row_bytes)

    def record(self, block: str, job: Job) -> bytes:
        """Return the record of a case as it stands in a file."""
        self._settle()
        self._begun, self._epoch = monotonic(), None
        try:
            return msgspec.json.encode(to_line(self._place.record(block, job, self._follow, lambda _: None)))
        finally:
            self._begun = None

    def _follow(self, epoch: Epoch) -> None:
        self._epoch = epoch

    def state(self) -> State | None:
        """Return how far it is; None where it is at nothing."""
        begun = self._begun
        return None if begun is None else State(monotonic() - begun, self._epoch)

    def close(self) -> None:
        """End the processes that cases ran in."""
        self._place.close()
