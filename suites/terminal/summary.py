"""Says at the end of a run, in one line a kernel, how much of it was checked or measured, and what was not and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from rsc_bench.text import first_line, shown

KERNEL, STATUS = "kernel", "status"
"""Properties of a test: the exact kernel that it is about, and the status of its record where it was measured."""
_LETTERS = 200
_CHECKED = "checked"


class Outcome(NamedTuple):
    """What became of one test."""

    kernel: str
    """The exact kernel, also behind a selection."""
    test: str
    """Its id, the same in each round."""
    what: str
    """``checked``, ``skipped``, ``wrong`` or ``failed``."""
    reason: str
    """Empty where it passed."""


def category(report: pytest.TestReport) -> str:
    """Return what a test that was measured counts as: where its record says why it did not pass, pytest need not say it again."""
    status = dict(report.user_properties).get(STATUS)
    return f"recorded as {status}" if report.failed and status is not None else report.outcome


def outcomes(counted: Mapping[str, Iterable[Any]]) -> list[Outcome]:
    """Return what became of the tests of kernels, from the reports that pytest has counted under each category."""
    reports = [report for found in counted.values() for report in found if isinstance(report, pytest.TestReport)]
    told = [report for report in reports if report.when == "call" or not report.passed]  # not that it was set up and torn down
    return [_outcome(report, str(named[KERNEL])) for report in told if KERNEL in (named := dict(report.user_properties))]


def lines(found: Iterable[Outcome], measured: bool) -> Iterator[str]:
    """Yield a line a kernel: of those that were measured, where something is wrong, for the others had lines of their own."""
    by_kernel: dict[str, list[Outcome]] = {}
    for outcome in dict.fromkeys(found):
        by_kernel.setdefault(outcome.kernel, []).append(outcome)
    for kernel, of_it in by_kernel.items():
        troubled = any(outcome.what in ("wrong", "failed") for outcome in of_it)
        if troubled or not measured:
            yield shown(f"{kernel}: {', '.join(_parts(of_it, 'measured' if measured else _CHECKED))}")


def _outcome(report: pytest.TestReport, kernel: str) -> Outcome:
    what = _CHECKED if report.passed else str(dict(report.user_properties).get(STATUS, report.outcome))
    return Outcome(kernel, report.nodeid, what, "" if report.passed else _reason(report))


def _reason(report: pytest.TestReport) -> str:
    told = report.longrepr
    if isinstance(told, tuple):  # of a test that was skipped: path, line, reason
        told = told[2].removeprefix("Skipped: ")
    crash = getattr(told, "reprcrash", None)
    return first_line(told if crash is None else crash.message).removeprefix("Failed: ")


def _parts(found: list[Outcome], passed: str) -> Iterator[str]:
    for what in (_CHECKED, "wrong", "failed", "skipped"):
        tests = {outcome.test for outcome in found if outcome.what == what}
        if not tests and what != _CHECKED:
            continue
        reasons = Counter(outcome.reason for outcome in found if outcome.what == what and outcome.reason)
        yield f"{len(tests)} {passed if what == _CHECKED else what}{_why(reasons)}"


def _why(reasons: Counter[str]) -> str:
    """The reason that most have, and how many others there are."""
    if not reasons:
        return ""
    (reason, _), others = reasons.most_common(1)[0], len(reasons) - 1
    return f" ({shown(reason, _LETTERS)}{f'; {others} other reasons' if others > 1 else '; 1 other reason' if others else ''})"
