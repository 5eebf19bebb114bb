import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install torch")

import torch
from made_runs import case

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.measure.gpu.energy import bursts
from rsc_bench.harness.measure.memory.device import memory_of
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.watch import Watcher

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

DEVICE = "cuda:0"
ON_GPU = case("matmul", device=DEVICE, clock="cuda_hot")


@pytest.fixture(scope="module")
def gpu():
    try:
        return nvml.find(str(torch.cuda.get_device_properties(DEVICE).uuid))
    except nvml.NvmlError as error:
        pytest.skip(f"NVML reports nothing of this GPU: {error}")


@pytest.fixture(scope="module")
def watched(gpu):
    """What is read of a matrix product that keeps the GPU busy, and what watched it."""
    matrix = torch.rand(4096, 4096, device=DEVICE)

    def wait():
        torch.cuda.synchronize(DEVICE)

    with Watcher().watched(ON_GPU) as watching:
        watching.mark("prepare")
        watching.memory.peak_of(lambda: matrix @ matrix)
        watching.mark("sample")
        watching.sampled(lambda: [matrix @ matrix, wait()] and 1.0, Limits())
        watching.measure_energy(bursts(lambda: matrix @ matrix, 1, wait))
        return watching.readings(), watching.memory


def test_the_gpu_that_torch_uses_is_the_one_that_nvml_finds(gpu):
    assert gpu.ask("Name") == torch.cuda.get_device_name(DEVICE)


def test_a_busy_gpu_takes_more_power(watched):
    trace = watched[0].trace
    assert trace.ended is None
    assert len(trace.offset_s) > 5
    if "energy" not in trace.mark_s or "power_w" in trace.absent:
        pytest.skip(f"this GPU does not report: {trace.absent}")
    assert max(trace.since("energy", "power_w")) > min(trace.since("prepare", "power_w"))


def test_energy_is_measured_or_its_absence_has_a_reason(watched):
    seen = watched[0].energy
    if seen is None:
        pytest.skip(watched[0].energy_missing)
    mean_w = (seen.counter_j[-1] - seen.counter_j[0]) / (seen.step_s[-1] - seen.step_s[0])
    assert mean_w > seen.idle_w > 0
    assert seen.pass_s < 3


def test_the_allocators_peaks_include_the_operand_and_the_result(watched):
    allocated, reserved = watched[1].allocator_peaks()
    assert allocated >= 2 * 4096 * 4096 * 4
    assert reserved >= allocated


def test_the_peak_of_a_call_is_what_it_allocates():
    _, peak = memory_of(DEVICE).peak_of(lambda: torch.empty(1 << 20, device=DEVICE, dtype=torch.uint8))
    assert peak == 1 << 20
