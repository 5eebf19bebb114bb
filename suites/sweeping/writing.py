"""Writes the records of a sweep into the results file of their block and kind of machine, and knows what is in it already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from rsc_bench.harness.records.appending import ResultsFile, refuse_other
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.file import ResultsError, read
from rsc_bench.harness.records.run import Record, Round
from rsc_bench.suites.sweeping.estimates import measured_s
from rsc_bench.suites.sweeping.planning import Plan

HOW = ("--precision", "--max-time", "--min-samples", "--case-timeout", "--data-root")
"""Options of which a record says nothing."""


@dataclass(frozen=True)
class There:
    """What a results file has by now."""

    done: frozenset[tuple[Case, int]] = frozenset()
    """Cases, without the digest of their graph, each with the round."""
    known_s: Mapping[Case, float] | None = None
    """How long each of them took."""
    bad: frozenset[tuple[Case, int]] = frozenset()
    """Those that are wrong or failed."""
    asked: tuple[str, ...] | None = None
    """What the last session was asked for, as the options of ``bench``; None: not known."""


def there(path: Path, environment: Mapping[str, Any] | None = None) -> There:
    """Return what a results file has; nothing where there is no file.

    Raises `ResultsError` where it cannot be read, or holds what was measured in another environment than the one that is given.
    """
    if not path.exists():
        return There()
    run = read(path)
    if environment is not None:
        refuse_other(path, run.environment, environment)
    done, bad, known, asked = set(), set(), {}, None
    for start, records in run.rounds:
        asked = start.options
        for record in records:
            case = named(record.case)
            done.add((case, start.index))
            if record.status in ("wrong", "failed"):
                bad.add((case, start.index))
            taken = measured_s(record)
            if taken is not None:
                known[case] = taken
    return There(frozenset(done), known, frozenset(bad), None if asked is None else tuple(asked))


def changes(path: Path, known: There, plan: Plan) -> Iterator[str]:
    """Yield a sentence for each way in which what a results file has was asked for by another study than the one of a plan."""
    planned = {each.case for each in plan.cases}
    others = list(dict.fromkeys(case for case, _ in known.done if case not in planned))
    if others:
        first = min(map(str, others))
        yield f"{path}: has cases that are no part of the study now, {len(others):,} in all ({first}, ...): they stay in it"
    before, now = _how(known.asked), _how(plan.block.options.asked)
    if known.asked is not None and before != now:
        was, are = (" ".join(sorted(some)) or "nothing" for some in (before - now, now - before))
        yield f"{path}: was measured with {was} where the study has {are} now: what is done stays as it is"


def _how(asked: Sequence[str] | None) -> frozenset[str]:
    """The options that change how a case is measured, and are no part of what it is called."""
    return frozenset(f"{option} {value}" for option, value in pairwise(asked or ()) if option in HOW)


def named(case: Case) -> Case:
    """Return a case as it is planned, before the contents of its graph are known."""
    return msgspec.structs.replace(case, graph_digest=None)


class Results:
    """The results file of a block on one kind of machine."""

    def __init__(self, path: Path, plan: Plan, environment: Mapping[str, Any], say: Callable[[str], None]) -> None:
        """Begin or go on with the file; raises `ResultsError` where it cannot be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = ResultsFile(path, dict(environment), say=say)
        self._plan = plan
        self._ceilings: Ceilings | None = None
        self._nodes: dict[str, Any] = {}
        self.records = 0
        """Written by this session."""
        self._there = {(named(record.case), start.index) for start, records in self._file.rounds for record in records}

    @property
    def path(self) -> Path:
        """Where it is: another path where it was moved, removed or replaced meanwhile."""
        return self._file.path

    def know(self, ceilings: Ceilings | None, nodes: Mapping[str, Any]) -> None:
        """Take what the next line of a round is to say of the devices."""
        self._ceilings = ceilings or self._ceilings
        self._nodes.update(nodes)

    def has(self, case: Case, index: int) -> bool:
        """Return whether the file had a case in a round when it was opened: another session may have measured it meanwhile."""
        return (case, index) in self._there

    def append(self, records: Sequence[Record], index: int) -> None:
        """Write records of a round, all of them at once."""
        if self._file.open_index != index or self._ceilings or self._nodes:
            self._start(index)
        self._file.append(*records)
        self.records += len(records)

    def _start(self, index: int) -> None:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        start = Round(
            index=index,
            of=self._plan.rounds,
            cases=len(self._plan.of_round(index)),
            started=now,
            ceilings=self._ceilings,
            options=self._plan.block.options.asked,
            nodes=self._nodes or None,
        )
        self._file.start_round(start)
        self._ceilings, self._nodes = None, {}

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def other_array(path: Path, parts: int) -> Path | None:
    """Return a results file of the same block that is one of another number of parts, which share the cases out otherwise."""
    whole = path.name.partition(".part-")[0]
    found = sorted(path.parent.glob(f"{whole}.part-*-of-*.jsonl"))
    return next((each for each in found if not each.name.endswith(f"-of-{parts}.jsonl")), None)


def path_of(folder: Path, block: str, kind: str | None, part: str | None = None) -> Path:
    """Return the results file of a block on a kind of machine; None: on this one alone. `part` is of an array of jobs."""
    return folder / f"{'.'.join(filter(None, (block, kind, part)))}.jsonl"


__all__ = ["Results", "ResultsError", "There", "changes", "named", "other_array", "path_of", "there"]
