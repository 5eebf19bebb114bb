"""Share of the samples that a slowed GPU spoilt."""

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Measurement


def _share(measurement: Measurement, _: Measurement | None) -> float | None:
    spoilt = measurement.throttled
    return None if spoilt is None else 100 * len(spoilt) / len(measurement.times_s)


METRIC = Metric(
    name="throttled",
    unit="%",
    better="lower",
    says="Samples taken while power, heat or the board's limits slowed the GPU down; they are kept, and were repeated.",
    of=_share,
)
