"""One run of the suites: which cases it has, which rounds its results file still needs, and what goes into that file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from rsc_bench.files import to_stderr
from rsc_bench.harness.machine import environment
from rsc_bench.harness.measure.ceilings import probes as ceilings
from rsc_bench.harness.measure.state import unchanged_by_loading
from rsc_bench.harness.measure.worker import WorkerLost
from rsc_bench.harness.records.appending import ResultsFile, log_of
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.run import Record, Round
from rsc_bench.plugins import REGISTRY
from rsc_bench.suites import devices
from rsc_bench.suites.catalog import Catalog, catalog
from rsc_bench.suites.graphs import Facts
from rsc_bench.suites.itself.records import Records
from rsc_bench.suites.itself.sweep import HarnessSetting, harness_settings
from rsc_bench.suites.measuring.bench import Bench, SuiteSetting
from rsc_bench.suites.measuring.contents import Contents
from rsc_bench.suites.measuring.doubts import busy, busy_share, doubts
from rsc_bench.suites.measuring.pytest_benchmark import ReplayTimer
from rsc_bench.suites.measuring.serving import Setup
from rsc_bench.suites.measuring.workers import Origins, Workers
from rsc_bench.suites.options import CASE_TIMEOUT_S, DTYPES, Options, check
from rsc_bench.suites.spmm.cases.growth import growth_settings
from rsc_bench.suites.spmm.cases.sddmm import sddmm_settings
from rsc_bench.suites.spmm.cases.sweep import Setting, baselines_left_out, fresh_alone, selections_left_out, settings
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.terminal.account import CEILINGS, Account
from rsc_bench.suites.training.sweep import TrainingSetting, training_settings
from rsc_bench.text import what_next
from rsc_bench.user_files import LOAD_S

NEW_FILE_ROUNDS = 3
"""Rounds of a new results file: the fewest that `compare` judges."""
TRAINING_ROUNDS = 1
"""The same where models are trained: seeds are their replication, and each takes minutes."""


def load_plugins(options: Options) -> None:
    """Load the files of ``--plugin``; raises `PluginError` where one does not load, or not in time."""
    REGISTRY.limit_s = LOAD_S if options.case_timeout_s == CASE_TIMEOUT_S else options.case_timeout_s
    with unchanged_by_loading(to_stderr):
        for file in options.plugins:
            REGISTRY.add_file(Path(file))


class Session:
    """The cases of a run, and what is known of them before it starts."""

    def __init__(self, options: Options, here: devices.Devices = devices.HERE) -> None:
        """Look up everything that the options name; raises an error of one line where it is not available.

        Args:
            options: of the run.
            here: the devices that there are: others than those of this machine where it only plans.
        """
        check(options, here)
        self.in_process = options.in_process or not options.benchmark
        """Whether cases run in this process, and not in workers."""
        device = devices.HERE.use(options.device) if self.in_process else devices.HERE.name(options.device)
        with unchanged_by_loading(to_stderr):
            self.catalog: Catalog = catalog(options.kernels)
        self.options = options = replace(options, device=device, kernels=self.catalog.expanded(options.kernels, device))
        self.trainings = training_settings(options, self.catalog)
        makers = (settings, sddmm_settings, growth_settings)
        products = [setting for settings_of in makers for setting in settings_of(options, self.catalog)]
        self.settings: list[SuiteSetting] = [*products, *self.trainings, *harness_settings(options)]
        self.notes = [f"note:    {sentence}" for sentence in fresh_alone(options)]
        """What is worth saying of the products."""
        self.bench = Bench(self.catalog, Store(options.data_root, not options.no_cache), options.limits, options.slow_down)
        """What makes records in this process."""

    def workers(self, log: Path) -> Workers | None:
        """Return the processes that cases are measured in, which keep a log; None where this one measures them."""
        if self.in_process:
            return None
        options = self.options
        assert options.device is not None
        root = None if options.data_root is None else str(options.data_root)
        setup = Setup(
            data_root=root,
            on_disk=not options.no_cache,
            device=options.device,
            limits=options.limits,
            slow_down=options.slow_down,
        )
        return Workers(Origins(options.plugins, self.catalog), setup, log, options.case_timeout_s)

    def itself(self, log: Path) -> Records:
        """Return what makes records of the suite ``harness``."""
        return Records(log, self.options.case_timeout_s, self.options.data_root, not self.options.no_cache)


class Rounds:
    """The results file of a run, and the rounds that it is to get."""

    def __init__(self, session: Session, machine: dict[str, Any] | None = None) -> None:
        """Begin a results file or carry on in one; raises `ResultsError` where it cannot be used.

        Args:
            session: the cases.
            machine: what the environment of the file says of it; None: read here.
        """
        self._session = session
        self.account = Account()
        """Where the time goes from now on."""
        self.workers: Workers | None = None
        """The processes that cases are measured in, once the file is open; None: this one."""
        self._planned: list[SuiteSetting] = []
        self.indices: list[int] = []
        """The rounds to run, once they are planned."""
        self.note: str | None = None
        """What is worth saying before they run; None: nothing."""
        self._left_over: int | None = None
        path = session.options.results or Path("results", f"{datetime.now(UTC):%Y%m%d-%H%M%S}.jsonl")
        self.timer = ReplayTimer()
        self.say: Callable[[str], None] = to_stderr
        """Takes what becomes of the results file while it is written to."""
        self._made = not path.exists()
        environment_of = (environment.read() if machine is None else machine) | what_runs(session)
        self._file = ResultsFile(path, environment_of, say=self._tell)
        self._ceilings: Ceilings | None = None
        self._done = _by_name(self._file.done())
        self.workers = session.workers(log_of(self.path))
        self.tell_waiting(self._tell)
        self.itself = session.itself(log_of(self.path))
        on_graphs = [setting for setting in session.settings if not isinstance(setting, HarnessSetting)]
        self._contents = Contents(on_graphs, (self.workers or session.bench).digest)

    def _tell(self, line: str) -> None:
        self.say(line)  # whatever takes it by then

    @property
    def path(self) -> Path:
        """The results file: another one where it was moved, removed or replaced under the run."""
        return self._file.path

    def plan(self, settings: Collection[SuiteSetting]) -> None:
        """Plan the rounds that the cases which the runner leaves in (``-k``) are to get: what a killed run left, else new ones.

        ``--rounds N`` is how many rounds a new file, and one that is not finished, gets in all; and how many more a finished one.
        """
        self._planned, wanted = list(settings), self._session.options.rounds
        if not self._file.rounds:
            usual = TRAINING_ROUNDS if self._session.options.trains else NEW_FILE_ROUNDS
            self.indices = list(range(1, (wanted or usual) + 1))
            return
        last, records = self._file.rounds[-1]
        cut_short = len(records) < last.cases
        same = last.cases == self._cases(last.index) and self._done.keys() <= {setting.case() for setting in settings}
        self._left_over = last.index if cut_short and same else None
        first = last.index if self._left_over else last.index + 1
        if same and (cut_short or last.index < last.of):
            end = max(first, wanted or last.of)
            if wanted not in (None, last.of):
                self.note = f"{self.path}: was planned for {last.of} rounds, and gets {end} by --rounds {wanted}"
        else:
            end = last.index + (wanted or 1)
            if cut_short:
                done = f"{len(records)} of {last.cases} cases"
                self.note = f"{self.path}: round {last.index} of another sweep stays unfinished ({done}): this one gets its own"
            elif last.index < last.of:
                self.note = f"{self.path}: another sweep stays at round {last.index} of {last.of}: this one gets rounds of its own"
        self.indices = list(range(first, end + 1))

    def has(self, setting: SuiteSetting, index: int) -> bool:
        """Return whether a round has a case: a training beside products is measured in the first ones alone, seeds replicate it."""
        beside = isinstance(setting, TrainingSetting) and not self._session.options.trains
        return index <= TRAINING_ROUNDS or not beside

    def last_of(self, setting: SuiteSetting) -> int:
        """Return the last round that a case is measured in."""
        return max(index for index in self.indices if self.has(setting, index))

    def _cases(self, index: int) -> int:
        return sum(self.has(setting, index) for setting in self._planned)

    def is_done(self, setting: SuiteSetting, index: int) -> bool:
        """Return whether a killed run has done this case in this round already, on the graph as it is now."""
        digests = self._done.get(setting.case(), set()) if index == self._left_over else set()
        # Where it could not be loaded then, the case is done as well: its record says so.
        return None in digests or (bool(digests) and self._contents.digest(setting.case()) in digests)

    def measure_ceilings(self, todo: Iterable[tuple[SuiteSetting, int]]) -> None:
        """Measure what the device can reach, where products start a new round; its first line in the file keeps it.

        Where that fails it is said; raises `CannotStart` where no process starts.
        """
        fresh = [setting for setting, index in todo if index != self._left_over and isinstance(setting, Setting)]
        if fresh:
            of = self._session.options, self._session.catalog, {setting.suite for setting in fresh}
            left_out = [*baselines_left_out(*of), *selections_left_out(*of)]
            self.note = "\n".join(filter(None, (self.note, *self._session.notes, *left_out, busy(share := busy_share()))))
            row_bytes = {setting.width * DTYPES[setting.dtype].itemsize for setting in fresh}
            device = self._session.options.device or devices.HERE.default()
            with self.account.on(CEILINGS):
                found = ceilings.measure(device, row_bytes) if self.workers is None else self._from_a_worker(row_bytes)
            self._ceilings = found and msgspec.structs.replace(found, busy_share=share)

    def _from_a_worker(self, row_bytes: set[int]) -> Ceilings | None:
        assert self.workers is not None
        try:
            return self.workers.ceilings(row_bytes)
        except WorkerLost as lost:
            self.say(f"note:    what the device can reach could not be measured ({lost}): the page has no roofline of this round")
            return None

    def tell_loaded(self, tell: Callable[[Facts], None]) -> None:
        """Call `tell` with what each graph is, when a process of this run loads it for the first time."""
        if self.workers is None:
            self._session.bench.store.loaded = tell
        else:
            self.workers.loaded = tell

    def tell_waiting(self, tell: Callable[[str], None]) -> None:
        """Call `tell` with a line where a process of this run waits, for another run that makes the same graph."""
        if self.workers is None:
            self._session.bench.store.tell(tell)
        else:
            self.workers.say = tell

    def append(self, record: Record, index: int) -> None:
        """Write a record at once, and the start of its round before the first."""
        if self._file.open_index != index:
            now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            start = Round(index=index, of=self.indices[-1], cases=self._cases(index), started=now, ceilings=self._ceilings)
            self._file.start_round(msgspec.structs.replace(start, options=self._session.options.asked))
            self._ceilings = None
        self._file.append(self._contents.identified(record))

    def samples(self, case: Case) -> list[float]:
        """Return every sample of a case in the file, over all rounds, in order, that was taken on the graph as it is now."""
        here = msgspec.structs.replace(case, graph_digest=self._contents.digest(case))
        found = [record.measurement for _, records in self._file.rounds for record in records if record.case == here]
        return [time for measurement in found if measurement for time in measurement.timing.times_s]

    def last_lines(self) -> Iterator[str]:
        """Yield what a user must know when the run is over: what went wrong beside it, where all of it is, and what comes next."""
        trouble = self._session.bench.store.trouble
        if trouble is not None:
            yield f"note:    {trouble}"
        if not self._file.rounds:
            left = "is removed again" if self._made else "gets no round"
            yield f"results: none: no case was measured, so {self.path} {left}"
            return
        yield from filter(None, [self.account.line()])
        yield from doubts(self._file.rounds, self.path)
        yield f"results: {self.path}"
        if self.workers is not None and self.workers.log.exists():
            yield f"log:     {self.workers.log}"
        yield from what_next([self.path], any(isinstance(each, TrainingSetting) and each.budget for each in self._planned))

    def close(self) -> None:
        """Close the results file, removed where this run made it for nothing, and end the processes that wrote for it."""
        if self.workers is not None:
            self.workers.close()
        self.itself.close()
        # After a misspelt `-k` a file without a record would be the newest, which `report` draws.
        if self._made and not self._file.rounds:
            self.path.unlink(missing_ok=True)
        self._file.close()


def _by_name(cases: Iterable[Case]) -> dict[Case, set[str | None]]:
    """The digests of each case's graph; a case has none before its graph is loaded."""
    found: dict[Case, set[str | None]] = {}
    for case in cases:
        found.setdefault(msgspec.structs.replace(case, graph_digest=None), set()).add(case.graph_digest)
    return found


def what_runs(session: Session, others: Collection[Path] = ()) -> dict[str, Any]:
    """Return what the environment names beside the machine, but for plug-ins in `others`: different code never shares a file."""
    files = {"kernel_files": session.catalog.from_files, "plugin_files": _plugin_files(session.options.plugins, others)}
    found: dict[str, Any] = {name: {path: _digest(Path(path)) for path in paths} for name, paths in files.items() if paths}
    return found if session.options.slow_down is None else found | {"slow_down": session.options.slow_down}


def _plugin_files(named: Sequence[str], others: Collection[Path] = ()) -> list[str]:
    """Every file of plug-ins that is loaded, but for `others`, as it was named where an option of the run did."""
    names = {Path(name).resolve(): name for name in named}
    return [names.get(path, str(path)) for path in REGISTRY.files if path in names or path not in others]


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
