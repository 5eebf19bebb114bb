"""The models that can be trained by name, one a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from rsc_bench.fields import Plugin
from rsc_bench.kernels import Reduce
from rsc_bench.plugins import REGISTRY, PluginError, absent, load
from rsc_bench.suites.training.batches import Batches, whole
from rsc_bench.suites.training.data import TrainingData
from rsc_bench.suites.training.recipes import Recipe
from rsc_bench.text import error_line, nearest, nearest_is

USUAL = "GCN"
"""What is trained where no model is named."""


class ModelError(Exception):
    """A model that is not available; the message names it, the rule and the remedy."""


@dataclass(frozen=True)
class Shape:
    """The sizes that a model takes from its graph, and its depth."""

    features: int
    """Width of the input."""
    classes: int
    """Width of the output."""
    layers: int
    """Graph convolutions."""


def missing() -> str | None:
    """Return how to get PyTorch Geometric, or None where it is installed."""
    return absent("torch_geometric") if find_spec("torch_geometric") is None else None


@dataclass(frozen=True)
class Model(Plugin):
    """A model; a file in ``suites/training/models`` that defines ``MODEL = Model(...)`` is one."""

    name: str
    summary: str
    """One sentence: what its layers are, and whose."""
    build: Callable[[Shape, Recipe], nn.Module]
    """Returns a fresh module, initialised from torch's global generator: (nodes, features) and an adjacency in, logits out.

    The adjacency is an ``edge_index``, (2, edges); where the graph has edge weights, and in a baseline with sparse matrices, a
    sparse one, (nodes, nodes), whose rows are targets: the layers of PyTorch Geometric take either. That is imported here and not
    with the file, so that a machine without it can name the model.
    """
    layers: int | None = None
    """Graph convolutions where neither ``--layers`` nor ``--recipe`` gives a number; None: as many as the recipe has."""
    reduce: Reduce = "sum"
    """Aggregation of its layers."""
    loader: Callable[[TrainingData, int, int], Batches] = whole
    """Returns the steps of an epoch, from the data, the layers and the seed: the whole graph, or mini-batches."""
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None
    """Of the logits, (training nodes, classes), and their labels, a number; None: cross entropy, of several tasks binary."""
    missing: Callable[[], str | None] = missing
    """Why it cannot be trained on this machine, with the remedy; None where it can."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layers is not None and self.layers < 1:
            raise ValueError(f"model {self.name!r}: layers must be at least 1 (got {self.layers})")


def models() -> dict[str, Model]:
    """Return every model by name."""
    return dict(load("model"))


def named(given: str) -> str:
    """Return the name that ``--model`` gives: itself, or that of the one model in a ``FILE.py``, which is loaded and built once.

    Raises `ModelError` and `PluginError` with the file, the line and the reason.
    """
    if not given.endswith(".py"):
        return given
    path = Path(given)
    found = [plugin for kind, plugin in REGISTRY.read_file(path, "--model") if kind.name == "model"]
    if len(found) != 1:
        several = "give the file as --plugin, and name its models" if found else "see docs/tutorials/train-faster.md"
        raise ModelError(f"--model {given}: must define one MODEL = Model(...) (got {len(found) or 'none'}): {several}")
    REGISTRY.add_file(path, "--model")
    _try(given, found[0])
    name: str = found[0].name
    return name


def _try(given: str, model: Model) -> None:
    """Build a model of a user's once, so that an error in its file ends the run before anything is measured."""
    if model.why_not() is not None:
        return
    try:
        recipe = Recipe(hidden=8)
        model.answer("build", nn.Module, model.build(Shape(8, 4, model.layers or recipe.layers), recipe))
    except Exception as error:
        place = None if isinstance(error, PluginError) else REGISTRY.blame(error)
        raise ModelError(f"--model {place or f'{given}: {error_line(error)}'}") from error


def find(name: str) -> Model:
    """Return the model of a name; raises `ModelError` with the nearest names."""
    known = models()
    if name not in known:
        raise ModelError(f"--model {name!r} is not known: {nearest_is(nearest(name, known, cutoff=0.5))}")
    return known[name]
