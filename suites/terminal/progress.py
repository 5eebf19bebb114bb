"""Writes to the terminal what each case gave, how far the sweep is and how long it will take."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from rsc_bench.harness.metrics.error import SPENT
from rsc_bench.harness.metrics.outside import outside_share
from rsc_bench.harness.records.case import HARNESS, Case
from rsc_bench.harness.records.measurement import Measurement, Training
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.graphs import Facts
from rsc_bench.text import minutes, shown

_ENOUGH = 0.05
"""Share of the cases from which on the time left is shown."""
_EVERY_S = 0.5
"""Seconds between two states of the line of a training."""
_LONG_S = 10.0
"""Seconds after which a case is named in a log while it runs; then again each time it has taken twice as long."""


@dataclass(frozen=True)
class Epoch:
    """What is known of a training after one of its epochs."""

    index: int
    """From 1."""
    epochs: int
    """Of the whole training."""
    loss: float
    val_metric: float
    metric_name: str


class Progress:
    """Lines for the terminal, one a case; and on a terminal that somebody watches, one that follows the training at work."""

    def __init__(
        self,
        cases: int,
        write: Callable[[str], None],
        rewrite: Callable[[str], None] | None = None,
        now: Callable[[], float] = monotonic,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Begin to count.

        Args:
            cases: to come.
            write: takes a line to stay.
            rewrite: takes the state of the last line, at any time; None where nobody watches, so that a log stays short.
            now: reads the time in seconds.
            say: takes a line to stay, at any time; None where nothing can be written while a case runs.
        """
        self._cases, self._write, self._rewrite, self._say, self._now = cases, write, rewrite, say, now
        self._said_s = _LONG_S
        self._done = 0
        self._start = self._case_start = now()
        self._shown: float | None = None
        self._waiting: list[str] = []
        self._loaded: set[Facts] = set()

    def follow(self, case: Case, epoch: Epoch) -> None:
        """Show how far a training is; a time left is that of the training, then that of the sweep."""
        now = self._now()
        if self._rewrite is None or (self._shown is not None and now - self._shown < _EVERY_S):
            return
        self._shown = now
        left_s = (now - self._case_start) / epoch.index * (epoch.epochs - epoch.index)
        sweep_s = (now - self._start + left_s) / (self._done + 1) * (self._cases - self._done - 1) + left_s
        state = f"epoch {epoch.index}/{epoch.epochs}, loss {epoch.loss:.4f}, {epoch.metric_name} {epoch.val_metric:.4f}"
        line = f"[{self._done + 1}/{self._cases}] {_kind(case)}: {state}, {minutes(left_s)} left, sweep {minutes(sweep_s)}"
        self._rewrite(line)

    def wait(self, case: Case, seconds: float) -> None:
        """Name the case that has been running for so long: always where somebody watches, in a log where it is long."""
        line = f"[{self._done + 1}/{self._cases}] {minutes(seconds)} at {case}"
        if self._rewrite is not None:
            if case.model is None or self._shown is None:  # else its epochs have the line
                self._rewrite(line)
                self._shown = self._now() if case.model is None else None
        elif self._say is not None and seconds >= self._said_s:
            self._said_s = 2 * seconds
            self._say(line)

    def note(self, record: Record, index: int, rounds: int) -> None:
        """Take the record of the case that has just ended, in the round `index` of so many."""
        self._done += 1
        self._said_s = _LONG_S
        self._case_start = self._now()
        left_s = (self._case_start - self._start) / self._done * (self._cases - self._done)
        # The first cases compile, and are of the smallest graph: an estimate from them is wrong by far.
        left = f", {minutes(left_s)} left" if self._done >= self._cases * _ENOUGH else ""
        place = f"[{self._done:>{len(str(self._cases))}}/{self._cases}] round {index}/{rounds}{left}"
        self._waiting.append(f"{place}  {case_words(record)}  {outcome_words(record)}")

    def loaded(self, facts: Facts) -> None:
        """Take what a process has loaded: it is said before what was measured on it, and once, also where others load it too."""
        if facts not in self._loaded:
            self._loaded.add(facts)
            self.say(facts.text())

    def say(self, line: str) -> None:
        """Write a line behind the case that runs."""
        self._waiting.append(line)

    def tell(self, line: str) -> None:
        """Write a line while the case runs, where that can be; else behind it."""
        if self._say is None:
            self.say(line)
            return
        if self._rewrite is not None and self._shown is not None:
            self._rewrite("")
        self._say(line)

    def flush(self) -> None:
        """Write the lines that wait, once the test runner has the terminal back."""
        if self._waiting and self._rewrite is not None and self._shown is not None:
            self._rewrite("")
        for line in self._waiting:
            self._write(line)
        self._waiting.clear()


