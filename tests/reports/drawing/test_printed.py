import pytest

pytest.importorskip("pandas", reason="figures need pandas: pip install pandas")
pytest.importorskip("plotly", reason="figures need plotly: pip install plotly")

from synthetic_results import case, ok, write_results

from rsc_bench.plugins import load
from rsc_bench.reports.drawing.printed import LETTERS_PT, FigureError, choices, chosen, sized
from rsc_bench.reports.tables.table import read_files


@pytest.fixture
def drawing(tmp_path):
    """Speedup against budget, at two widths: two panels."""
    records = [ok(case("mkl", width=width), 20) for width in (64, 256)]
    records += [ok(case("topk(mkl)", budget, width=width), 40 * budget) for width in (64, 256) for budget in (0.1, 0.5)]
    table = read_files([write_results(tmp_path / "run.jsonl", [records])])
    return load("figure")["speedup_budget"].draw(table.escaped())


def test_a_panel_is_chosen_by_what_the_panels_differ_in(drawing):
    assert choices(drawing) == {"width": ["256", "64"]}
    assert [chosen(drawing, where) for where in ({}, {"width": "64"}, {"width": "256"})] == [0, 1, 0]


@pytest.mark.parametrize("where", [{"width": "65"}, {"graph": "ring"}])
def test_a_panel_that_there_is_not_is_an_error_with_those_that_there_are(drawing, where):
    with pytest.raises(FigureError, match="it has width 256, 64"):
        chosen(drawing, where)


@pytest.mark.parametrize("width_in", [3.35, 7.0])
def test_letters_are_of_one_size_on_paper_however_wide_the_figure(drawing, width_in):
    drawn = sized(drawing, 0, width_in)
    inches_per_pixel = width_in / drawn.layout.width
    assert drawn.layout.template.layout.font.size * inches_per_pixel * 72 == pytest.approx(LETTERS_PT)


def test_the_panel_that_was_chosen_is_drawn(drawing):
    first, second = (sized(drawing, place, 3.35) for place in (0, 1))
    assert [trace.name for trace in first.data] == [trace.name for trace in second.data] == ["ideal 1/C", "topk(mkl)"]
    assert first.data[1].y == pytest.approx((5, 1))


def test_a_figure_that_has_no_panels_is_one():
    from plotly.graph_objects import Bar, Figure

    plain = Figure(Bar(x=["a"], y=[1]))
    assert (choices(plain), chosen(plain, {})) == ({}, 0)
    assert sized(plain, 0, 3.35).data[0].y == (1,)
    with pytest.raises(FigureError, match="one panel"):
        chosen(plain, {"width": "64"})
