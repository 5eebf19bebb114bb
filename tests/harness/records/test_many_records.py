"""What a large file costs: no more memory than what is made of it, and time in proportion."""

import tracemalloc

import pytest

pytest.importorskip("pandas", reason="the page needs pandas: pip install pandas")
pytest.importorskip("plotly", reason="the page needs plotly: pip install plotly")

from large_results import large

from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.records import file, lines
from rsc_bench.harness.records.file import scan
from rsc_bench.reports.tables import table as tables
from rsc_bench.reports.tables.table import read_files, read_table

RECORDS = 2000


def peak_bytes(act):
    tracemalloc.start()
    act()
    try:
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return large(tmp_path_factory.mktemp("large") / "run.jsonl", RECORDS, rounds=1)


def test_going_through_a_file_keeps_one_of_its_records(path):
    def act():
        with scan(path) as stored:
            assert sum(1 for _ in stored.entries()) > RECORDS

    assert path.stat().st_size > 2e6
    assert peak_bytes(act) < 2e5


def test_comparing_two_files_keeps_four_kilobytes_of_a_case(path):
    def act():
        with scan(path) as base, scan(path) as new:
            assert compare(base, new).in_both > RECORDS

    act()  # what is loaded only once
    assert peak_bytes(act) < 4000 * RECORDS


@pytest.mark.parametrize(("whole_bytes", "times"), [(1 << 30, 1), (0, 2)])
def test_a_file_that_is_not_large_is_decoded_once_for_a_table(path, monkeypatch, whole_bytes, times):
    decoded = []
    monkeypatch.setattr(tables, "WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(file, "decode", lambda line: decoded.append(line) or lines.decode(line))
    table = read_files([path])
    assert len(table.cases) > RECORDS
    assert len(decoded) == times * (path.read_bytes().count(b"\n") - 1) + 1, "its head is decoded once"


def test_a_table_keeps_two_kilobytes_of_a_case(path):
    def act():
        with scan(path) as run:
            assert len(read_table([run]).cases) > RECORDS

    act()
    assert peak_bytes(act) < 2000 * RECORDS
