from types import SimpleNamespace

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

    def __init__(self, error=None, initialised=True):
        self.done, self._error, self._initialised = [], error, initialised

    def fault(self, device):
        return fault(device, SimpleNamespace(cuda=self))

    def is_initialized(self):
        return self._initialised

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


def test_a_gpu_that_works_after_a_failure_is_no_fault_and_its_memory_is_given_back():
    gpu = Gpu()
    assert gpu.fault("cuda:0") is None
    assert gpu.done == ["cuda:0", "emptied"]


def test_a_gpu_that_does_not_answer_any_more_is_a_fault():
    gpu = Gpu(RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might ..."))
    assert gpu.fault("cuda:0") == "CUDA error: an illegal memory access was encountered"
    assert gpu.done == ["cuda:0"]


def test_a_fault_without_a_message_is_named_by_its_type():
    assert Gpu(RuntimeError()).fault("cuda:0") == "RuntimeError"


@pytest.mark.parametrize(("device", "initialised"), [("cpu", True), ("cuda:0", False)])
def test_without_a_gpu_in_use_there_is_no_fault(device, initialised):
    gpu = Gpu(RuntimeError("never asked"), initialised)
    assert gpu.fault(device) is None
    assert gpu.done == []
