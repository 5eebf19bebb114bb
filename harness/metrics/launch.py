"""Host time to enqueue one call."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="launch",
    unit="µs",
    better="lower",
    says="Fastest time of the round for the host to enqueue one call on the GPU; it is not part of the latency.",
    of=lambda measurement, _: 1e6 * min(measurement.launch_s) if measurement.launch_s else None,
)
