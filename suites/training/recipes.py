"""What models are trained with on each graph, as published where it was: `recipes.toml`, a user's file, and options."""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from rsc_bench.suites.options import OptionsError
from rsc_bench.text import error_line, nearest, nearest_is

CPU_EPOCHS = 60
"""Epochs on a CPU, where the paper's hundreds would take hours."""
_COUNTS = ("layers", "hidden", "epochs", "walk_length", "walk_roots", "clusters", "clusters_a_batch")
_AT_LEAST: dict[str, float] = dict.fromkeys(_COUNTS, 1.0) | {"learning_rate": 0}
OF_THE_GRAPH = ("standardise", "undirected", "clusters", "clusters_a_batch")
"""What `recipes.toml` says of a published graph itself: a twin has features and a direction of its own, and another size."""
_BELOW_1 = ("dropout", "input_dropout", "alpha")

Tables = dict[str, Any]
"""As in `recipes.toml`: ``usual``, and ``graph`` with a table a graph; in each of them a table may be that of a model."""


class RecipeError(OptionsError):
    """A recipe that cannot be used; the message names it, the rule, the value and the remedy."""


@dataclass(frozen=True)
class Recipe:
    """What a model is trained with on a graph; `recipes.toml` says what each is and where it is from."""

    layers: int = 3
    """Graph convolutions."""
    hidden: int = 256
    """Width of the hidden layers."""
    dropout: float = 0.5
    """Share of the features that is set to zero in training."""
    input_dropout: float = 0.0
    """The same of the model's input."""
    batch_norm: bool = True
    """Whether there is a batch norm behind each layer but the last."""
    learning_rate: float = 0.01
    """Of Adam."""
    weight_decay: float = 0.0
    """Of Adam."""
    gradient_clip: float = 0.0
    """Largest norm of the gradient; 0: it stays as it is."""
    epochs: int = 400
    """Passes over the training nodes; at most `CPU_EPOCHS` on a CPU."""
    standardise: bool = False
    """Whether features are brought to mean 0 and deviation 1, over the nodes that training sees."""
    undirected: bool = False
    """Whether each edge counts in both directions; otherwise edges are as the graph has them."""
    inductive: bool = False
    """Whether training sees the training nodes and the edges between them alone; evaluation is always over the whole graph."""
    class_weights: bool = False
    """Whether nodes count in the loss by one over the training nodes of their class; of several tasks, whether positives do by
    negatives over positives."""
    draw_weights: bool = True
    """Of walks: whether nodes count in the loss by one over how often they were drawn."""
    alpha: float = 0.1
    """Of GCNII: strength of the residual to the first layer."""
    theta: float = 0.5
    """Of GCNII: strength of the weights."""
    shared_weights: bool = True
    """Of GCNII: whether what is propagated and the residual have one weight."""
    walk_length: int = 4
    """Of GraphSAINT: steps of a walk."""
    walk_roots: int = 2000
    """Of GraphSAINT: walks of a subgraph."""
    clusters: int = 100
    """Of the control on clusters: into how many the graph is cut."""
    clusters_a_batch: int = 10
    """Of the control on clusters: how many are joined into a mini-batch."""

    def __post_init__(self) -> None:
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            if not value >= least or (least == 0 and value == 0):
                raise RecipeError(f"{name} must be {'above 0' if least == 0 else 'at least 1'} (got {value:g})")
        for name in _BELOW_1:
            if not 0 <= getattr(self, name) < 1:
                raise RecipeError(f"{name} must lie in [0, 1) (got {getattr(self, name):g})")
        for name in ("weight_decay", "gradient_clip", "theta"):
            if not getattr(self, name) >= 0:
                raise RecipeError(f"{name} must be at least 0 (got {getattr(self, name):g})")


KEYS: dict[str, type] = {each.name: type(each.default) for each in fields(Recipe)}


@dataclass(frozen=True)
class Changes:
    """What a run changes of the recipes: the values of ``--recipe KEY=VALUE``, and the tables of its files."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Tables] = field(default_factory=dict)
    """By name of the file, with a digest of what it says."""
    paths: dict[str, str] = field(default_factory=dict)
    """By the same name, the file as it was given."""

    @property
    def name(self) -> str | None:
        """What is changed in one word, as records keep it; None where nothing is."""
        return ",".join([*self.files, *(f"{key}={_written(value)}" for key, value in self.values.items())]) or None

    def give(self, key: str, graph: str, model: str) -> bool:
        """Return whether they say a value, be it the published one, of what a model is trained with on a graph."""
        return key in self.values or any(key in dict(_values(tables, _base(graph), model)) for tables in self.files.values())


def changes(given: Sequence[str]) -> Changes:
    """Return what the values of ``--recipe`` change; raises `RecipeError` with the nearest known key."""
    found = Changes()
    for text in given:
        key, equals, value = text.partition("=")
        if text.endswith(".toml"):
            tables = _read(text)
            name = f"{Path(text).stem}-{zlib.crc32(repr(tables).encode()):08x}"
            found.files[name], found.paths[name] = tables, text
        elif equals:
            found.values[key] = _parsed(f"--recipe {text}", key, value)
        else:
            raise RecipeError(f"--recipe must be KEY=VALUE or a FILE.toml (got {text!r})")
    _checked("--recipe", found.values)
    return found


@dataclass(frozen=True)
class Names:
    """What the tables of a file may be of."""

    graphs: Collection[str]
    """Graphs that are known; those of a user's files are not."""
    models: Collection[str]
    """Models that are known."""
    trained: Collection[tuple[str, str]]
    """Graphs and models that the run trains, a user's among them."""


