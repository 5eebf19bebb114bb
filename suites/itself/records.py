"""Makes each case of the suite ``harness`` into its record, in a process of its own that has loaded nothing before."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from rsc_bench import caches
from rsc_bench.harness.measure.attempt import reason_of, status_of
from rsc_bench.harness.measure.work import Wrong
from rsc_bench.harness.measure.worker import Answer, Worker, WorkerLost, serve
from rsc_bench.harness.records.measurement import Matrix, Measurement, MemoryUse, Timing
from rsc_bench.harness.records.run import Record, Status
from rsc_bench.suites.itself import kept, runs
from rsc_bench.suites.itself.sweep import HarnessSetting, Observed

Waiting = Callable[[float], None]
"""Takes the seconds since the case began, twice a second while it runs."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is asked for, its only job."""

    setting: HarnessSetting
    place: str
    data_root: str | None = None


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What it answers: what was observed, or why nothing was."""

    observed: Observed | None = None
    status: Status = "ok"
    reason: str | None = None


class Records:
    """Makes records of the suite, with a folder on the disk of the cache that goes with it."""

    def __init__(self, log: Path, limit_s: float, data_root: Path | None = None, on_disk: bool = True) -> None:
        """Begin without a folder.

        Args:
            log: file that processes append to what they print.
            limit_s: seconds that a case may take.
            data_root: folder of published graphs.
            on_disk: whether graphs may be kept on disk.
        """
        self._log, self._limit_s, self._data_root, self._on_disk = log, limit_s, data_root, on_disk
        self._place: Path | None = None

    def record(self, setting: HarnessSetting, waiting: Waiting) -> Record:
        """Return the record of a case, whatever becomes of its process."""
        case = setting.case()
        if setting.task == "graph_cached" and not self._on_disk:
            return Record(case=case, status="skipped", reason="--no-cache: nothing is kept on disk that it could be read from")
        try:
            answer = self._answer(setting, waiting)
        except (WorkerLost, OSError) as lost:
            return Record(case=case, status="failed", reason=str(lost))
        if answer.observed is None:
            return Record(case=case, status=answer.status, reason=answer.reason)
        return Record(case=case, status="ok", measurement=measurement(answer.observed))

    def close(self) -> None:
        """Remove the folder."""
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)
            self._place = None

    def _answer(self, setting: HarnessSetting, waiting: Waiting) -> Answered:
        if self._place is None:
            self._place = _folder()
        root = None if self._data_root is None else str(self._data_root.resolve())
        job = msgspec.json.encode(Job(setting=setting, place=str(self._place), data_root=root))
        worker = Worker(main, b"", self._log)
        try:
            return msgspec.json.decode(worker.ask(job, self._limit_s, lambda note: None, waiting), type=Answered)  # noqa: ARG005
        finally:
            worker.kill()


def _folder() -> Path:
    """Make a folder beside the graphs that are kept, on the disk that the user has chosen for such; a killed run's goes later."""
    beside = caches.own() / "graphs"
    beside.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=beside, prefix=".draft-harness-"))


def measurement(observed: Observed) -> Measurement:
    """Return what was observed as records keep it."""
    return Measurement(
        timing=Timing(
            times_s=observed.times_s, select_s=None, prepare_s=observed.prepare_s, stop="samples", spent_s=observed.spent_s
        ),
        matrix=Matrix(
            nnz=observed.nnz,
            kept_nnz=observed.nnz,
            rows=observed.nodes or None,
            columns=observed.nodes or None,
        ),
        memory=MemoryUse(peak_bytes=observed.peak_bytes),
    )


def check(setting: HarnessSetting) -> None:
    """Do a case once, in a folder that goes at once; raises what goes wrong, `Wrong` where something else comes of it."""
    with tempfile.TemporaryDirectory(prefix="rsc-bench-") as place:
        if setting.task.startswith("graph"):
            _check_contents(setting, _observed(setting, Path(place)))
            return
        if setting.task == "sweep":  # which has processes of its own
            runs.sweep(setting, Path(place))
            return
        records = Records(Path(place, "log"), limit_s=600.0)
        with contextlib.closing(records):
            record = records.record(setting, lambda seconds: None)  # noqa: ARG005
        if record.status != "ok":
            raise RuntimeError(record.reason)


def _check_contents(setting: HarnessSetting, observed: Observed) -> None:
    """Raise `Wrong` where what was made, or read again, is not what is made without a cache."""
    wanted = kept.contents(kept.load(setting, on_disk=False))
    if observed.contents != wanted:
        raise Wrong(f"the digest of its contents must be {wanted}, as without a cache (got {observed.contents})")


def _observed(setting: HarnessSetting, place: Path, data_root: Path | None = None) -> Observed:
    if setting.task == "collect":
        return runs.collect(setting)
    if setting.task == "sweep":
        return runs.sweep(setting, place)
    return kept.observe(setting, place, data_root)


def main(log: str) -> None:
    """Do one job: what a process does."""
    serve(_made, log)


def _made(setup: bytes) -> Answer:
    del setup
    return lambda job, note: msgspec.json.encode(_answered(msgspec.json.decode(job, type=Job)))  # noqa: ARG005


def _answered(job: Job) -> Answered:
    root = None if job.data_root is None else Path(job.data_root)
    try:
        return Answered(observed=_observed(job.setting, Path(job.place), root))
    except Exception as error:
        return Answered(status=status_of(error), reason=reason_of(error))
