import sys

import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

from made_nvml import UUID, FakeNvml

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.machine.sensors.throttling import throttle_reasons


def test_older_libraries_give_throttle_reasons_by_their_old_name(monkeypatch):
    library = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", library)
    library.refuse("nvmlDeviceGetCurrentClocksEventReasons")
    library.nvmlDeviceGetCurrentClocksThrottleReasons = lambda handle: 0x4
    assert throttle_reasons(nvml.find(UUID)) == 0x4
