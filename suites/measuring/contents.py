"""Completes the identity of a case: the digest of the contents of its graph, as its suite sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from rsc_bench.harness.records.case import HARNESS, Case
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.measuring.bench import AnySetting


class Contents:
    """Which contents the graphs of a run have, by what was measured last, else by what is there now."""

    def __init__(self, settings: Iterable[AnySetting], digest_of: Callable[[AnySetting], str | None]) -> None:
        """Load nothing yet.

        Args:
            settings: the cases of the run.
            digest_of: loads the graph of a case, where nothing of it has been measured, for its digest; None where it cannot.
        """
        self._settings = {_graph(setting.case()): setting for setting in settings}
        self._digest_of = digest_of
        self._known: dict[tuple[object, ...], str | None] = {}

    def digest(self, case: Case) -> str | None:
        """Return the digest of what a case sees of its graph; None where the graph cannot be loaded."""
        if _graph(case) not in self._known:
            setting = self._settings.get(_graph(case))
            self._known[_graph(case)] = None if setting is None else self._digest_of(setting)
        return self._known[_graph(case)]

    def identified(self, record: Record) -> Record:
        """Return a record with the digest in its case: that of its measurement, where it has one."""
        if record.measurement is not None:
            self._known[_graph(record.case)] = record.measurement.matrix.graph_digest
        case = msgspec.structs.replace(record.case, graph_digest=self.digest(record.case))
        return msgspec.structs.replace(record, case=case)


def _graph(case: Case) -> tuple[object, ...]:
    # What is known by making a graph is none of the contents that are asked for here: such a case is that of the graph's name.
    return case.graph, case.reorder, case.model is not None, case.suite == HARNESS
