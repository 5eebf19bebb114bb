"""The tile of `rows_numba`: measured once for a kind of matrix, kept on disk, and the widest where nothing was measured."""

import json

import pytest
import torch

pytest.importorskip("numba")

from rsc_bench import caches
from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact import rows_numba
from rsc_bench.kernels.exact._rows_numba import tiles
from rsc_bench.kernels.exact._rows_numba.row_product import TILE

WIDTH = 4 * TILE
COLUMNS = tiles.BEYOND_BYTES // (4 * WIDTH)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(caches.PLACE, str(tmp_path))
    tiles._found.cache_clear()
    yield tmp_path / "tiles.json"
    tiles._found.cache_clear()


def _matrix(columns=COLUMNS):
    rowptr = torch.arange(51, dtype=torch.int32)
    return Csr(rowptr, torch.arange(50, dtype=torch.int32) % columns, None, (50, columns))


def _search(seconds):
    """The tile that wins where the tiles take so long; the clock moves by a tile's time in its call."""
    now = [0.0]
    every = tiles.to_try(_matrix(), WIDTH, torch.float32)

    def taking(each):
        def multiply(dense):
            now[0] += each
            return dense

        return multiply

    multiplies = {tile: taking(each) for tile, each in zip(every, seconds, strict=True)}
    return tiles.search(_matrix(), WIDTH, torch.float32, multiplies, lambda: now[0])


@pytest.mark.parametrize(
    ("seconds", "wanted"), [((9, 9, 5), TILE // 4), ((9, 6, 8), TILE // 2), ((9, 8.9, 9), TILE), ((5, 9, 9), TILE)]
)
def test_the_fastest_wins_but_not_by_noise(seconds, wanted, own_cache):
    assert tiles.chosen(_matrix(), WIDTH, torch.float32) == TILE
    assert _search(seconds) == wanted
    assert tiles.chosen(_matrix(), WIDTH, torch.float32) == wanted
    assert list(json.loads(own_cache.read_text()).values()) == [wanted]


def test_another_process_finds_what_was_measured_and_measures_nothing(own_cache):
    _search((9, 9, 5))
    tiles._found.cache_clear()
    assert tiles.to_try(_matrix(), WIDTH, torch.float32) is None
    assert tiles.chosen(_matrix(), WIDTH, torch.float32) == TILE // 4
    assert tiles.chosen(_matrix(), WIDTH, torch.bfloat16) == TILE


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": "b"}', '{"a": true}', '{"a": -5}'])
def test_a_file_of_another_kind_counts_as_nothing(text, own_cache):
    own_cache.write_text(text)
    assert tiles.chosen(_matrix(), WIDTH, torch.float32) == TILE


def test_an_operand_in_the_cache_is_not_tried():
    assert tiles.to_try(_matrix(COLUMNS // 2), WIDTH, torch.float32) is None
    assert tiles.to_try(_matrix(40 * COLUMNS), TILE // 4, torch.float32) is None
    assert tiles.to_try(_matrix(), WIDTH, torch.float32) == [TILE, TILE // 2, TILE // 4]
    assert tiles.to_try(_matrix(), WIDTH, torch.float64) == [TILE // 2, TILE // 4, TILE // 8]


def test_a_folder_that_cannot_be_written_loses_nothing_but_the_next_processs_time(monkeypatch):
    monkeypatch.setattr(tiles, "_file", lambda: tiles.Path("/proc/nowhere/tiles.json"))
    assert _search((9, 9, 5)) == TILE // 4
    assert tiles.chosen(_matrix(), WIDTH, torch.float32) == TILE // 4


@pytest.mark.parametrize("tile", [TILE, TILE // 2, TILE // 4])
@pytest.mark.parametrize("width", [TILE + 3, WIDTH])
def test_every_tile_gives_the_same(tile, width):
    matrix = _matrix(40)
    operand = torch.randn(40, width, generator=torch.Generator().manual_seed(0))
    found = rows_numba._ROWS._prepared(matrix, width, torch.float32, "sum", tile)(operand)
    assert torch.equal(found, rows_numba.KERNEL.prepare(matrix, width, torch.float32)(operand))


def test_tuning_measures_and_preparing_uses_it(own_cache):
    rows_numba.KERNEL.tune(_matrix(), WIDTH, torch.float32)
    assert len(json.loads(own_cache.read_text())) == 1
