"""The runs that a command reads: results files, all in a folder, or files and folders of pytest-benchmark's JSON, each a round."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.text import bench

if TYPE_CHECKING:
    from rsc_bench.harness.records.run import Records


@contextlib.contextmanager
def opened(paths: Sequence[Path]) -> Iterator[Records]:
    """Open a run: one results file, which need not fit in memory, or what of pytest-benchmark is its rounds."""
    from rsc_bench.harness.records.file import scan
    from rsc_bench.harness.records.pytest_benchmark.importing import gather, is_json

    if len(paths) > 1 or is_json(paths[0]):
        yield gather(paths)
        return
    with scan(paths[0]) as stored:
        yield stored


def stored_in(folder: Path) -> list[Path]:
    """Return the results files in a folder, by name; those in folders of it and hidden ones are left out."""
    return sorted(path for path in folder.glob("*.jsonl") if not path.name.startswith("."))


def named_by(given: Sequence[Path]) -> list[Path]:
    """Return the results files that paths name, each path a file or a folder of them; raises one line for an empty folder.

    A file that is named stands as often as it is named; one that is also in a folder is not taken from there.
    """
    found = [path for path in given if not path.is_dir()]
    for folder in (path for path in given if path.is_dir()):
        inside = stored_in(folder)
        if not inside:
            raise no_results(folder)
        found += [path for path in inside if path not in found]
    return found


def no_results(folder: Path, without: int = 0) -> click.ClickException:
    """Return the line that says what makes results where a folder has none, but for so many files that are without a record."""
    those = f" with a record ({without} without)" if without else ""
    return click.ClickException(f"no results file{those} in {folder}/: `{bench()}` makes one")


@dataclass(frozen=True)
class Named:
    """What the options of `compare` say of the files that are compared."""

    bases: Sequence[Path]
    """Of ``--base-round``."""
    news: Sequence[Path]
    """Of ``--new-round``."""
    kernel: str | None
    """The one that is judged within a single file, ``against`` another one; None: two sides are compared."""
    against: str | None


def the_sides(given: Sequence[Path], named: Named) -> tuple[Sequence[Path], Sequence[Path]]:
    """Return what base and new consist of, the same file for two kernels of one; raises one line where that is not said."""
    every = [*given, *named.bases, *named.news]
    if (named.kernel is None) != (named.against is None):
        raise click.ClickException("--kernel and --against go together, for two kernels of one file: give both, or none of them")
    if named.kernel is not None:
        if len(every) != 1 or not given:
            raise click.ClickException(f"--kernel and --against are of one file (got {len(every)}): give one BASE alone")
        return given, given
    if named.bases and named.news and not given:
        return named.bases, named.news
    if len(given) == len(every) == 2:
        return given[:1], given[1:]
    raise click.UsageError(_what_is_missing(given, named))


def _what_is_missing(given: Sequence[Path], named: Named) -> str:
    if given and (named.bases or named.news):
        return "BASE and NEW are given as such, or each file by --base-round and --new-round: leave one of the two out"
    if named.bases or named.news:
        return f"Missing option '--{'new' if named.bases else 'base'}-round': give both sides a file at least"
    if len(given) > 2:
        return f"two results files are compared (got {len(given)} files): name those of a side by --base-round or --new-round"
    return f"Missing argument '{'NEW' if given else 'BASE'}': give two results files, or one with --kernel and --against"
