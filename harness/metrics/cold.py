"""How cold the flushed cache was."""

from rsc_bench.harness.l2 import reached
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Measurement


def _percent(measurement: Measurement, _: Measurement | None) -> float | None:
    share = reached(measurement.flush_probe_s) if measurement.flush_probe_s else None
    return None if share is None else 100 * share


METRIC = Metric(
    name="cold",
    unit="%",
    better="higher",
    says="How far a read after the flush of the L2 is on the way from one out of the cache (0) to one from memory (100).",
    of=_percent,
)
