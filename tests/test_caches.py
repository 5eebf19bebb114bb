import os
import subprocess
import sys
from pathlib import Path

import pytest

from rsc_bench import caches

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder that nothing can be written below, also by root."""
    for name in ("RSC_BENCH_CACHE", "RSC_BENCH_CACHE_GB", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "TRITON_CACHE_DIR", "TRITON_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HOME", "/proc")
    (tmp_path / "file").write_text("")
    return tmp_path / "file"


def test_the_folder_is_the_one_that_is_named_else_in_the_users_caches(monkeypatch, nowhere, tmp_path):
    assert caches.folder() == Path("/proc/.cache/rsc-bench")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert caches.folder() == tmp_path / "rsc-bench"
    monkeypatch.setenv("RSC_BENCH_CACHE", "here")
    assert caches.graphs() == Path.cwd() / "here" / "graphs"


def test_it_may_take_ten_gigabytes_and_no_more_than_a_tenth_of_the_free_disk(monkeypatch, nowhere):
    free = {"bytes": 10**12}
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": free["bytes"]}))
    assert caches.most_bytes(0) == 10**10
    free["bytes"] = 4 * 10**9
    assert caches.most_bytes(10**9) == 5 * 10**8
    monkeypatch.setenv("RSC_BENCH_CACHE_GB", "0.25")
    assert caches.most_bytes(0) == 250_000_000


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_a_limit_that_is_no_size_is_refused(monkeypatch, text):
    monkeypatch.setenv("RSC_BENCH_CACHE_GB", text)
    with pytest.raises(ValueError, match=rf"^RSC_BENCH_CACHE_GB must be a number of gigabytes, 0 for no cache \(got '{text}'\)"):
        caches.most_bytes(0)


def test_compilers_get_a_place_only_where_they_have_none(monkeypatch, nowhere, tmp_path):
    caches.keep_compiled(tmp_path)
    assert not os.environ["NUMBA_CACHE_DIR"], "it can write beside the source"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    caches.keep_compiled(nowhere)
    assert not os.environ["NUMBA_CACHE_DIR"], "it can write into the user's caches"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "own"))
    caches.keep_compiled(nowhere)
    assert os.environ["NUMBA_CACHE_DIR"] == os.environ["TRITON_CACHE_DIR"] == str(tmp_path / "own"), "as the user wants it"


def test_without_any_they_get_ours_or_one_that_is_closed_to_others(monkeypatch, nowhere, tmp_path):
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "cache"))
    caches.keep_compiled(nowhere)
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "cache" / "numba")
    assert os.environ["TRITON_CACHE_DIR"] == str(tmp_path / "cache" / "triton")
    for name in ("RSC_BENCH_CACHE", "NUMBA_CACHE_DIR", "TRITON_CACHE_DIR"):
        monkeypatch.setenv(name, "")
    caches.keep_compiled(nowhere)
    assert Path(os.environ["NUMBA_CACHE_DIR"]).parent == caches.private()
    assert caches.private().stat().st_mode & 0o077 == 0


def test_a_folder_that_somebody_else_may_write_to_is_not_taken(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    guessed = tmp_path / f"rsc-bench-{os.getuid()}"
    guessed.mkdir()
    guessed.chmod(0o777)
    caches.private.cache_clear()
    found = caches.private()
    caches.private.cache_clear()
    assert found != guessed
    assert found.stat().st_mode & 0o077 == 0


COMPILE = """
import sys
import rsc_bench.caches
rsc_bench.caches.refusal = lambda place: None if sys.argv[1] in str(place) else "read-only"
import numba, rsc_bench.kernels
print(numba.config.CACHE_DIR)
"""


def test_numba_takes_the_place_also_where_it_was_imported_before(nowhere, tmp_path):
    environment = os.environ | {"RSC_BENCH_CACHE": str(tmp_path / "ours")}
    command = [sys.executable, "-c", COMPILE, str(tmp_path / "ours")]
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (found.stdout.strip(), found.stderr) == (str(tmp_path / "ours" / "numba"), "")
