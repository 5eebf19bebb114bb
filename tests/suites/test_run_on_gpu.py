"""What `pytest suites/ --benchmark` leaves behind on the GPU that is there."""

import os
import subprocess

import pytest
import torch
from running_pytest import ROOT, command

from rsc_bench.harness.records.file import read

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

SMALL = ("--benchmark", "--graph", "small:random", "--width", "64", "--rounds", "1", "--device", "cuda")
FAULTY = """
import torch
from rsc_bench.kernels import Kernel

def prepare(matrix, width, dtype, reduce="sum"):
    def multiply(dense):
        past_the_end = torch.tensor([5], device=dense.device)
        return dense + torch.zeros(1, device=dense.device)[past_the_end]
    return multiply

KERNEL = Kernel("faulty", "cuda", "Stops by an assertion on the device.", prepare)
"""


def run(*arguments):
    ended = subprocess.run(
        command(*SMALL, *arguments), cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=300, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_every_kernel_is_measured_cold_and_hot_in_one_run(tmp_path):
    status, output = run("--kernel", "cached_topk(cusparse)", "--budget", "0.3", "--results", tmp_path / "run.jsonl")
    assert status == 0, output
    found = [record for record in read(tmp_path / "run.jsonl").records if record.status == "ok"]
    assert {record.case.clock for record in found if record.case.kernel == "cusparse"} == {"cuda_cold", "cuda_hot"}
    for record in found:
        timing = record.measurement.timing
        assert (timing.flush_probe_s is not None) == (record.case.clock == "cuda_cold")
        assert len(timing.exposed_calls) == len(timing.times_s)


@pytest.mark.parametrize("clock", ["cuda_graph", "host"])
def test_a_named_clock_times_the_run(tmp_path, clock):
    status, output = run("--kernel", "cusparse", "--clock", clock, "--results", tmp_path / "run.jsonl")
    assert status == 0, output
    assert {record.case.clock for record in read(tmp_path / "run.jsonl").records} == {clock}


def test_selections_that_draw_are_timed_as_graphs_too(tmp_path):
    kernels = [f"{name}(rows_triton)" for name in ("random", "importance")]
    options = [part for name in kernels for part in ("--kernel", name)]
    status, output = run(*options, "--budget", "0.3", "--clock", "cuda_graph", "--results", tmp_path / "run.jsonl")
    assert status == 0, output
    found = {record.case.kernel: (record.status, record.reason) for record in read(tmp_path / "run.jsonl").records}
    assert [found[name] for name in kernels] == [("ok", None)] * 2


def test_a_fault_costs_its_case_and_the_sweep_goes_on_in_a_new_process(tmp_path):
    (tmp_path / "faulty.py").write_text(FAULTY)
    options = ["--kernel", tmp_path / "faulty.py", "--clock", "cuda_hot", "--results", tmp_path / "run.jsonl"]
    status, output = run(*options)
    assert status == 1, output
    found = {record.case.kernel: (record.status, record.reason) for record in read(tmp_path / "run.jsonl").records}
    assert found["faulty"][0] == "failed"
    assert "device-side assert" in found["faulty"][1]
    assert found["cusparse"] == ("ok", None)
    assert "a new process: the device can do nothing more in this one" in (tmp_path / "run.jsonl.log").read_text()


def test_in_process_a_fault_ends_the_run_with_its_record_and_the_next_run_carries_on(tmp_path):
    (tmp_path / "faulty.py").write_text(FAULTY)
    options = ["--kernel", tmp_path / "faulty.py", "--clock", "cuda_hot", "--results", tmp_path / "run.jsonl", "--in-process"]
    status, output = run(*options)
    assert status == 3, output
    assert "faulty: " in output
    assert "the GPU can do nothing more in this process" in output
    last = read(tmp_path / "run.jsonl").records[-1]
    assert (last.case.kernel, last.status) == ("faulty", "failed")
    assert "device-side assert" in last.reason
    before = len(read(tmp_path / "run.jsonl").records)
    run(*options)
    assert len(read(tmp_path / "run.jsonl").records) > before
