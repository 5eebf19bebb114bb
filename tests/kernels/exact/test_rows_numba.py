import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numpy as np
import torch
from made_matrices import array, dense, jagged, without_entries

numba = pytest.importorskip("numba")

from rsc_bench.kernels import Csr, Unsupported  # noqa: E402
from rsc_bench.kernels.exact import rows_numba  # noqa: E402
from rsc_bench.kernels.exact._rows_numba import row_product  # noqa: E402
from rsc_bench.kernels.exact._rows_numba.row_product import LANES, STREAMED, TILE, pieces  # noqa: E402
from rsc_bench.kernels.exact.rows_numba import RowsNumba  # noqa: E402

KERNEL = rows_numba.KERNEL
ALWAYS_STREAMED = RowsNumba(stream_from_bytes=0)


@pytest.fixture
def one_thread():
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


@pytest.mark.parametrize("width", range(1, TILE + 1))
def test_vectors_cover_every_feature_once(width):
    covered = [feature for offset, lanes in pieces(width) for feature in range(offset, offset + lanes)]
    assert covered == list(range(width))
    assert all(lanes in {LANES >> shift for shift in range(5)} for _, lanes in pieces(width))


@pytest.mark.parametrize(
    ("width", "dtype", "reduce"), [(16, torch.float32, "sum"), (64, torch.float32, "mean"), (32, torch.bfloat16, "mean")]
)
def test_storing_past_the_caches_changes_nothing(width, dtype, reduce):
    matrix, operand = jagged(), dense(9, width).to(dtype)
    assert ALWAYS_STREAMED.storing(13, width, dtype) & STREAMED
    streamed = ALWAYS_STREAMED.prepare(matrix, width, dtype, reduce)(operand)
    assert torch.equal(streamed, KERNEL.prepare(matrix, width, dtype, reduce)(operand))


@pytest.mark.parametrize("width", [1, 3, 17, 602])
def test_rows_that_do_not_start_on_cache_lines_are_stored_as_usual(width):
    assert not ALWAYS_STREAMED.storing(13, width, torch.float32) & STREAMED


def test_a_result_that_fits_the_caches_is_stored_as_usual():
    # 64 features of 4 bytes in a row: 32,768 rows are 8 MB.
    assert not RowsNumba().storing(32_767, 64, torch.float32) & STREAMED
    assert RowsNumba().storing(32_768, 64, torch.float32) & STREAMED


def test_preparing_after_tuning_compiles_nothing():
    rows_numba._compiled.cache_clear()
    KERNEL.tune(jagged(), 23, torch.float32)
    compiled = rows_numba._compiled.cache_info().misses
    KERNEL.prepare(jagged(), 23, torch.float32)
    assert rows_numba._compiled.cache_info().misses == compiled > 0


def test_bfloat16_is_rounded_as_torch_rounds_it():
    # One entry a row, so that the float32 product is exact to one rounding and only the rounding to bfloat16 is left:
    # 1 + 2**-8 lies half-way between two bfloat16 (ties to even: down), 1 + 3 * 2**-8 too (up).
    values = torch.tensor([1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-8), 1.0039063692, 3.0e38, 1e-40, 0.1, float("nan")])
    rows = torch.arange(9, dtype=torch.int32)
    matrix = Csr(rows, torch.arange(8, dtype=torch.int32), values, (8, 8))
    found = KERNEL.prepare(matrix, 3, torch.bfloat16)(torch.ones(8, 3, dtype=torch.bfloat16))
    wanted = values.bfloat16()[:, None].expand(8, 3)
    assert torch.equal(found[:7], wanted[:7])
    assert torch.isnan(found[7]).all()


@pytest.mark.parametrize("streamed", [False, True])
def test_float16_is_rounded_as_torch_rounds_it(streamed):
    values = torch.tensor([1 + 2**-11, 1 + 3 * 2**-11, -(1 + 2**-11), 65519.0, 65520.0, 1e-8, 6e-8, 0.1, float("nan")])
    rows = torch.arange(len(values) + 1, dtype=torch.int32)
    matrix = Csr(rows, rows[:-1], values, (len(values), len(values)))
    kernel = ALWAYS_STREAMED if streamed else KERNEL
    found = kernel.prepare(matrix, 64, torch.float16)(torch.ones(len(values), 64, dtype=torch.float16))
    wanted = values.half()[:, None].expand(len(values), 64)
    assert torch.equal(found[:8], wanted[:8])
    assert bool(torch.isinf(found[4]).all())
    assert bool(torch.isnan(found[8]).all())


