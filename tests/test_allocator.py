import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rsc_bench
from rsc_bench import allocator
from rsc_bench.allocator import Allocator

ROOT = Path(__file__).resolve().parents[1]
SIZE = 64 << 20
JEMALLOC = Allocator("jemalloc", "/lib/libjemalloc.so.2")

glibc = pytest.mark.skipif(allocator.allocator().name != "glibc", reason="only glibc's allocator can be told to keep memory")


@pytest.fixture
def given_back():
    yield
    rsc_bench.keep_memory(False)


def alone(code):
    """Run code in a process of its own: what other tests left free in the heap would serve a block of the system's."""
    before = "import rsc_bench; from rsc_bench import allocator; from rsc_bench.harness.measure.memory import process as memory\n"
    done = subprocess.run([sys.executable, "-c", before + code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


@glibc
def test_a_large_block_that_is_freed_is_kept_until_that_is_taken_back():
    alone("""
assert rsc_bench.keep_memory() is None
assert (allocator.keeps_freed(), allocator.is_kept()) == (True, True)
assert rsc_bench.keep_memory(False) is None
assert (allocator.keeps_freed(), allocator.is_kept()) == (False, False)
""")


def resident():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


@glibc
def test_what_is_kept_goes_back_to_the_system_when_that_is_taken_back(given_back):
    rsc_bench.keep_memory()
    before = resident()
    block = bytearray(b"x") * SIZE
    del block
    assert resident() - before > 0.9 * SIZE
    rsc_bench.keep_memory(False)
    assert resident() - before < 0.1 * SIZE


@glibc
def test_what_measures_memory_leaves_kept_what_was():
    alone(f"""
rsc_bench.keep_memory()
assert 0.9 < memory.peak_of_rehearsal(lambda: len(bytearray(b"x") * {SIZE})) / {SIZE} < 1.1
assert allocator.keeps_freed() is True
rsc_bench.keep_memory(False)
memory.peak_of_rehearsal(lambda: None)
assert allocator.keeps_freed() is False
""")


def test_anything_but_a_bool_is_refused():
    with pytest.raises(TypeError, match="keep must be True or False \\(got 'no'\\)"):
        rsc_bench.keep_memory("no")


@pytest.mark.parametrize(
    ("file", "version", "name"),
    [
        ("/lib/x86_64-linux-gnu/libc.so.6", "2.36", "glibc"),
        ("/lib/ld-musl-x86_64.so.1", None, "musl"),
        ("/usr/lib/libjemalloc.so.2", "2.36", "jemalloc"),
        ("/usr/lib/libtcmalloc_minimal.so.4", "2.36", "tcmalloc"),
        ("/usr/bin/python3.11", "2.36", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_an_allocator_is_named_after_the_file_that_answers(file, version, name):
    assert allocator.named(file, version).name == name


def test_the_reason_says_which_allocator_there_is_and_what_to_do_about_it():
    assert allocator.refusal(JEMALLOC, kept=False) == (
        "memory can be kept where glibc allocates it (this process has jemalloc (/lib/libjemalloc.so.2)): nothing was changed; "
        "MALLOC_CONF=dirty_decay_ms:-1 in its environment makes jemalloc keep what is freed"
    )
    assert "keeps what is freed already: nothing to do" in allocator.refusal(JEMALLOC, kept=True)
    assert f"(this is {sys.platform})" in allocator.refusal(Allocator("unknown", None), kept=None)


CALL = "import rsc_bench, warnings; warnings.simplefilter('error'); rsc_bench.keep_memory()"


@pytest.mark.skipif(ctypes.util.find_library("jemalloc") is None, reason="jemalloc is not installed: apt install libjemalloc2")
@pytest.mark.parametrize(("conf", "warned"), [("", True), ("dirty_decay_ms:-1", False)])
def test_another_allocator_in_the_place_of_glibcs_is_seen_and_warned_of_where_it_does_not_keep(conf, warned):
    loaded = {**os.environ, "LD_PRELOAD": ctypes.util.find_library("jemalloc"), "MALLOC_CONF": conf}
    found = subprocess.run([sys.executable, "-c", CALL], cwd=ROOT, env=loaded, capture_output=True, text=True, check=False)
    assert ("this process has jemalloc" in found.stderr, found.returncode) == (warned, int(warned))
