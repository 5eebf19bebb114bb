"""Turns a document that pytest-benchmark wrote, of anyone's benchmarks, into the environment and the round of a results file."""

from __future__ import annotations

from typing import Any

import msgspec

from rsc_bench.harness.records.case import PYTEST_BENCHMARK, Case
from rsc_bench.harness.records.measurement import Imported, Matrix, Measurement, Timing
from rsc_bench.harness.records.run import Record

# What stands for the samples where a file keeps none: the order is that of the values.
FIVE = ("min", "q1", "median", "q3", "max")


class Stats(msgspec.Struct):
    """The statistics of one benchmark, in seconds a call; null where a program wrote NaN."""

    min: float | None
    q1: float | None
    median: float | None
    q3: float | None
    max: float | None
    rounds: int
    """Samples; pytest-benchmark calls them rounds."""
    iterations: int = 1
    """Calls in each sample."""
    data: list[float | None] = []
    """The samples in order; empty where they were not saved."""


class Benchmark(msgspec.Struct):
    """One benchmark: what identifies it, and its statistics."""

    fullname: str
    stats: Stats
    group: str | None = None
    params: dict[str, Any] | None = None
    extra_info: dict[str, Any] = {}
    options: dict[str, Any] = {}


class Document(msgspec.Struct):
    """What is read of a file; everything else in it is left alone."""

    benchmarks: list[Benchmark]
    datetime: str
    version: str
    machine_info: dict[str, Any] = {}
    commit_info: dict[str, Any] = {}


def environment(document: Document) -> dict[str, Any]:
    """Return what the file says of machine, software and commit, under the names of a results file."""
    machine, commit = document.machine_info, document.commit_info
    cpu = machine.get("cpu")
    cpu = cpu if isinstance(cpu, dict) else {}  # a project may put anything there, by a hook
    return {
        "cpu": {"model": cpu.get("brand_raw"), "architecture": machine.get("machine"), "logical_cores": cpu.get("count")},
        "gpus": [],
        "gpus_absent": f"imported: {PYTEST_BENCHMARK} does not look for any",
        "os": {"name": machine.get("system"), "release": machine.get("release")},
        "host": {"name": machine.get("node")},
        "python": machine.get("python_version"),
        "versions": {PYTEST_BENCHMARK: document.version},
        "checkout": {"commit": commit.get("id"), "dirty": commit.get("dirty")},
    }


def records(document: Document) -> list[Record]:
    """Return a record for each benchmark; one whose times are no times gets `failed` and the reason."""
    return [_record(benchmark) for benchmark in document.benchmarks]


def _record(benchmark: Benchmark) -> Record:
    case = _case(benchmark)
    try:
        return Record(case=case, status="ok", measurement=_measurement(benchmark.stats))
    except ValueError as error:
        return Record(case=case, status="failed", reason=str(error))


def _case(benchmark: Benchmark) -> Case:
    """The identity: test and group, and what its parameters and extra information say under the names of a case."""
    file, _, test = benchmark.fullname.partition("::")
    said = {**(benchmark.params or {}), **benchmark.extra_info}
    known = {name: said[name] for name in ("width", "device") if name in said}
    given = {
        "suite": PYTEST_BENCHMARK,
        # A group holds what is to be compared with each other, as a graph does. Without one that is the benchmark's next run.
        "kernel": benchmark.fullname if benchmark.group else test or file,
        "graph": " ".join([benchmark.group, *_sizes(benchmark.params or {})]) if benchmark.group else file,
        "width": 0,
        "budget": None,
        "dtype": "any",
        "device": "cpu",
        "clock": str(benchmark.options.get("timer") or "unknown timer"),
    }
    try:
        return msgspec.convert(given | known, Case)
    except msgspec.ValidationError:  # a parameter of that name that means something else
        return msgspec.convert(given, Case)


def _sizes(params: dict[str, Any]) -> list[str]:
    """The parameters that are numbers: less work is no speed. A text or a flag chooses between what is to be compared."""
    numbers = {name: value for name, value in params.items() if isinstance(value, int | float) and not isinstance(value, bool)}
    return [f"{name}={value}" for name, value in numbers.items() if name != "width"]


def _measurement(stats: Stats) -> Measurement:
    summary = [getattr(stats, name) for name in FIVE] if stats.rounds > 1 else [stats.min]
    times_s = [time_s for time_s in stats.data or summary if time_s is not None]
    if len(times_s) < len(stats.data or summary):
        raise ValueError("its times must be numbers (got NaN or infinity)")
    return Measurement(
        timing=Timing(times_s=times_s, select_s=None, prepare_s=None, calls_per_sample=stats.iterations),
        matrix=Matrix(nnz=0, kept_nnz=0),
        imported=None if stats.data else Imported(summarised_samples=stats.rounds),
    )
