from types import SimpleNamespace

import pytest

from rsc_bench.harness.measure.memory import device as device_memory

torch = pytest.importorskip("torch", reason="the allocator is torch's")


class Allocator:
    """Torch's allocator on a GPU: what is held, the highest of it since the last reset, and the highest reserved."""

    def __init__(self):
        self.done, self.held, self.highest, self.reserved = [], 100, 900, 5000

    def synchronize(self, device):
        self.done.append(f"synchronise {device}")

    def empty_cache(self):
        self.done.append("empty")

    def reset_peak_memory_stats(self, device):
        self.done.append("reset")
        self.highest = self.held

    def memory_allocated(self, device):
        return self.held

    def max_memory_allocated(self, device):
        return self.highest

    def max_memory_reserved(self, device):
        return self.reserved

    def call(self):
        self.done.append("call")
        self.held, self.highest = self.held + 20, self.held + 70
        return "result"


@pytest.fixture
def allocator(monkeypatch):
    made = Allocator()
    for name in (name for name in dir(made) if not name.startswith("_") and hasattr(torch.cuda, name)):
        monkeypatch.setattr(torch.cuda, name, getattr(made, name))
    return made


def test_the_peak_on_a_gpu_is_the_allocators_above_what_was_held(allocator):
    found = device_memory.of("cuda:1")
    assert found.resident() == 100
    assert found.peak_of(allocator.call) == ("result", 70)
    assert found.peaks() == {"allocated_peak_bytes": 170, "reserved_peak_bytes": 5000}


def test_what_is_allocated_after_the_call_is_not_in_its_peaks(allocator):
    found = device_memory.of("cuda:1")
    found.peak_of(allocator.call)
    allocator.highest = 10**9
    assert found.peaks()["allocated_peak_bytes"] == 170


def test_where_no_call_was_watched_the_peaks_are_those_up_to_now(allocator):
    assert device_memory.of("cuda:1").peaks() == {"allocated_peak_bytes": 900, "reserved_peak_bytes": 5000}


def test_the_call_is_over_before_its_peak_is_read_and_nothing_else_is_in_it(allocator):
    device_memory.of("cuda:1").peak_of(allocator.call)
    assert allocator.done == ["synchronise cuda:1", "empty", "reset", "call", "synchronise cuda:1"]


def test_on_a_cpu_it_is_that_of_the_process(monkeypatch):
    monkeypatch.setattr(device_memory, "memory", SimpleNamespace(resident=lambda: 7, peak_of=lambda call: (call(), 3)))
    found = device_memory.of("cpu")
    assert (found.resident(), found.peak_of(lambda: "result"), found.peaks()) == (7, ("result", 3), {})
