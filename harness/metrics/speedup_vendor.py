"""Times as fast as the vendor's library: cuSPARSE on a GPU, MKL on a CPU."""

from rsc_bench.harness.metrics import Metric, speedup_of

METRIC = Metric(
    name="speedup vs vendor",
    unit="x",
    better="higher",
    says="Times as fast as cuSPARSE (GPU, the faster way to call it) or MKL (CPU), with int32 indices and a transpose made once.",
    of=speedup_of,
    against=("cusparse", "cusparse_reused", "mkl"),
)
