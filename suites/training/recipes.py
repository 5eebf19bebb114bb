"""The settings that models are trained with on each graph, as published where they were."""

from __future__ import annotations

from dataclasses import dataclass, replace

CPU_EPOCHS = 60
"""Epochs on a CPU, where the paper's hundreds would take hours."""


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


def recipe(graph: str, hidden: int | None = None) -> Recipe:
    """Return the settings for a graph, the published one's for its twin; `hidden` takes the place of the recipe's width."""
    found = _RECIPES.get(graph.removeprefix("twin:").partition("@")[0], Recipe())
    return found if hidden is None else replace(found, hidden=hidden)
