"""The process that cases are measured in: it gets a case and gives its record, as JSON."""

from __future__ import annotations

import atexit
import gc
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rsc_bench import allocator
from rsc_bench.files import to_stderr
from rsc_bench.harness.measure.ceilings import probes
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.state import unchanged_by_loading
from rsc_bench.harness.measure.worker import Answer, Note, serve
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.lines import RecordLine, readable, to_line
from rsc_bench.plugins import REGISTRY
from rsc_bench.suites import devices
from rsc_bench.suites.catalog import Choice, catalog
from rsc_bench.suites.graphs import Facts
from rsc_bench.suites.measuring.bench import AnySetting, Bench
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.terminal.progress import Epoch
from rsc_bench.suites.training.method import Method
from rsc_bench.suites.training.models import find
from rsc_bench.suites.training.recipes import Recipe
from rsc_bench.suites.training.sweep import TrainingSetting

Given = TypeVar("Given", "Setup", "Job")


APART = ("kernel", "selection", "allocation", "model")
"""Kinds of plug-ins that run while a case is timed: each file and package with some has a process of its own."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a process needs to know before its first case."""

    plugins: tuple[str, ...] = ()
    """Files with plug-ins that it loads."""
    kernels: tuple[str, ...] = ()
    """Files with one kernel each that it loads (``--kernel FILE.py``)."""
    left_out: tuple[str, ...] = ()
    """Installed packages whose kernels, selections, allocations and models it leaves out, see `Registry.leave_out`."""
    data_root: str | None = None
    on_disk: bool = True
    """Whether graphs are kept on disk for the next process."""
    device: str = "cpu"
    limits: Limits = Limits()
    slow_down: float | None = None
    keeps_memory: bool = False
    """Whether memory that is freed stays in the process."""


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a process is asked for: one of these."""

    product: Setting | None = None
    training: dict[str, Any] | None = None
    """The fields of a `TrainingSetting`, its model by name, for that is code."""
    digest: bool = False
    """Whether only the digest of the case's graph is asked for."""
    ceilings: tuple[int, ...] | None = None
    """Bytes of an operand's row, for each of which the device's ceilings are measured."""
    rest: bool = False
    """Whether to give back what a GPU keeps for the next case, and main memory where it is short: another process comes first."""


class Noted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a process says of a job that is not done yet: one of these."""

    epoch: Epoch | None = None
    """How far a training is."""
    loaded: Facts | None = None
    """The graph that it has loaded."""
    said: str | None = None
    """A line for the user, as that it waits for another process."""


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a process answers."""

    record: RecordLine | None = None
    fault: str | None = None
    """Why no later case can use the device in this process."""
    digest: str | None = None
    """Of the case's graph; None where that cannot be loaded."""
    ceilings: Ceilings | None = None


_NESTED: dict[str, type[Any]] = {"choice": Choice, "method": Method, "recipe": Recipe}
"""Parts of a `TrainingSetting` that have fields of their own."""


def packed(given: Setup | Job) -> bytes:
    """Return JSON in which a file name that is not UTF-8 stays what it is; msgspec's own encoder refuses one."""
    return json.dumps(msgspec.to_builtins(given)).encode()


def unpacked(content: bytes, kind: type[Given]) -> Given:
    """Return what was packed."""
    return msgspec.convert(json.loads(content), kind)


def job_of(setting: AnySetting) -> Job:
    """Return the job that measures a case."""
    if not isinstance(setting, TrainingSetting):
        return Job(product=setting)
    values = {field.name: getattr(setting, field.name) for field in fields(setting) if field.init}
    nested = {name: asdict(values[name]) for name in _NESTED}
    return Job(training=values | nested | {"model": setting.model.name})


def setting_of(job: Job) -> AnySetting | None:
    """Return the case that a job measures; None where it is about none."""
    values = job.training
    if values is None:
        return job.product
    nested = {name: kind(**values[name]) for name, kind in _NESTED.items()}
    return TrainingSetting(**values | nested | {"model": find(values["model"])})


def main(log: str) -> None:
    """Measure cases until no more come."""
    serve(_made, log)


def _made(setup: bytes) -> Answer:
    given = unpacked(setup, Setup)
    import torch  # noqa: F401  (so that its settings are there to be looked after)

    if given.keeps_memory and (reason := allocator.keep_memory()) is not None:
        raise RuntimeError(reason)  # the options have been refused there: no record may say that it was kept
    REGISTRY.leave_out(APART, given.left_out)
    store = Store(None if given.data_root is None else Path(given.data_root), given.on_disk)
    with unchanged_by_loading(to_stderr):  # which is the log
        for file in given.plugins:
            REGISTRY.add_file(Path(file))
        kernels = catalog(given.kernels)
    bench = Bench(kernels, store, given.limits, given.slow_down)
    devices.HERE.use(given.device)
    # What is there now stays: the collection before each memory reading then costs microseconds, not 0.2 s.
    gc.freeze()
    atexit.register(gc.unfreeze)  # what is frozen is not freed at exit, and Triton's bindings list all of it as leaked
    return lambda job, note: msgspec.json.encode(answer(unpacked(job, Job), note, bench, given.device))


def answer(job: Job, note: Note, bench: Bench, device: str) -> Answered:
    """Return the answer to a job, one that can be read at the other end; `note` takes what is worth saying before."""
    if job.ceilings is not None:
        return Answered(ceilings=probes.measure(device, set(job.ceilings)))
    setting = setting_of(job)
    if setting is None:
        bench.rest()
        bench.store.make_way()
        return Answered()
    bench.store.loaded = lambda facts: note(msgspec.json.encode(Noted(loaded=facts)))
    bench.store.tell(lambda line: note(msgspec.json.encode(Noted(said=line))))
    if job.digest:
        return Answered(digest=bench.digest(setting))
    # What no file may hold could not be read at the other end either: it is said here, as in a file.
    record, _ = readable(bench.record(setting, lambda epoch: note(msgspec.json.encode(Noted(epoch=epoch)))))
    fault = bench.fault(setting) if record.status == "failed" else None
    return Answered(record=to_line(record), fault=fault)
