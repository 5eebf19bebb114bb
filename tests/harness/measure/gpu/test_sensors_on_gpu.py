import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install torch")

import torch
from made_runs import case

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.measure import watch
from rsc_bench.harness.measure.gpu.energy import bursts
from rsc_bench.harness.measure.memory import device as device_memory
from rsc_bench.harness.measure.sampling import Limits

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

DEVICE = "cuda:0"
ON_GPU = case("matmul", device=DEVICE, clock="cuda_hot")


@pytest.fixture(scope="module")
def gpu():
    try:
        return nvml.find(str(torch.cuda.get_device_properties(DEVICE).uuid))
    except nvml.NvmlError as error:
        pytest.skip(f"NVML tells nothing of this GPU: {error}")


@pytest.fixture(scope="module")
def facts(gpu):
    """What is told of a matrix product that keeps the GPU busy."""
    matrix = torch.rand(4096, 4096, device=DEVICE)

    def wait():
        torch.cuda.synchronize(DEVICE)

    with watch.watched(ON_GPU) as watching:
        watching.mark("prepare")
        watching.memory.peak_of(lambda: matrix @ matrix)
        watching.mark("sample")
        watching.sampled(lambda: [matrix @ matrix, wait()] and 1.0, Limits())
        watching.measure_energy(bursts(lambda: matrix @ matrix, 1, wait))
        return watching.facts()


def test_the_gpu_that_torch_uses_is_the_one_that_nvml_finds(gpu):
    assert gpu.ask("Name") == torch.cuda.get_device_name(DEVICE)


def test_a_busy_gpu_takes_more_power(facts):
    told = facts["telemetry"]
    assert told.ended is None
    assert len(told.offset_s) > 5
    if "energy" not in told.mark_s or "power_w" in told.absent:
        pytest.skip(f"this GPU does not tell: {told.absent}")
    assert max(told.since("energy", "power_w")) > min(told.since("prepare", "power_w"))


def test_energy_is_measured_or_its_absence_has_a_reason(facts):
    if "energy" not in facts:
        pytest.skip(facts["energy_missing"])
    seen = facts["energy"]
    mean_w = (seen.counter_j[-1] - seen.counter_j[0]) / (seen.step_s[-1] - seen.step_s[0])
    assert mean_w > seen.idle_w > 0
    assert seen.pass_s < 3


def test_the_allocators_peaks_hold_the_operand_and_the_result(facts):
    assert facts["allocated_peak_bytes"] >= 2 * 4096 * 4096 * 4
    assert facts["reserved_peak_bytes"] >= facts["allocated_peak_bytes"]


def test_the_peak_of_a_call_is_what_it_allocates():
    _, peak = device_memory.of(DEVICE).peak_of(lambda: torch.empty(1 << 20, device=DEVICE, dtype=torch.uint8))
    assert peak == 1 << 20
