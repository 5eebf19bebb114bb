import sys

import pytest

from rsc_bench.harness.machine.memory import MEMINFO, free_bytes, total_bytes

WORDS = "MemTotal:       16000000 kB\nMemFree:          100000 kB\nMemAvailable:    4000000 kB\n"  # proc(5)


@pytest.fixture
def without_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)  # an import of it raises ModuleNotFoundError


def test_without_psutil_linux_reports_it(without_psutil, tmp_path):
    (tmp_path / "meminfo").write_text(WORDS)
    assert total_bytes(tmp_path / "meminfo") == 16_384_000_000
    assert free_bytes(tmp_path / "meminfo") == 4_096_000_000


def test_where_nothing_reports_it_it_is_none(without_psutil, tmp_path):
    assert total_bytes(tmp_path / "meminfo") is None
    (tmp_path / "meminfo").write_text("nothing known\n")
    assert free_bytes(tmp_path / "meminfo") is None


def test_psutil_and_linux_agree(monkeypatch):
    pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")
    if not MEMINFO.exists():
        pytest.skip("no /proc/meminfo: not Linux")
    found = total_bytes()
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert total_bytes() == found > free_bytes() > 0
