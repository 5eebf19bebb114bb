import subprocess
import sys
from types import SimpleNamespace

import pytest

from rsc_bench import allocator as main_allocator
from rsc_bench.harness.measure.memory.device import HostMemory, memory_of
from rsc_bench.harness.measure.memory.process import ProcFiles


class Allocator:
    """Torch's allocator on a GPU: what it handed out, the highest of it since the last reset, and the highest reserved."""

    def __init__(self):
        self.done, self.now, self.highest, self.reserved = [], 100, 900, 5000

    def synchronize(self, device):
        self.done.append(f"synchronise {device}")

    def empty_cache(self):
        self.done.append("empty")

    def reset_peak_memory_stats(self, device):
        self.done.append("reset")
        self.highest = self.now

    def memory_allocated(self, device):
        return self.now

    def max_memory_allocated(self, device):
        return self.highest

    def max_memory_reserved(self, device):
        return self.reserved

    def call(self):
        self.done.append("call")
        self.now, self.highest = self.now + 20, self.now + 70
        return "result"


@pytest.fixture
def allocator():
    return Allocator()


def memory(allocator):
    return memory_of("cuda:1", SimpleNamespace(cuda=allocator))


def test_the_made_up_allocator_has_nothing_that_torch_has_not(allocator):
    torch = pytest.importorskip("torch", reason="the allocator is torch's")
    asked = {name for name in dir(Allocator) if not name.startswith("_")} - {"call"}
    assert {name for name in asked if not hasattr(torch.cuda, name)} == set()


def test_the_peak_on_a_gpu_is_the_allocators_above_what_was_in_use(allocator):
    found = memory(allocator)
    assert found.resident() == 100
    assert found.peak_of(allocator.call) == ("result", 70)
    assert found.allocator_peaks() == (170, 5000)


def test_what_is_allocated_after_the_call_is_not_in_its_peaks(allocator):
    found = memory(allocator)
    found.peak_of(allocator.call)
    allocator.highest = 10**9
    assert found.allocator_peaks() == (170, 5000)


def test_where_no_call_was_watched_the_peaks_are_those_up_to_now(allocator):
    assert memory(allocator).allocator_peaks() == (900, 5000)


def test_the_call_is_over_before_its_peak_is_read_and_nothing_else_is_in_it(allocator):
    memory(allocator).peak_of(allocator.call)
    assert allocator.done == ["synchronise cuda:1", "empty", "reset", "call", "synchronise cuda:1"]


def test_on_a_cpu_it_is_that_of_the_process(tmp_path):
    files = ProcFiles(status=tmp_path / "status", clear_refs=tmp_path / "clear_refs")
    files.status.write_text("VmRSS: 7 kB\nVmHWM: 10 kB\n")
    found = HostMemory(files)
    assert found.resident() == 7 * 1024
    assert found.peak_of(lambda: "result") == ("result", 3 * 1024)
    assert found.allocator_peaks() == (None, None)
    assert isinstance(memory_of("cpu"), HostMemory)


PERIODS = """
import sys
import torch
import rsc_bench
from rsc_bench.harness.measure.memory.device import HostMemory

if sys.argv[1] == "kept":
    rsc_bench.keep_memory()

def period():
    for _ in range(9):
        torch.ones(12_000_000)
    return torch.ones(12_000_000)

period()  # what the first one loads is no memory of a period
for _ in range(3):
    print(HostMemory().peak_of(period)[1])
"""


@pytest.mark.skipif(main_allocator.why_not() is not None, reason="this process's allocator cannot be told to keep memory")
def test_a_process_that_keeps_freed_memory_has_the_peak_of_what_is_in_use_as_another_has():
    pytest.importorskip("torch", reason="blocks are aligned as torch's are")
    peaks = {}
    for memory in ("fresh", "kept"):
        ended = subprocess.run([sys.executable, "-c", PERIODS, memory], capture_output=True, text=True, timeout=120, check=True)
        peaks[memory] = [int(line) for line in ended.stdout.split()]
    assert peaks["kept"] == pytest.approx(peaks["fresh"], rel=0.05)
    assert peaks["fresh"] == pytest.approx([48e6] * 3, rel=0.05), "one result of ten"
