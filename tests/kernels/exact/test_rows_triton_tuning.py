import json
from dataclasses import asdict, replace

import pytest

from rsc_bench.kernels.exact._rows_triton.settings import Problem, candidates, first
from rsc_bench.kernels.exact._rows_triton.tuning import Tuned, cache_file

# Nodes, non-zeros and longest row of Reddit, and the L2 that an H200 says it has.
REDDIT = Problem("NVIDIA H200", 60 << 20, (232_965, 232_965), 114_615_892, 21_657, 256, 4, "none", "sum")
BFLOAT16 = replace(REDDIT, itemsize=2)
PRODUCTS = replace(REDDIT, shape=(2_449_029, 2_449_029), nnz=123_718_280, width=100)
SEPARABLE = replace(REDDIT, values="columns")


def nothing_timed(settings):
    raise AssertionError("settings are known, and timed anyhow")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "settings.json"


@pytest.mark.parametrize(("problem", "tile"), [(REDDIT, 32), (BFLOAT16, 64)], ids=["float32", "bfloat16"])
def test_a_tile_of_the_dense_operand_is_at_most_half_of_the_l2(problem, tile):
    assert first(problem).tile == tile
    assert tile * problem.itemsize * problem.shape[1] <= problem.l2_bytes / 2 < 2 * tile * problem.itemsize * problem.shape[1]


def test_an_operand_that_fits_is_not_tiled_nor_is_one_of_which_not_even_lines_fit():
    assert first(replace(REDDIT, shape=(1000, 1000), width=100)).tile == 128
    assert first(PRODUCTS).tile == 128


def test_a_tile_is_not_below_a_line_where_the_lines_fit_the_whole_l2():
    # 232,965 lines of 128 bytes are 29.8 MB: more than half of an H100's 50 MB, and more than all of an A30's 24 MB.
    assert first(replace(REDDIT, l2_bytes=50 << 20)).tile == 32
    assert first(replace(REDDIT, l2_bytes=24 << 20)).tile == 128


def test_a_sample_gathers_few_columns_and_is_not_tiled():
    assert first(replace(REDDIT, longest=None)).tile == 128


@pytest.mark.parametrize(("width", "tile"), [(1, 1), (3, 4), (41, 64), (602, 128)])
def test_a_tile_is_the_power_of_two_that_holds_the_width_up_to_a_load_of_the_warp(width, tile):
    assert first(replace(REDDIT, shape=(1000, 1000), width=width)).tile == tile


@pytest.mark.parametrize("problem", [REDDIT, BFLOAT16, PRODUCTS, SEPARABLE, replace(REDDIT, width=1)])
def test_candidates_differ_and_are_what_the_kernels_can_be_compiled_for(problem):
    found = candidates(problem)
    assert found[0] == first(problem)
    assert len(set(found)) == len(found) <= 10
    for settings in found:
        powers = settings.tile, settings.block, settings.warps, settings.chunk
        assert all(number > 0 and number & (number - 1) == 0 for number in powers)


def test_only_a_scale_of_the_columns_may_be_applied_before_the_gathers():
    assert {settings.prescaled for settings in candidates(SEPARABLE)} == {True, False}
    assert {settings.prescaled for settings in candidates(REDDIT)} == {False}


def test_matrices_alike_to_a_factor_of_two_share_settings_and_no_others_do():
    assert replace(REDDIT, nnz=113_000_000, longest=20_000).key == REDDIT.key
    others = [
        replace(REDDIT, device="NVIDIA A100"),
        replace(REDDIT, nnz=23_213_838),
        replace(REDDIT, longest=1_000),
        replace(REDDIT, longest=None),
        replace(REDDIT, width=128),
        replace(REDDIT, reduce="mean"),
        BFLOAT16,
        PRODUCTS,
        SEPARABLE,
    ]
    assert len({problem.key for problem in [REDDIT, *others]}) == len(others) + 1


def test_the_fastest_settings_are_kept_for_other_processes(path):
    wanted, tuned = candidates(REDDIT)[3], Tuned(path)
    assert tuned.tune(REDDIT, lambda settings: 1.0 if settings == wanted else 2.0) == wanted
    assert tuned.tune(REDDIT, nothing_timed) == wanted
    other = Tuned(path)
    assert other.tune(REDDIT, nothing_timed) == wanted
    assert other.known(REDDIT) == wanted
    assert other.known(BFLOAT16) == first(BFLOAT16)


def test_what_another_process_found_meanwhile_is_not_lost(path):
    mine = Tuned(path)
    mine.known(REDDIT)  # reads the file, which is not there yet
    Tuned(path).tune(BFLOAT16, lambda settings: settings.chunk)
    mine.tune(REDDIT, lambda settings: settings.chunk)
    assert set(json.loads(path.read_text())) == {REDDIT.key, BFLOAT16.key}
    assert [file.name for file in path.parent.iterdir()] == [path.name], "nothing half written is left"


GOOD = asdict(first(REDDIT))
BAD = {
    "cut off": '{"a": {"ti',
    "no object": "[1, 2]",
    "no settings": json.dumps({REDDIT.key: 3}),
    "a field short": json.dumps({REDDIT.key: {name: GOOD[name] for name in GOOD if name != "chunk"}}),
    "no power of two": json.dumps({REDDIT.key: GOOD | {"tile": 33}}),
    "nothing to multiply": json.dumps({REDDIT.key: GOOD | {"block": 0}}),
    "text for a number": json.dumps({REDDIT.key: GOOD | {"warps": "1"}}),
    "a number for a boolean": json.dumps({REDDIT.key: GOOD | {"prescaled": 1}}),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_file_that_cannot_be_used_is_as_good_as_none(path, text):
    path.parent.mkdir()
    path.write_text(text)
    tried = []
    Tuned(path).tune(REDDIT, lambda settings: tried.append(settings) or 1.0)
    assert tried == candidates(REDDIT)
    assert Tuned(path).tune(REDDIT, nothing_timed) == first(REDDIT)


def test_a_file_that_cannot_be_read_as_text_is_as_good_as_none(path):
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00")
    assert Tuned(path).known(REDDIT) == first(REDDIT)


def test_where_nothing_can_be_written_the_settings_stay_for_this_process(path):
    path.parent.write_text("a file where the folder should be")
    wanted, tuned = candidates(REDDIT)[1], Tuned(path)
    assert tuned.tune(REDDIT, lambda settings: float(settings != wanted)) == wanted
    assert tuned.tune(REDDIT, nothing_timed) == wanted


def test_settings_stand_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("RSC_BENCH_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_file("rows") == tmp_path / "rsc-bench" / "rows.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_file("rows") == tmp_path / ".cache" / "rsc-bench" / "rows.json"


@pytest.mark.parametrize(("one", "other"), [(0, 0), (1, 1), (2, 3), (4, 7), (8, 15)])
def test_matrices_with_rows_of_one_binary_order_share_settings(one, other):
    assert replace(REDDIT, longest=one).key == replace(REDDIT, longest=other).key
    assert replace(REDDIT, longest=other).key != replace(REDDIT, longest=other + 1).key
