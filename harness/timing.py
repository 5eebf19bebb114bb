"""Takes samples of some work with a clock, and keeps what the clock says beside the seconds."""

from __future__ import annotations

from typing import Any

from rsc_bench.harness.clocks import Clock, Sample, Timed


class Timing:
    """A clock opened for some work; each call of it is a sample, in seconds per call of the work."""

    def __init__(self, clock: Clock, timed: Timed) -> None:
        self._opened = clock.open(timed)
        self._calls = timed.calls
        self._taken: list[Sample] = []

    def __call__(self) -> float:
        """Return the seconds of one call of the work."""
        sample = self._opened.take()
        self._taken.append(sample)
        return sample.seconds / self._calls

    def facts(self) -> dict[str, Any]:
        """Return the fields of the measurement that stand beside the times, over every sample so far."""
        launch_s = [sample.launch_s for sample in self._taken if sample.launch_s is not None]
        exposed = [sample.exposed_calls for sample in self._taken if sample.exposed_calls is not None]
        return {"launch_s": launch_s or None, "exposed_calls": exposed or None, "flush_probe_s": self._opened.flush_probe_s}
