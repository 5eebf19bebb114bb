"""What importing the method brings along, and what it says where PyTorch Geometric is not installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import rsc_bench.kernels.rsc

ROOT = Path(__file__).resolve().parents[3]
WITHOUT_PYG = """
import json, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch_geometric":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import rsc_bench.kernels.rsc.allocations
light = sorted(name for name in sys.modules if name.startswith("rsc_bench.kernels.rsc"))
import torch
from rsc_bench import approximate
try:
    approximate(torch.nn.Linear(2, 2), epochs=3)
except ImportError as error:
    print(json.dumps({"light": light, "type": type(error).__name__, "name": error.name, "message": str(error)}))
"""


@pytest.fixture(scope="module")
def without_pyg():
    """What a process without PyTorch Geometric found; it imports the method all the same."""
    command = [sys.executable, "-c", WITHOUT_PYG]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_the_method_needs_no_pytorch_geometric_and_calling_it_says_in_one_line_how_to_get_it(without_pyg):
    message = 'torch_geometric is not installed: pip install "rsc-bench[train]"'
    assert (without_pyg["type"], without_pyg["name"], without_pyg["message"]) == ("ModuleNotFoundError", "torch_geometric", message)


def test_importing_the_allocations_brings_none_of_the_rest_of_the_method(without_pyg):
    assert without_pyg["light"] == ["rsc_bench.kernels.rsc", "rsc_bench.kernels.rsc.allocations"]


def test_the_package_has_nothing_else():
    with pytest.raises(AttributeError, match="has no attribute 'approximately'"):
        rsc_bench.kernels.rsc.approximately  # noqa: B018
