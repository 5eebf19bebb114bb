"""Share of an epoch that the method takes for itself."""

from statistics import fmean

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.metrics._epochs import OWN, mean_s, sampled
from rsc_bench.harness.record import Measurement


def _share(measurement: Measurement, _: Measurement | None) -> float | None:
    if not measurement.epoch_s:
        return None
    # Exact epochs at the end would thin it out.
    epochs = [epoch for epoch in sampled(measurement) if epoch < len(measurement.epoch_s)]
    own_s = mean_s(measurement, OWN, epochs)
    return None if own_s is None else 100 * own_s / fmean(measurement.epoch_s[epoch] for epoch in epochs)


METRIC = Metric(
    name="overhead",
    unit="%",
    better="lower",
    says="Selecting and allocating as a share of the time of an epoch, over the epochs that sample.",
    of=_share,
)
