"""`rows_triton` against float64: on a GPU where there is one, else in Triton's interpreter, as test_interpreter has it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch_modes import NothingIsRead, NothingWaits

triton = pytest.importorskip("triton", reason="triton is not installed: pip install triton")

import triton.language as tl  # noqa: E402

from rsc_bench.kernels import Csr  # noqa: E402
from rsc_bench.kernels.exact import rows_triton  # noqa: E402
from rsc_bench.kernels.exact._rows_triton.multiply import RowsMultiply, Work  # noqa: E402
from rsc_bench.kernels.exact._rows_triton.pieces import SHORT, Pieces  # noqa: E402
from rsc_bench.kernels.exact._rows_triton.search import TIMED_CALLS, Gpu, RowsTriton  # noqa: E402
from rsc_bench.kernels.exact._rows_triton.settings import Settings  # noqa: E402
from rsc_bench.kernels.exact._rows_triton.source import row_start  # noqa: E402
from rsc_bench.kernels.exact._rows_triton.tuning import Tuned  # noqa: E402

KERNEL = rows_triton.KERNEL
pytestmark = pytest.mark.skipif(KERNEL.missing() is not None, reason=f"{KERNEL.missing()}; test_interpreter runs it there")
ON_GPU = pytest.mark.skipif(KERNEL.device != "cuda", reason="needs a CUDA GPU")
ROWS, COLUMNS = 10, 70
HUB = 3
# A hub of 70 non-zeros is three pieces of at most 32, other rows of more than 16 are one piece each.
SMALL = Settings(tile=32, block=16, warps=1, stages=1, chunk=32, prescaled=False)


def graph(weighted=False, seed=0):
    """10 x 70: row 3 is a hub, rows 5 and 9 are empty, the others have some up to 31 non-zeros."""
    generator = np.random.default_rng(seed)
    kept = generator.random((ROWS, COLUMNS)) < generator.uniform(0, 0.4, ROWS)[:, None]
    kept[HUB] = True
    kept[[5, 9]] = False
    value = generator.integers(1, 17, kept.shape) / 8
    return Csr.from_scipy(scipy.sparse.csr_matrix(kept * value), "graph", weighted).to(KERNEL.device)


def operand(width, dtype=torch.float32, seed=1):
    return torch.randn(COLUMNS, width, generator=torch.Generator().manual_seed(seed)).to(KERNEL.device, dtype)


def prepared(matrix, width, dtype=torch.float32, reduce="sum", settings=SMALL):
    return RowsMultiply(Work(matrix, width, dtype, reduce), settings)


def assert_product(found, matrix, dense, reduce="sum"):
    full = matrix.to_scipy().toarray()
    if reduce == "mean":
        full = full / np.maximum(matrix.row_nnz.cpu().numpy(), 1)[:, None]
    wanted, magnitude = full @ dense.double().cpu().numpy(), np.abs(full) @ np.abs(dense.double().cpu().numpy())
    # 70 terms round at most 70 times in float32 (Higham, Accuracy and Stability, 3.1), a scaled operand and a result once more;
    # to bfloat16 that is a share of 2^-8 each, of 2^-7 where the interpreter cuts.
    rounding = 2.0**-24 * (COLUMNS + 4) + (2.0**-6 if found.dtype is torch.bfloat16 else 0)
    assert np.all(np.abs(found.double().cpu().numpy() - wanted) <= rounding * magnitude)


def bounded(matrix, tail):
    """The matrix with `tail` more entries behind its last one, which point nowhere."""
    beyond = torch.full((tail,), 2**30, dtype=torch.int32, device=KERNEL.device)
    entries = None if matrix.entries is None else torch.cat([matrix.entries, beyond * torch.nan])
    return replace(matrix, col=torch.cat([matrix.col, beyond]), entries=entries, bounded=True, _transposed=[])


def separable():
    scale = torch.linspace(0.1, 2, COLUMNS, device=KERNEL.device)
    return graph().scale_rows(scale[:ROWS]).scale_columns(scale)


FORMS = {"ones": graph, "weighted": lambda: graph(weighted=True), "separable": separable, "rows scaled": lambda: graph().mean()}


# One tile that is not full, a full one and a part of a second, two full ones.
@pytest.mark.parametrize("width", [1, 3, 17, 41, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_the_product_of_any_width_with_a_hub_and_empty_rows_is_that_of_float64(width, dtype):
    matrix, dense = graph(), operand(width, dtype)
    assert_product(prepared(matrix, width, dtype)(dense), matrix, dense)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_the_product_of_any_form_is_that_of_float64(form, reduce, dtype):
    matrix, dense = FORMS[form](), operand(17, dtype)
    assert_product(prepared(matrix, 17, dtype, reduce)(dense), matrix, dense, reduce)


@pytest.mark.parametrize("seed", range(1, 4))
def test_other_graphs_are_multiplied_as_well(seed):
    matrix, dense = graph(seed=seed), operand(8, seed=seed)
    assert_product(prepared(matrix, 8)(dense), matrix, dense)


@pytest.mark.parametrize(
    "changed",
    [{"tile": 4}, {"tile": 64}, {"block": 4}, {"block": 64}, {"chunk": 4}, {"chunk": 256}, {"stages": 3, "warps": 4}],
    ids=str,
)
def test_no_setting_changes_the_product(changed):
    matrix, dense = graph(weighted=True), operand(6)
    assert_product(prepared(matrix, 6, settings=replace(SMALL, **changed))(dense), matrix, dense)


@pytest.mark.parametrize("prescaled", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_a_scale_of_the_columns_is_read_at_each_non_zero_or_applied_before(prescaled, dtype):
    matrix, dense = separable(), operand(17, dtype)
    kept = dense.clone()
    assert_product(prepared(matrix, 17, dtype, settings=replace(SMALL, prescaled=prescaled))(dense), matrix, dense)
    assert torch.equal(dense, kept)


def test_a_separable_matrix_is_multiplied_without_its_values_being_made():
    matrix = separable()
    prepared(matrix, 3)(operand(3))
    assert "value" not in vars(matrix)


@pytest.mark.parametrize(("form", "tail"), [*((form, 1000) for form in FORMS), ("weighted", 1)])
def test_what_stands_behind_the_last_row_is_never_read(form, tail):
    matrix, dense = FORMS[form](), operand(17)
    found = prepared(bounded(matrix, tail), 17)(dense)
    assert torch.equal(found, prepared(matrix, 17)(dense))


def test_the_tables_of_a_bounded_matrix_have_room_for_any_rows_of_its_size():
    # 64 non-zeros in two rows, at a chunk of 4: the most pieces come of two rows that are both cut.
    for first in (0, 1, 16, 17, 20, 31, 32, 47, 48, 63):
        rowptr = torch.tensor([0, first, 64], dtype=torch.int32, device=KERNEL.device)
        col = torch.zeros(64, dtype=torch.int32, device=KERNEL.device)
        pieces = Pieces.cut(Csr(rowptr, col, None, (2, 1), bounded=True), 4)
        needed, slots, joins = pieces.counts.tolist()
        assert needed <= len(pieces.rows)
        assert slots <= pieces.slot_bound
        assert joins <= len(pieces.joined_rows)
        lengths = (pieces.ends - pieces.begins)[:needed].tolist()
        assert sum(lengths) == sum(count for count in (first, 64 - first) if count > SHORT)
        assert all(0 < length <= 4 for length in lengths)


class SumsVectors(TorchDispatchMode):
    """Refuses to sum along the rows of a matrix: torch gives a row to one block of threads, so that few long ones take long."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in {"cumsum", "cumsum_"}:
            assert args[0].dim() == 1
        return func(*args, **(kwargs or {}))


