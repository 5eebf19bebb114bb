"""Runs one training: checks it on a small graph, or when measuring, trains it into the results file."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from rsc_bench.harness.measure import Skip
from rsc_bench.harness.record import Case, Measurement, Record
from rsc_bench.suites import graphs, operands, recipes
from rsc_bench.suites.graphs import Graph
from rsc_bench.suites.progress import Epoch
from rsc_bench.suites.running import Runner
from rsc_bench.suites.training_sweep import TrainingSetting


@dataclass(frozen=True)
class TrainingRunner(Runner):
    """What the training suite's test calls; `rsc_bench.suites.training` needs PyTorch Geometric and is imported when one begins."""

    def _record(self, case: Case) -> Record:
        reason = self._why_not()
        if reason is not None:
            return Record(case=case, status="skipped", reason=reason)
        from rsc_bench.suites import training

        operands.forget()  # those of products before: they would be in what the allocator tells of a training

        def train() -> Measurement:
            return training.train(self._training, self._graph(), self.session.catalog, lambda epoch: self._tell(case, epoch))

        return training.attempt(case, train)

    def _check(self) -> None:
        reason = self._why_not()
        if reason is not None:
            pytest.skip(reason)
        from rsc_bench.suites import training

        try:
            training.check(self._training, self._graph(), self.session.catalog)
        except Skip as skipped:
            pytest.skip(str(skipped))

    @property
    def _training(self) -> TrainingSetting:
        assert isinstance(self.setting, TrainingSetting)
        return self.setting

    def _why_not(self) -> str | None:
        return recipes.missing() or self.session.catalog.why_not(self.setting.choice)

    def _graph(self) -> Graph:
        return graphs.load(self.setting.graph, self.session.asked.data_root, self.setting.reorder)

    def _tell(self, case: Case, epoch: Epoch) -> None:
        if self.progress is not None:
            self.progress.follow(case, epoch)
