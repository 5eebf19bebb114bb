"""Synthetic twins of published graphs, at any scale, without a download."""

from __future__ import annotations

import math
import zlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rsc_bench.harness.machine import memory as main_memory
from rsc_bench.suites.graphs.graph import Graph, GraphError, GraphTooLargeError, random_split
from rsc_bench.suites.graphs.source import Source
from rsc_bench.suites.graphs.synthetic.attributes import Attributes
from rsc_bench.suites.graphs.synthetic.block_model import DENSEST, Blocks, Floats, Stream, class_starts, draw, to_csr
from rsc_bench.suites.graphs.synthetic.twin_table import TWINS, Law, Twin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

PREFIX = "twin:"
_MAKING_BYTES = 48
"""An edge, while a twin is made (44 to 49 were seen at most from a million edges on)."""


def load(name: str, data_root: Path | None = None) -> Graph:  # noqa: ARG001
    """Return the twin of a name such as ``twin:reddit2@0.05``; raises `GraphError` for a scale that is not available."""
    base, _, scale = name.partition("@")
    return make(base, _scale(name, scale) if "@" in name else 1.0)


def check(name: str, data_root: Path | None = None) -> str:  # noqa: ARG001
    """Return the name of the twin that `load` would make; raises `GraphError` for a scale that is not available."""
    base, _, text = name.partition("@")
    scale = _scale(name, text) if "@" in name else 1.0
    scaled(name, TWINS[base.removeprefix(PREFIX)], scale)
    return _name(base, scale)


def nodes(name: str, data_root: Path | None = None) -> int:  # noqa: ARG001
    """Return how many nodes the twin of a name has; raises `GraphError` for a scale that is not available."""
    base, _, text = name.partition("@")
    return scaled(name, TWINS[base.removeprefix(PREFIX)], _scale(name, text) if "@" in name else 1.0)[0]


def _name(base: str, scale: float) -> str:
    return base if scale == 1 else f"{base}@{scale!r}"


def make(base: str, scale: float = 1.0, seed: int = 0, free_bytes: Callable[[], int | None] = main_memory.free_bytes) -> Graph:
    """Return a twin with nodes and edges both scaled, which keeps the mean degree.

    A degree-corrected block model (Karrer and Newman, Phys. Rev. E 83, 016107, 2011). Nodes and edges are exact; degrees and
    homophily come close (`twin_table` says to what, the tests say how close). Where a class has too few nodes for the edges that
    should stay in it (dense graphs at small scales), most of its pairs become edges and homophily is lower.

    Args:
        base: ``twin:`` and a name in `TWINS`.
        scale: in (0, 1].
        seed: another seed gives another graph of the same shape.
        free_bytes: reads how much main memory is free; None where the machine does not say.

    Raises `GraphTooLargeError` where that is less than making it takes.
    """
    twin = TWINS[base.removeprefix(PREFIX)]
    name = _name(base, scale)
    nodes, edges = scaled(name, twin, scale)
    _check_room(name, edges, free_bytes())
    seeds = (seed, zlib.crc32(base.encode()))
    stream = Stream(*seeds)
    ids = stream.permutation(nodes)
    blocks = _blocks(twin, nodes, edges, stream)
    block = np.empty(nodes, dtype=np.int64)
    block[ids] = np.repeat(np.arange(blocks.starts.size - 1), np.diff(blocks.starts))
    adjacency = to_csr(draw(blocks, ids, edges, stream), nodes, name)
    noise = np.empty(nodes)
    noise[ids] = twin.label_noise * _tilt(twin, blocks.rows, blocks.columns)
    attributes = Attributes(block, blocks.starts.size - 1, noise, twin.signal, seeds)
    return Graph(
        name=name,
        adjacency=adjacency,
        directed=twin.law_columns is not None,
        classes=twin.classes,
        metric_name=twin.metric_name,
        make_features=partial(attributes.features, twin.features),
        make_labels=partial(_labels, twin, attributes),
        make_masks=partial(random_split, nodes, None, shares=twin.split),
        feature_count=twin.features,
    )


