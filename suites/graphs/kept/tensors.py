"""Keeps what is made of a graph and takes longer to make than to read: normalised matrices, orders of nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rsc_bench.suites.graphs.kept import versions
from rsc_bench.suites.graphs.kept.folder import DamagedError, Entry, Folder, Found, Key

if TYPE_CHECKING:
    import torch

    from rsc_bench.suites.graphs.graph import Graph

FEWEST_EDGES = 1 << 17
"""Of a smaller graph they are made in the time that it takes to read them."""

Tensors = Mapping[str, "torch.Tensor | None"]


@dataclass(frozen=True)
class Recipe:
    """Tensors that depend on a graph and on nothing else."""

    name: str
    """Among all that is made of a graph."""
    make: Callable[[], Tensors]
    """Makes them; what is None stays so."""
    code: Callable[..., Any]
    """A function of the file that makes them: another version of it may make others."""
    whole: bool = False
    """Whether features, labels and split count, beside structure and values."""


def kept(folder: Folder | None, graph: Graph, recipe: Recipe) -> Tensors:
    """Return what a recipe makes, from the cache where it is there: memory of its own, as if it had been made."""
    if folder is None or graph.edges < FEWEST_EDGES:
        return recipe.make()
    seen = graph.task_digest if recipe.whole else graph.digest
    depends = {"code": versions.of_code(recipe.code), "packages": versions.of_packages(), "graph": seen}
    key = Key(f"{graph.name} {recipe.name}", depends)
    known = _found(folder, key)
    if known is not None:
        return known
    with folder.turn(key):
        known = _found(folder, key)  # another process may have made it
        return _made(folder, key, recipe) if known is None else known


def _found(folder: Folder, key: Key) -> Tensors | None:
    found = folder.find(key)
    try:
        return None if found is None else _read(found)
    except DamagedError:
        folder.drop(key)
        return None


def _made(folder: Folder, key: Key, recipe: Recipe) -> Tensors:
    made = recipe.make()
    arrays = {name: tensor.contiguous().numpy() for name, tensor in made.items() if tensor is not None}
    folder.put(key, Entry({"names": list(made)}, arrays))
    return made


def _read(found: Found) -> dict[str, torch.Tensor | None]:
    import torch

    return {name: torch.from_numpy(found.array(name)).clone() if name in found else None for name in found.facts["names"]}