def case_words(record: Record) -> str:
    """Return a case as a line has room for it."""
    case = record.case
    budget = "" if case.budget is None else f" C={case.budget:g}"
    clock = "" if case.clock == "host" else f" {case.clock}"
    beyond = f"{' ' + case.dtype if case.dtype != 'float32' else ''}{' ' + case.reduce if case.reduce != 'sum' else ''}"
    if case.suite == HARNESS:
        return f"{case.graph_as_run}{f' d={case.width}' if case.width else ''} {case.kernel}"
    return (
        f"{case.graph_as_run} d={case.width}{beyond}{clock} {case.kernel}{budget}{_kept(case)}"
        if case.model is None
        else f"{case.graph_as_run} {_kind(case)}"
    )


def _kind(case: Case) -> str:
    """What distinguishes the trainings on one graph."""
    budget = "" if case.budget is None else f" C={case.budget:g}"
    return f"{case.model} {case.kernel}{budget}{f' {case.variant}' if case.variant else ''} seed {case.seed}{_kept(case)}"


def _kept(case: Case) -> str:
    return " with freed memory kept" if case.freed_memory else ""


def outcome_words(record: Record) -> str:
    """Return how it ended, and its time or its test metric."""
    measurement = record.measurement
    if measurement is None:
        return f"{record.status}: {shown(record.reason or '')}"  # somebody's code may have written it
    if measurement.training is not None:
        return f"{sum(measurement.training.epoch_s or []):.1f} s, {_best(measurement.training)}"
    if record.case.suite == HARNESS:
        return _harness_outcome(measurement)
    timing, accuracy = measurement.timing, measurement.accuracy
    error = "" if accuracy is None or accuracy.rel_error is None else f", error {_error(record, accuracy.rel_error)}"
    return f"{1e3 * timing.fastest_s:.3f} ms ({len(timing.times_s)} samples, {timing.stop}){error}{_unspent(record)}"


def _harness_outcome(measurement: Measurement) -> str:
    """The seconds, the memory beside what was there before, and of a sweep what went into kernels."""
    timing, memory = measurement.timing, measurement.memory
    peak = f", {memory.peak_bytes / 1e9:.2f} GB" if memory is not None and memory.peak_bytes is not None else ""
    share = outside_share(timing.spent_s or {})
    outside = "" if share is None else f", {100 * share:.0f} % of it outside of kernels"
    return f"{timing.fastest_s:.2f} s{peak}{outside}"


def _error(record: Record, error: float) -> str:
    """An exact kernel's is far below what two decimals show."""
    return f"{error:.2g}" if record.case.is_exact else f"{error:.2f}"


def _unspent(record: Record) -> str:
    """What was spent, where that is clearly less than the budget: column-row pairs are kept whole."""
    assert record.measurement is not None
    budget, matrix = record.case.budget, record.measurement.matrix
    if budget is None and not record.case.is_exact:
        if matrix.kept_nnz is None or not matrix.nnz:
            return ", of a share that it does not say"
        return f", multiplied {100 * matrix.kept_nnz / matrix.nnz:.3g} %"
    if budget is None or matrix.kept_nnz is None or not matrix.nnz or (spent := matrix.kept_nnz / matrix.nnz) >= SPENT * budget:
        return ""
    return f", spent {100 * spent:.2g} % of a budget of {100 * budget:g} %"


def _best(training: Training) -> str:
    """The test metric at the best epoch by the validation nodes."""
    val, test = training.val_metric or [], training.test_metric or []
    best = max(range(len(val)), key=val.__getitem__)
    return f"test {training.metric_name} {test[best]:.4f} (epoch {best + 1} of {len(val)})"


def one_line(text: str) -> str:
    """Return what takes the place of the line that the cursor is in: cut to the terminal, and clear behind."""
    width = shutil.get_terminal_size().columns - 1
    return f"\r{text[:width]:<{width}}\r"
