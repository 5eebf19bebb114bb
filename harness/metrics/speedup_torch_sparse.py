"""Times as fast as torch-sparse, the baseline of most published speedups."""

from rsc_bench.harness.metrics import Metric, speedup_of

METRIC = Metric(
    name="speedup vs torch-sparse",
    unit="x",
    better="higher",
    says="Times as fast as torch-sparse, the kernel that most published speedups are quoted against.",
    of=speedup_of,
    against=("torch_sparse", "torch_sparse_cuda"),
)