def scaled(name: str, twin: Twin, scale: float) -> tuple[int, int]:
    """Return nodes and directed edges at a scale, even where symmetric; raises `GraphError` below the smallest possible scale."""
    nodes, edges = round(twin.nodes * scale), round(twin.directed_edges * scale)
    edges -= 0 if twin.law_columns else edges % 2
    if edges == 0 or edges > DENSEST * nodes * (nodes - 1):
        smallest = (twin.directed_edges / twin.nodes / DENSEST + 2) / twin.nodes
        least = math.ceil(smallest * 1e5) / 1e5
        rule = f"at most {DENSEST:.0%} of all pairs may be edges"
        raise GraphError(f"graph {name!r}: {rule} ({nodes} nodes, {edges} edges): the smallest possible scale is {least:g}")
    return nodes, edges


def _check_room(name: str, edges: int, free: int | None) -> None:
    needed = _MAKING_BYTES * edges
    if free is not None and needed > free:
        sizes = f"{needed / 1e9:,.1f} GB of memory ({free / 1e9:,.1f} GB are free)"
        raise GraphTooLargeError(f"graph {name!r}: making {edges:,} edges needs {sizes}: take a smaller share")


def _scale(name: str, text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0 < scale <= 1:
        raise GraphError(f"graph {name!r}: a scale must lie in (0, 1] (got {text!r}): write for example twin:reddit2@0.05")
    return scale


def _blocks(twin: Twin, nodes: int, edges: int, stream: Stream) -> Blocks:
    starts = class_starts(nodes, twin.communities or twin.classes, twin.skew)
    rows = _degrees(twin.law, nodes, edges, stream)
    columns = _degrees(twin.law_columns, nodes, edges, stream) if twin.law_columns else rows
    share = np.diff(starts) / nodes
    by_chance = np.cumsum(share * share)[-1]
    kept = 1.0 if twin.communities else _kept(twin, rows, columns)
    # Edges with a noisy end agree by chance only, so the blocks must agree more often than the labels are to.
    homophily = (twin.homophily - (1 - kept) * by_chance) / kept
    return Blocks(starts, rows, columns, min(1.0, float(homophily)))


def _kept(twin: Twin, rows: Floats, columns: Floats) -> float:
    """Return the share of edges that are expected to have no noisy end."""
    tilt = _tilt(twin, rows, columns)
    at_a_row, at_a_column = (np.cumsum(ends * tilt)[-1] / np.cumsum(ends)[-1] for ends in (rows, columns))
    return float((1 - twin.label_noise * at_a_row) * (1 - twin.label_noise * at_a_column))


def _tilt(twin: Twin, rows: Floats, columns: Floats) -> Floats:
    """Return (nodes,) how often noise strikes each node's label, the mean being 1."""
    expecting_more = np.empty(rows.size)
    expecting_more[np.argsort(-(rows + columns), kind="stable")] = (np.arange(rows.size) + 0.5) / rows.size
    tilt = np.ones(rows.size)
    for power in range(1, twin.noise_tilt + 1):
        tilt *= expecting_more * ((power + 1) / power)
    return tilt


def _degrees(law: Law, nodes: int, edges: int, stream: Stream) -> Floats:
    """Expected degrees in random order; no row expects more than the densest share of all nodes."""
    degrees = np.minimum(law.degrees(nodes, edges / nodes), DENSEST * nodes)
    return degrees[stream.permutation(nodes)]


def _labels(twin: Twin, attributes: Attributes) -> torch.Tensor:
    return attributes.tasks(twin.classes) if twin.communities else attributes.labels()


SOURCE = Source(
    name="twins",
    summary="Synthetic twins of published graphs, scaled by @: degree-corrected block models.",
    names=[PREFIX + name for name in TWINS],
    load=load,
    check=check,
    nodes=nodes,
    scales=True,
    contents=lambda name, data_root: (),  # noqa: ARG005  (a name says all of it)
)
