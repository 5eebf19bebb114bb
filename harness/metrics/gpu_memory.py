"""Memory of the GPU in use, at its highest."""

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Measurement


def _used(measurement: Measurement, _: Measurement | None) -> float | None:
    told = measurement.telemetry
    readings = [reading for reading in (told.used_bytes if told else None) or [] if reading is not None]
    return max(readings) / 1e6 if readings else None


METRIC = Metric(
    name="GPU memory",
    unit="MB",
    better="lower",
    says="Highest memory of the GPU in use around the case as NVML sees it: the library, its context and other processes included.",
    of=_used,
)
