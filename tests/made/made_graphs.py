"""Makes the graphs, regimes and models that the tests of the method share."""

from __future__ import annotations

import torch

from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.rsc.adjacency import Adjacency
from rsc_bench.kernels.rsc.product import Regime, Sampler
from rsc_bench.kernels.rsc.propagation import Propagation
from rsc_bench.kernels.sampled.compose import Sampling
from rsc_bench.kernels.sampled.selections import topk

# Off the diagonal the rows have the norms 5, 2, 1 and 3, and 2, 1, 1 and 3 entries; on it stand 1, 0, 5 and 0.
BY_HAND = torch.tensor([[1.0, 3, 4, 0], [0, 0, 0, 2], [1, 0, 5, 0], [2, 1, 2, 0]])
# Rows of the norms 5, 2, 10 and 1: with those above the scores are 25, 4, 10 and 3.
GRADIENT = torch.tensor([[3.0, 4], [0, 2], [8, 6], [1, 0]])


def csr(full: torch.Tensor) -> Csr:
    return Csr.from_torch(full.to_sparse_csr(), "graph")


def random_graph(nodes: int = 30, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A full matrix of which a fifth is not zero, some of it on the diagonal."""
    generator = torch.Generator().manual_seed(seed)
    kept = torch.rand(nodes, nodes, generator=generator) < 0.2
    kept[0, 0] = True
    return torch.rand(nodes, nodes, generator=generator, dtype=dtype) * kept


def regime(budget: float = 0.5, interval: int = 1, kernel=torch_reduce.KERNEL, selection=topk.SELECTION, **options) -> Regime:
    return Regime(Sampler(kernel, selection, **options), Sampling(budget, interval))


def propagation(full: torch.Tensor, width: int, shared: Regime, reduce: str = "sum") -> Propagation:
    adjacency = Adjacency.from_csr(csr(full), reduce, shared.sampler.diagonal)
    return Propagation(adjacency, width, shared, dtype=full.dtype)


def topk_mask(scores: torch.Tensor, cost: torch.Tensor, most: int) -> torch.Tensor:
    """The selection, spelt out: from the highest score down, for as long as the pairs fit, then once more among what is small."""
    mask, left = torch.zeros(len(scores), dtype=torch.bool), most
    ranked = scores.argsort(descending=True, stable=True).tolist()
    for look in range(2):
        if look and 100 * left <= most:
            break
        for pair in [pair for pair in ranked if not mask[pair] and (look == 0 or (cost[pair] <= left and scores[pair] > 0))]:
            if cost[pair] > left:
                break
            mask[pair] = True
            left -= int(cost[pair])
    return mask
