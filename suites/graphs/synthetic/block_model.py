"""Turns sizes, expected degrees and a mixing share into the edges of a degree-corrected block model.

Random numbers are the raw integers of PCG64, which NumPy promises never to change, and only operations that IEEE 754
rounds exactly (+, -, *, /, sqrt) and integer sorting stand between them and an edge: the structure is the same for the
same seed on every machine. Sums are cumulative sums, because the order in which ``sum`` adds depends on the processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rsc_bench.kernels import Csr

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEIGHTED_ROUNDS = 12
"""Rounds in which lost draws (self-loops, repeats) are drawn again by weight, before any free pair is taken instead."""
DENSEST = 0.5
"""Largest share of all node pairs that may become edges: below it any free pair is found in two tries."""
DENSEST_CLASS = 0.75
"""Largest share of a class that a node is given as neighbours: above it draws by weight repeat themselves."""


class Stream:
    """Uniform numbers and permutations from the raw integers of a seeded PCG64."""

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed))

    def uniform(self, count: int) -> Floats:
        """Return `count` numbers in [0, 1), multiples of 2**-53."""
        uniform: Floats = (self._bits.random_raw(count) >> np.uint64(11)).astype(np.float64)
        return uniform * 2.0**-53

    def permutation(self, count: int) -> Ints:
        """Return the numbers below `count` in random order."""
        return np.argsort(self._bits.random_raw(count), kind="stable")


@dataclass(frozen=True, eq=False)
class Blocks:
    """Nodes in the order of their class, each with the ends of edges that it is expected to have."""

    starts: Ints
    """(classes + 1,): where each class starts."""
    rows: Floats
    """(nodes,): expected non-zeros of each row."""
    columns: Floats
    """(nodes,): expected non-zeros of each column; the same array as `rows` where the graph is symmetric."""
    homophily: float
    """Share of edges that are to stay within a class."""

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return int(self.starts[-1])


@dataclass(frozen=True, eq=False)
class _Ends:
    """Cumulative expected ends of edges, node after node in class order."""

    within: Floats
    """(nodes,): ends of edges that stay within the node's class."""
    across: Floats
    """(nodes,): ends of edges that go anywhere."""


def class_starts(nodes: int, classes: int, skew: int) -> Ints:
    """Return (classes + 1,) where each class starts; the c-th largest has a share proportional to ``c ** (-skew / 2)``."""
    share = np.ones(classes)
    for _ in range(skew):
        share /= np.sqrt(np.arange(1, classes + 1, dtype=np.float64))
    total = np.cumsum(share)
    inner = np.floor(total[:-1] / total[-1] * nodes).astype(np.int64)
    return np.concatenate([[0], inner, [nodes]]).astype(np.int64)


def draw(blocks: Blocks, ids: Ints, edges: int, stream: Stream) -> Ints:
    """Return the sorted keys ``row * nodes + column`` of exactly `edges` directed edges, no self-loop and no repeat.

    Both directions of every pair where rows and columns have the same expected ends; `edges` must then be even.
    At most the share `DENSEST` of all pairs may be drawn, which the caller checks.

    Args:
        blocks: what each node, in class order, is expected to have.
        ids: (nodes,), the id of each of these nodes: a permutation, so that order gives away neither class nor degree.
        edges: directed edges to draw.
        stream: where the random numbers come from.
    """
    symmetric = blocks.columns is blocks.rows
    rows = _ends(blocks, blocks.rows)
    columns = rows if symmetric else _ends(blocks, blocks.columns)
    found = _Found(ids, symmetric)
    pairs = edges // 2 if symmetric else edges
    stay = rows.within[-1] / (rows.within[-1] + rows.across[-1])
    _fill(found, int(stay * pairs), WEIGHTED_ROUNDS, lambda count: _within(blocks.starts, rows, columns, count, stream))
    _fill(found, pairs, WEIGHTED_ROUNDS, lambda count: _across(rows, columns, count, stream))
    # Hubs are full by now. At most half of all pairs are taken, so each further round places half of what is missing.
    _fill(found, pairs, None, lambda count: (_anyone(blocks.nodes, count, stream), _anyone(blocks.nodes, count, stream)))
    return found.keys()


