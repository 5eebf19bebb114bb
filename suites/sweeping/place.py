"""What measures on one device: the plans of its kind, the processes that its cases run in, and what is known of its machine."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import rsc_bench
from rsc_bench import __version__, harness, kernels, suites
from rsc_bench.harness.machine import cores as machine_cores
from rsc_bench.harness.machine import environment
from rsc_bench.harness.measure.worker import WorkerLost
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.run import Record
from rsc_bench.suites import graphs
from rsc_bench.suites.itself.sweep import HarnessSetting
from rsc_bench.suites.measuring.bench import Follow
from rsc_bench.suites.measuring.contents import Contents
from rsc_bench.suites.measuring.serving import Job, setting_of
from rsc_bench.suites.measuring.session import Session, load_plugins, what_runs
from rsc_bench.suites.measuring.workers import Waiting, Workers
from rsc_bench.suites.sweeping.planning import Plan, planned
from rsc_bench.suites.sweeping.study import Block

ASK_S = 120.0
"""Seconds that loading torch, and asking CUDA, may take."""
RETRIES = 2
"""How often a case is measured again whose process was ended from outside, as by a system that is short of memory."""


@dataclass(frozen=True)
class Facts:
    """What is known of a device before it measures; it crosses from process to process."""

    host: str
    device: str
    """As records name it: ``cpu``, ``cuda:0``."""
    cores: tuple[int, ...]
    environment: dict[str, Any]
    """As a results file begins with it."""
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """For each block what its file says beside the machine: digests of files with kernels and plug-ins."""
    digests: dict[str, str | None] = field(default_factory=dict)
    """Of each file with code or recipes that a block names; None where it is not there."""
    version: str = __version__
    code: str = ""
    """Digest of our own code."""
    niceness: int = 0
    """Of the process, and of those that it starts: above 0 other programs come first."""
    missing: tuple[str, ...] = ()
    """Files of graphs that this machine does not have."""
    files: dict[str, int] = field(default_factory=dict)
    """Bytes of each that it has."""


class Place:
    """One device of this process: its only GPU, or the cores that it may run on."""

    def __init__(self, blocks: Sequence[Block], log: Path, device: str | None = None) -> None:
        """Load nothing yet.

        Args:
            blocks: what may be measured.
            log: file for what cases print, and which begin and end.
            device: ``cpu``, ``cuda:0``; None: that of each block.
        """
        self._blocks = {block.name: block for block in blocks}
        self._log, self._device = log, device
        self._sessions: dict[str, Session] = {}
        self._contents: dict[str, Contents] = {}
        self._workers: tuple[str, Workers] | None = None

    def facts(self, plans: bool = True) -> Facts:
        """Return what is known of it; files that are missing here are named.

        With `plans` the options of all blocks are looked up as well, which needs the device that they are for.
        """
        names = {name for block in self._blocks.values() for name in block.options.graphs if _is_file(name)}
        paths = sorted({str(graphs.file_of(name)) for name in names})
        missing = tuple(path for path in paths if not Path(path).exists())
        return Facts(
            host=socket.gethostname(),
            device=self._device or "cpu",
            cores=machine_cores.usable() if machine_cores.can_pin() else (),
            environment=of_device(environment.read(), None if self._device in (None, "cpu") else own_uuid()),
            runs={name: self._runs(name) for name in self._blocks} if plans and not missing else {},
            digests={path: digest(Path(path)) for block in self._blocks.values() for path in block.code_files},
            code=code_digest(),
            niceness=os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else 0,
            missing=missing,
            files={path: Path(path).stat().st_size for path in paths if path not in missing},
        )

    def plan(self, name: str) -> Plan:
        """Return the cases of a block on this device; raises what `Session` does for options that cannot be used."""
        block = self._blocks[name]
        return Plan(block, tuple(planned(block, self._session(name), environment.usable_cores() or 1)))

    def record(self, name: str, job: Job, follow: Follow, waiting: Waiting) -> Record:
        """Return the record of a case of a block, with the digest of its graph."""
        setting = setting_of(job)
        assert setting is not None
        workers = self._of(name)
        record = workers.record(setting, follow, waiting)
        if name not in self._contents:
            settings = [each for each in self._session(name).settings if not isinstance(each, HarnessSetting)]
            self._contents[name] = Contents(settings, lambda setting: self._of(name).digest(setting))
        return self._contents[name].identified(record)

    def ceilings(self, name: str, row_bytes: Iterable[int]) -> Ceilings | None:
        """Return what the device can reach; None where that could not be measured, which the log says."""
        try:
            return self._of(name).ceilings(row_bytes)
        except WorkerLost:
            return None

    def close(self) -> None:
        """End every process."""
        if self._workers is not None:
            self._workers[1].close()
            self._workers = None

    def _runs(self, name: str) -> dict[str, Any]:
        """What the file of a block says of code: plug-ins that other blocks name are none of its."""
        others = {Path(file).resolve() for block in self._blocks.values() if block.name != name for file in block.options.plugins}
        return what_runs(self._session(name), others)

    def _session(self, name: str) -> Session:
        if name not in self._sessions:
            options = self._blocks[name].on(self._device)
            load_plugins(options)
            self._sessions[name] = Session(options)
        return self._sessions[name]

    def _of(self, name: str) -> Workers:
        """Return the processes for the cases of a block; those of another one are ended, so that one alone has the device."""
        if self._workers is None or self._workers[0] != name:
            self.close()
            workers = self._session(name).workers(self._log)
            assert workers is not None
            workers.retries = RETRIES
            self._workers = name, workers
        return self._workers[1]


def own_uuid() -> str | None:
    """Return the UUID of the GPU that this process sees, of the many that its machine may have; None where that cannot be said.

    Another process asks CUDA for it, which then takes no memory of the GPU here.
    """
    ask = "import torch; print(torch.cuda.get_device_properties(0).uuid)"
    try:
        done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=ASK_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() or None


def of_device(environment: dict[str, Any], uuid: str | None) -> dict[str, Any]:
    """Return an environment with the GPU of a UUID alone; as it is where that is not known, or is none of them."""
    own = [gpu for gpu in environment.get("gpus") or [] if uuid is not None and str(gpu.get("uuid")).endswith(uuid)]
    return environment | {"gpus": own} if own else environment


def _is_file(name: str) -> bool:
    try:
        return graphs.is_file(name)
    except graphs.GraphError:  # of a source in a plug-in that is loaded with its block, or of none, which the plan says
        return False


def digest(path: Path) -> str | None:
    """Return a digest of a file; None where it cannot be read."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    except OSError:
        return None


@cache
def code_digest() -> str:
    """Return a digest of our own code, which says more than a version: two checkouts may have the same one."""
    found = hashlib.blake2b(digest_size=8)
    paths = sorted(Path(rsc_bench.__file__).parent.glob("*.py"))
    for room in (kernels, harness, suites):
        paths += sorted(Path(next(iter(room.__path__))).rglob("*.py"))
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()
