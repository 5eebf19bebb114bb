"""Numba and torch share one OpenMP where both have one."""

import subprocess
import sys

import pytest

from rsc_bench.kernels import openmp

pytest.importorskip("numba", reason="numba is not installed: pip install numba")

TEAMS = """
import ctypes, os
import torch
from rsc_bench.kernels import openmp
openmp.share()
runtime = openmp._torch_runtime()
import numba
from rsc_bench.kernels.exact import rows_numba
torch.relu(torch.zeros(1 << 20))
before = len(os.listdir("/proc/self/task"))
matrix = __import__("rsc_bench.kernels").kernels.Csr.from_edge_index(torch.randint(500, (2, 5000)))
rows_numba.prepare(matrix, 8, torch.float32)(torch.ones(500, 8))
print(runtime is not None and numba.threading_layer() == "omp", len(os.listdir("/proc/self/task")) - before)
"""


def test_a_numba_product_starts_no_thread_beside_torchs():
    if openmp._torch_runtime() is None:
        pytest.skip("torch has no OpenMP runtime of its own here")
    shared, started = subprocess.run([sys.executable, "-c", TEAMS], capture_output=True, text=True, check=True).stdout.split()
    if shared == "False":
        pytest.skip("Numba does not thread with OpenMP here")
    assert started == "0"


def test_where_no_runtime_is_found_nothing_is_loaded(monkeypatch, tmp_path):
    monkeypatch.setattr(openmp, "_LIBRARIES", tmp_path / "maps")
    assert openmp._torch_runtime() is None
