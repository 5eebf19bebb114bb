"""Runs every test of a Triton kernel in Triton's interpreter: in a process of its own, because Triton reads that wish once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

triton = pytest.importorskip("triton", reason="triton is not installed: pip install triton")

VERSION = tuple(int(part) for part in triton.__version__.split(".")[:2])
# Its interpreter takes a loop's bound from an array of one element, which NumPy warned of and since 2.4 refuses.
pytestmark = pytest.mark.skipif(VERSION < (3, 7), reason=f"interpreting loops needs triton 3.7 or newer (got {triton.__version__})")
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONTRACT = pytest.param(["tests/kernels/exact/test_exact_contract.py", "-k", "rows_triton"], id="exact contract")
FILES = [pytest.param([str(path.relative_to(ROOT))], id=path.stem) for path in sorted(HERE.rglob("test_*_triton.py"))]


@pytest.mark.parametrize("arguments", [CONTRACT, *FILES])
def test_in_the_interpreter(arguments, tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *arguments]
    environment = os.environ | {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": "", "XDG_CACHE_HOME": str(tmp_path)}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert " passed" in found.stdout, found.stdout
