"""Deep GCN with residuals to the first layer (Chen et al., arXiv 2007.02133)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsc_bench.suites.training.models import Model, Shape

if TYPE_CHECKING:
    from torch import nn

    from rsc_bench.suites.training.recipes import Recipe


def build(shape: Shape, recipe: Recipe) -> nn.Module:
    """Return a dense layer, ``GCN2Conv`` layers and a dense layer."""
    from rsc_bench.suites.training.models._layers import Gcn2

    return Gcn2(shape, recipe)


MODEL = Model("GCNII", "Deep GCN with residuals to the first layer (Chen et al., arXiv 2007.02133).", build, reduce="sum")
