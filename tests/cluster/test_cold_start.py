"""Devices of a core each, on a machine that never compiled a kernel."""

import subprocess
import sys

import pytest

pytest.importorskip("ray", reason='a cluster needs Ray: pip install "rsc-bench[cluster]"')
pytest.importorskip("numba", reason="what compiles first is a kernel of Numba: pip install numba")
from running_pytest import NO_GPU, ROOT

from rsc_bench.harness.machine.cores import can_pin
from rsc_bench.harness.records.file import read

STUDY = """
suite = "exact"
device = "cpu"
rounds = 1
[products]
graph = "small:random"
width = 16
kernel = "rows_numba"
"""


@pytest.mark.skipif(not can_pin(), reason="this system gives a process no cores of its own")
def test_a_device_has_as_many_threads_as_cores_from_before_its_kernels_compile(tmp_path):
    (tmp_path / "study.toml").write_text(STUDY)
    command = [sys.executable, "-m", "rsc_bench", "sweep", "study.toml", "--ray", "local", "--cores", "1", "--results", "out"]
    environment = NO_GPU | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    environment.pop("NUMBA_NUM_THREADS", None)
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    (results,) = (tmp_path / "out").glob("*.jsonl")
    found = read(results)
    assert {record.status for record in found.records} == {"ok"}
    assert found.environment["threads"]["NUMBA_NUM_THREADS"] == "1"
