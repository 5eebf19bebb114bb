"""torch-sparse's CSR SpMM on a GPU: the baseline that RSC's own speedups are quoted against."""

from __future__ import annotations

from dataclasses import replace

import torch

from rsc_bench.kernels.exact import cusparse, torch_sparse


def missing() -> str | None:
    """Return why torch-sparse cannot multiply on a GPU here, or None."""
    if torch.ops.torch_sparse.cuda_version() < 0:
        return "torch-sparse was built without CUDA: build it where nvcc is found (tox run -e baselines)"
    return cusparse.missing()


KERNEL = replace(
    torch_sparse.KERNEL,
    name="torch_sparse_cuda",
    device="cuda",
    summary="torch-sparse on a GPU, the kernel that RSC's own speedups are quoted against; int64 indices.",
    missing=missing,
)
