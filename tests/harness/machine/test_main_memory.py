import sys

import pytest

from rsc_bench.harness.machine import memory as main_memory

WORDS = "MemTotal:       16000000 kB\nMemFree:          100000 kB\nMemAvailable:    4000000 kB\n"  # proc(5)


@pytest.fixture
def without_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)  # an import of it raises ModuleNotFoundError


def test_without_psutil_linux_tells(without_psutil, monkeypatch, tmp_path):
    monkeypatch.setattr(main_memory, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text(WORDS)
    assert (main_memory.total_bytes(), main_memory.free_bytes()) == (16_384_000_000, 4_096_000_000)


def test_a_machine_that_tells_nothing_is_none(without_psutil, monkeypatch, tmp_path):
    monkeypatch.setattr(main_memory, "MEMINFO", tmp_path / "meminfo")
    assert main_memory.total_bytes() is None
    (tmp_path / "meminfo").write_text("nothing known\n")
    assert main_memory.free_bytes() is None


def test_psutil_and_linux_agree(monkeypatch):
    pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")
    if not main_memory.MEMINFO.exists():
        pytest.skip("no /proc/meminfo: not Linux")
    found = main_memory.total_bytes()
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert main_memory.total_bytes() == found > main_memory.free_bytes() > 0
