"""Takes samples of some work with a clock, and keeps what the clock says beside the seconds."""

from __future__ import annotations

from rsc_bench.harness.measure.clocks import Clock, Sample, Timed


class Stopwatch:
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

    @property
    def launch_s(self) -> list[float] | None:
        """Host seconds to enqueue one call, an entry a sample that has such calls; None where there is none."""
        return [sample.launch_s for sample in self._taken if sample.launch_s is not None] or None

    @property
    def exposed_calls(self) -> list[int] | None:
        """Calls of each sample that began before they were enqueued whole; None on a clock of the host."""
        return [sample.exposed_calls for sample in self._taken if sample.exposed_calls is not None] or None

    @property
    def flush_probe_s(self) -> dict[str, list[float]] | None:
        """What showed how cold the flushed cache is; None where nothing is flushed."""
        return self._opened.flush_probe_s
