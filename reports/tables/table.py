"""Turns runs into one table: a row per case, its metrics worked out round by round and summed up over the rounds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rsc_bench.harness.compare.namesakes import Namesakes
from rsc_bench.harness.compare.trained.recommend import Recommendation, recommend
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.case import APART, GROWTH
from rsc_bench.harness.records.file import ResultsError, read, scan
from rsc_bench.harness.records.run import Records
from rsc_bench.plugins import load
from rsc_bench.reports.tables.frames import escaped, frame, identity, texts
from rsc_bench.reports.tables.gathering import Gathered, Overview, overview, unmeasured_cases
from rsc_bench.reports.tables.rows import Columns, Row, absent
from rsc_bench.reports.tables.sources import Head, Source, sources

if TYPE_CHECKING:
    import pandas as pd

# What a reader looks for first; every other metric follows in the order it was found.
LEAD = ("speedup", "speedup vs float32", "speedup vs PyG", "test metric", "metric drop", "error", "latency")

VS_FLOAT32 = "speedup vs float32"
"""Column of the speedup of other classes against the fastest exact kernel of float32."""
VENDOR = "speedup vs vendor"
"""Column of the speedup against the vendor's library."""
PYG = "speedup vs PyG"
"""Column of a training's speedup against PyTorch Geometric's own code as most people write it."""
TORCH_SPARSE = "speedup vs torch-sparse"
"""Column of the speedup against torch-sparse."""

WHOLE_BYTES = 1 << 26
"""Of a results file that is kept in memory while its table is made, in which it takes up to three times as much."""


@dataclass(frozen=True)
class Table:
    """What the page is drawn from; a new frame is made by a figure that needs other columns, this one stays as it is."""

    cases: pd.DataFrame
    """A row per measured case of a file: the fields of the case, ``selection``, ``base`` and ``cached`` of a composed kernel, its
    ``memory setting`` where some case has kept memory, ``nnz`` and ``pairs``: the non-zeros and the column-row pairs of its
    matrix, ``rounds``; for each metric its median over the rounds under its name, and ``<name> low``, ``high`` and ``against``.
    Of a training also what was trained in words, ``trained``, its ``metric name``, and ``series``: the epochs of its fastest
    training, and ``by round``: those of each round. Of a case on a GPU also ``sensed``: the readings that say most."""
    unmeasured: pd.DataFrame
    """A row per case, status and reason without a measurement; ``rounds`` is the text of the rounds it was so in."""
    metrics: tuple[Metric, ...]
    """In the order of the columns."""
    sources: tuple[Source, ...]
    """The files, in the order they were given."""
    recommendations: tuple[tuple[str, Recommendation], ...] = ()
    """What to train with by each file, and the file's name; unescaped."""
    namesakes: tuple[str, ...] = ()
    """A sentence for each name that graphs of different contents share, and what it is told apart by here; unescaped."""

    @cached_property
    def rows(self) -> list[Row]:
        """The cases, as rows."""
        columns = Columns(self.cases)
        return [Row(columns, place) for place in range(len(self.cases))]

    @cached_property
    def products(self) -> list[Row]:
        """The cases that time one product, as rows: everything but training, and but for suites that are `APART`."""
        return [row for row in self.rows if absent(row["model"]) and row["suite"] not in APART]

    @cached_property
    def growing(self) -> list[Row]:
        """The products of the suite ``growth``, as rows: over many sizes, of which each would be a panel of every other figure."""
        return [row for row in self.rows if row["suite"] == GROWTH]

    @cached_property
    def trainings(self) -> list[Row]:
        """The trainings, as rows: one a seed."""
        return [row for row in self.rows if not absent(row["model"])]

    @cached_property
    def kernels(self) -> tuple[str, ...]:
        """Every kernel named in the files, measured or not."""
        return tuple(sorted({*self.cases["kernel"].unique(), *self.unmeasured["kernel"].unique()}))

    def escaped(self) -> Table:
        """Return the table with every text safe in plotly, which reads a little HTML in labels."""
        return replace(self, cases=escaped(self.cases), unmeasured=escaped(self.unmeasured))


Refuse = Callable[[Path, ResultsError], object]
"""What is done about a file that cannot be read."""


def refused(_: Path, error: ResultsError) -> NoReturn:
    """Read none of the files where one cannot be read: raise what is wrong with it."""
    raise error


def read_table(runs: Iterable[Records], refuse: Refuse = refused) -> Table:
    """Return the table of all runs; a case that stands in two files gets a row for each.

    Each run is gone through before the next one is asked for, so that one file is open at a time. Where `refuse` returns, the table
    is that of the other runs.
    """
    gathered = Gathered(_metrics())
    gone: list[Head] = []
    overviews: list[Overview] = []
    advice = []
    for run in runs:
        try:
            found = overview(run)  # which reads all of it: nothing is gathered of a file that is damaged further down
        except ResultsError as error:
            refuse(run.path, error)
            continue
        gathered.add(run, len(gone), found)
        advice.append(recommend([found.training_run(run)]))
        gone.append(Head.of(run))
        overviews.append(found.forgotten())
    names = Namesakes(chain(gathered.cases, (case for found in overviews for case, _, _ in found.unmeasured)))
    gathered.cases = list(map(names.known, gathered.cases))
    files = sources(gone, overviews)
    by_file = tuple((source.name, _named(each, names)) for source, found in zip(files, advice, strict=True) for each in found)
    frames = frame(gathered, files), _unmeasured(overviews, files, names)
    return Table(*frames, gathered.metrics, files, by_file, names.sentences)


def read_files(paths: Iterable[Path], refuse: Refuse = refused) -> Table:
    """Return the table of results files, one of which is open at a time; raises `ResultsError` for one that cannot be read.

    Where `refuse` returns instead of raising, the table is that of the other files.
    """
    return read_table(_each(paths, refuse), refuse)


def _each(paths: Iterable[Path], refuse: Refuse) -> Iterator[Records]:
    """Every file; in memory as a whole where that is little, because decoding it twice is most of the time that it takes."""
    for path in paths:
        with contextlib.ExitStack() as open_:
            try:
                small = path.is_file() and path.stat().st_size <= WHOLE_BYTES
                run: Records = read(path) if small else open_.enter_context(scan(path))
            except ResultsError as error:
                refuse(path, error)
                continue
            yield run


def _named(recommendation: Recommendation, names: Namesakes) -> Recommendation:
    return replace(recommendation, training=names.known(recommendation.training))


def _unmeasured(overviews: Sequence[Overview], files: Sequence[Source], names: Namesakes) -> pd.DataFrame:
    import pandas as pd

    rows = [(source, *row) for source, found in zip(files, overviews, strict=True) for row in unmeasured_cases(found)]
    columns = identity([names.known(row[1]) for row in rows], [row[0] for row in rows])
    columns["status"], columns["reason"] = texts(row[2] for row in rows), texts(row[3] for row in rows)
    columns["rounds"] = texts(row[4] for row in rows)
    return pd.DataFrame(columns)


def _metrics() -> tuple[Metric, ...]:
    found = load("metric")
    names = [*(name for name in LEAD if name in found), *(name for name in found if name not in LEAD)]
    return tuple(found[name] for name in names)
