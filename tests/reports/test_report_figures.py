import pytest
from synthetic_results import Sweep, case, ok, sweep, write_results
from synthetic_trainings import Trainings, trainings

from harness.plugins import load
from harness.results import read
from reports.figures import Figure
from reports.panels import BEHIND, FASTEST
from reports.table import read_table
from reports.theme import colours

FIGURES = load("reports.figures", "FIGURE")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    records = [*sweep(Sweep(rounds=1))[0], *trainings(Trainings(models=("gcn",), seeds=2))]
    path = write_results(tmp_path_factory.mktemp("results") / "run.jsonl", [records])
    return read_table([read(path)])


def figure_of(tmp_path, name, records):
    return FIGURES[name].draw(read_table([read(write_results(tmp_path / "run.jsonl", [records]))]))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_it_is_and_draws(name, table):
    figure = FIGURES[name]
    assert isinstance(figure, Figure)
    assert figure.title
    assert figure.caption.endswith(".")
    assert len(figure.draw(table).data) > 0


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_left_out_where_there_is_nothing_to_draw(name, tmp_path):
    assert figure_of(tmp_path, name, []) is None
    (tmp_path / "run.jsonl").unlink()
    assert figure_of(tmp_path, name, [ok(case("mkl", model="gcn", suite="training"), 3)]) is None


def test_error_against_speedup_is_one_line_a_kernel_with_its_budgets_on_it(tmp_path):
    sampled = [ok(case("topk(mkl)", budget, width=8), 20 * budget, rel_error=1 - budget) for budget in (0.5, 0.1)]
    (line,) = figure_of(tmp_path, "error_speedup", [ok(case("mkl", width=8), 20), *sampled]).data
    assert line.text == ("0.1", "0.5")
    assert line.x == pytest.approx((0.9, 0.5))
    assert line.y == pytest.approx((10, 2))


def test_the_first_panel_stands_each_selection_before_its_fastest_exact_kernel(table):
    figure = FIGURES["error_speedup"].draw(table)
    where = figure.layout.meta["panels"][0]["where"]
    assert (where[BEHIND], where["width"]) == (FASTEST, "256")
    kernels = [trace.name for trace in figure.data]
    assert kernels == ["cached_topk(rows_numba)", "importance(rows_numba)", "random(rows_numba)", "topk(rows_numba)"]


def test_speedup_against_budget_has_the_ideal_line_in_every_panel(table):
    figure = FIGURES["speedup_budget"].draw(table)
    assert figure.data[0].name == "ideal 1/C"
    assert figure.data[0].y == pytest.approx((20, 10, 5, 2))  # 1/C at 0.05, 0.1, 0.2, 0.5
    assert {panel["traces"][0] for panel in figure.layout.meta["panels"]} == {0}


def test_a_call_is_split_into_its_multiply_and_the_rest(tmp_path):
    held = {"multiply_s": [0.002], "select_s": [0.01]}
    records = [ok(case("mkl"), 20), ok(case("rows_numba"), 16), ok(case("topk(mkl)", 0.1), 5, **held)]
    multiply, select = figure_of(tmp_path, "select_multiply", records).data
    assert multiply.y == ("rows_numba", "topk(mkl)")  # the fastest exact kernel, and only that one, stands beside it
    assert multiply.x == pytest.approx((16, 2))
    assert select.x == pytest.approx((0, 3))


def test_exact_kernels_are_multiples_of_the_fastest(tmp_path):
    figure = figure_of(tmp_path, "exact_kernels", [ok(case("mkl"), 20), ok(case("rows_numba"), 10)])
    assert {trace.name: trace.x for trace in figure.data} == {"mkl": (2,), "rows_numba": (1,)}


def test_many_graphs_choose_their_width_apart(tmp_path):
    graphs = [f"graph{place}" for place in range(16)]
    records = [ok(case(kernel, None, graph, width), 9) for kernel in ("mkl", "mine") for graph in graphs for width in (64, 256)]
    figure = figure_of(tmp_path, "exact_kernels", records)
    assert [panel["where"]["width"] for panel in figure.layout.meta["panels"]] == ["64", "256"]
    assert len(figure.data[0].x) == 16


def test_a_kernel_has_one_colour_in_all_figures(table):
    palette = colours(table.kernels)
    for name in ("error_speedup", "speedup_budget", "exact_kernels"):
        for trace in FIGURES[name].draw(table).data:
            assert trace.name == "ideal 1/C" or trace.marker.color == palette[trace.name]


def test_colours_tell_selections_and_exact_kernels_apart():
    palette = colours(["mkl", "rows_numba", "topk(mkl)", "topk(rows_numba)", "random(mkl)"])
    assert palette["topk(mkl)"] == palette["topk(rows_numba)"]
    assert len({*palette.values()}) == 4
