"""After how many calls what a kernel pays before its first one, tuning and preparing, has come back."""

from __future__ import annotations

import math

from rsc_bench.harness.metrics import Metric, call_s_of_both
from rsc_bench.harness.records.measurement import Measurement

ROUNDING = 1e-9
"""Share of a number of calls by which rounding may lift it over a whole one."""


def paid_before_s(measurement: Measurement) -> float | None:
    """Return the seconds paid before the first call, to tune and to prepare; None for a training, and where it was not timed."""
    timing = measurement.timing
    return None if measurement.training or timing.prepare_s is None else timing.prepare_s + (timing.tune_s or 0.0)


def first_result_s(measurement: Measurement) -> float | None:
    """Return the seconds until the result of the first call is there, tuning and preparing included; None where it is not known.

    The exact kernel with the least of it is the one that needs no preparing worth the name: who multiplies once takes no other.
    A limit on preparing, one call say, would not do: every kernel that builds a tensor for its library takes several short calls
    for that, so that small products had no reference. It is charged what it pays itself, like every other.
    """
    before_s = paid_before_s(measurement)
    return None if before_s is None else before_s + measurement.timing.fastest_s


def break_even(measurement: Measurement, baseline: Measurement | None) -> float | None:
    """Return the least n from which on n calls take no longer than n of the baseline, tuning and preparing of both included.

    With P the seconds before the first call and t those of a call: P + n t <= P0 + n t0 for this n and all above, so that n is 0
    where P <= P0 and t <= t0, the next whole number from (P - P0) / (t0 - t) on where t < t0, and infinite in all other cases,
    however little the kernel pays before. The calls are the fastest of as many samples each, as in a speedup. None where P or P0
    is not known.
    """
    own_s, other_s = paid_before_s(measurement), None if baseline is None else paid_before_s(baseline)
    if baseline is None or own_s is None or other_s is None:
        return None
    call_s, other_call_s = call_s_of_both(measurement, baseline)
    if own_s <= other_s and call_s <= other_call_s:
        return 0.0
    if call_s >= other_call_s:
        return math.inf
    return float(math.ceil((own_s - other_s) / (other_call_s - call_s) * (1 - ROUNDING)))


def why_absent(measurement: Measurement, baseline: Measurement | None) -> str | None:
    """Return why a product has no break-even point; None for a training, which is no call."""
    if measurement.training:
        return None
    if paid_before_s(measurement) is None:
        return "the time to prepare was not recorded"
    return "no exact kernel of the same product has its time to prepare recorded" if baseline is None else None


METRIC = Metric(
    name="break-even",
    unit="calls",
    better="lower",
    summary="Calls after which tuning and preparing have paid, against the exact kernel that has its first result soonest; "
    "never where that one's calls are faster.",
    compute=break_even,
    fastest_by=first_result_s,
    can_be_never=True,
    why_absent=why_absent,
)
