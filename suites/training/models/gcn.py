"""Graph convolutions with symmetric normalisation (Kipf and Welling, arXiv 1609.02907)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsc_bench.suites.training.models import Model, Shape

if TYPE_CHECKING:
    from torch import nn

    from rsc_bench.suites.training.recipes import Recipe


def build(shape: Shape, recipe: Recipe) -> nn.Module:
    """Return a stack of ``GCNConv``."""
    from torch_geometric.nn import GCNConv

    from rsc_bench.suites.training.models._layers import Stack

    return Stack(GCNConv, shape, recipe)


MODEL = Model("GCN", "Graph convolutions with symmetric normalisation (Kipf and Welling, arXiv 1609.02907).", build, reduce="sum")
