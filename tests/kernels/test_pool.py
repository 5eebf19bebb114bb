"""The pool of memory for results: no memory is ever that of two, and no more is kept than was in use at once."""

from __future__ import annotations

import gc
import mmap
import random
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from rsc_bench import allocator
from rsc_bench.kernels import pool as pools
from rsc_bench.kernels.pool import SMALLEST_BYTES, Pool

ROWS, WIDTH = 1 << 14, 64
BYTES = ROWS * WIDTH * 4
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


@pytest.fixture
def pool() -> Pool:
    return Pool()


def _result(pool: Pool, rows: int = ROWS, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return pool.empty((rows, WIDTH), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_result_is_as_torch_makes_it(pool: Pool, dtype: torch.dtype) -> None:
    result = _result(pool, 4 * ROWS, dtype)
    assert type(result) is torch.Tensor
    assert (result.shape, result.dtype, result.is_contiguous()) == ((4 * ROWS, WIDTH), dtype, True)
    assert result.data_ptr() % (2 << 20) == 0
    result.fill_(3)
    assert bool((result == 3).all())
    assert not result.requires_grad


def test_freed_memory_is_handed_out_again(pool: Pool) -> None:
    result = _result(pool)
    first = result.data_ptr()
    del result
    assert pool.free_bytes >= BYTES
    assert _result(pool).data_ptr() == first


@pytest.mark.parametrize(
    "keep",
    [lambda r: r[3:5], lambda r: r.numpy()[7:], lambda r: r.view(torch.int32), lambda r: r.t(), lambda r: r.detach(), lambda r: r],
    ids=["slice", "numpy", "view", "transposed", "detached", "itself"],
)
def test_what_still_looks_at_a_result_keeps_its_memory(pool: Pool, keep) -> None:
    result = _result(pool)
    result.fill_(1)
    kept = keep(result)
    del result
    for _ in range(3):
        _result(pool).fill_(2)
    assert set(torch.as_tensor(kept).contiguous().view(torch.float32).flatten().tolist()) == {1.0}


def test_a_graph_that_keeps_a_result_keeps_its_memory(pool: Pool) -> None:
    weight = torch.ones(WIDTH, requires_grad=True)
    result = _result(pool)
    result.fill_(2)
    loss = (result * weight).sum()
    del result
    _result(pool).fill_(9)
    loss.backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [2.0 * ROWS] * WIDTH


def test_no_more_is_kept_than_was_in_use_at_once(pool: Pool) -> None:
    results = [_result(pool) for _ in range(3)]
    del results
    held = pool.free_bytes
    assert held == 3 * BYTES
    for rows in (2 * ROWS, 3 * ROWS, 5 * ROWS, ROWS):
        _result(pool, rows)
        assert pool.free_bytes <= max(held, 5 * BYTES)


def test_nearly_equal_sizes_share_a_block(pool: Pool) -> None:
    first = _result(pool, 10 * ROWS).data_ptr()
    assert _result(pool, 10 * ROWS - 100).data_ptr() == first
    assert pool.free_bytes <= 10 * BYTES * 9 // 8


@pytest.mark.parametrize("size", [SMALLEST_BYTES, SMALLEST_BYTES + 1, 33 << 20, (1 << 30) - 1, (1 << 30) + 1, 5 * (1 << 31) + 3])
def test_a_block_is_at_most_an_eighth_larger(size: int) -> None:
    rounded = pools._rounded(size)
    assert size <= rounded <= max(size + (2 << 20), size * 9 // 8 + 1)
    assert rounded % (2 << 20) == 0


def test_trimming_gives_everything_back(pool: Pool) -> None:
    kept = _result(pool)
    _result(pool)
    pool.trim()
    assert pool.free_bytes == 0
    kept.fill_(5)
    assert float(kept.sum()) == 5 * ROWS * WIDTH


def test_the_pool_of_this_process_is_trimmed_with_its_allocator() -> None:
    _result(pools.POOL)
    assert pools.POOL.free_bytes >= BYTES
    allocator.trim()
    assert pools.POOL.free_bytes == 0


def test_a_small_result_is_torchs_own(pool: Pool) -> None:
    del_ = pool.empty((4, 4), torch.float32)
    del del_
    assert pool.free_bytes == 0
    assert pool.empty((0, 7), torch.float32).shape == (0, 7)


def test_what_nobody_wrote_is_seen(pool: Pool) -> None:
    _result(pool).fill_(1)
    with allocator.filled(1):
        assert set(_result(pool).view(torch.uint8).flatten()[::4097].tolist()) == {0xFE}
    assert allocator.filling() is None


def test_without_memory_results_are_torchs_own_and_that_is_said_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", no_memory)
    result = _result(pool)
    result.fill_(1)
    assert pool.trouble is not None
    assert "results come from the C library" in pool.trouble
    assert "Cannot allocate memory" in pool.trouble
    assert pool.free_bytes == 0
    _result(pool)
    assert [record.getMessage() for record in caplog.records] == [pool.trouble]


@pytest.mark.parametrize(
    ("text", "fine"), [("always [madvise] never", True), ("[always] madvise never", True), ("always madvise [never]", False)]
)
def test_a_system_without_huge_pages_is_said(tmp_path: Path, text: str, fine: bool) -> None:
    (tmp_path / "enabled").write_text(text)
    assert allocator.huge_pages(tmp_path / "enabled") == fine
    assert not allocator.huge_pages(tmp_path / "nothing")


def test_without_huge_pages_results_have_small_ones_and_the_pool_says_so() -> None:
    pool = Pool(huge=False)
    _result(pool).fill_(1)
    assert "no huge pages" in (pool.trouble or "")
    assert Pool(huge=True).trouble is None


def test_threads_never_share_a_result(pool: Pool) -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        chance, mine = random.Random(number), []
        for _ in range(60):
            result = _result(pool, chance.choice((ROWS, 2 * ROWS)))
            result.fill_(number)
            mine.append(result)
            if len(mine) > 3:
                old = mine.pop(chance.randrange(len(mine)))
                if not bool((old == number).all()):
                    wrong.append(number)
                if chance.random() < 0.1:
                    gc.collect()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


class Pooled(torch.autograd.Function):
    """An operation whose result is the pool's, as those of our kernels are."""

    @staticmethod
    def forward(ctx: Any, dense: torch.Tensor) -> torch.Tensor:
        result = Pool().empty(tuple(dense.shape), dense.dtype)
        return result.copy_(dense)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_result_may_be_changed_in_place_as_a_layer_of_gcnii_does(dtype: torch.dtype) -> None:
    dense = torch.ones(2048, SMALLEST_BYTES // 2048 // dtype.itemsize, dtype=dtype, requires_grad=True)
    found = Pooled.apply(dense)
    found.mul_(3.0)
    found.sum().backward()
    assert found.shape == dense.shape
    assert dense.grad is not None
    assert dense.grad[0, 0] == 3.0