def check_tables(changed: Changes, names: Names) -> None:
    """Raise `RecipeError` for a table whose name is a slip of a known one, and for a file of which the run uses no table.

    A name that is like no known one may be that of a graph file, or of a model, of another run: it stays.
    """
    graphs = {_base(graph) for graph in (*names.graphs, *(graph for graph, _ in names.trained))}
    models = {*names.models, *(model for _, model in names.trained)}
    for name, tables in changed.files.items():
        where = f"--recipe {changed.paths[name]}"
        for graph, table in tables.get("graph", {}).items():
            if _base(graph) != graph:
                raise RecipeError(
                    f"{where}: [graph.{graph}]: a twin trains as its graph does: name the table [graph.{_base(graph)}]"
                )
            _no_slip(f"{where}: [graph.{graph}]", graph, graphs)
            for model in _inner(table):
                _no_slip(f"{where}: [graph.{graph}.{model}]", model, models)
        for model in _inner(tables.get("usual", {})):
            _no_slip(f"{where}: [usual.{model}]", model, models)
        if not any(dict(_values(tables, _base(graph), model)) for graph, model in names.trained):
            run = ", ".join(f"{graph} with {model}" for graph, model in names.trained)
            raise RecipeError(f"{where}: must have a value for what is trained, {run} (got {_listed(tables)})")


def _base(graph: str) -> str:
    return graph.removeprefix("twin:").partition("@")[0]


def _no_slip(where: str, name: str, known: Collection[str]) -> None:
    near = nearest(name, known, cutoff=0.8)
    if name not in known and len(near) < len(known):
        raise RecipeError(
            f"{where}: {name!r} is not known, nor is it trained here: {nearest_is(near)} (one of your own must be of "
            "this run, or less like those)"
        )


def _listed(tables: Tables) -> str:
    every = ", ".join(
        f"[{where}]" for where, table, _ in _every(tables) if any(not isinstance(each, dict) for each in table.values())
    )
    return every or "none"


def recipe(graph: str, hidden: int | None = None, model: str | None = None, changed: Changes | None = None) -> Recipe:
    """Return what a model is trained with on a graph, the published one's for its twin; `hidden` is in the place of the width."""
    name = _base(graph)
    published = dict(_values(_tables(), name, model))
    twin = graph.startswith("twin:")
    found = Recipe(**{key: value for key, value in published.items() if not (twin and key in OF_THE_GRAPH)})
    for tables in changed.files.values() if changed else ():
        found = replace(found, **dict(_values(tables, name, model)))
    found = replace(found, **(changed.values if changed else {}))
    if found.clusters_a_batch > found.clusters:  # of all together: each alone may be right beside the other's published value
        raise RecipeError(f"clusters_a_batch must be at most clusters, {found.clusters} (got {found.clusters_a_batch})")
    return found if hidden is None else replace(found, hidden=hidden)


@cache
def _tables() -> Tables:
    return tomllib.loads(files("rsc_bench.suites.training").joinpath("recipes.toml").read_text())


def _values(tables: Tables, graph: str, model: str | None) -> Iterator[tuple[str, Any]]:
    for table in (tables.get("usual", {}), tables.get("graph", {}).get(graph, {})):
        for values in (table, _inner(table).get(model or "", {})):
            yield from ((key, value) for key, value in values.items() if not isinstance(value, dict))


def _inner(table: Tables) -> Tables:
    """Return the tables of models in one of all models."""
    return {name: inner for name, inner in table.items() if isinstance(inner, dict)}


def _read(path: str) -> Tables:
    try:
        tables = tomllib.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise RecipeError(f"--recipe {path}: {error_line(error)}") from None
    unknown = [name for name in tables if name not in ("usual", "graph")]
    if unknown:
        raise RecipeError(f"--recipe {path}: must have the tables [usual] and [graph.NAME] (got [{unknown[0]}])")
    for where, table, innermost in _every(tables):
        if not isinstance(table, dict):
            raise RecipeError(f"--recipe {path}: [{where}] must be a table (got {table!r})")
        for key, value in table.items():
            if isinstance(value, dict) and innermost:
                raise RecipeError(f"--recipe {path}: [{where}] must have values alone (got the table [{where}.{key}])")
            if not isinstance(value, dict):
                _known(f"--recipe {path}: [{where}]", key)
                if type(value) is not KEYS[key] and not (KEYS[key] is float and type(value) is int):
                    raise RecipeError(f"--recipe {path}: [{where}] {key} must be {_kind(KEYS[key])} (got {value!r})")
        _checked(f"--recipe {path}: [{where}]", {key: value for key, value in table.items() if not isinstance(value, dict)})
    return tables


def _every(tables: Tables) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield each table with its header, and whether no other may be in it."""
    graphs = tables.get("graph", {})
    of_graphs = {f"graph.{graph}": table for graph, table in graphs.items()} if isinstance(graphs, dict) else {"graph": graphs}
    for header, table in {"usual": tables.get("usual", {}), **of_graphs}.items():
        yield header, table, False
        if isinstance(table, dict):
            yield from ((f"{header}.{model}", inner, True) for model, inner in _inner(table).items())


def _checked(where: str, values: dict[str, Any]) -> None:
    try:
        Recipe(**values)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _known(where: str, key: str) -> None:
    if key not in KEYS:
        raise RecipeError(f"{where}: {key!r} is not known: {nearest_is(nearest(key, KEYS, cutoff=0.4))}")


def _parsed(where: str, key: str, text: str) -> Any:
    _known(where, key)
    kind = KEYS[key]
    try:
        return {"true": True, "false": False}[text] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise RecipeError(f"{where}: {key} must be {_kind(kind)} (got {text!r})") from None


def _kind(kind: type) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number"}[kind]


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
