"""A kernel in one file: measure it beside the built-in ones, without installing or registering it.

    rsc-bench bench exact --kernel write_a_kernel.py            # checked against float64, then timed
    rsc-bench bench sampled --kernel write_a_kernel.py          # the same kernel behind `topk`, at three budgets
    python write_a_kernel.py                                    # only checks it, here, on a matrix small enough to see

This one gathers a row of the dense operand for each non-zero and adds it to the result: what PyTorch Geometric does with an
`edge_index`. Replace the body of `prepare` with your own; what is computed there is paid once, and timed apart.
"""

import torch

from rsc_bench import Csr, Kernel
from rsc_bench.kernels import Multiply, Reduce, Unsupported


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return what multiplies `matrix` with a dense operand of shape (columns, width); raises `Unsupported` with the reason."""
    del width
    if dtype not in (torch.float32, torch.float64):
        raise Unsupported(f"gather_scatter multiplies float32 and float64 (got {dtype})")  # the reason that the record keeps
    matrix = matrix.mean() if reduce == "mean" else matrix
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0]), matrix.row_nnz)
    columns = matrix.col.long()
    value = None if matrix.value is None else matrix.value.to(dtype)[:, None]

    def multiply(dense: torch.Tensor) -> torch.Tensor:
        messages = dense[columns] if value is None else dense[columns] * value
        return dense.new_zeros(matrix.shape[0], dense.shape[1]).index_add_(0, rows, messages)

    return multiply


KERNEL = Kernel(
    name="gather_scatter",
    device="cpu",
    summary="Gathers a row for each non-zero and adds it up, as PyTorch Geometric does with an edge_index.",
    prepare=prepare,
)


if __name__ == "__main__":
    edges = torch.tensor([[0, 1, 2, 2], [1, 0, 0, 1]])  # sources, targets; node 2 has no edge that leads to it
    matrix = Csr.from_edge_index(edges, nodes=3)
    dense = torch.arange(6.0).reshape(3, 2)
    wanted = torch.from_numpy(matrix.to_scipy() @ dense.double().numpy())
    found = KERNEL.prepare(matrix, width=2, dtype=torch.float32)(dense)
    print(f"{KERNEL.name}: {found.tolist()}")
    print(f"largest difference from float64: {(found - wanted).abs().max():g}")
