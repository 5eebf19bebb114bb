import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""

SAMPLE = """
import scipy.sparse, torch
from rsc_bench.plugins import load
from rsc_bench.kernels import Csr
from rsc_bench.kernels.sampled.compose import Sampling, compose
exact, selections = load("kernel"), load("selection")
assert "rows_numba" not in exact
assert exact.missing["rows_numba"] == "numba is not installed: pip install numba", exact.missing
assert selections.missing == {}, selections.missing
matrix = Csr.from_scipy(scipy.sparse.eye(4) * 2)
dense = torch.tensor([[4.0], [3.0], [2.0], [1.0]])
for name, selection in sorted(selections.items()):
    multiply = compose(selection, exact["torch_reduce"], Sampling(0.5)).prepare(matrix, 1, torch.float32)
    product = multiply(dense)
    weights = multiply.chosen.weights_of(torch.arange(4), torch.arange(4))  # each column has one non-zero, and is one pair
    assert torch.allclose(product, 2 * dense * weights[:, None]), name
    assert multiply.kept_nnz <= 2, name
    print(name, product.flatten().tolist() if name == "topk" else "")
assert "numba" not in sys.modules
"""


def test_every_selection_works_without_numba_and_its_kernel_is_missing_with_a_reason():
    command = [sys.executable, "-W", "ignore", "-c", BLOCK + SAMPLE]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr
    assert "topk [8.0, 6.0, 0.0, 0.0]" in found.stdout
