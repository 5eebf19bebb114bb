"""Reads the sensors of a GPU beside a running case, at a stated period, into one trace."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Any

from rsc_bench.harness.machine.nvml import Gpu, GpuLostError, NvmlError
from rsc_bench.harness.machine.sensors import Sensor, sensors
from rsc_bench.harness.measure.gpu.polling import PATIENCE_S, Poller
from rsc_bench.harness.records.gpu_trace import COLUMNS, GpuTrace
from rsc_bench.text import error_line

PERIOD_S = 0.1
"""NVML renews most values every 20 to 100 ms; asking more often reads them twice, and disturbs launches."""


class TraceRecorder:
    """The readings of one case, from where its first part begins to its end."""

    def __init__(
        self, gpu: Gpu, period_s: float = PERIOD_S, patience_s: float = PATIENCE_S, chosen: Iterable[Sensor] | None = None
    ) -> None:
        """Read nothing yet.

        Args:
            gpu: whose sensors they are.
            period_s: seconds between two readings.
            patience_s: seconds after which a reading that does not come back is left behind.
            chosen: the sensors; None: every one there is.
        """
        self._gpu, self._period_s, self._patience_s = gpu, period_s, patience_s
        self._sensors = sensors() if chosen is None else tuple(chosen)
        self._start = 0.0
        self._offset_s: list[float] = []
        self._columns: dict[str, list[Any]] = {name: [] for sensor in self._sensors for name in sensor.columns}
        self._absent: dict[str, str] = {}
        self._mark_s: dict[str, float] = {}
        self._ended: str | None = None
        self._poller = Poller(self._read, period_s, patience_s)

    def mark(self, part: str) -> None:
        """Note that a part of the case begins; with the first one the readings begin."""
        if self._mark_s:
            self._mark_s[part] = perf_counter() - self._start
            return
        self._start, self._mark_s[part] = perf_counter(), 0.0
        self._poller.start()

    def end(self) -> GpuTrace:
        """Take the last reading and return the trace, which goes no further."""
        if self._mark_s and "end" not in self._mark_s:
            self.mark("end")
            if not self._poller.stop():
                self._ended = f"NVML did not answer within {self._patience_s:g} s"
            elif self._ended is None:
                self._read()
        return self._trace()

    def _read(self) -> bool:
        """Add one reading; return whether there can be another."""
        values: dict[str, Any] = {}
        offset_s = perf_counter() - self._start
        for sensor in self._sensors:
            try:
                values |= sensor.read(self._gpu)
            except GpuLostError as error:
                self._ended = str(error)
                return False
            except NvmlError as error:
                self._absent |= dict.fromkeys(sensor.columns, str(error))
            except Exception as error:  # of a user's sensor: it costs its own columns, and has a reason
                self._absent |= dict.fromkeys(sensor.columns, error_line(error))
        # Only now: a reading that the GPU was lost in the middle of is none.
        self._offset_s.append(offset_s)
        for name, column in self._columns.items():
            column.append(values.get(name))
        return True

    def _trace(self) -> GpuTrace:
        # A call that hangs may come back while this is copied: no column is taken beyond the shortest.
        count = min(len(self._offset_s), *(len(column) for column in self._columns.values()))
        columns = {name: column[:count] for name, column in self._columns.items() if any(v is not None for v in column[:count])}
        return GpuTrace(
            period_s=self._period_s,
            offset_s=self._offset_s[:count],
            mark_s=dict(self._mark_s),
            absent=dict(self._absent),
            ended=self._ended,
            other={name: column for name, column in columns.items() if name not in COLUMNS},
            **{name: column for name, column in columns.items() if name in COLUMNS},
        )
