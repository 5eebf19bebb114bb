"""Stacks layers of PyTorch Geometric into the models that are trained."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional
from torch_geometric.nn import GCN2Conv, MessagePassing

from rsc_bench.suites.training.models import Shape
from rsc_bench.suites.training.recipes import Recipe


class Stack(nn.Module):
    """Graph convolutions, each but the last followed by batch norm, ReLU and dropout."""

    def __init__(self, layer: type[MessagePassing], shape: Shape, recipe: Recipe) -> None:
        super().__init__()
        widths = [shape.features, *[recipe.hidden] * (shape.layers - 1), shape.classes]
        self.convs = nn.ModuleList(layer(into, out) for into, out in pairwise(widths))
        self.norms = nn.ModuleList(_norm(width, recipe) for width in widths[1:-1])
        self.dropout, self.input_dropout = recipe.dropout, recipe.input_dropout

    def forward(self, x: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """Return (nodes, classes) logits; `adjacency` is torch CSR, rows are targets."""
        x = functional.dropout(x, self.input_dropout, self.training)
        for conv, norm in zip(self.convs, self.norms, strict=False):
            x = functional.dropout(norm(conv(x, adjacency)).relu_(), self.dropout, self.training)
        logits: torch.Tensor = self.convs[-1](x, adjacency)
        return logits


class Gcn2(nn.Module):
    """GCNII: a dense layer in, convolutions with a residual to its output, a dense layer out."""

    def __init__(self, shape: Shape, recipe: Recipe) -> None:
        super().__init__()
        self.into = nn.Linear(shape.features, recipe.hidden)
        self.convs = nn.ModuleList(
            GCN2Conv(recipe.hidden, recipe.alpha, recipe.theta, index, recipe.shared_weights)
            for index in range(1, shape.layers + 1)
        )
        self.norms = nn.ModuleList(_norm(recipe.hidden, recipe) for _ in range(shape.layers))
        self.out = nn.Linear(recipe.hidden, shape.classes)
        self.dropout, self.input_dropout = recipe.dropout, recipe.input_dropout

    def forward(self, x: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """Return (nodes, classes) logits; `adjacency` is torch CSR, rows are targets."""
        x = functional.dropout(x, self.input_dropout, self.training)
        x = first = functional.dropout(self.into(x).relu(), self.dropout, self.training)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.dropout(norm(conv(x, first, adjacency)).relu(), self.dropout, self.training)
        logits: torch.Tensor = self.out(x)
        return logits


def _norm(width: int, recipe: Recipe) -> nn.Module:
    return nn.BatchNorm1d(width) if recipe.batch_norm else nn.Identity()
