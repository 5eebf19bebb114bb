import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rsc_bench.harness.measure.ceilings.probes import Effort, Sizes, _few, _triton_works, measure, sizes_of
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.measuring.session import Rounds, Session
from rsc_bench.suites.options import Options

ROOT = Path(__file__).resolve().parents[4]


def measured(row_bytes, free_bytes=None):
    """Ceilings of a machine with a cache of a megabyte, from probes of a millisecond each."""
    return measure("cpu", row_bytes, Effort(probe_s=0.001, smallest_bytes=1), lambda device: Sizes(1 << 20, free_bytes))


def test_a_copy_and_gathers_from_cache_and_memory_are_timed_for_each_size_of_rows():
    found = measured([1024, 256, 256])
    assert (found.device, found.cache_bytes, found.missing) == ("cpu", 1 << 20, None)
    # Half the cache of a megabyte, a whole one, and eight.
    gathered = [(probe.row_bytes, probe.operand_bytes) for probe in found.probes if probe.what == "gather"]
    assert gathered == [(row_bytes, size) for row_bytes in (256, 1024) for size in (1 << 19, 1 << 20, 8 << 20)]
    (copy,) = (probe for probe in found.probes if probe.what == "copy")
    assert copy.moved_bytes == 2 * copy.operand_bytes == 8 << 20
    assert all(len(probe.times_s) >= 3 and min(probe.times_s) > 0 for probe in found.probes)


def test_every_gather_has_a_ceiling_to_read():
    found = measured([8, 100])
    for row_bytes in (2, 8, 100, 4096):
        assert found.gather(row_bytes, 10) is not None
        assert found.gather(row_bytes, 1 << 40) is not None


def test_of_many_sizes_of_rows_the_ends_and_some_between_stand_for_all():
    widths = [64 << place for place in range(7)]
    assert _few(widths) == widths, "all of a sweep over the width"
    assert _few([2, *range(8, 80, 4)]) == [4, 16, 28, 40, 52, 64, 76]
    assert _few([82]) == [84]  # whole words


def test_a_device_without_memory_has_a_reason_in_place_of_probes():
    found = measured([64], free_bytes=1000)
    assert found.probes == []
    assert found.missing.startswith("MemoryError: operands beyond the cache need ")


def test_a_device_that_faults_has_a_reason_in_place_of_probes():
    def fault(device):
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    assert measure("cpu", [64], sizes=fault).missing == "RuntimeError: CUDA error: an illegal memory access was encountered"


def test_the_sizes_of_a_cpu_are_its_cache_and_what_is_free_of_main_memory():
    found = sizes_of(torch.device("cpu"))
    assert found.cache_bytes is None or found.cache_bytes > 2**18
    assert found.free_bytes is None or found.free_bytes > 2**20


@pytest.fixture
def asked(monkeypatch):
    """What ceilings are asked for: devices and sizes of rows; each time there are none, for a reason."""
    found = []

    def noted(device, row_bytes):
        found.append((device, row_bytes))
        return Ceilings(device=device, missing=f"asked {len(found)} times")

    monkeypatch.setattr("rsc_bench.suites.measuring.session.ceilings.measure", noted)
    return found


def session(path):
    options = {"graphs": ("small:hub",), "kernels": ("mkl",), "device": "cpu", "results": path, "in_process": True}
    return Session(Options(benchmark=True, widths=(3,), dtypes=("float32", "bfloat16"), **options))


def test_ceilings_are_measured_for_products_that_start_a_round_and_for_nothing_else(asked, tmp_path):
    of = session(tmp_path / "run.jsonl")
    rounds = Rounds(of)
    rounds.measure_ceilings([])
    assert asked == []
    rounds.measure_ceilings([(setting, 1) for setting in of.settings])
    assert asked == [("cpu", {6, 12})]
    rounds.close()


def test_each_session_keeps_its_ceilings_in_the_first_round_that_it_starts(asked, tmp_path):
    path = tmp_path / "run.jsonl"
    for indices in ((1, 2), (3,)):
        of = session(path)
        rounds = Rounds(of)
        rounds.plan(of.settings[:1])
        rounds.measure_ceilings([(of.settings[0], index) for index in indices])
        for index in indices:
            rounds.append(Record(case=of.settings[0].case(), status="skipped", reason="whatever"), index)
        rounds.close()
    kept = [start.ceilings.missing if start.ceilings else None for start, _ in read(path).rounds]
    assert kept == ["asked 1 times", None, "asked 2 times"]


@pytest.mark.parametrize("error", [RuntimeError("Failed to find C compiler"), ModuleNotFoundError("No module named 'triton'")])
def test_where_triton_is_absent_or_cannot_compile_it_is_no_means(error):
    def fails(rows, index):
        raise error

    assert not _triton_works(torch.zeros(1024), fails)
    assert _triton_works(torch.zeros(1024), lambda rows, index: lambda: None)


INTERPRETED = """
import torch
from rsc_bench.harness.measure.ceilings.gather_triton import gather_sum
for width in (1, 41, 64, 300):
    rows = torch.randn(50, width)
    index = torch.randint(50, (3, 64), dtype=torch.int32)
    wanted = rows.double()[index.long()].sum(1)
    assert torch.allclose(gather_sum(rows, index).double(), wanted, atol=1e-4), width
"""


def test_the_gather_in_triton_sums_the_rows_it_was_given():
    pytest.importorskip("triton", reason="triton is not installed: pip install triton")
    environment = os.environ | {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", INTERPRETED]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu_the_cache_is_faster_than_memory_and_all_of_it_takes_three_seconds():
    import time

    measure("cuda:0", [1024])  # loads and compiles
    start = time.perf_counter()
    found = measure("cuda:0", [256, 1024])
    assert time.perf_counter() - start < 3
    assert found.missing is None
    assert found.gather(1024, 0) > found.gather(1024, 1 << 40) > 0.3 * found.copy()
