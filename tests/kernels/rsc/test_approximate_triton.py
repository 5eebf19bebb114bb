"""Training with `rows_triton`: on a GPU where there is one, else in the interpreter, as test_interpreter has it."""

import pytest
import torch

pytest.importorskip("triton", reason="triton is not installed: pip install triton")
pytest.importorskip("torch_geometric", reason="approximates PyTorch Geometric models: pip install torch-geometric")

from made_graphs import random_graph
from torch_geometric.nn import GCN, GraphSAGE

from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.exact.rows_triton import KERNEL
from rsc_bench.kernels.rsc import approximate

# Said once by torch's own conversions, wherever PyTorch Geometric first touches a sparse tensor.
pytestmark = [
    pytest.mark.skipif(KERNEL.missing() is not None, reason=f"{KERNEL.missing()}; test_interpreter runs it there"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled"),
]
DEVICE = KERNEL.device
NODES = 40
MODELS = {"gcn": lambda: GCN(6, 16, 2, 4), "sage mean": lambda: GraphSAGE(6, 16, 2, 4)}


def gradients(make, kernel, steps=2):
    """The parameters' gradients in the last of some steps, of which the first measures exactly and the others are sampled."""
    torch.manual_seed(0)
    model, adjacency = make().to(kernel.device), random_graph(NODES).to_sparse_csr().to(kernel.device)
    rsc = approximate(model, 0.4, epochs=100, warmup_steps=1, interval=1, kernel=kernel)
    features = torch.randn(NODES, 6, generator=torch.Generator().manual_seed(3)).to(kernel.device)
    for _ in range(steps):
        model.zero_grad()
        assert rsc.phase.sampled == (rsc.steps > 0)
        model(features, adjacency).square().sum().backward()
        rsc.step()
    return rsc.last_share, [parameter.grad.cpu() for parameter in model.parameters()]


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_sampled_step_is_that_of_the_cpu(make, monkeypatch):
    share, found = gradients(make, KERNEL)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)  # with it, selecting on a CPU is done in Triton too
    wanted_share, wanted = gradients(make, torch_reduce.KERNEL)
    assert share == wanted_share < 1
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
