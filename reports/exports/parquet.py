"""Writes a row for each case as a Parquet file, with the types of its columns."""

from __future__ import annotations

from rsc_bench.files import MARK
from rsc_bench.harness.metrics import Metric
from rsc_bench.reports.exports import Export, whether_installed
from rsc_bench.reports.numbers.results import Results
from rsc_bench.reports.numbers.tidy import tidy


def render(results: Results, metrics: tuple[Metric, ...]) -> bytes:
    """Return the file."""
    frame = tidy(results.table, metrics)
    frame.attrs["origin"] = MARK  # kept in the file, and read back into the same place
    return bytes(frame.to_parquet(index=False, engine="pyarrow"))


EXPORT = Export(
    "parquet", "A row for each case with the types of its columns, for pandas, polars or DuckDB.", ".parquet", render,
    missing=whether_installed("pyarrow"),
)  # fmt: skip
