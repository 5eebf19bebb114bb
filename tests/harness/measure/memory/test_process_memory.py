import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from rsc_bench.harness.measure.memory import process as memory
from rsc_bench.harness.measure.memory.process import ProcFiles

SIZE = 64 * 2**20

linux = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")


def touch():
    block = bytearray(SIZE)
    block[::4096] = b"x" * (SIZE // 4096)
    return len(block)


@linux
def test_the_peak_of_a_call_is_what_it_touched_and_again_the_second_time():
    for _ in range(2):
        result, peak = memory.peak_of(touch)
        assert result == SIZE
        assert 60e6 < peak < 80e6


@linux
def test_a_call_that_needs_nothing_has_no_peak_after_one_that_needed_much():
    memory.peak_of(touch)
    assert memory.peak_of(lambda: None)[1] < 5e6


@linux
def test_resident_memory_grows_by_what_is_kept():
    before = memory.resident()
    block = b"x" * SIZE
    assert 60e6 < memory.resident() - before < 80e6
    del block


@linux
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library has no malloc_trim")
def test_what_was_freed_is_not_resident_any_more():
    before = memory.resident()
    blocks = [bytearray(b"x" * 100_000) for _ in range(600)]  # below what glibc maps apart
    last = bytearray(b"x" * 100_000)  # above them, so that they do not go back by themselves
    del blocks
    assert memory.resident() - before < 5e6
    del last


SCATTERED = """
from rsc_bench.harness.measure.memory import process

def scattered():
    blocks = [bytearray(b"x" * 200_000) for _ in range(200)]
    del blocks[::2]
    large = bytearray(64 * 2**20)
    large[::4096] = b"x" * (len(large) // 4096)
    return blocks

kept = scattered()
print(process.peak_of_rehearsal(scattered))
kept += scattered()
print(process.peak_of_rehearsal(scattered))
"""


@linux
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")
def test_a_rehearsal_has_one_peak_whatever_the_allocator_kept_from_before():
    # In a process of its own: in one that has run other tests, what they left may be freed, or paged out, within the call.
    ended = subprocess.run([sys.executable, "-c", SCATTERED], capture_output=True, text=True, timeout=120, check=True)
    first, second = map(int, ended.stdout.split())
    assert second == pytest.approx(first, rel=0.02)
    assert first == pytest.approx(SIZE + 100 * 200_000, rel=0.05)


def test_what_a_rehearsal_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        memory.peak_of_rehearsal(lambda: 1 / 0)


def test_the_peak_is_read_after_the_call_and_counts_from_what_was_resident_before(tmp_path):
    files = ProcFiles(status=tmp_path / "status", clear_refs=tmp_path / "clear_refs")
    files.status.write_text("VmHWM:\t  900 kB\nVmRSS:\t  100 kB\n")

    def call():
        assert files.clear_refs.read_text() == "5", "the old peak is forgotten first: proc(5)"
        files.status.write_text("VmHWM:\t  130 kB\nVmRSS:\t  110 kB\n")
        return "result"

    assert memory.resident(files) == 100 * 1024
    assert memory.peak_of(call, files) == ("result", 30 * 1024)


def test_where_the_peak_cannot_be_reset_the_call_still_returns():
    assert memory.peak_of(lambda: 7, ProcFiles(clear_refs=Path("/nowhere/clear_refs"))) == (7, None)


def test_where_nothing_is_reported_it_is_absent(tmp_path):
    nowhere = ProcFiles(status=Path("/nowhere/status"), clear_refs=tmp_path / "clear_refs")
    assert memory.resident(nowhere) is None
    assert memory.peak_of(lambda: 7, nowhere) == (7, None)


def test_an_error_of_the_call_is_the_callers():
    with pytest.raises(ZeroDivisionError):
        memory.peak_of(lambda: 1 / 0)
