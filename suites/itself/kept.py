"""Makes a graph from nothing, or reads it again from a cache on disk of its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from rsc_bench import caches
from rsc_bench.harness.measure.memory import process as memory
from rsc_bench.harness.measure.sampling import Limits, sample
from rsc_bench.harness.measure.work import Skip
from rsc_bench.suites.graphs import Graph, GraphStore
from rsc_bench.suites.graphs.kept.folder import HEAD
from rsc_bench.suites.itself.sweep import HarnessSetting, Observed

READ, READ_QUICKLY = Limits(time_s=2.0, fewest=3, most=20), Limits(time_s=0.0, fewest=1)
"""Samples of what is read again: some, for it takes moments. What is made is made once in a round."""


def observe(setting: HarnessSetting, place: Path, data_root: Path | None = None) -> Observed:
    """Return what was observed of a graph; raises `Skip` where it cannot be done here.

    Args:
        setting: what is done.
        place: a folder of its own: what one case has made there the next one finds.
        data_root: folder of published graphs.
    """
    start, made = perf_counter(), setting.task == "graph_made"
    with _cache(place / "graphs", empty=made):
        if not made:
            load(setting, data_root)  # keeps it, where no case before has
            _check_kept()
        taken = Taken(lambda: load(setting, data_root))
        prepare_s = perf_counter() - start
        times_s = [taken()] if made else sample(taken, READ_QUICKLY if setting.quick else READ)[0]
    graph = taken.result
    assert graph is not None
    return Observed(
        times_s=times_s,
        prepare_s=prepare_s,
        peak_bytes=taken.peak_bytes,
        nnz=graph.edges,
        nodes=graph.nodes,
        contents=contents(graph) if setting.quick else None,
    )


def load(setting: HarnessSetting, data_root: Path | None = None, on_disk: bool = True) -> Graph:
    """Return the graph, from disk where it is kept there and may be; nothing stays in memory for the next call."""
    return GraphStore(on_disk=on_disk).load(setting.graph, data_root)


def contents(graph: Graph) -> str:
    """Return a digest of the adjacency, worked out from all that is in it."""
    matrix, digest = graph.adjacency, hashlib.blake2b(digest_size=8)
    for tensor in (matrix.rowptr, matrix.col, matrix.values64()):
        digest.update(tensor.numpy().data)
    return digest.hexdigest()


class Taken:
    """Times a call again and again, and its memory with it."""

    def __init__(self, call: Callable[[], Graph]) -> None:
        self._call = call
        self.result: Graph | None = None
        self.peak_bytes: int | None = None

    def __call__(self) -> float:
        """Return the seconds of a call; what the one before gave is let go first, so that there are never two."""
        self.result = None
        (self.result, seconds), peak = memory.peak_of(self._timed)
        self.peak_bytes = None if peak is None else max(peak, self.peak_bytes or 0)
        return seconds

    def _timed(self) -> tuple[Graph, float]:
        start = perf_counter()
        return self._call(), perf_counter() - start


@contextlib.contextmanager
def _cache(place: Path, empty: bool) -> Iterator[None]:
    """Let all that is kept on disk be kept in a folder, emptied first or as it was left."""
    if empty:
        shutil.rmtree(place, ignore_errors=True)
    before = os.environ.get(caches.PLACE)
    os.environ[caches.PLACE] = str(place)
    try:
        yield
    finally:
        if before is None:
            del os.environ[caches.PLACE]
        else:
            os.environ[caches.PLACE] = before


def _check_kept() -> None:
    """Raise `Skip` where nothing is kept, so that it would be made again and again."""
    if not any(caches.graphs().glob(f"*/{HEAD}")):
        why = GraphStore().trouble or f"it is small, its source does not say what it is made of, or {caches.SIZE} is 0"
        raise Skip(f"it is not kept on disk, so it cannot be read from there: {why}")