def test_the_pieces_are_counted_with_all_of_the_gpu():
    with SumsVectors():
        pieces = Pieces.cut(bounded(graph(weighted=True), 0), 32)
    assert int(pieces.counts[0]) > 0


def test_preparing_and_multiplying_a_bounded_matrix_waits_for_nothing():
    matrix, dense = bounded(graph(weighted=True), 100), operand(17)
    expected = KERNEL.prepare_bounded(matrix, 17, torch.float32)(dense)
    with NothingIsRead(), NothingWaits():
        found = KERNEL.prepare_bounded(matrix, 17, torch.float32)(dense)
    assert torch.equal(found, expected)


@pytest.mark.gpu
@ON_GPU
def test_no_call_on_a_bounded_matrix_synchronises_the_device():
    matrix, dense = bounded(separable(), 100), operand(17)
    KERNEL.prepare_bounded(matrix, 17, torch.float32)(dense)
    torch.cuda.set_sync_debug_mode("error")
    try:
        KERNEL.prepare_bounded(matrix, 17, torch.float32)(dense)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@ON_GPU
def test_a_multiply_can_be_captured_in_a_cuda_graph():
    matrix, dense = separable(), operand(17)
    multiply = prepared(matrix, 17)
    multiply(dense)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        result = multiply(dense)
    dense.copy_(operand(17, seed=2))
    captured.replay()
    assert torch.equal(result, multiply(dense))


