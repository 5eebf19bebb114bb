"""What the sensors of a GPU reported during one case, as its record keeps it: observations, nothing worked out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rsc_bench.harness.records.ranges import Celsius, Count, Duration, Level, Moment, Name, Positive, Seconds, Text, Value

# Bits of `GpuTrace.throttle_reasons` that slow the GPU down (nvml.h, nvmlClocksEventReasons). Idling, chosen application
# clocks and the display are reasons for a clock too, and no throttling.
THROTTLES = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
    0x200: "board limit",
    0x400: "reliability voltage",
}
ANY_THROTTLE = sum(THROTTLES)


def throttle_words(reasons: int) -> str:
    """Return what slows a GPU down, in words; empty where nothing does."""
    return ", ".join(words for bit, words in THROTTLES.items() if reasons & bit)


class GpuTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Readings taken every `period_s` around one case, as columns of equal length; null where a single reading failed."""

    period_s: Seconds
    """Seconds between two readings, besides what a reading takes."""
    offset_s: list[Moment]
    """Seconds from where the first part began to each reading."""
    mark_s: dict[Name, Moment]
    """Seconds from there to where each part of the case began: ``prepare, sample, parts, energy, check, end``."""
    power_w: list[Level | None] | None = None
    """Power of the board; some GPUs report the mean of the last second."""
    energy_j: list[Level | None] | None = None
    """The energy counter, from when the driver was loaded."""
    sm_clock_mhz: list[Count | None] | None = None
    memory_clock_mhz: list[Count | None] | None = None
    temperature_c: list[Celsius | None] | None = None
    throttle_reasons: list[Count | None] | None = None
    """NVML's bit mask of why the clock is what it is; `throttle_words` reads it."""
    used_bytes: list[Count | None] | None = None
    """Memory of the GPU in use, by whomever."""
    free_bytes: list[Count | None] | None = None
    process_bytes: list[Count | None] | None = None
    """Memory of the GPU that this process uses, its context included."""
    gpu_percent: list[Count | None] | None = None
    """Share of the driver's last period in which a kernel ran."""
    memory_percent: list[Count | None] | None = None
    """Share of the driver's last period in which memory was read or written."""
    other: dict[Name, list[Value | None]] = {}
    """Columns of sensors that are plug-ins, by their names."""
    absent: dict[Name, Text] = {}
    """Why a column is null, or has nulls in it."""
    ended: Text | None = None
    """Why the readings ended before the case did; None where they did not."""

    def __post_init__(self) -> None:
        for name in (*COLUMNS, *self.other):
            column = self.column(name)
            if column is not None and len(column) != len(self.offset_s):
                raise ValueError(f"{name} must have one entry for each of the {len(self.offset_s)} readings (got {len(column)})")

    def column(self, name: str) -> Sequence[float | None] | None:
        """Return the readings of a sensor's column; None where there are none."""
        return getattr(self, name) if name in COLUMNS else self.other.get(name)

    def since(self, mark: str, column: str) -> list[float]:
        """Return the readings of a column from a mark up to the next one; empty where there are none."""
        start = self.mark_s.get(mark)
        if start is None:
            return []
        end = min((other for other in self.mark_s.values() if other > start), default=float("inf"))
        readings = self.column(column) or []
        return [value for at, value in zip(self.offset_s, readings, strict=False) if value is not None and start <= at <= end]


COLUMNS = tuple(
    name for name in GpuTrace.__struct_fields__ if name not in {"period_s", "offset_s", "mark_s", "other", "absent", "ended"}
)


class Energy(msgspec.Struct, frozen=True, kw_only=True):
    """The energy counter during calls made for it alone, one behind the other."""

    step_s: list[Moment]
    """Seconds from the start of the pass to each step that the counter was seen to take."""
    counter_j: list[Level]
    """The counter after each of these steps, above what it was at the start."""
    calls: Positive
    """Calls made in the pass, selecting as often as training would."""
    pass_s: Duration
    """Seconds that they took together."""
    idle_w: Level
    """Power of the GPU while this process had it open and nothing ran, once before the first case."""

    def __post_init__(self) -> None:
        if len(self.step_s) != len(self.counter_j) or len(self.step_s) < 2:
            raise ValueError(f"an energy needs two steps of the counter and a time for each (got {len(self.step_s)})")
        if not self.step_s[0] < self.step_s[-1]:
            raise ValueError(f"the last step of an energy must be later than its first (got {self.step_s[0]}, {self.step_s[-1]})")
        if self.calls < 1 or not self.pass_s > 0:
            raise ValueError(f"an energy needs calls and the seconds they took (got {self.calls} in {self.pass_s})")
