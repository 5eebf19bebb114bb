"""Times as fast as the fastest exact kernel of the same operation."""

from rsc_bench.harness.metrics import Metric, speedup_of

METRIC = Metric(
    name="speedup",
    unit="x",
    better="higher",
    says="Times as fast as the fastest exact kernel on the same graph, width and device, in the same round; a training end to end.",
    of=speedup_of,
)
