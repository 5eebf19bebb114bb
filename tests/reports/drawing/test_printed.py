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


def test_what_all_panels_share_may_be_said_as_well(drawing):
    assert [chosen(drawing, where) for where in ({"graph": "ring"}, {"graph": "ring", "width": "64"})] == [0, 1]
    with pytest.raises(FigureError, match="it has no panel of graph=rung: all are of graph=ring"):
        chosen(drawing, {"graph": "rung"})


@pytest.mark.parametrize("where", [{"width": "65"}, {"grph": "ring"}])
def test_a_panel_that_there_is_not_is_an_error_with_those_that_there_are(drawing, where):
    with pytest.raises(FigureError, match=r"it has width 256, 64(; of all it is .*graph=ring, dtype=float32|$)"):
        chosen(drawing, where)


@pytest.mark.parametrize("width_in", [3.35, 7.0])
def test_letters_are_of_one_size_on_paper_however_wide_the_figure(drawing, width_in):
    drawn = sized(drawing, 0, width_in)
    inches_per_pixel = width_in / drawn.layout.width
    assert drawn.layout.template.layout.font.size * inches_per_pixel * 72 == pytest.approx(LETTERS_PT)


def of_many(names, width_in, **axis):
    """A figure with an entry in the legend for each name, as an image is made of it."""
    from plotly.graph_objects import Figure, Scatter

    traces = [Scatter(x=[1, 2], y=[1, 2], name=name, legendgroup=name) for name in names]
    return sized(Figure(traces, {"xaxis": axis, "yaxis": axis}), 0, width_in)


@pytest.mark.parametrize("width_in", [3.35, 7.0])
def test_a_long_legend_has_its_room_above_the_drawing(width_in):
    names = [f"cached_topk(kernel_{place})" for place in range(19)]
    few, many = (of_many(names[:count], width_in) for count in (2, 19))
    columns = int(many.layout.width / (50 + 7 * len(names[-1])))
    assert columns == {3.35: 1, 7.0: 4}[width_in]
    assert many.layout.height >= 2 * 19 * -(-19 // columns), "plotly gives it half of the height"
    assert many.layout.height > few.layout.height
    assert {trace.legendgroup for trace in many.data} == {None}, "entries of a group would have rows of their own"


@pytest.mark.parametrize("width_in", [3.35, 7.0])
def test_names_and_titles_go_on_in_another_line_before_they_leave_the_image(width_in):
    words = " ".join(["cached_topk(rows_numba) has paid"] * 5)
    drawn = of_many([words, "mkl"], width_in, title={"text": f"calls<br>{words}"})
    title = drawn.layout.xaxis.title.text
    assert title.startswith("calls<br>cached_topk(rows_numba) has")
    assert title.replace("<br>", " ") == f"calls {words}"
    for text, room_px in ((title, drawn.layout.width - 80), (drawn.data[0].name, drawn.layout.width - 50)):
        assert max(map(len, text.split("<br>"))) * 7 <= room_px
    assert drawn.layout.yaxis.title.text.count("<br>") >= title.count("<br>")


def test_a_trace_without_a_name_is_no_entry_of_the_legend():
    from plotly.graph_objects import Figure, Scatter

    assert sized(Figure([Scatter(x=[1], y=["a"]), Scatter(x=[2])]), 0, 3.35).layout.height == pytest.approx(0.72 * 392, abs=1)


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
