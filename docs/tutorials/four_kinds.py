"""The four kinds of kernel that are published: float32 CSR, TF32 as tensor cores cut it, float16, and sampling of edges."""

from functools import partial

import torch

from rsc_bench import Csr, Kernel


def prepare(matrix, _, dtype, reduce="sum", rounded=torch.clone, every=1):
    """Prepare the product of every so-manieth edge, its factors rounded and its sums in float32."""
    matrix = matrix.mean() if reduce == "mean" else matrix
    places = torch.arange(0, matrix.nnz, every)
    value = rounded(matrix.values64()[places].float())
    kept = Csr.trusted(torch.searchsorted(places, matrix.rowptr.long()), matrix.col[places], value, matrix.shape)
    csr = torch.sparse_csr_tensor(kept.rowptr, kept.col.long(), value, kept.shape, check_invariants=False)
    multiply = partial(lambda dense: (csr @ rounded(dense.float())).to(dtype))
    multiply.kept = kept  # what an approximation is checked against; nobody asks an exact kernel for it
    return multiply


tf32 = partial(prepare, rounded=lambda tensor: (tensor.view(torch.int32) & -(1 << 13)).view(torch.float32))  # 13 bits are cut off
float16 = partial(prepare, rounded=lambda tensor: tensor.half().float())
KERNELS = (
    Kernel("plain", "cpu", "CSR in float32.", prepare),
    Kernel("cut", "cpu", "TF32 tensor cores, emulated.", tf32, precision="tf32"),
    Kernel("half", "cpu", "float16 in and out, sums in float32.", float16, stores=("float16",)),
    Kernel("thirds", "cpu", "Every third edge.", partial(prepare, every=3), exact=False),
)
