"""Turns pytest-benchmark's JSON files into one results file, a round a file."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.environments import differences
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.harness.records.lines import RUN_LINE, RecordLine, from_line
from rsc_bench.harness.records.pytest_benchmark import OURS, foreign
from rsc_bench.harness.records.ranges import Count
from rsc_bench.harness.records.run import Record, Round, Run, Status

REMEDY = "give a file of `pytest --benchmark-json` or of .benchmarks/"


@dataclass(frozen=True)
class Imported:
    """What one file says."""

    path: Path
    environment: dict[str, Any]
    rounds: tuple[tuple[Round, list[Record]], ...]
    """One, and as many as were exported from a results file."""

    @property
    def summarised(self) -> int:
        """Cases whose samples were not saved."""
        kept = [record.measurement for _, records in self.rounds for record in records if record.measurement is not None]
        return sum(measurement.imported is not None for measurement in kept)


class _Rest(msgspec.Struct):
    """What `exporting` put beside pytest-benchmark's own entries."""

    environment: dict[str, Any]
    rounds: list[_Round]


class _Round(msgspec.Struct):
    round: Round
    records: list[_Bare]


class _Bare(msgspec.Struct):
    """A record with the number of its samples in place of them."""

    case: Case
    status: Status
    reason: str | None = None
    measurement: dict[str, Any] | None = None


def read(path: Path) -> Imported:
    """Return what a file says. Raises `ResultsError` where it is none of pytest-benchmark's, or was changed after an export."""
    tree = _tree(path)
    try:
        document = msgspec.convert(tree, foreign.Document)
        if OURS in tree:
            return _exported(path, document, msgspec.convert(tree[OURS], _Rest))
        records = foreign.records(document)
        start = {"index": 1, "of": 1, "cases": len(records), "started": document.datetime}
        return Imported(path, foreign.environment(document), ((msgspec.convert(start, Round), records),))
    except (msgspec.ValidationError, ValueError) as error:  # not of their types, or values that no record may have
        raise ResultsError(f"{path}: is not of pytest-benchmark ({error}): {REMEDY}") from None


def _tree(path: Path) -> Any:
    """What a file says; numbers that are none, which pytest-benchmark writes as NaN and Infinity, become null as in our files."""
    try:
        return msgspec.json.decode(msgspec.json.encode(json.loads(path.read_bytes())))
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror}): {REMEDY}") from None
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        raise ResultsError(f"{path}: is no JSON: {REMEDY}") from None


def is_json(path: Path) -> bool:
    """Return whether a path is a folder, or a file named .json that is none of our results files."""
    if path.is_dir():
        return True
    if path.suffix != ".json" or not path.is_file():
        return False
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(RUN_LINE)) != RUN_LINE
    return True


def gather(paths: Sequence[Path]) -> Run:
    """Return files, and all .json files in folders and below them, as one run, in order of when they were measured.

    Raises `ResultsError` where one cannot be read, a folder has none, two environments differ, or a round is there twice.
    """
    found = [read(file) for path in paths for file in _files(path)]
    _check_alike(found)
    _refuse_twice(found, [], paths[0])
    rounds = [(msgspec.structs.replace(start, index=index, of=index), records) for index, (start, records) in _in_order(found)]
    return Run(path=paths[0], environment=found[0].environment, rounds=rounds)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("*.json"))
    if not found:
        raise ResultsError(f"{path}: has no .json file: {REMEDY}")
    return found


def _in_order(found: Sequence[Imported]) -> Iterator[tuple[int, tuple[Round, list[Record]]]]:
    """Every round with its number, from 1."""
    rounds = [round_ for each in found for round_ in each.rounds]
    return enumerate(sorted(rounds, key=lambda round_: round_[0].started), 1)


def _check_alike(found: Sequence[Imported]) -> None:
    first = found[0]
    for other in found[1:]:
        # The name of a host says nothing: a container has another one each time.
        names = [name for name in differences(first.environment, other.environment) if name != "host.name"]
        if names:
            other_than = f"is of another environment than {first.path} ({', '.join(names)})"
            raise ResultsError(f"{other.path}: {other_than}: leave it out, or import it on its own")


def write(found: Sequence[Imported], output: Path) -> int:
    """Append every round to a results file, which is made where there is none; return how many rounds it then has.

    Raises `ResultsError`, before anything is written, where two environments differ or a round is in the file already.
    """
    _check_alike(found)
    file = ResultsFile(output, found[0].environment)
    try:
        _refuse_twice(found, [start.started for start, _ in file.rounds], output)
        for _, (start, records) in _in_order(found):
            index = len(file.rounds) + 1
            file.start_round(msgspec.structs.replace(start, index=index, of=index))
            for record in records:
                file.append(record)
        return len(file.rounds)
    finally:
        file.close()


def _refuse_twice(found: Sequence[Imported], known: Sequence[str], output: Path) -> None:
    """A round that counts twice would make a judgement look surer than it is."""
    seen = set(known)
    for each in found:
        started = {start.started for start, _ in each.rounds}
        if twice := sorted(started & seen):
            raise ResultsError(f"{each.path}: its round of {twice[0]} is in {output} already: leave the file out")
        seen |= started


def _exported(path: Path, document: foreign.Document, rest: _Rest) -> Imported:
    """The run that was exported: its samples back from the benchmarks into its records."""
    samples: dict[Case, Iterator[float | None]] = defaultdict(lambda: iter(()))
    for benchmark in document.benchmarks:
        samples[msgspec.convert(benchmark.params, Case)] = iter(benchmark.stats.data)
    rounds = tuple((each.round, [_filled(record, samples) for record in each.records]) for each in rest.rounds)
    if any(next(left, None) is not None for left in samples.values()):
        raise msgspec.ValidationError("it has samples of no round")
    return Imported(path, rest.environment, rounds)


def _filled(bare: _Bare, samples: dict[Case, Iterator[float | None]]) -> Record:
    measured = bare.measurement
    if measured is not None:
        count = msgspec.convert(measured.get("times_s"), Count)
        times_s = list(islice(samples[bare.case], count))
        if len(times_s) < count:
            raise msgspec.ValidationError(f"samples of {bare.case} were taken out")
        measured = measured | {"times_s": times_s}
    tree = {"case": msgspec.to_builtins(bare.case), "status": bare.status, "reason": bare.reason, "measurement": measured}
    return from_line(msgspec.convert(tree, RecordLine))
