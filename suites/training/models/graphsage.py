"""Mean aggregation beside a node's own features (Hamilton et al., arXiv 1706.02216)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsc_bench.suites.training.models import Model, Shape

if TYPE_CHECKING:
    from torch import nn

    from rsc_bench.suites.training.recipes import Recipe


def build(shape: Shape, recipe: Recipe) -> nn.Module:
    """Return a stack of ``SAGEConv``."""
    from torch_geometric.nn import SAGEConv

    from rsc_bench.suites.training.models._layers import Stack

    return Stack(SAGEConv, shape, recipe)


MODEL = Model(
    "GraphSAGE",
    "Mean aggregation beside a node's own features (Hamilton et al., arXiv 1706.02216).",
    build,
    reduce="mean",
)
