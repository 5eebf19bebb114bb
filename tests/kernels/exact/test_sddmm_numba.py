import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="numba is not installed: pip install numba")

from rsc_bench.kernels import Csr, Unsupported
from rsc_bench.kernels.exact import sddmm_numba
from rsc_bench.kernels.exact._rows_numba import dots, row_product
from rsc_bench.kernels.exact._rows_numba.dots import ranges


@pytest.mark.parametrize(("nnz", "threads"), [(0, 1), (1, 2), (7, 2), (1000, 3), (2**31 + 5, 64)])
def test_every_non_zero_is_in_one_part_and_parts_are_of_one_size(nnz, threads):
    found = ranges(nnz, threads)
    assert found.dtype == np.int64
    assert (found[0, 0], found[-1, 1]) == (0, nnz)
    assert np.array_equal(found[1:, 0], found[:-1, 1])
    sizes = found[:, 1] - found[:, 0]
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("counts", [[0, 0, 40, 0, 1], [1] * 37, [0, 0, 0], [0, 5, 0, 0, 0, 100, 0]])
@pytest.mark.parametrize("parts", [1, 3, 16, 64])
def test_parts_may_begin_in_the_middle_of_rows_and_behind_empty_ones(counts, parts, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    rowptr = torch.tensor([0, *np.cumsum(counts)], dtype=torch.int32)
    matrix = Csr(rowptr, torch.arange(int(rowptr[-1]), dtype=torch.int32) % 100, None, (len(counts), 100))
    left, right = torch.randn(len(counts), 5, generator=generator), torch.randn(100, 5, generator=generator)
    cuts = np.arange(parts + 1) * matrix.nnz // parts
    monkeypatch.setattr(dots, "ranges", lambda nnz, threads: np.stack([cuts[:-1], cuts[1:]], 1))
    found = sddmm_numba.KERNEL.prepare(matrix, 5, torch.float32)(left, right)
    rows = torch.repeat_interleave(torch.arange(len(counts)), matrix.row_nnz)
    wanted = (left[rows].double() * right[matrix.col.long()].double()).sum(1)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_sums_of_narrow_numbers_are_float32():
    """1 + 256 times 2**-8 is 2; in bfloat16 each addition of 2**-8 to 1 is lost (8 bits of precision)."""
    matrix = Csr.from_edge_index(torch.tensor([[0], [0]]))
    left = torch.tensor([[1.0] + [2.0**-8] * 256], dtype=torch.bfloat16)
    found = sddmm_numba.KERNEL.prepare(matrix, 257, torch.bfloat16)(left, torch.ones(1, 257, dtype=torch.bfloat16))
    assert found.tolist() == [2.0]


def test_a_cpu_that_does_not_convert_float16_says_so(monkeypatch):
    monkeypatch.setattr(row_product.llvm, "get_host_cpu_features", lambda: {"f16c": False})
    monkeypatch.setattr(row_product.platform, "machine", lambda: "x86_64")
    with pytest.raises(Unsupported, match=r"float16 where the CPU converts it .*: use float32 or bfloat16"):
        sddmm_numba.KERNEL.prepare(Csr.from_edge_index(torch.tensor([[0], [0]])), 3, torch.float16)


def test_without_numba_it_is_a_kernel_of_sddmm_all_the_same_and_says_what_it_lacks(monkeypatch):
    monkeypatch.setattr(sddmm_numba, "lacking", lambda package: f"{package} is not installed")
    assert sddmm_numba.KERNEL.operation == "sddmm"
    assert sddmm_numba.KERNEL.why_not() == "numba is not installed"