def test_a_cpu_that_does_not_convert_float16_says_so(monkeypatch):
    monkeypatch.setattr(row_product.llvm, "get_host_cpu_features", lambda: {"f16c": False})
    monkeypatch.setattr(row_product.platform, "machine", lambda: "x86_64")
    with pytest.raises(Unsupported, match=r"float16 where the CPU converts it .*: use float32 or bfloat16"):
        KERNEL.prepare(jagged(), 3, torch.float16)


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("width", [1, 3, 17, 64, TILE // 2 - 1, TILE // 2, TILE // 2 + 1, TILE + 5])
@pytest.mark.parametrize("scaled", [False, True])
def test_float64_is_summed_in_float64(scaled, width, reduce):
    matrix, operand = jagged(), dense(9, width).double()
    if scaled:
        ones = Csr(matrix.rowptr, matrix.col, None, matrix.shape)
        matrix = ones.scale_rows(torch.arange(1, 14) / 7.0).scale_columns(torch.arange(1, 10) / 3.0)
    found = KERNEL.prepare(matrix, width, torch.float64, reduce)(operand)
    whole = matrix.to_scipy() @ operand.numpy()
    counts = matrix.row_nnz.clamp(min=1).numpy()[:, None]
    np.testing.assert_allclose(found, whole / counts if reduce == "mean" else whole, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("width", [1, 3, 17, 64, TILE + 5])
def test_half_precision_has_float32_sums(dtype, width):
    generator = torch.Generator().manual_seed(4)
    counts = torch.randint(0, 400, (40,), generator=generator)
    rowptr = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)]).int()
    col = torch.randint(0, 500, (int(rowptr[-1]),), generator=generator).int()
    matrix = Csr(rowptr, col, torch.rand(len(col), generator=generator), (40, 500))
    operand = torch.randn(500, width, generator=generator).to(dtype)
    found = KERNEL.prepare(matrix, width, dtype)(operand)
    wanted = torch.from_numpy(matrix.to_scipy() @ operand.double().numpy())
    spacing = torch.finfo(dtype).eps
    error = torch.linalg.vector_norm(found.double() - wanted) / torch.linalg.vector_norm(wanted)
    assert error < spacing / 2


def test_one_thread_gives_the_same(one_thread):
    matrix, operand = jagged(), dense(9, 17)
    found = KERNEL.prepare(matrix, 17, torch.float32)(operand)
    np.testing.assert_allclose(found, array(matrix) @ operand.numpy(), rtol=1e-5)


def test_a_multiply_prepared_for_many_threads_runs_on_one():
    matrix, operand = jagged(), dense(9, 17)
    multiply = KERNEL.prepare(matrix, 17, torch.float32)
    many = multiply(operand)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert torch.equal(multiply(operand), many)
    finally:
        numba.set_num_threads(before)


def looped(loops, nodes=600):
    """A ring of so many nodes, of which the first `loops` have an entry on the diagonal too."""
    node = torch.arange(nodes)
    edges = torch.stack([torch.cat([node, node[:loops]]), torch.cat([(node + 1) % nodes, node[:loops]])])
    return Csr.from_edge_index(edges, nodes, torch.linspace(1, 2, nodes + loops))


@pytest.mark.parametrize("offsets", [torch.int32, torch.int64])
@pytest.mark.parametrize(("loops", "found"), [(0, False), (200, False), (400, True), (600, True)])
def test_self_loops_are_seen_where_most_rows_have_one(loops, found, offsets):
    matrix = looped(loops)
    assert rows_numba._has_loops(matrix.rowptr.to(offsets).numpy(), matrix.col.numpy(), 256) == found


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_a_matrix_without_entries_has_no_self_loops(shape):
    matrix = without_entries(*shape)
    assert not rows_numba._has_loops(matrix.rowptr.long().numpy(), matrix.col.numpy(), 256)


@pytest.mark.parametrize("width", [17, 300])
def test_prefetching_the_diagonal_changes_nothing(width):
    matrix, operand = looped(600), dense(600, width)
    found, plain = (RowsNumba(ahead=ahead).prepare(matrix, width, torch.float32)(operand) for ahead in (4, 0))
    assert torch.equal(found, plain)


def test_code_that_an_older_emitter_made_is_compiled_anew():
    # Numba finds what it keeps on disk by the source of the function and by what it refers to.
    function = rows_numba._compiled(7, 0, (0, 4), "int32").py_func
    assert row_product.REVISION in [cell.cell_contents for cell in function.__closure__]
