import subprocess
import sys
from pathlib import Path

import pytest

import rsc_bench.kernels.rsc
from rsc_bench.kernels.rsc.names import find

ROOT = Path(__file__).resolve().parents[3]


def test_a_part_is_found_by_its_name():
    assert find("kernel", "mkl").name == "mkl"


def test_an_unknown_name_with_nothing_near_lists_what_there_is():
    with pytest.raises(ValueError, match="allocation 'xyz' is not known: nearest are greedy, optimal, uniform"):
        find("allocation", "xyz")


@pytest.mark.parametrize("statement", ["import kernels", "from rsc_bench.kernels.rsc import approximate"])
def test_importing_the_method_needs_no_pytorch_geometric(statement):
    check = f"{statement}; import sys; sys.exit('torch_geometric' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, timeout=60, check=False).returncode == 0


def test_the_package_has_nothing_else():
    with pytest.raises(AttributeError, match="has no attribute 'approximately'"):
        rsc_bench.kernels.rsc.approximately  # noqa: B018
