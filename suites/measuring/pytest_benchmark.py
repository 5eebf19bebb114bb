"""Gives pytest-benchmark our samples, so that its table and files work, and refuses those of its options that would not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from rsc_bench.suites.options import OptionsError

_NOT_OURS = {
    "--benchmark-disable": "leave --benchmark out to check every case and time nothing",
    "--benchmark-skip": "it leaves every case out",
    "--benchmark-min-rounds": "--min-samples N says how many samples are always taken",
    "--benchmark-min-time": "--max-time SECONDS says how long a case is sampled",
    "--benchmark-max-time": "--max-time SECONDS says how long a case is sampled",
    "--benchmark-calibration-precision": "calls are not grouped: a sample is one call",
    "--benchmark-warmup": "every case is called until it is warm",
    "--benchmark-warmup-iterations": "every case is called until it is warm",
    "--benchmark-timer": "--clock NAME chooses what is on the clock",
    "--benchmark-disable-gc": "nothing is collected while a call is timed",
    "--benchmark-cprofile": "`profile` shows what a case does",
    "--benchmark-cprofile-loops": "`profile` shows what a case does",
    "--benchmark-cprofile-top": "`profile` shows what a case does",
    "--benchmark-cprofile-dump": "`profile` shows what a case does",
}
"""Options that ask for a way to time which is not ours, and what there is in their place."""
_MEASURED = tuple(
    f"--benchmark-{name}"
    for name in ("only", "enable", "json", "save", "save-data", "autosave", "compare", "compare-fail", "histogram")
)
"""Options for what was measured: without ``--benchmark`` nothing is."""


def refusal(arguments: Iterable[str], measuring: bool) -> str | None:
    """Return why an option of pytest-benchmark cannot be used, with what to write; None where all can.

    Args:
        arguments: those of pytest.
        measuring: whether ``--benchmark`` is given.
    """
    for argument in arguments:
        name = argument.partition("=")[0]
        if measuring and name in _NOT_OURS:
            return f"{name} has no meaning here, for our clock takes the samples: leave it out; {_NOT_OURS[name]}"
        if not measuring and name in _MEASURED:
            return f"{name} must go with --benchmark: without it every case is checked once and nothing is timed"
    return None


def hide_trainings(config: pytest.Config) -> None:
    """Leave trainings out of pytest-benchmark's table: one sample of minutes has no spread, and the lines above say more.

    They stay in its files, and ``--benchmark-compare-fail`` judges them.
    """
    session = getattr(config, "_benchmarksession", None)
    groups = getattr(session, "groups", None)
    if session is None or not groups:
        return
    shown = [(name, [each for each in every if "test_training" not in str(each["fullname"])]) for name, every in groups]
    shown = [(name, every) for name, every in shown if every]
    if shown:
        session.groups = shown
    else:
        session.quiet = True


class ReplayTimer:
    """A timer that stands still, except that each `step` moves it on by the next recorded sample.

    pytest-benchmark reads a timer before and after each call. Given this timer and `step` as the call, it sees our clock's
    samples, in order, and its table, ``--benchmark-json`` and ``--benchmark-compare`` work on them.
    """

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._now_s = 0.0

    def __call__(self) -> float:
        """Return the time it is by the samples."""
        return self._now_s

    def begin(self) -> None:
        """Go back to zero, so that a difference of two readings is the sample itself and not its rounding."""
        self._now_s = 0.0

    def step(self) -> None:
        """Let one sample pass."""
        self._now_s += self._samples.pop(0)

    def show(self, benchmark: Any, samples: Sequence[float]) -> None:
        """Give `samples`, in seconds, to a `benchmark` fixture whose marker names this timer."""
        self._samples = list(samples)
        benchmark.pedantic(self.step, setup=self.begin, rounds=len(samples), iterations=1)


def settle_runner(config: pytest.Config) -> None:
    """Refuse or settle what other plug-ins' options would do to a measurement."""
    option = config.getoption
    if option("numprocesses", None) or option("dist", "no") != "no":
        raise OptionsError(
            "--benchmark must run in one process, or cases disturb each other's time (got pytest-xdist's -n): leave -n out"
        )
    # Every case is a benchmark already; pytest-benchmark would leave out those that do not name its fixture.
    config.option.benchmark_only = False
    if not any(argument.startswith("--benchmark-columns") for argument in config.invocation_params.args):
        # All ten do not fit a terminal, and what it calls rounds are our samples.
        config.option.benchmark_columns = ["min", "median", "max"]
    # The project's own tests turn warnings into errors; a user's kernel may warn, and torch does so once per process.
    for line in ("default", "ignore:Sparse CSR tensor support is in beta state"):
        config.addinivalue_line("filterwarnings", line)
