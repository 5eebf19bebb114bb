import warnings

import pytest
import torch

from rsc_bench.suites import devices

# What torch 2.13 warns of, cut (c10/cuda/CUDAFunctions.cpp).
TOO_OLD = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by ..."
)


@pytest.fixture(autouse=True)
def torch_for_cuda(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(devices, "_warned", [])


def gpus(monkeypatch, count, warning=None):
    """Let torch see so many GPUs, and warn when it looks for the first time."""
    said = []

    def is_available():
        if warning and not said:
            said.append(warning)
            warnings.warn(warning, stacklevel=1)
        return count > 0

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_a_run_uses_the_gpu_where_there_is_one(monkeypatch):
    gpus(monkeypatch, 1)
    assert devices.default() == "cuda:0"
    gpus(monkeypatch, 0)
    assert devices.default() == "cpu"


@pytest.mark.parametrize("device", [None, "cpu", "cuda", "cuda:0", "cuda:1"])
def test_a_device_that_is_there_is_not_refused(monkeypatch, device):
    gpus(monkeypatch, 2)
    assert devices.refusal(device) is None


@pytest.mark.parametrize("device", ["banana", "cuda:", "cuda:-1", "cuda:x", "gpu", ""])
def test_what_is_no_device_is_refused(monkeypatch, device):
    gpus(monkeypatch, 2)
    assert devices.refusal(device) == f"--device must be cpu, cuda or cuda:NUMBER (got {device})"


def test_a_gpu_past_the_last_is_refused(monkeypatch):
    gpus(monkeypatch, 2)
    assert devices.refusal("cuda:7") == "--device cuda:7 must be one of the 2 GPUs of this machine, counted from 0"


@pytest.mark.parametrize(
    ("cuda", "warning", "reason"),
    [
        ("12.8", None, "there is none"),
        (None, None, f"torch {torch.__version__} is a build without CUDA"),
        ("12.8", TOO_OLD, "its driver is too old: it goes up to CUDA 11.4, torch needs 12.8"),
        ("12.8", "CUDA initialization: unknown error", "there is none"),
    ],
    ids=["no GPU", "CPU build", "driver too old", "another warning"],
)
def test_the_refusal_says_why_there_is_no_gpu_and_says_it_again(monkeypatch, cuda, warning, reason):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    gpus(monkeypatch, 0, warning)
    for _ in range(2):  # torch warns only once a process
        expected = f"--device cuda needs an NVIDIA GPU that torch sees ({reason}): use cpu, or see `python -m harness doctor`"
        assert devices.refusal("cuda") == expected


def test_kernels_go_to_the_device_of_the_run(monkeypatch):
    used = []
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    assert devices.use("cpu") == "cpu"
    assert used == []
    assert devices.use("cuda:1") == "cuda:1"
    assert used == ["cuda:1"]


def test_records_name_one_gpu_by_one_name(monkeypatch):
    gpus(monkeypatch, 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    assert devices.use("cuda") == devices.use("cuda:0") == devices.use(None) == "cuda:0"
