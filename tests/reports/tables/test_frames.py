from statistics import median

import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from rsc_bench.reports.tables.frames import escaped, over_rounds, texts
from rsc_bench.reports.tables.rows import Columns, Row, absent, present

ROWS = 4


@given(st.lists(st.tuples(st.integers(0, ROWS - 1), st.floats(0.1, 10) | st.just(float("nan")))))
def test_the_middle_and_the_ends_of_each_row_are_those_of_its_values(found):
    rows, values = np.array([row for row, _ in found], dtype=np.int64), np.array([value for _, value in found], dtype=float)
    middle, low, high = over_rounds(rows, values, ROWS)
    for row in range(ROWS):
        own = [value for place, value in found if place == row and not absent(value)]
        wanted = [median(own), min(own), max(own)] if own else [np.nan] * 3
        assert [middle[row], low[row], high[row]] == pytest.approx(wanted, nan_ok=True, rel=1e-15)


def test_texts_of_any_kind_of_column_are_escaped():
    frame = pd.DataFrame({"codes": texts(["<b>", None, "<b>"]), "objects": pd.Series(["<i>", 1, None], dtype=object)})
    frame["inferred"] = ["&", "x", "y"]
    safe = escaped(frame)
    assert safe["codes"].tolist()[::2] == ["&lt;b&gt;"] * 2
    assert safe["objects"].tolist()[:2] == ["&lt;i&gt;", 1]
    assert safe["inferred"].tolist() == ["&amp;", "x", "y"]
    assert frame["codes"].tolist()[0] == "<b>"


@pytest.fixture
def row():
    frame = pd.DataFrame({"kernel": texts(["a", None]), "latency": [1.5, np.nan], "rounds": [1, 2], "cached": [True, False]})
    return Row(Columns(frame), 1)


def test_a_row_has_pythons_own_values(row):
    first = Row(row._columns, 0)
    assert [(type(value), value) for value in first.values()] == [(str, "a"), (float, 1.5), (int, 1), (bool, True)]


def test_a_row_with_further_columns_leaves_the_row_as_it_is(row):
    more = row | {"relative": 2.0, "rounds": 7}
    assert (more["relative"], more["rounds"], row["rounds"]) == (2.0, 7, 2)
    assert "relative" in more
    assert "relative" not in row
    assert list(more) == ["kernel", "latency", "rounds", "cached", "relative"]
    assert dict(more | {"x": 1})["x"] == 1


def test_an_empty_cell_is_absent_whatever_its_column(row):
    assert absent(row["kernel"])
    assert not present(row, "latency")
    assert present(row, "rounds", "cached")
    with pytest.raises(KeyError):
        present(row, "none")
