import pytest
import torch

from rsc_bench.harness.measure.attempt import reason_of
from rsc_bench.harness.measure.gpu.faults import fault, out_of_memory

# What torch 2.11 says on a GPU that is full, cut (c10/cuda/CUDACachingAllocator.cpp).
FULL = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139.80 GiB of which 3.00 MiB is free. "
    "Including non-PyTorch memory, this process has 139.79 GiB memory in use. Of the allocated memory 138.00 GiB is allocated ..."
)


class Gpu:
    """The part of torch.cuda that a failed case is followed by."""

    def __init__(self, monkeypatch, error=None, initialised=True):
        self.done, self._error = [], error
        for name in ("synchronize", "empty_cache"):
            monkeypatch.setattr(torch.cuda, name, getattr(self, name))
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: initialised)

    def synchronize(self, device):
        self.done.append(device)
        if self._error is not None:
            raise self._error

    def empty_cache(self):
        self.done.append("emptied")


def test_a_gpu_that_is_full_says_what_was_needed_and_what_was_free():
    error = torch.OutOfMemoryError(FULL)
    assert out_of_memory(error) == "GPU memory does not suffice: 2.00 GiB more needed, 3.00 MiB of 139.80 GiB free"
    assert reason_of(error) == out_of_memory(error)


def test_a_report_in_other_words_is_kept_to_its_first_sentence():
    error = torch.OutOfMemoryError("CUDA out of memory. Whatever comes next.")
    assert out_of_memory(error) == "GPU memory does not suffice: CUDA out of memory"


def test_another_error_is_not_one_of_memory():
    assert out_of_memory(RuntimeError(FULL)) is None


def test_a_gpu_that_works_after_a_failure_is_no_fault_and_its_memory_is_given_back(monkeypatch):
    gpu = Gpu(monkeypatch)
    assert fault("cuda:0") is None
    assert gpu.done == ["cuda:0", "emptied"]


def test_a_gpu_that_does_not_answer_any_more_is_a_fault(monkeypatch):
    gpu = Gpu(monkeypatch, RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might ..."))
    assert fault("cuda:0") == "CUDA error: an illegal memory access was encountered"
    assert gpu.done == ["cuda:0"]


@pytest.mark.parametrize(("device", "initialised"), [("cpu", True), ("cuda:0", False)])
def test_without_a_gpu_in_use_there_is_no_fault(monkeypatch, device, initialised):
    gpu = Gpu(monkeypatch, RuntimeError("never asked"), initialised)
    assert fault(device) is None
    assert gpu.done == []
