import base64
import json
import zlib

import pytest

pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

import pandas as pd
from plotly.graph_objects import Figure as Plain

from rsc_bench.reports.drawing.stored import MOST_LETTERS, embedded, packed, rounded, rounded_all, stored


def test_a_figure_that_is_not_made_of_panels_is_one_panel():
    plain = stored(Plain([{"type": "bar", "x": [1.23456, float("nan")], "y": [1, 2], "name": "&lt;b&gt;"}]))
    assert plain["panels"] == [{"where": {}, "height": None, "traces": [0]}]
    assert plain["traces"] == [{"x": [1.235, None], "y": [1, 2], "style": 0}]
    assert plain["styles"] == [{"type": "bar", "name": "&lt;b&gt;"}]


@pytest.mark.parametrize(("value", "kept"), [(0.123456, 0.1235), (12.0, 12), (123456.7, 123457), (1.23456e-7, 1.235e-7), (0.0, 0)])
def test_numbers_keep_four_digits(value, kept):
    assert rounded(value) == kept


def test_nothing_that_is_embedded_can_end_its_script_element():
    assert embedded({"graph": "</script><b>&"}) == '{"graph":"\\u003c/script\\u003e\\u003cb\\u003e\\u0026"}'


def test_long_json_is_packed_and_is_the_same_when_unpacked():
    text = embedded({"x": [0.1234] * MOST_LETTERS})
    assert json.loads(zlib.decompress(base64.b64decode(packed(text)))) == json.loads(text)
    assert packed(text[: MOST_LETTERS - 1]) is None


def test_a_column_is_rounded_as_each_of_its_numbers_is():
    values = [0.123456, 12.0, 123456.7, 1.23456e-7, 0.0, 1e25, None, 12.0]
    found = rounded_all(pd.Series(values))
    assert found == [None if value is None else rounded(value) for value in values]
    assert [type(each) for each in found] == [float, int, int, float, int, int, type(None), int]