def test_a_hub_of_many_pieces_gives_the_same_bits_each_time():
    matrix, dense = graph(weighted=True), operand(33)
    multiply = prepared(matrix, 33)
    once = multiply(dense)
    assert all(torch.equal(multiply(dense), once) for _ in range(5 if KERNEL.device == "cuda" else 1))


@triton.jit
def _starts(rows, result, WIDTH: tl.constexpr):  # noqa: N803
    lane = tl.arange(0, 2)
    tl.store(result + lane, row_start(tl.load(rows + lane), WIDTH))


def test_rows_of_the_dense_operand_are_found_past_two_to_the_31_elements():
    rows = torch.tensor([2_449_029, 2**31 - 1], dtype=torch.int32, device=KERNEL.device)  # ogbn-products' nodes; the largest
    result = torch.zeros(2, dtype=torch.int64, device=KERNEL.device)
    _starts[(1,)](rows, result, 1000)
    assert result.tolist() == [2_449_029_000, 2_147_483_647_000]


class Searching:
    """A machine on which settings are searched for: a GPU of some name, and times that favour a chunk of 256."""

    def __init__(self, folder, seconds={256: 1.0}):  # noqa: B006
        self.path, self.seconds, self.timed = folder / "settings.json", seconds, []
        self.rows = RowsTriton(lambda: Tuned(self.path), lambda _: Gpu("a GPU", 1 << 20), self.call_seconds, worth_tuning=1)

    def call_seconds(self, multiply, dense):
        self.timed.append(multiply.settings)
        found = self.seconds.get(multiply.settings.chunk, 2.0)
        if found is None:
            raise torch.OutOfMemoryError
        return found


def two_rows():
    """The hub of `graph`, and a row of one non-zero."""
    full = torch.ones(2, COLUMNS)
    full[1, 1:] = 0
    return Csr.from_torch(full.to_sparse_csr(), "two rows").to(KERNEL.device)


@pytest.fixture
def searching(tmp_path):
    return Searching(tmp_path)


def test_settings_are_searched_for_once_when_preparing(searching):
    matrix, dense = two_rows(), operand(3)
    multiply = searching.rows.prepare(matrix, 3, torch.float32)
    tried = len(set(searching.timed))
    assert tried > 3
    assert multiply.settings.chunk == 256
    assert_product(multiply(dense), matrix, dense)
    searching.rows.prepare(two_rows(), 3, torch.float32)
    assert len(searching.timed) == tried * TIMED_CALLS


def test_preparing_after_tuning_searches_no_more(searching):
    matrix = two_rows()
    searching.rows.tune(matrix, 3, torch.float32)
    searching.timed.clear()
    assert searching.rows.prepare(matrix, 3, torch.float32).settings.chunk == 256
    assert searching.timed == []


def test_a_small_product_is_not_searched_for(tmp_path):
    timed = []
    rows = RowsTriton(
        lambda: Tuned(tmp_path / "settings.json"), lambda _: Gpu("a GPU", 1 << 20), lambda *call: timed.append(call) or 1.0
    )
    rows.prepare(two_rows(), 3, torch.float32)
    assert timed == []


def test_searching_leaves_the_users_random_numbers_alone(searching):
    torch.manual_seed(3)
    expected = torch.randn(2, device=KERNEL.device)
    torch.manual_seed(3)
    searching.rows.prepare(two_rows(), 3, torch.float32)
    assert searching.timed
    assert torch.equal(torch.randn(2, device=KERNEL.device), expected)


def test_a_bounded_matrix_has_the_settings_that_were_searched_for_its_like_and_no_search(searching):
    matrix = bounded(two_rows(), 100)
    assert searching.rows.prepare_bounded(matrix, 3, torch.float32).settings.chunk != 256
    assert searching.timed == []
    searching.rows.tune(matrix, 3, torch.float32)
    assert searching.rows.prepare_bounded(matrix, 3, torch.float32).settings.chunk == 256


def test_settings_that_do_not_fit_the_device_lose(tmp_path):
    searching = Searching(tmp_path, {256: None})
    assert searching.rows.prepare(two_rows(), 3, torch.float32).settings.chunk != 256
    assert json.loads(searching.path.read_text())
