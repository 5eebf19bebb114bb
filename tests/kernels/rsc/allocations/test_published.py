"""Holds the allocation of the authors' code to a restatement of what that code does, in NumPy, written from its description."""

import numpy as np
import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from made_layers import made
from torch_geometric.nn import GCN

from rsc_bench.kernels.rsc import approximate
from rsc_bench.kernels.rsc.allocations import LayerCost, spent
from rsc_bench.plugins import find
from rsc_bench.suites import graphs

PUBLISHED = find("allocation", "published").allocate


def restated(layers, budget, step=0.02):
    """The share of the pairs that each layer keeps, and the FLOPs of that over those of all pairs.

    Sort each layer's scores; start from the share of those that are not zero; as long as the FLOPs are above the budget, cut a
    slice of 0.02 N pairs from the layer whose slice has the smallest sum over the norm of its product; end where that layer is
    at 0.02.
    """
    order = [np.argsort(-layer.scores.numpy(), kind="stable") for layer in layers]
    scores = [layer.scores.numpy()[by].astype(np.float64) for layer, by in zip(layers, order, strict=True)]
    costs = [layer.pair_nnz.numpy()[by] * layer.width for layer, by in zip(layers, order, strict=True)]
    share = [float(np.mean(each != 0)) for each in scores]
    flops = sum(cost[: int(part * len(cost))].sum() for cost, part in zip(costs, share, strict=True))
    whole = sum(cost.sum() for cost in costs)
    while flops > budget * whole:
        slices = [slice(int(len(each) * (part - step)), int(len(each) * part)) for each, part in zip(scores, share, strict=True)]
        sums = [each[cut].sum() / float(layer.product_norm) for each, cut, layer in zip(scores, slices, layers, strict=True)]
        least = int(np.argmin(sums))
        if share[least] <= step:
            break
        flops -= costs[least][slices[least]].sum()
        share[least] -= step
    return share, flops / whole


@pytest.mark.parametrize("budget", [0.05, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("kind", ["heavy", "equal", "rising"])
def test_made_layers_get_what_the_restated_code_gives_them(kind, budget):
    layers = [made(400, kind, seed=seed, width=width) for seed, width in enumerate((41, 256, 256))]
    share, _ = restated(layers, budget)
    for k, part, layer in zip(PUBLISHED(layers, budget), share, layers, strict=True):
        assert abs(k - part * len(layer.scores)) <= 0.02 * len(layer.scores)


@pytest.fixture(scope="module")
def trained():
    """The scores of a GCN's layers after 15 steps on a twin of Reddit2, measured as the authors' code measures them."""
    graph = graphs.load("twin:reddit2@0.01")
    torch.manual_seed(0)
    model = GCN(graph.features.shape[1], 64, 3, graph.classes, dropout=0.5)
    found = approximate(model, 0.1, epochs=100, allocation="published", measures="published")
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(15):
        optimiser.zero_grad()
        out = model(graph.features, graph.edge_index)
        torch.nn.functional.cross_entropy(out[graph.masks.train], graph.labels[graph.masks.train]).backward()
        optimiser.step()
    return [account.cost for account in found._running.accounts if account.cost is not None]


@pytest.mark.parametrize("budget", [0.05, 0.1, 0.3, 0.5])
def test_real_scores_get_what_the_restated_code_gives_them(trained, budget):
    assert len(trained) == 3
    share, used = restated(trained, budget)
    found = PUBLISHED(trained, budget)
    for k, part, layer in zip(found, share, trained, strict=True):
        assert abs(k - part * len(layer.scores)) <= 0.02 * len(layer.scores)
    whole = sum(int(layer.pair_nnz.sum()) * layer.width for layer in trained)
    assert spent(trained, found) / whole == pytest.approx(used, abs=0.02)


def test_a_layer_at_its_end_ends_the_search_over_the_budget():
    """As on Yelp: the layer that is hurt least has few dear pairs, and the others are never asked."""
    hubs = torch.cat([torch.full((2,), 1000), torch.ones(98, dtype=torch.int64)])
    cheap = LayerCost(torch.linspace(1e-3, 1e-6, 100), hubs, 100)
    dear = LayerCost(torch.full((100,), 10.0), torch.full((100,), 20), 100)
    k = PUBLISHED([cheap, dear], 0.1)
    whole = sum(int(layer.pair_nnz.sum()) * layer.width for layer in (cheap, dear))
    assert k == [10, 100]
    assert spent([cheap, dear], k) / whole > 0.1
