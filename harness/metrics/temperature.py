"""Temperature of the GPU, at its highest."""

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Measurement


def _temperature(measurement: Measurement, _: Measurement | None) -> float | None:
    told = measurement.telemetry
    readings = [reading for reading in (told.temperature_c if told else None) or [] if reading is not None]
    return max(readings, default=None)


METRIC = Metric(
    name="temperature",
    unit="°C",
    better="lower",
    says="Highest temperature of the GPU around the case.",
    of=_temperature,
)
