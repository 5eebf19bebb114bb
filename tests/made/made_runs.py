"""Makes cases, records and results files for the tests beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Measurement, measured
from rsc_bench.harness.records.run import Record, Round, Run

MACHINE: dict[str, Any] = {"cpu": {"model": "Example 9000", "usable_cores": 2}, "gpus": [], "versions": {"torch": "2.13.0"}}


def case(kernel: str = "mkl", **parts: Any) -> Case:
    given = {
        "suite": "exact",
        "graph": "twin:flickr",
        "width": 8,
        "budget": None,
        "dtype": "float32",
        "device": "cpu",
        "clock": "host",
    }
    return Case(kernel=kernel, **{**given, **parts})


def measurement(*times_s: float, **parts: Any) -> Measurement:
    given = {"select_s": None, "prepare_s": 0.5, "rel_error": 0.0, "nnz": 100, "kept_nnz": 100, "peak_bytes": None}
    return measured(times_s=list(times_s), **{**given, **parts})


def ok(of: Case, *times_s: float, **parts: Any) -> Record:
    return Record(case=of, status="ok", measurement=measurement(*times_s, **parts))


def not_ok(of: Case, status: Any, reason: str) -> Record:
    return Record(case=of, status=status, reason=reason)


def run(*rounds: list[Record], environment: dict[str, Any] = MACHINE, path: str = "made.jsonl") -> Run:
    """A run whose rounds hold these records."""
    return Run(
        path=Path(path), environment=environment, rounds=[(start(index), records) for index, records in enumerate(rounds, 1)]
    )


def timed(*fastest_s: float, of: Case | None = None, **parts: Any) -> Run:
    """A run of one case, one round for each of these times."""
    return run(*([ok(of or case(), time_s)] for time_s in fastest_s), **parts)


def start(index: int = 1) -> Round:
    return Round(index=index, of=index, cases=1, started="2026-01-01T00:00:00Z")


def written(path: Path, *rounds: list[Record], environment: dict[str, Any] = MACHINE) -> Path:
    """A results file on disk that holds these rounds."""
    file = ResultsFile(path, environment)
    for index, records in enumerate(rounds, 1):
        file.start_round(start(index))
        for record in records:
            file.append(record)
    file.close()
    return path
