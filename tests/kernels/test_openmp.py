"""Numba and torch share one OpenMP where both have one."""

import os
import subprocess
import sys

import pytest

from rsc_bench.kernels.openmp import OPENMP, OpenMp

pytest.importorskip("numba", reason="numba is not installed: pip install numba")

TEAMS = """
import os
import torch
from rsc_bench.kernels import Csr
from rsc_bench.kernels.openmp import OPENMP
OPENMP.share()
runtime = OPENMP.runtime()
import numba
from rsc_bench.kernels.exact import rows_numba
torch.relu(torch.zeros(1 << 20))
before = len(os.listdir("/proc/self/task"))
matrix = Csr.from_edge_index(torch.randint(500, (2, 5000)))
rows_numba.KERNEL.prepare(matrix, 8, torch.float32)(torch.ones(500, 8))
print(runtime is not None and numba.threading_layer() == "omp", len(os.listdir("/proc/self/task")) - before)
"""


def test_a_numba_product_starts_no_thread_beside_torchs():
    if OPENMP.runtime() is None:
        pytest.skip("torch has no OpenMP runtime of its own here")
    shared, started = subprocess.run([sys.executable, "-c", TEAMS], capture_output=True, text=True, check=True).stdout.split()
    if shared == "False":
        pytest.skip("Numba does not thread with OpenMP here")
    assert started == "0"


@pytest.mark.parametrize(("numbas", "expected"), [({}, "1 1"), ({"NUMBA_NUM_THREADS": "2"}, "1 2")])
def test_importing_leaves_the_threads_that_the_user_has_set(numbas, expected):
    if OPENMP.runtime() is None:
        pytest.skip("torch has no OpenMP runtime of its own here")
    code = "from rsc_bench import approximate; import numba, torch; print(torch.get_num_threads(), numba.get_num_threads())"
    others = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"}
    environment = others | {"OMP_NUM_THREADS": "1"} | numbas
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == expected.split()


def test_torchs_runtime_is_the_one_that_lies_in_its_folder(tmp_path):
    (tmp_path / "maps").write_text(
        "7f00-7f10 r-xp 00000000 08:01 11 /usr/lib/libgomp.so.1\n7f20-7f30 r-xp 00000000 08:01 12 /venv/torch/lib/libgomp-a1.so.1\n"
    )
    assert OpenMp(tmp_path / "maps").runtime() == "/venv/torch/lib/libgomp-a1.so.1"


def test_where_no_runtime_is_found_nothing_is_loaded(tmp_path):
    openmp = OpenMp(tmp_path / "maps")
    assert openmp.runtime() is None
    openmp.share()
