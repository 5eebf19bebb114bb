"""Tiny fixed graphs with the shapes that break kernels, for runs that check and do not measure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rsc_bench.suites.graphs.graph import Graph
from rsc_bench.suites.graphs.source import Source
from rsc_bench.suites.graphs.synthetic.attributes import Attributes
from rsc_bench.suites.graphs.synthetic.block_model import Blocks, Ints, Stream, class_starts, draw, to_csr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLASSES = 4
FEATURES = 16


@dataclass(frozen=True, eq=False)
class _Shape:
    keys: Ints
    """Sorted ``row * nodes + column`` of each directed edge."""
    block: Ints
    """(nodes,): class of each node."""


def _random(stream: Stream) -> _Shape:
    """300 nodes, 3,000 directed edges, symmetric, every degree near ten."""
    return _Shape(_drawn(300, 3_000, stream, directed=False), np.arange(300) % CLASSES)


def _hub(stream: Stream) -> _Shape:
    """300 nodes, of which one is linked to all others, which have few links: one long row among short ones."""
    others = _drawn(300, 600, stream, directed=False)
    spokes = np.arange(1, 300)
    return _Shape(np.unique(np.concatenate([others, spokes, spokes * 300])), np.arange(300) % CLASSES)


def _empty_rows(stream: Stream) -> _Shape:
    """400 nodes, of which 100, spread over the ids, have all 1,000 directed edges; the last row is empty too."""
    keys = _drawn(100, 1_000, stream, directed=False)
    return _Shape(keys // 100 * 4 * 400 + keys % 100 * 4, np.arange(400) // 4 % CLASSES)


def _directed(stream: Stream) -> _Shape:
    """250 nodes, 1,500 directed edges, few with their opposite."""
    return _Shape(_drawn(250, 1_500, stream, directed=True), np.arange(250) % CLASSES)


_SHAPES: dict[str, Callable[[Stream], _Shape]] = {
    "small:random": _random,
    "small:hub": _hub,
    "small:empty-rows": _empty_rows,
    "small:directed": _directed,
}


def load(name: str, data_root: Path | None = None) -> Graph:  # noqa: ARG001
    """Return the small graph of a name."""
    seed = (list(_SHAPES).index(name), 1)
    shape = _SHAPES[name](Stream(*seed))
    attributes = Attributes(shape.block, CLASSES, noise=0.05, signal=1.5, seed=seed)
    return Graph(
        name=name,
        adjacency=to_csr(shape.keys, shape.block.size, name),
        directed=name == "small:directed",
        classes=CLASSES,
        metric_name="accuracy",
        make_features=partial(attributes.features, FEATURES),
        make_labels=attributes.labels,
        feature_count=FEATURES,
    )


def _drawn(nodes: int, edges: int, stream: Stream, *, directed: bool) -> Ints:
    """Draw edges of which two thirds stay within the classes ``id % CLASSES``."""
    ends = np.full(nodes, edges / nodes)
    starts = class_starts(nodes, CLASSES, skew=0)
    ids = np.concatenate([np.arange(first, nodes, CLASSES) for first in range(CLASSES)])
    return draw(Blocks(starts, ends, ends.copy() if directed else ends, homophily=2 / 3), ids, edges, stream)


SOURCE = Source(
    name="small",
    summary="Tiny fixed graphs for the check-only run: a random one, a hub, empty rows, a directed one.",
    names=list(_SHAPES),
    load=load,
    nodes=lambda name, data_root: load(name, data_root).nodes,
)
