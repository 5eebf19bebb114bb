"""Runs every test of a Triton kernel in Triton's interpreter: in one process of its own, because Triton reads that wish once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

triton = pytest.importorskip("triton", reason="triton is not installed: pip install triton")

VERSIONS = [tuple(int(part) for part in package.__version__.split(".")[:2]) for package in (triton, numpy)]
# Triton 3.6 takes a loop's bound from an array of one element, which NumPy warns of and since 2.4 refuses.
CONVERTED = "Conversion of an array with ndim > 0 to a scalar is deprecated"
pytestmark = pytest.mark.skipif(
    VERSIONS[0] < (3, 7) and VERSIONS[1] >= (2, 4),
    reason=f"interpreting loops needs triton 3.7 or numpy below 2.4 (got {triton.__version__} and {numpy.__version__})",
)
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = [HERE / "exact/test_exact_contract.py", HERE / "exact/test_operands_of_kernels.py", *sorted(HERE.rglob("test_*_triton.py"))]


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    """The run of all those tests; a line at its end for each that passed."""
    options = ["-q", "-rp", "-k", "triton", "-p", "no:cacheprovider", "-W", f"ignore:{CONVERTED}"]
    command = [sys.executable, "-m", "pytest", *options, *FILES]
    cache = str(tmp_path_factory.mktemp("cache"))
    wishes = {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": "", "XDG_CACHE_HOME": cache, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=os.environ | wishes, capture_output=True, text=True, timeout=600, check=False)


def test_every_test_passes_in_the_interpreter_or_is_skipped(interpreted):
    assert interpreted.returncode == 0, interpreted.stdout + interpreted.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tests_of_each_file_ran_in_the_interpreter(path, interpreted):
    assert f"PASSED {path.relative_to(ROOT)}::" in interpreted.stdout, interpreted.stdout
