"""Times as fast as exact training in the backward SpMM, the part that is sampled."""

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.metrics._epochs import OWN, mean_s, sampled
from rsc_bench.harness.record import Measurement

BACKWARD = "backward_spmm"


def _speedup(measurement: Measurement, baseline: Measurement | None) -> float | None:
    # The same epochs on both sides: the exact ones at the beginning and at the end say nothing of sampling.
    epochs = sampled(measurement)
    own = mean_s(measurement, (BACKWARD, *OWN), epochs)
    exact = None if baseline is None else mean_s(baseline, (BACKWARD,), epochs)
    return exact / own if exact is not None and own else None


METRIC = Metric(
    name="backward speedup",
    unit="x",
    better="higher",
    says="Times as fast as exact training in the backward SpMM, selecting and allocating included, over the epochs that sample.",
    of=_speedup,
)
