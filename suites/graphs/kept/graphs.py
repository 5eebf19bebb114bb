"""Turns a graph into an entry of the cache on disk and back, features, labels, split and digests included."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from rsc_bench import caches
from rsc_bench.kernels import Csr
from rsc_bench.suites.graphs.graph import Facts, Graph, GraphError, Masks, Reading, nothing
from rsc_bench.suites.graphs.kept import versions
from rsc_bench.suites.graphs.kept.folder import DamagedError, Entry, Folder, Found, Key

if TYPE_CHECKING:
    import torch

    from rsc_bench.suites.graphs.source import Source

_MASKS = ("train", "val", "test")
_APART = ("adjacency", "make_features", "make_labels", "make_masks", "order")
"""Fields of a graph that are arrays, or make them; all others are plain values, and stand in the entry as they are."""


def usual() -> Folder:
    """Return the cache of this user, see `rsc_bench.caches`; the same one each time, so that its trouble is said once."""
    return _at(caches.graphs())


@cache
def _at(path: Path) -> Folder:
    return Folder(path, caches.most_bytes)


def contents(source: Source, name: str, data_root: Path | None) -> Sequence[Path] | None:
    """Return the files that the graph of a name is made of; None where its source does not say."""
    if source.contents is None:
        return None
    files: Sequence[Path] | None = source.answer("contents", Sequence[Path] | None, source.contents(name, data_root))
    return files


def key_of(source: Source, name: str, data_root: Path | None) -> Key | None:
    """Return what the graph of a name depends on; None where that is not known, or its files are not there (yet)."""
    files = contents(source, name, data_root)
    if files is None:
        return None
    digests = versions.Digests(caches.folder() / "files.json")
    try:
        found = [[path.name, digests.of(path)] for path in files]
    except OSError:
        return None
    depends = {"code": versions.of_code(source.load), "packages": versions.of_packages(), "files": found}
    return Key(Path(name).name, depends)


def turn_of(source: Source, name: str, data_root: Path | None) -> Key | None:
    """Return what processes that need the graph of a name have in common, also before its files are there; None: it is not kept."""
    files = contents(source, name, data_root)
    if files is None:
        return None
    # Which files there are may change while they are downloaded.
    places = [str(Path.cwd()), str(data_root)] if files else []
    depends = {"code": versions.of_code(source.load), "packages": versions.of_packages(), "asked": name, "places": places}
    return Key(Path(name).name, depends)


def kept(folder: Folder, key: Callable[[], Key | None], make: Callable[[], Graph], turn: Key | None = None) -> Graph:
    """Return a graph from the cache; where it is not there, made and then kept.

    Args:
        folder: the cache.
        key: reads what the graph depends on; once before it is made and once after, for it may be downloaded, or change meanwhile.
        make: makes the graph.
        turn: what other processes that make the same have in common with this one; None: they do not wait for each other.
    """
    found = _found(folder, key(), make)
    if found is not None:
        return found
    with contextlib.nullcontext() if turn is None else folder.turn(turn):
        return _found(folder, before := key(), make) or _made(folder, before, key, make)


def _found(folder: Folder, key: Key | None, make: Callable[[], Graph]) -> Graph | None:
    return None if key is None else _read(folder, key, make)


def _made(folder: Folder, before: Key | None, key: Callable[[], Key | None], make: Callable[[], Graph]) -> Graph:
    graph = make()
    after = key()
    if after is None or before not in (None, after) or graph.order is not None or graph.adjacency.scaling is not None:
        return graph
    folder.put(after, _entry(graph))
    # As the next process finds it: of the graph that was made, the features would stay in memory.
    return _read(folder, after, make) or graph


def name_of(folder: Folder, key: Key) -> str | None:
    """Return the name of a graph that is in the cache, which says that it can be loaded; None where it is not."""
    found = folder.find(key)
    return None if found is None else str(found.facts["name"])


def nodes_of(folder: Folder, key: Key) -> int | None:
    """Return how many nodes a graph has that is in the cache; None where it is not."""
    found = folder.find(key)
    return None if found is None else int(found.facts["shape"][0])


def _entry(graph: Graph) -> Entry:
    matrix, masks = graph.adjacency, graph.masks
    parts = {"rowptr": matrix.rowptr, "col": matrix.col, "value": matrix.entries, "features": graph.features}
    parts |= {"labels": graph.labels} | {name: getattr(masks, name) for name in _MASKS}
    arrays = {name: part.cpu().contiguous().numpy() for name, part in parts.items() if part is not None}
    plain = {field.name: getattr(graph, field.name) for field in fields(Graph) if field.name not in _APART}
    plain["reading"] = None if graph.reading is None else asdict(graph.reading)
    known = {"facts": asdict(graph.facts), "digest": graph.digest, "task_digest": graph.task_digest}
    return Entry({**plain, "matrix": matrix.name, "shape": list(matrix.shape), "known": known}, arrays)


def _read(folder: Folder, key: Key, make: Callable[[], Graph]) -> Graph | None:
    found = folder.find(key)
    if found is None:
        return None
    try:
        return _Stored(found, folder, key, make).graph()
    except (DamagedError, GraphError, LookupError, TypeError, ValueError):
        folder.drop(key)
        return None


@dataclass(frozen=True, eq=False)
class _Stored:
    """A graph's entry, and how the graph is made again where a part of it turns out to be damaged."""

    found: Found
    folder: Folder
    key: Key
    make: Callable[[], Graph]

    def graph(self) -> Graph:
        """Return the graph; its adjacency is checked now, the rest when it is first used."""
        facts = dict(self.found.facts)
        known, (rows, columns), name = facts.pop("known"), facts.pop("shape"), facts.pop("matrix")
        facts["reading"] = reading = None if facts["reading"] is None else Reading(**facts["reading"])
        known["facts"] = Facts(**known["facts"] | {"reading": reading})
        # In memory of their own: kernels multiply by them, and what is mapped may be slower to read, and leave memory any time.
        rowptr, col = self._tensor("rowptr").clone(), self._tensor("col").clone()
        value = self._tensor("value").clone() if "value" in self.found else None
        graph = Graph(
            **facts,
            adjacency=Csr(rowptr, col, value, (rows, columns), name),
            make_features=self._maker("features", lambda again: again.features),
            make_labels=self._maker("labels", lambda again: again.labels),
            make_masks=self._masks,
        )
        vars(graph).update(known)  # as if they had been worked out, which takes longer than all the rest
        return graph

    def _masks(self) -> Masks:
        try:
            return Masks(*(self._tensor(name) for name in _MASKS))
        except DamagedError:
            return self._again.masks

    def _maker(self, name: str, of: Callable[[Graph], torch.Tensor | None]) -> Callable[[], torch.Tensor | None]:
        return partial(self._part, name, of) if name in self.found else nothing

    def _part(self, name: str, of: Callable[[Graph], torch.Tensor | None]) -> torch.Tensor | None:
        try:
            return self._tensor(name)
        except DamagedError:
            return of(self._again)

    @cached_property
    def _again(self) -> Graph:
        self.folder.drop(self.key)
        return self.make()

    def _tensor(self, name: str) -> torch.Tensor:
        import torch

        return torch.from_numpy(self.found.array(name))
