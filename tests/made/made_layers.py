"""Layers made for the allocations' tests, and the least that each of them keeps."""

import torch
from hypothesis import strategies as st

from rsc_bench.kernels.rsc.allocations import LayerCost

KINDS = ("heavy", "tied", "equal", "zero", "rising")


def layer_cost(scores, pair_nnz, width=1, product_norm=1.0):
    return LayerCost(torch.tensor(scores, dtype=torch.float32), torch.tensor(pair_nnz, dtype=torch.int64), width, product_norm)


def made(pairs, kind="heavy", seed=0, width=1):
    """A layer whose scores and costs do not go together; some pairs score 0 and some cost nothing."""
    generator = torch.Generator().manual_seed(seed)
    cost = (torch.rand(pairs, generator=generator).clamp(min=1e-3).pow(-1.2) - 0.5).long()
    draws = torch.rand(pairs, generator=generator)
    scores = {
        "heavy": draws.clamp(min=1e-3).pow(-2) * (draws < 0.9),
        "tied": (draws * 3).floor(),
        "equal": torch.ones(pairs),
        "zero": torch.zeros(pairs),
        # The dearest pairs score highest but are worth least per FLOP: the frontier bends the wrong way.
        "rising": cost.float().sqrt(),
    }
    return LayerCost(scores[kind], cost, width, 1.0 + seed % 7)


def ranked(layer):
    """Float64 scores from the highest down and the FLOPs of their pairs, as arrays."""
    order = (-layer.scores.double()).argsort(stable=True)
    return layer.scores[order].double().numpy(), layer.pair_nnz[order].numpy() * layer.width


def set_aside(layer, budget):
    """FLOPs set aside for a layer's minimum: a tenth of its uniform share."""
    return 0.1 * budget * int(layer.pair_nnz.sum()) * layer.width


def minimum(layer, budget):
    """The pairs that the FLOPs set aside for a layer buy, one after another from the highest score down."""
    bought = spent = 0
    for flops in ranked(layer)[1]:
        spent += flops
        if spent > set_aside(layer, budget):
            break
        bought += 1
    return bought


def layers(most_pairs, most_layers=4):
    """A strategy: layers of different sizes, kinds and widths, an empty one among them now and then."""
    one = st.builds(made, st.integers(0, most_pairs), st.sampled_from(KINDS), st.integers(0, 2**31), st.integers(1, 40))
    return st.lists(one, min_size=1, max_size=most_layers)


budgets = st.floats(0, 1, exclude_min=True)
