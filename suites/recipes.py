"""The models that can be trained by name, and the settings that each graph trains them with."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from importlib.util import find_spec

from rsc_bench.harness.plugins import OPTIONAL
from rsc_bench.kernels import Reduce

CPU_EPOCHS = 60
"""Epochs on a CPU, where the paper's hundreds would take hours."""


class ModelError(Exception):
    """A model that cannot be had; the message names it, the rule and the remedy."""


@dataclass(frozen=True)
class Recipe:
    """What a model is trained with on a graph."""

    hidden: int = 256
    """Width of the hidden layers."""
    dropout: float = 0.5
    """Share of the features that is set to zero in training."""
    learning_rate: float = 0.01
    """Of Adam."""
    epochs: int = 400
    """Passes over the training nodes; `CPU_EPOCHS` on a CPU."""


# RSC, ICML 2023 (arXiv 2210.10737), section 6 and its appendix on experimental settings.
_RECIPES = {
    "reddit": Recipe(),
    "reddit2": Recipe(),
    "yelp": Recipe(hidden=512, dropout=0.1, epochs=500),
    "ogbn-products": Recipe(learning_rate=0.001, epochs=500),
    "ogbn-proteins": Recipe(epochs=1000),
}


@dataclass(frozen=True)
class Model:
    """A model by name: its usual depth, how its layers aggregate, and how it sees the graph."""

    name: str
    layers: int
    """Where ``--layers`` gives no other number."""
    reduce: Reduce
    """Aggregation of its layers."""
    sampled: bool = False
    """Whether it trains on random-walk subgraphs (GraphSAINT) instead of the whole graph."""


MODELS = {
    model.name: model
    for model in (
        Model("GCN", 3, "sum"),
        Model("GraphSAGE", 3, "mean"),
        Model("GCNII", 4, "sum"),
        Model("GraphSAINT", 3, "mean", sampled=True),
    )
}


def find(name: str) -> Model:
    """Return the model of a name; raises `ModelError` with the nearest names."""
    if name in MODELS:
        return MODELS[name]
    folded = {known.lower(): known for known in MODELS}
    near = [folded[hit] for hit in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.5)]
    hint = f"nearest are {', '.join(near)}" if near else f"give one of {', '.join(MODELS)}"
    raise ModelError(f"--model {name!r} is not known: {hint}")


def recipe(graph: str, hidden: int | None = None) -> Recipe:
    """Return the settings for a graph, the published one's for its twin; `hidden` takes the place of the recipe's width."""
    found = _RECIPES.get(graph.removeprefix("twin:").partition("@")[0], Recipe())
    return found if hidden is None else replace(found, hidden=hidden)


def missing() -> str | None:
    """Return how to get PyTorch Geometric, or None where it is installed."""
    if find_spec("torch_geometric") is None:
        return f"torch_geometric is not installed: {OPTIONAL['torch_geometric']}"
    return None
