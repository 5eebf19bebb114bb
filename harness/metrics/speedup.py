"""How many times as fast as a baseline."""

from __future__ import annotations

from rsc_bench.harness.metrics import Metric, speedup_of

SPEEDUP = Metric(
    name="speedup",
    unit="x",
    better="higher",
    summary="Times as fast as the fastest exact kernel of the same precision on the same graph, width and device, in the same "
    "round, each by the fastest of as many samples; a training end to end.",
    compute=speedup_of,
)

METRICS = (
    SPEEDUP,
    Metric(
        name="speedup vs float32",
        unit="x",
        better="higher",
        summary="Times as fast as the fastest exact kernel that stores and computes in float32, of a case that does not itself.",
        compute=speedup_of,
        against_float32=True,
    ),
    Metric(
        name="speedup vs vendor",
        unit="x",
        better="higher",
        summary="Times as fast as cuSPARSE (GPU, the faster way to call it; of SDDMM too) or MKL "
        "(CPU), with int32 indices and a transpose made once.",
        compute=speedup_of,
        against=("cusparse", "cusparse_reused", "mkl", "sddmm_torch_cuda"),
    ),
    Metric(
        name="speedup vs torch-sparse",
        unit="x",
        better="higher",
        summary="Times as fast as torch-sparse, the kernel that most published speedups are quoted against.",
        compute=speedup_of,
        against=("torch_sparse", "torch_sparse_cuda"),
    ),
)
