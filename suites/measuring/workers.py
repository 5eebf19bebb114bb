"""Decides in which process each case is measured, and makes a record also of a case whose process is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rsc_bench import plugins
from rsc_bench.harness.measure.worker import START_S, Note, Worker, WorkerLost
from rsc_bench.harness.records.case import GROWTH, Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.lines import from_line
from rsc_bench.harness.records.run import Record
from rsc_bench.plugins import REGISTRY
from rsc_bench.suites.catalog import Catalog, Choice
from rsc_bench.suites.graphs import Facts
from rsc_bench.suites.measuring import serving
from rsc_bench.suites.measuring.bench import AnySetting, Follow
from rsc_bench.suites.measuring.serving import APART, Answered, Job, Noted, Setup, job_of, packed
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.training.sweep import TrainingSetting

_NO_ANSWER = "its process answered something else than its record, and was ended: what is measured writes into the pipe"
_STARTS = 2
"""Processes that are started for a case before it is given up: on a busy machine the next may be quicker."""
Waiting = Callable[[float], None]
"""Takes the seconds since the case began, twice a second while it runs."""


class CannotStart(Exception):
    """No process can be started that our own code runs in, so that no case can be measured; the message is one line."""


@dataclass(frozen=True)
class Needs:
    """What a case needs of its process: cases of different needs are measured in different ones."""

    origins: frozenset[str] = frozenset()
    """Where all that runs while it is timed comes from, but for what is ours."""
    keeps_memory: bool = False
    """Whether main memory that is freed stays in the process, which holds for all of it."""


@dataclass(frozen=True)
class Origins:
    """Where the plug-ins of a run come from, but for ours: files of the user and installed packages."""

    files: tuple[str, ...]
    """Files that ``--plugin`` names."""
    catalog: Catalog

    def of(self, setting: AnySetting) -> frozenset[str]:
        """Return the origins of all that runs while a case is timed; empty where all of it is ours."""
        choice = setting.choice
        used = [("kernel", choice.exact), ("selection", choice.selection or "")]
        used += [("model", setting.model.name)] if isinstance(setting, TrainingSetting) else []
        known = self.catalog
        files = {name: _path(file) for file, names in known.from_files.items() for name in names}
        chosen = {name: _path(file) for file, names in known.selections_of.items() for name in names}
        found = [
            files.get(choice.exact),
            chosen.get(choice.selection or ""),
            *(plugins.load(kind).origins.get(name) for kind, name in used),
        ]
        return frozenset(filter(None, found))

    def setup(self, origins: frozenset[str], usual: Setup) -> Setup:
        """Return what a process for cases of some origins loads: their code, and of the others only what all cases need."""
        others = {origin for kind in APART for origin in plugins.load(kind).origins.values()} - origins
        return msgspec.structs.replace(
            usual,
            plugins=tuple(file for file in self.files if _path(file) in origins or not self._apart(file)),
            kernels=tuple(file for file in self.catalog.from_files if _path(file) in origins),
            left_out=tuple(sorted(others)),
        )

    def _apart(self, file: str) -> bool:
        """Whether a file has nothing in it that a case of another origin needs, as the source of its graph."""
        return all(kind.name in APART for kind, _ in REGISTRY.read_file(Path(file), "--plugin"))


class Workers:
    """The processes of a run: one for what is ours, one for each origin of other code, and more where freed memory is kept."""

    def __init__(self, origins: Origins, setup: Setup, log: Path, limit_s: float) -> None:
        """Begin without any.

        Args:
            origins: where the run's plug-ins come from.
            setup: what all processes have in common.
            log: file that names each case as it begins and ends, with what kernels print.
            limit_s: seconds that a case may take, an epoch where it is a training.
        """
        self.log = log
        self.retries = 0
        """How often a case is measured again whose process did not end by itself."""
        self.loaded: Callable[[Facts], None] = _ignore
        """Is told of each graph that a process has loaded."""
        self.say: Callable[[str], None] = _ignore
        """Takes what a process says while it is at work; the log has it as well."""
        self._origins, self._setup, self._limit_s = origins, setup, limit_s
        self._workers: dict[Needs, Worker] = {}
        self._unstartable: dict[Needs, str] = {}
        """Needs whose process did not start, and why: their other cases need not wait for it again."""
        self._over: dict[Case, str] = {}
        """Cases that went over their time limit, and how."""
        self._last: Needs | None = None

    def record(self, setting: AnySetting, follow: Follow, waiting: Waiting) -> Record:
        """Return the record of a case, whatever becomes of its process; raises `CannotStart` where there can be none for any."""
        case = setting.case()
        record = self._not_tried_again(setting) or self._tried(setting, follow, waiting)
        self._write(f"{record.status}: {case}{f': {record.reason}' if record.reason else ''}")
        return record

    def _not_tried_again(self, setting: AnySetting) -> Record | None:
        """Return the record of a case that would go over its time limit as it did before, or as its exact kernel did; else None."""
        case = setting.case()
        if case in self._over:
            return Record(case=case, status="failed", reason=f"{self._over[case]} in an earlier round of this run: not tried again")
        if isinstance(setting, Setting) and (exact := _exact(setting)) in self._over:
            reason = f"{exact.kernel} without a selection was {self._over[exact]}: not tried (--case-timeout)"
            return Record(case=case, status="skipped", reason=reason)
        return None

    def _tried(self, setting: AnySetting, follow: Follow, waiting: Waiting) -> Record:
        case = setting.case()
        times = 0
        while True:
            times += 1
            self._write(f"begins: {case}")
            try:
                answer = self._ask(self.needs(setting), job_of(setting), lambda note: self._noted(note, follow), waiting)
                return self._record_of(answer, case)
            except WorkerLost as lost:
                if lost.over:
                    self._over[case] = str(lost)
                if not lost.by_others or times > self.retries:
                    how = f"{lost}, {times} times" if lost.by_others and times > 1 else str(lost)
                    return Record(case=case, status="failed", reason=how)
                self._write(f"again: {case}: {lost}")

    def digest(self, setting: AnySetting) -> str | None:
        """Return the digest of what a case sees of its graph; None where it cannot be loaded.

        It is loaded in a process as well: it may have been what the case's own process was lost by.
        """
        job = msgspec.structs.replace(job_of(setting), digest=True)
        try:
            return self._ask(Needs(), job, lambda note: self._noted(note, _ignore), _ignore).digest
        except WorkerLost as lost:
            self._write(f"failed: the digest of {setting.case().graph}: {lost}")
            return None

    def needs(self, setting: AnySetting) -> Needs:
        """Return which process a case is measured in."""
        return Needs(self._origins.of(setting), setting.keeps_memory)

    def setup(self, needs: Needs) -> Setup:
        """Return what a process for such cases has to know."""
        setup = self._origins.setup(needs.origins, self._setup)
        return msgspec.structs.replace(setup, keeps_memory=needs.keeps_memory)

    def _record_of(self, answer: Answered, case: Case) -> Record:
        """Return the record in an answer, of the case that was asked for and no other."""
        record = None if answer.record is None else from_line(answer.record)
        if record is None or msgspec.structs.replace(record.case, graph_digest=case.graph_digest) != case:
            worker = self._workers.pop(self._last, None) if self._last is not None else None
            if worker is not None:
                worker.kill()
            return Record(case=case, status="failed", reason=_NO_ANSWER)
        return record

    def ceilings(self, row_bytes: Iterable[int]) -> Ceilings:
        """Return what the device can reach; raises `WorkerLost` where that could not be measured, and `CannotStart`.

        It is no case, and has the time of a start for itself, not that of ``--case-timeout``.
        """
        try:
            found = self._ask(Needs(), Job(ceilings=tuple(sorted(row_bytes))), _ignore, _ignore, START_S).ceilings
        except WorkerLost as lost:
            self._write(f"failed: ceilings: {lost}")
            raise
        assert found is not None
        return found

    def close(self) -> None:
        """End every process."""
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def _ask(self, needs: Needs, job: Job, noted: Note, waiting: Waiting, limit_s: float | None = None) -> Answered:
        if needs in self._unstartable:
            raise WorkerLost(self._unstartable[needs], started=False)
        if self._last not in (None, needs) and self._last in self._workers:
            with contextlib.suppress(WorkerLost):
                self._asked(self._last, Job(rest=True), _ignore, _ignore)
                self._workers[self._last].pause()  # a thread that a kernel has left behind must not slow others down
        self._last = needs
        for _ in range(_STARTS):
            if needs not in self._workers:
                self._workers[needs] = Worker(serving.main, packed(self.setup(needs)), self.log)
            try:
                return self._asked(needs, job, noted, waiting, limit_s)
            except WorkerLost as lost:
                if lost.started:
                    raise
                how = str(lost)
                self._write(f"no start: {how}")
        raise self._given_up(needs, how)

    def _given_up(self, needs: Needs, how: str) -> Exception:
        if not needs.origins:
            why = f"no process to measure in could be started, {_STARTS} times in a row: {how}"
            return CannotStart(f"{why}: see {self.log}, then run the same command again")
        self._unstartable[needs] = f"{how}, {_STARTS} times in a row"
        return WorkerLost(self._unstartable[needs], started=False)

    def _asked(self, needs: Needs, job: Job, noted: Note, waiting: Waiting, limit_s: float | None = None) -> Answered:
        try:
            content = self._workers[needs].ask(packed(job), limit_s or self._limit_s, noted, waiting)
            answer = msgspec.json.decode(content, type=Answered)
        except WorkerLost:
            del self._workers[needs]
            raise
        except msgspec.MsgspecError as error:  # somebody else's code has written to the pipe, or into the answer
            self._workers.pop(needs).kill()
            raise WorkerLost(f"its process gave an answer that cannot be read ({error})") from None
        if answer.fault is not None:
            self._write(f"a new process: the device can do nothing more in this one ({answer.fault})")
            self._workers.pop(needs).kill()
        return answer

    def _noted(self, content: bytes, follow: Follow) -> None:
        note = msgspec.json.decode(content, type=Noted)
        if note.said is not None:
            self._write(note.said)
            self.say(note.said)
        if note.loaded is not None:
            self.loaded(note.loaded)
        if note.epoch is not None:
            follow(note.epoch)

    def _write(self, line: str) -> None:
        # Of a full disk the results file tells; where their folder was moved, they go on in one of its name.
        with contextlib.suppress(OSError):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8", errors="replace") as log:
                log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")


def _exact(setting: Setting) -> Case:
    """The case of the same product by the exact kernel, which comes first in a sweep."""
    suite = setting.suite if setting.suite == GROWTH else "exact"
    return replace(setting, suite=suite, choice=Choice(setting.choice.exact), budget=None).case()


def _path(file: str) -> str:
    return str(Path(file).resolve())


def _ignore(_: object) -> None:
    pass
