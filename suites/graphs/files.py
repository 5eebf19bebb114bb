"""Reads a graph from a file by its path, in whichever of the formats of ``suites/graphs/formats`` it is."""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rsc_bench import plugins
from rsc_bench.suites.graphs.formats.limits import check_zip, cut
from rsc_bench.suites.graphs.graph import Graph, GraphError
from rsc_bench.suites.graphs.parts import Parts, to_graph
from rsc_bench.suites.graphs.source import Source
from rsc_bench.text import call, escaped

if TYPE_CHECKING:
    from rsc_bench.suites.graphs.formats import Format

MOST_LOOKED_AT = 64
"""Files of which a process remembers what it has found: the checks before a run ask for each several times."""
Stamps = tuple[tuple[Path, int, int, int] | None, ...]


def load(name: str, data_root: Path | None = None) -> Graph:  # noqa: ARG001
    """Return the graph in a file; the path may end in ``#option`` where the format has an option."""
    path, option = _split(name)
    _check_file(path)
    found = _format(path)
    if option is not None and found.option is None:
        raise GraphError(f"{path}: a {found.name} file takes no option behind # (got {option!r}): leave it out")
    stem = path.name[: -len(_suffix(found, path))]
    parts = found.answer("read", Parts, found.read(path, option))
    return to_graph(parts, path, escaped(stem if option is None else f"{stem}#{option}"))


def check(name: str, data_root: Path | None = None) -> str:  # noqa: ARG001
    """Return the name of the graph in a file; reads the file, so that a bad one stops a run before it starts."""
    return _looked_at(name, _stamps(name))[0]


def nodes(name: str, data_root: Path | None = None) -> int:  # noqa: ARG001
    """Return how many nodes the graph in a file has; reads the file where `check` has not."""
    return _looked_at(name, _stamps(name))[1]


@lru_cache(maxsize=MOST_LOOKED_AT)
def _looked_at(name: str, stamps: Stamps) -> tuple[str, int]:  # noqa: ARG001  (a file that changed is read anew)
    graph = load(name)
    return graph.name, graph.nodes


def _stamps(name: str) -> Stamps:
    """What changes when a file of a graph does."""
    return tuple(map(stamp, contents(name) or [file_of(name)]))


def stamp(path: Path) -> tuple[Path, int, int, int] | None:
    """Return what changes when a file is written; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return path, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def contents(name: str, data_root: Path | None = None) -> list[Path] | None:  # noqa: ARG001
    """Return the files that a graph is read from, with those beside an edge list; None where only a format of the user knows."""
    path = file_of(name)
    _check_file(path)
    if not _format(path).read.__module__.startswith("rsc_bench."):
        return None
    if path.suffix.lower() != ".csv":
        return [path]
    prefix = f"{path.stem.removesuffix('_edges')}_"
    beside = (each for each in path.parent.iterdir() if each.name.startswith(prefix) and each.name != path.name)
    return [path, *sorted(each for each in beside if each.is_file())]


def claims(name: str) -> bool:
    """Return whether a name is meant as a path: it exists, it has folders, or it ends as a graph file does."""
    path = file_of(name)
    # A name with a scheme, "s3://...", has folders too, and is left to the source that knows it.
    return "://" not in name and (path.exists() or len(path.parts) > 1 or path.name.lower().endswith(_suffixes()))


def file_of(name: str) -> Path:
    """Return where the file of a graph lies: its name without the ``#option`` of its format."""
    return _split(name)[0]


def _split(name: str) -> tuple[Path, str | None]:
    base, mark, option = name.rpartition("#")
    return (Path(base), option) if mark and not Path(name).exists() else (Path(name), None)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise GraphError(f"{path}: a graph must be a file (this is a folder): give one of the files in it")
    if not path.is_file():
        raise GraphError(f"{path}: no such file: check the path of the graph, or see `{call('list')}` for known names")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise GraphError(f"{path}: cannot be read ({error.strerror}): check its permissions") from error
    if empty:
        raise GraphError(f"{path}: a graph file must hold a graph (this one is empty): get the file anew")


def _format(path: Path) -> Format:
    """The format of a file: by its ending, and by its contents where two formats share one."""
    fitting = [known for known in _formats() if path.name.lower().endswith(tuple(known.suffixes))]
    if not fitting:
        raise GraphError(
            f"{path}: a graph file must end in {', '.join(_suffixes())} (got {path.suffix!r}): convert it to one of them"
        )
    claiming = [known for known in fitting if known.claims(path)]
    if len(claiming) > 1:
        names = ", ".join(known.name for known in claiming)
        raise GraphError(f"{path}: must be of one format (got {names}): give one another suffix, or let `claims` tell them apart")
    if claiming:
        return claiming[0]
    layouts = "; or ".join(f"{known.name}: {known.summary.rstrip('.')}" for known in fitting)
    rule = f"must be in a layout that is known for {path.suffix} files{_held(path)}"
    raise GraphError(f"{path}: {rule}: write it as one of these ({layouts})")


def _held(path: Path) -> str:
    """What is in an archive that nobody knows."""
    return f" (got {cut(', '.join(check_zip(path)))})" if zipfile.is_zipfile(path) else ""


def _suffix(found: Format, path: Path) -> str:
    return max((suffix for suffix in found.suffixes if path.name.lower().endswith(suffix)), key=len)


def _suffixes() -> tuple[str, ...]:
    return tuple(sorted({suffix for known in _formats() for suffix in known.suffixes}))


def _formats() -> tuple[Format, ...]:
    return tuple(plugins.load("format").values())


SOURCE = Source(
    name="files",
    summary="Graph files by their path: Matrix Market, SciPy and attributed .npz, LINKX .mat, edge lists in CSV.",
    names=(),
    load=load,
    check=check,
    nodes=nodes,
    claims=claims,
    contents=contents,
)