def to_csr(keys: Ints, nodes: int, name: str) -> Csr:
    """Return the unweighted adjacency of sorted keys ``row * nodes + column``."""
    import torch

    rowptr = torch.from_numpy(np.searchsorted(keys, np.arange(nodes + 1) * nodes))
    # int64 offsets only where int32 cannot hold them: half the bytes to read in every kernel.
    rowptr = rowptr.int() if keys.size < 2**31 else rowptr
    return Csr(rowptr, torch.from_numpy((keys % nodes).astype(np.int32)), None, (nodes, nodes), name)


class _Found:
    """The distinct pairs drawn so far, as sorted runs."""

    def __init__(self, ids: Ints, symmetric: bool) -> None:
        self._ids = ids
        self._symmetric = symmetric
        self._runs: list[Ints] = []
        self.count = 0

    def add(self, row: Ints, column: Ints) -> None:
        """Add pairs of nodes, less self-loops and those that are there already."""
        row, column = self._ids[row], self._ids[column]
        if self._symmetric:
            row, column = np.maximum(row, column), np.minimum(row, column)
        keys = _distinct((row * self._ids.size + column)[row != column])
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, keys), run.size - 1)
            keys = keys[run[place] != keys]
        if keys.size:
            self._runs.append(keys)
            self.count += keys.size

    def keys(self) -> Ints:
        """Return the sorted keys, of both directions where symmetric."""
        keys = np.concatenate(self._runs)
        if self._symmetric:
            keys = np.concatenate([keys, keys % self._ids.size * self._ids.size + keys // self._ids.size])
        keys.sort()
        return keys


def _distinct(keys: Ints) -> Ints:
    """Sort `keys` where they are and return them without repeats; ``np.unique`` hashes first, which takes ten times as long."""
    keys.sort()
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if keys.size else keys


def _fill(found: _Found, target: int, rounds: int | None, pairs: Callable[[int], tuple[Ints, Ints]]) -> None:
    """Draw what is missing, again and again, until `target` pairs are found or the rounds are over."""
    done = 0
    while found.count < target and done != rounds:
        found.add(*pairs(target - found.count))
        done += 1


def _ends(blocks: Blocks, expected: Floats) -> _Ends:
    """Split each node's ends so that the share `homophily` of edges stays within a class.

    No node keeps more ends within its class than the share `DENSEST_CLASS` of the class; what a hub cannot keep the others do.
    """
    sizes = np.diff(blocks.starts)
    most = DENSEST_CLASS * np.repeat(sizes, sizes)
    total = np.cumsum(expected)
    share = np.diff(np.concatenate([[0.0], total])[blocks.starts]) / total[-1]
    by_chance = np.cumsum(share * share)[-1]
    wanted = max(0.0, (blocks.homophily - by_chance) / (1 - by_chance)) if by_chance < 1 else 0.0
    stay = wanted
    for _ in range(8):
        within = np.minimum(np.minimum(stay, 1.0) * expected, most)
        stay *= wanted * total[-1] / max(np.cumsum(within)[-1], 1e-300)
    return _Ends(np.cumsum(within), np.cumsum(expected - within))


def _within(starts: Ints, rows: _Ends, columns: _Ends, count: int, stream: Stream) -> tuple[Ints, Ints]:
    row = _stratified(rows.within, count, stream)
    block = np.searchsorted(starts, row, side="right") - 1
    bounds = np.concatenate([[0.0], columns.within])[starts]
    low, high = bounds[block], bounds[block + 1]
    column = np.searchsorted(columns.within, low + stream.uniform(count) * (high - low), side="right")
    return row, np.clip(column, starts[block], starts[block + 1] - 1)


def _across(rows: _Ends, columns: _Ends, count: int, stream: Stream) -> tuple[Ints, Ints]:
    column = np.searchsorted(columns.across, stream.uniform(count) * columns.across[-1], side="right")
    return _stratified(rows.across, count, stream), np.minimum(column, columns.across.size - 1)


def _stratified(cumulative: Floats, count: int, stream: Stream) -> Ints:
    """Draw `count` nodes in proportion to their ends, one from each of `count` equal strata: ascending, and fast to find."""
    place = (np.arange(count) + stream.uniform(count)) / count * cumulative[-1]
    found: Ints = np.searchsorted(cumulative, place, side="right")
    return np.minimum(found, cumulative.size - 1)


def _anyone(nodes: int, count: int, stream: Stream) -> Ints:
    return (stream.uniform(count) * nodes).astype(np.int64)
