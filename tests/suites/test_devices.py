import pytest
import torch
from fake_gpus import FakeGpus

from rsc_bench.suites import devices
from rsc_bench.suites.devices import Devices

# What torch 2.13 warns of, cut (c10/cuda/CUDAFunctions.cpp).
TOO_OLD = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by ..."
)


def gpus(count, warning=None, built_for="12.8"):
    return Devices(FakeGpus(count, warning), built_for)


def test_a_run_uses_the_gpu_where_there_is_one():
    assert gpus(1).default() == "cuda:0"
    assert gpus(0).default() == "cpu"


@pytest.mark.parametrize("device", [None, "cpu", "cuda", "cuda:0", "cuda:1"])
def test_a_device_that_is_there_is_not_refused(device):
    assert gpus(2).refusal(device) is None


@pytest.mark.parametrize("device", ["banana", "cuda:", "cuda:-1", "cuda:x", "gpu", ""])
def test_what_is_no_device_is_refused(device):
    assert gpus(2).refusal(device) == f"--device must be cpu, cuda or cuda:NUMBER (got {device})"


def test_a_gpu_past_the_last_is_refused():
    assert gpus(2).refusal("cuda:7") == "--device cuda:7 must be one of the 2 GPUs of this machine, counted from 0"


@pytest.mark.parametrize(
    ("built_for", "warning", "reason"),
    [
        ("12.8", None, "there is none"),
        (None, None, f"torch {torch.__version__} is a build without CUDA"),
        ("12.8", TOO_OLD, "its driver is too old: it goes up to CUDA 11.4, torch needs 12.8"),
        ("12.8", "CUDA initialization: unknown error", "there is none"),
    ],
    ids=["no GPU", "CPU build", "driver too old", "another warning"],
)
def test_the_refusal_says_why_there_is_no_gpu_each_time(built_for, warning, reason):
    here = gpus(0, warning, built_for)
    for _ in range(2):  # torch warns only once a process
        expected = f"--device cuda needs an NVIDIA GPU that torch sees ({reason}): use cpu, or see `python -m harness doctor`"
        assert here.refusal("cuda") == expected


def test_kernels_go_to_the_device_of_the_run():
    cuda = FakeGpus(2)
    here = Devices(cuda, "12.8")
    assert here.use("cpu") == "cpu"
    assert cuda.used == []
    assert here.use("cuda:1") == "cuda:1"
    assert cuda.used == ["cuda:1"]


def test_records_name_one_gpu_by_one_name():
    here = gpus(2)
    assert here.use("cuda") == here.use("cuda:0") == here.use(None) == "cuda:0"


@pytest.mark.parametrize(
    ("device", "named", "expected"),
    [
        ("cpu", (), ("host",)),
        ("cuda:1", (), ("cuda_cold", "cuda_hot")),
        ("cuda", ("cuda_graph", "host"), ("cuda_graph", "host")),
        ("cpu", ("cuda_graph", "host"), ("host",)),
        ("cpu", ("cuda_graph",), ("host",)),
        ("cuda", ("host", "host"), ("host",)),
    ],
)
def test_a_case_is_timed_by_the_named_clocks_where_they_can_time_its_device(device, named, expected):
    assert devices.clocks(device, named) == expected


def test_a_clock_that_is_not_known_is_refused_with_those_there_are():
    assert list(devices.clock_refusals(("sundial",), "cpu")) == [
        "--clock must be one of cuda_cold, cuda_graph, cuda_hot, host (got sundial)"
    ]


def test_a_clock_of_another_device_is_refused_with_those_of_the_device():
    assert list(devices.clock_refusals(("cuda_cold",), "cpu")) == [
        "--clock cuda_cold must time the run's device, cpu (it times cuda): use host"
    ]
    assert list(devices.clock_refusals(("cuda_cold", "host"), "cuda:0")) == []


def test_trainings_have_a_clock_that_every_device_can_be_timed_with():
    assert {"cpu", "cuda"} <= set(devices.clock(devices.TRAINING_CLOCK).devices)
