import pytest

pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

from plotly.graph_objects import Figure as Plain

from rsc_bench.reports.drawing.stored import embedded, rounded, stored


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
