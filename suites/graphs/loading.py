"""Turns the name of a graph, or the path of a graph file, into the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rsc_bench import plugins
from rsc_bench.harness.machine import memory as main_memory
from rsc_bench.suites.graphs import files, reordering
from rsc_bench.suites.graphs.cache import Cache
from rsc_bench.suites.graphs.files import file_of, stamp
from rsc_bench.suites.graphs.graph import Graph, GraphError
from rsc_bench.suites.graphs.kept import graphs as kept
from rsc_bench.suites.graphs.kept import tensors
from rsc_bench.text import nearest, nearest_is

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from rsc_bench.suites.graphs.kept.folder import Folder
    from rsc_bench.suites.graphs.source import Source

KEPT_PART = 4
"""Graphs stay in memory between calls up to one part in so many of what is free but for them.

A round visits every graph, and a large twin takes minutes to make. What products make of a graph is twice its size again.
"""
KEPT_BYTES = 1 << 30
"""The same where it is not known what is free."""
KEPT_ORDERS = 16
"""Permutations that stay in memory."""


class GraphStore:
    """Loads graphs and keeps them while there is room (`KEPT_PART`), so that loading one again is free."""

    def __init__(
        self,
        free_bytes: Callable[[], int | None] = main_memory.free_bytes,
        unknown_bytes: int = KEPT_BYTES,
        on_disk: bool = True,
    ) -> None:
        """Begin with nothing.

        Args:
            free_bytes: reads how much main memory is free; None where the machine does not say.
            unknown_bytes: what graphs may take together where it does not.
            on_disk: whether graphs of earlier runs come from the cache on disk (see `rsc_bench.caches`), and others go into it.
        """
        self._free_bytes, self._unknown_bytes, self._on_disk = free_bytes, unknown_bytes, on_disk
        self._graphs = Cache(Graph.memory_bytes, self._most_bytes)
        # A permutation is small, and can take minutes to find: it is kept for more rounds than its graph is.
        self._orders: Cache[torch.Tensor] = Cache(lambda _: 1, lambda _: KEPT_ORDERS)

    def load(self, name: str | Path, data_root: str | Path | None = None, reorder: str | None = None) -> Graph:
        """Return the graph of a name or path, see `load`."""
        root = None if data_root is None else Path(data_root)
        key = (str(name), root, _stamps(str(name), root))
        if reorder is None:
            return self._graphs.get(key, lambda: _made(str(name), root, self._on_disk))
        return self._graphs.get((reorder, *key), lambda: self._reordered(reorder, str(name), root))

    @property
    def disk(self) -> Folder | None:
        """Where graphs, and what is made of them, are kept on disk; None where they are not."""
        return kept.usual() if self._on_disk else None

    def tell(self, take: Callable[[str], object]) -> None:
        """Have what takes long said to `take`, a line each: that another process makes a graph, and this one waits for it."""
        if self.disk is not None:
            self.disk.tell = take

    @property
    def trouble(self) -> str | None:
        """Why a graph was not kept on disk; None where all were that may be."""
        return self.disk.trouble if self.disk else None

    def keep_last(self) -> None:
        """Drop every graph but the one that was loaded last."""
        self._graphs.keep_last()

    def _reordered(self, reorder: str, name: str, root: Path | None) -> Graph:
        graph = self.load(name, root)
        order = self._orders.get((reorder, name, root, _stamps(name, root)), lambda: self._order(graph, reorder))
        return reordering.reordered(graph, order)

    def _order(self, graph: Graph, reorder: str) -> torch.Tensor:
        recipe = tensors.Recipe(
            name=f"order {reorder}",
            make=lambda: {"order": reordering.order_of(graph, reorder)},
            code=reordering.code_of(reorder),
            whole=True,
        )
        found = tensors.kept(self.disk, graph, recipe)["order"]
        assert found is not None
        return found

    def _most_bytes(self, taken: int) -> int:
        free = self._free_bytes()
        return self._unknown_bytes if free is None else (free + taken) // KEPT_PART


_STORE = GraphStore()
"""What `load` keeps for this process; a run of the suites has a store of its own."""


def load(name: str | Path, data_root: str | Path | None = None, reorder: str | None = None) -> Graph:
    """Return the graph of a name or path; graphs are kept while there is room (`KEPT_PART`), so that loading one again is free.

    Args:
        name: a known name, with ``@scale`` where the source scales (``twin:reddit2@0.05``), or the path of a graph file.
        data_root: folder in which published graphs lie, or into which they are downloaded; None: ``data``.
        reorder: name of the order that its nodes are put in; None: the source's own.

    Raises `GraphError` where the graph is not known, cannot be read or is not available on this machine.
    """
    return _STORE.load(name, data_root, reorder)


def check(name: str | Path, data_root: str | Path | None = None, on_disk: bool = True) -> str:
    """Return the name that the records of a graph keep; raises `GraphError` as `load` does, mostly without making the graph.

    With `on_disk`, what is in the cache is known to be right.
    """
    source, root = _usable(str(name)), None if data_root is None else Path(data_root)
    key = kept.key_of(source, str(name), root) if on_disk else None
    known = None if key is None else kept.name_of(kept.usual(), key)
    if known is not None:
        return known
    recorded: str = source.answer("check", str, source.check(str(name), root))
    return recorded


def nodes(name: str | Path, data_root: str | Path | None = None, on_disk: bool = True) -> int | None:
    """Return how many nodes a graph has, without making it; None where that is known only when it is made.

    Raises `GraphError` as `check` does. With `on_disk`, what is in the cache is known to be right.
    """
    source, root = _usable(str(name)), None if data_root is None else Path(data_root)
    key = kept.key_of(source, str(name), root) if on_disk else None
    known = None if key is None else kept.nodes_of(kept.usual(), key)
    if known is None:
        known = source.answer("nodes", int | None, source.nodes(str(name), root))
    return known


def names() -> list[str]:
    """Return the names of all graphs that are no files."""
    return [name for source in _sources().values() for name in source.names]


def at_hand(name: str, data_root: str | Path | None = None) -> bool:
    """Return whether the files of a published graph are there, and nothing has to be downloaded for it."""
    found = kept.contents(_source_of(name), name, None if data_root is None else Path(data_root))
    return bool(found) and all(path.exists() for path in found or ())


def is_file(name: str) -> bool:
    """Return whether a name is that of a graph file, which is read in a moment: all other graphs are made or downloaded."""
    return _source_of(name) is files.SOURCE


def _stamps(name: str, root: Path | None) -> tuple[object, ...]:
    """What changes when a file of a graph changes, so that a graph that is kept in memory is never that of an older file."""
    source = _source_of(name)
    files = kept.contents(source, name, root)
    return tuple(stamp(path) for path in ([file_of(name)] if files is None else files))


def _made(name: str, data_root: Path | None, on_disk: bool) -> Graph:
    source = _usable(name)

    def make() -> Graph:
        graph: Graph = source.answer("load", Graph, source.load(name, data_root))
        return graph

    if not on_disk:
        return make()
    return kept.kept(kept.usual(), lambda: kept.key_of(source, name, data_root), make, kept.turn_of(source, name, data_root))


def _usable(name: str) -> Source:
    source = _source_of(name)
    reason = source.why_not()
    if reason is not None:
        raise GraphError(f"graph {name!r} cannot be loaded: {reason}")
    return source


def _sources() -> plugins.Plugins:
    return plugins.load("source")


def _source_of(name: str) -> Source:
    found: list[Source] = list(_sources().values())
    base, mark, scale = name.partition("@")
    for source in found:
        if base in source.names and mark and not source.scales:
            raise GraphError(f"graph {name!r}: is of a fixed size: leave out @{scale}")
        if base in source.names:
            return source
    claiming = [source for source in found if source.claims is not None and source.claims(name)]
    if len(claiming) > 1:
        names = ", ".join(source.name for source in claiming)
        raise GraphError(f"graph {name!r}: must be of one source (got {names}): let yours claim names like `mine://NAME`")
    if claiming:
        return claiming[0]
    raise GraphError(_not_known(name, base, [known for source in found for known in source.names]))


def _not_known(name: str, base: str, known: list[str]) -> str:
    near = nearest(base, known, cutoff=0.5)
    if len(near) < len(known):
        return f"graph {name!r} is not known: {nearest_is(near)}"
    return f"graph {name!r} is not known: give the path of a graph file or one of {', '.join(known)}"
