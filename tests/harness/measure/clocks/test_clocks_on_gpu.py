"""What the clocks promise, on the GPU that is there."""

from statistics import median

import pytest
import torch

from rsc_bench.harness.measure.clocks import CannotTime, Timed
from rsc_bench.harness.measure.gpu import cuda, l2
from rsc_bench.harness.records.measurement import coldness
from rsc_bench.plugins import load

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

CLOCKS = load("clock")
DEVICE = "cuda:0"


def samples(name, call, count=30):
    clock = CLOCKS[name].open(Timed(call, 1, torch.cuda.synchronize, DEVICE))
    return [clock.take() for _ in range(count)]


def seconds(name, call):
    return median(sample.seconds for sample in samples(name, call))


def test_a_read_after_the_flush_comes_from_memory():
    shown = l2.Flushes(cuda.GPUS).shown(DEVICE)
    assert shown.buffer_bytes >= 2 * torch.cuda.get_device_properties(DEVICE).L2_cache_size
    assert coldness(shown.probe_s) >= l2.ENOUGH, shown.probe_s


def test_reading_what_the_l2_has_is_not_slower_hot_than_cold():
    operand = torch.ones(torch.cuda.get_device_properties(DEVICE).L2_cache_size // 8, device=DEVICE)  # half of it
    assert seconds("cuda_hot", operand.sum) <= seconds("cuda_cold", operand.sum)


@pytest.mark.parametrize("name", ["cuda_hot", "cuda_cold", "cuda_graph", "host"])
def test_a_spin_takes_as_long_as_it_should(name):
    gpu = cuda.gpu(DEVICE)
    seconds(name, lambda: gpu.spin(5e-3))  # until the clocks of the GPU are up
    assert seconds(name, lambda: gpu.spin(5e-3)) == pytest.approx(5e-3, rel=0.1)


@pytest.mark.parametrize("name", ["cuda_hot", "cuda_cold", "cuda_graph"])
def test_the_launch_of_a_short_call_is_off_the_clock(name):
    operand = torch.ones(1000, device=DEVICE)
    found = samples(name, lambda: [operand.add(1) for _ in range(5)])
    assert sum(sample.exposed_calls for sample in found) == 0
    assert all(sample.launch_s > 0 for sample in found)


def test_a_call_that_reads_a_number_back_is_exposed():
    operand = torch.ones(1000, device=DEVICE)
    assert {sample.exposed_calls for sample in samples("cuda_hot", lambda: operand.sum().item())} == {1}


def test_a_graph_computes_and_takes_what_the_calls_do():
    left, right = (torch.randn(2048, 2048, device=DEVICE) for _ in range(2))
    result = torch.empty_like(left)

    def call():
        torch.mm(left, right, out=result)

    hot_s = seconds("cuda_hot", call)
    wanted = result.clone()
    result.fill_(float("nan"))
    graph_s = seconds("cuda_graph", call)
    torch.testing.assert_close(result, wanted)
    assert graph_s == pytest.approx(hot_s, rel=0.1)


def test_after_a_capture_that_failed_the_next_one_works():
    operand = torch.ones(1000, device=DEVICE)
    with pytest.raises(CannotTime, match="cannot be captured in a CUDA graph: "):
        samples("cuda_graph", lambda: operand.sum().item())
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert torch.rand(1, device=DEVICE) >= 0, "dropout draws from the same generator"
    assert seconds("cuda_graph", lambda: operand.add(1)) > 0


def test_a_graph_draws_anew_from_a_generator_at_each_replay():
    own, result = torch.Generator(DEVICE).manual_seed(0), torch.zeros(1000, device=DEVICE)

    def call():
        result.copy_(torch.rand(1000, generator=own, device=DEVICE))

    clock = CLOCKS["cuda_graph"].open(Timed(call, 2, torch.cuda.synchronize, DEVICE))
    clock.take()
    first = result.clone()
    clock.take()
    assert not torch.equal(result, first)
    assert torch.rand(1, generator=own, device=DEVICE) >= 0
