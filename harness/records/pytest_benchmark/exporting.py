"""Turns a run into a document of pytest-benchmark: a benchmark a case, the samples of all its rounds in order."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from rsc_bench.files import MARK
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.lines import to_line
from rsc_bench.harness.records.measurement import to_flat
from rsc_bench.harness.records.pytest_benchmark import OURS
from rsc_bench.harness.records.run import Record, Run

# The format, by the version of pytest-benchmark whose files look so.
VERSION = "5.3.1"


def document(run: Run) -> dict[str, Any]:
    """Return the document; what pytest-benchmark has no place for, rounds and errors say, stands beside its own entries."""
    samples: dict[Case, list[Record]] = defaultdict(list)
    for record in run.records:
        if record.measurement is not None:
            samples[record.case].append(record)
    return {
        "origin": MARK,
        "machine_info": _machine(run.environment),
        "commit_info": _commit(run.environment),
        "benchmarks": [_benchmark(case, records) for case, records in samples.items()],
        "datetime": run.rounds[0][0].started if run.rounds else None,
        "version": VERSION,
        OURS: _ours(run),
    }


def _benchmark(case: Case, records: list[Record]) -> dict[str, Any]:
    measured = [record.measurement for record in records if record.measurement is not None]
    name, last = _name(case), to_flat(measured[-1])
    return {
        "group": _group(case),
        "name": name,
        "fullname": str(case),
        "params": msgspec.to_builtins(case),
        "param": name,
        "extra_info": {"rounds": len(measured), "rel_error": last.rel_error, "peak_bytes": last.peak_bytes},
        "options": {"timer": case.clock},
        "stats": _statistics([time_s for each in measured for time_s in each.timing.times_s])
        | {"iterations": last.calls_per_sample},
    }


def _group(case: Case) -> str:
    """What of a case its kernels have in common: the operation, as the suites name it to pytest-benchmark."""
    parts = [case.graph_as_run, case.model or "", f"d={case.width}" if case.width else "", case.dtype, case.device]
    parts += [f"freed_memory={case.freed_memory}"] * (case.freed_memory is not None)
    return " ".join([part for part in parts if part] + [case.clock] * (case.clock != "host"))


def _name(case: Case) -> str:
    parts = {"C": case.budget, "reduce": None if case.reduce == "sum" else case.reduce}
    parts |= {name: getattr(case, name) for name in ("layers", "epochs", "seed", "variant", "freed_memory")}
    return " ".join([case.kernel, *(f"{name}={value}" for name, value in parts.items() if value is not None)])


def _statistics(samples: list[float]) -> dict[str, Any]:
    """The statistics as pytest-benchmark works them out, with the samples."""
    from pytest_benchmark.stats import Stats

    found = Stats()  # type: ignore[no-untyped-call]
    found.data = samples
    return {**found.as_dict(), "data": samples}  # type: ignore[no-untyped-call]


def _machine(environment: dict[str, Any]) -> dict[str, Any]:
    cpu, system = _below(environment, "cpu"), _below(environment, "os")
    return {
        "node": None,
        "processor": cpu.get("architecture"),
        "machine": cpu.get("architecture"),
        "python_version": environment.get("python"),
        "system": system.get("name"),
        "release": system.get("release"),
        "cpu": {"brand_raw": cpu.get("model"), "count": cpu.get("logical_cores")},
    }


def _below(environment: dict[str, Any], name: str) -> dict[str, Any]:
    """The fields below a name; another program may have put anything there."""
    found = environment.get(name)
    return found if isinstance(found, dict) else {}


def _commit(environment: dict[str, Any]) -> dict[str, Any]:
    checkout = _below(environment, "checkout")
    commit, dirty = checkout.get("commit") or "unversioned", bool(checkout.get("dirty"))
    return {"id": commit, "time": None, "author_time": None, "dirty": dirty, "project": "rsc-bench", "branch": "(unknown)"}


def _ours(run: Run) -> dict[str, Any]:
    """Everything that the file holds but the samples, which stand in the benchmarks."""
    rounds = [{"round": start, "records": [_bare(record) for record in records]} for start, records in run.rounds]
    tree: dict[str, Any] = msgspec.to_builtins({"environment": run.environment, "rounds": rounds})
    return tree


def _bare(record: Record) -> dict[str, Any]:
    """A record with the number of its samples in place of them."""
    tree: dict[str, Any] = msgspec.to_builtins(to_line(record))
    if record.measurement is not None:
        tree["measurement"]["times_s"] = len(record.measurement.timing.times_s)
    return tree
