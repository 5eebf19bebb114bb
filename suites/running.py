"""Runs one case: checks it, and when measuring, into the results file and pytest-benchmark's table."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from harness.measure import Skip, attempt
from harness.record import Record
from harness.results import ResultsError
from suites import graphs, products
from suites.asked import DTYPES
from suites.progress import Progress
from suites.replay import REPLAY
from suites.session import Rounds, Session
from suites.sweep import Setting


@dataclass(frozen=True)
class Runner:
    """What a suite's test calls: one case, in one round when measuring."""

    session: Session
    setting: Setting
    request: pytest.FixtureRequest
    rounds: Rounds | None = None
    """The results file; None: check only."""
    progress: Progress | None = None
    round_index: int = 0

    def __call__(self) -> None:
        """Check the case; when measuring, also time it, and fail or skip the test as its record says."""
        if self.rounds is None:
            self._check()
        else:
            self._measure(self.rounds)

    def _prepare(self) -> products.SpmmWork:
        setting, session = self.setting, self.session
        reason = session.catalog.why_not(setting.choice)
        if reason is not None:
            raise Skip(reason)
        graph = graphs.load(setting.graph, session.asked.data_root)
        product = products.Product(graph, setting.width, DTYPES[setting.dtype], setting.reduce, setting.device)
        return products.work(product, session.catalog.build(setting.choice, setting.budget))

    def _check(self) -> None:
        try:
            work = self._prepare()
        except Skip as reason:
            pytest.skip(str(reason))
        for _ in range(2):
            work.check(work())

    def _measure(self, rounds: Rounds) -> None:
        case = self.session.case(self.setting)
        record = attempt(case, self._prepare, self.session.clock, self.session.limits)
        try:
            rounds.append(record, self.round_index)
        except ResultsError as error:  # a full disk: every case to come would be measured for nothing
            pytest.exit(str(error), returncode=2)
        if self.progress is not None:
            self.progress.note(record, self.round_index, rounds.indices[-1])
        self._judge(record)
        if self.round_index == rounds.indices[-1]:
            benchmark = self.request.getfixturevalue("benchmark")
            benchmark.group = f"{case.graph} d={case.width} {case.dtype} {case.device}"
            benchmark.extra_info.update(kernel=case.kernel, budget=case.budget, clock=case.clock, results=str(rounds.path))
            REPLAY.show(benchmark, rounds.samples(case))

    def _judge(self, record: Record) -> None:
        if record.status == "skipped":
            pytest.skip(record.reason or "")
        if record.status != "ok":
            pytest.fail(f"{record.case}: {record.status}: {record.reason}", pytrace=False)
