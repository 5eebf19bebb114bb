import msgspec
import pytest
from synthetic_results import ENVIRONMENT, Sweep, case, ok, sweep, write_results
from synthetic_telemetry import on_gpu
from synthetic_trainings import Trainings, trainings

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.ceilings import Ceilings, Probe
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.run import Round
from rsc_bench.plugins import load
from rsc_bench.reports.drawing.panels import BEHIND, FASTEST
from rsc_bench.reports.drawing.theme import colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.page.headline import headlines
from rsc_bench.reports.tables.table import read_table

FIGURES = load("figure")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    records = [*sweep(Sweep(rounds=1))[0], *trainings(Trainings(models=("gcn",), seeds=2)), *on_gpu("twin:reddit2@0.1")]
    path = write_results(tmp_path_factory.mktemp("results") / "run.jsonl", [records])
    return read_table([read(path)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs of one machine, and one of another."""
    folder = tmp_path_factory.mktemp("runs")
    records = [*sweep(Sweep(graphs=("ring",), rounds=1))[0], *trainings(Trainings(models=("gcn",), seeds=2)), *on_gpu("ring")]
    records += [ok(case("mkl", suite="growth", width=width), width) for width in (16, 32)]
    machines = (*[ENVIRONMENT] * 3, ENVIRONMENT | {"cpu": {"model": "Another CPU"}})
    paths = [write_results(folder / f"run{place}.jsonl", [records], machine) for place, machine in enumerate(machines)]
    return read_table([read(path) for path in paths])


def figure_of(tmp_path, name, records):
    return FIGURES[name].draw(read_table([read(write_results(tmp_path / "run.jsonl", [records]))]))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_it_is_and_draws(name, runs):
    figure = FIGURES[name]
    assert isinstance(figure, Figure)
    assert figure.title
    assert figure.caption.endswith(".")
    assert len(figure.draw(runs).data) > 0


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_left_out_where_there_is_nothing_to_draw(name, tmp_path):
    assert figure_of(tmp_path, name, []) is None
    (tmp_path / "run.jsonl").unlink()
    assert figure_of(tmp_path, name, [ok(case("mkl", model="gcn", suite="training"), 3)]) is None


def test_what_grows_is_in_a_figure_of_its_own_and_changes_no_other_as_extrema_do(tmp_path):
    products = [ok(case("mkl"), 20), ok(case("topk(mkl)", 0.1), 4, select_s=[0.001], multiply_s=[0.003])]
    growing = [
        ok(case(kernel, budget, suite="growth"), 1) for kernel, budget in (("mkl", None), ("topk(mkl)", 0.1), ("mine", None))
    ]
    growing += [ok(case(kernel, suite="minmax", reduce="max"), 2) for kernel in ("torch_reduce", "dgl")]
    growing += [ok(case(kernel, suite="sddmm"), 2) for kernel in ("sddmm_torch", "sddmm_numba")]
    one, other = (
        read_table([read(write_results(tmp_path / name / "run.jsonl", [records]))])
        for name, records in (("one", products), ("both", [*products, *growing]))
    )
    for name, figure in FIGURES.items():
        drawn, beside = figure.draw(one), figure.draw(other)
        if name == "growth":
            assert (drawn, len(beside.layout.meta["panels"])) == (None, 1)
        elif drawn is not None:
            assert [trace.y for trace in drawn.data] == [trace.y for trace in beside.data], name
    assert headlines(one) == headlines(other)


def test_what_the_harness_takes_changes_no_figure_and_no_headline(tmp_path):
    products = [ok(case("mkl"), 20), ok(case("topk(mkl)", 0.1), 4, select_s=[0.001], multiply_s=[0.003])]
    itself = [ok(case(task, suite="harness"), 1, spent_s={"kernel": 8.0, "check": 2.0}) for task in ("graph_cached", "sweep")]
    one, other = (
        read_table([read(write_results(tmp_path / name / "run.jsonl", [records]))])
        for name, records in (("one", products), ("both", [*products, *itself]))
    )
    for name, figure in FIGURES.items():
        drawn, beside = figure.draw(one), figure.draw(other)
        assert (drawn is None) == (beside is None), name
        assert drawn is None or [trace.y for trace in drawn.data] == [trace.y for trace in beside.data], name
    assert headlines(one) == headlines(other)
    assert [row["outside"] for row in other.rows if row["suite"] == "harness"] == pytest.approx([20, 20])


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


def names_before_the_fastest(tmp_path, **latencies):
    """The lines of the first panel, from the latencies of each kernel at 0.1, 0.3 and 0.5; None: not measured."""
    sampled = [
        ok(case(f"topk({base})", budget), latency)
        for base, found in latencies.items()
        for budget, latency in zip((0.1, 0.3, 0.5), found, strict=True)
        if latency is not None
    ]
    return [trace.name for trace in figure_of(tmp_path, "error_speedup", [ok(case("mkl"), 20), *sampled]).data]


def test_the_fastest_is_so_budget_by_budget_and_not_by_the_longest_call(tmp_path):
    assert names_before_the_fastest(tmp_path, mkl=(1, 3, 20), rows_numba=(2, 6, 9)) == ["topk(mkl)"]


def test_a_kernel_that_lacks_the_long_budgets_is_not_the_fastest_for_that(tmp_path):
    assert names_before_the_fastest(tmp_path, mkl=(2, None, None), rows_numba=(1, 5, 9)) == ["topk(rows_numba)"]


def test_speedup_against_budget_has_the_ideal_line_in_every_panel(table):
    figure = FIGURES["speedup_budget"].draw(table)
    assert figure.data[0].name == "ideal 1/C"
    assert figure.data[0].y == pytest.approx((20, 10, 5, 2))  # 1/C at 0.05, 0.1, 0.2, 0.5
    assert {panel["traces"][0] for panel in figure.layout.meta["panels"]} == {0}


def test_a_call_is_split_into_its_multiply_and_the_rest(tmp_path):
    parts = {"multiply_s": [0.002], "select_s": [0.01]}
    records = [ok(case("mkl"), 20), ok(case("rows_numba"), 16), ok(case("topk(mkl)", 0.1), 5, **parts)]
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


def roofline(tmp_path, ceilings):
    """By their names, the traces of the figure of `roofline_figure`."""
    return {trace.name: trace for trace in roofline_figure(tmp_path, ceilings).data}


def roofline_figure(tmp_path, ceilings):
    """Two exact kernels and one that samples; 100 x 100 with 1000 non-zeros, d = 8 in float32."""
    path = tmp_path / "run.jsonl"
    file = ResultsFile(path, {})
    file.start_round(Round(index=1, of=1, cases=3, started="2026-03-01T10:00:00Z", ceilings=ceilings))
    for record in [ok(case("mkl", width=8), 1), ok(case("mine", width=8), 2), ok(case("topk(mkl)", 0.1, width=8), 0.5)]:
        file.append(record)
    file.close()
    return FIGURES["roofline"].draw(read_table([read(path)]))


CEILINGS = Ceilings(
    device="cpu",
    cache_bytes=1000,
    probes=[
        Probe(what="copy", means="copy_", operand_bytes=9000, moved_bytes=10**9, times_s=[0.1]),
        Probe(what="gather", means="embedding_bag", operand_bytes=500, row_bytes=32, moved_bytes=10**9, times_s=[0.025]),
        Probe(what="gather", means="embedding_bag", operand_bytes=9000, row_bytes=32, moved_bytes=10**9, times_s=[0.05]),
    ],
)


def test_the_roofline_places_a_kernel_by_its_flops_and_its_compulsory_bytes(tmp_path):
    traces = roofline(tmp_path, CEILINGS)
    # 2 x 1000 x 8 FLOPs in 1 ms; offsets 101 x 4, columns 1000 x 4, operand and result 100 x 8 x 4 each.
    assert traces["mkl"].y == pytest.approx((0.016,))
    assert traces["mkl"].x == pytest.approx((16000 / (404 + 4000 + 3200 + 3200),))
    assert traces["mine"].x == traces["mkl"].x
    assert traces["topk(mkl)"].y == pytest.approx((0.0032,))  # a tenth of the FLOPs in half the time


def test_one_selection_before_two_exact_kernels_has_two_shapes_on_the_roofline_and_exact_kernels_are_circles(tmp_path):
    kernels = [("mkl", None), ("mine", None), ("topk(mkl)", 0.1), ("topk(mine)", 0.1), ("random(mine)", 0.1)]
    figure = figure_of(tmp_path, "roofline", [ok(case(kernel, budget, width=8), 1) for kernel, budget in kernels])
    shape = {trace.name: (trace.marker.symbol, trace.line.dash) for trace in figure.data if trace.name in dict(kernels)}
    assert shape["mkl"] == shape["mine"] == ("circle", "solid")
    assert len({shape["mkl"][0], shape["topk(mkl)"][0], shape["topk(mine)"][0]}) == 3
    assert shape["random(mine)"] == shape["topk(mine)"]
    assert shape["topk(mkl)"][1] != shape["topk(mine)"][1]


def test_a_copy_is_a_rising_roof_and_a_gather_a_flat_one(tmp_path):
    traces = roofline(tmp_path, CEILINGS)
    copy = traces["copy: 10 GB/s"]
    assert copy.y == pytest.approx([10 * x for x in copy.x])
    # Two FLOPs for each number of 4 bytes.
    assert traces["gather from cache: 40 GB/s"].y == pytest.approx((20, 20))
    assert traces["gather from memory: 20 GB/s"].y == pytest.approx((10, 10))


def test_a_roofline_says_that_the_machine_was_busy_and_what_came_above_its_gather_ceiling(tmp_path):
    def note(ceilings):
        path = tmp_path / "run.jsonl"
        path.unlink(missing_ok=True)
        (panel,) = roofline_figure(tmp_path, ceilings).layout.meta["panels"]
        return panel.get("note", "")

    quiet, busy = (msgspec.structs.replace(CEILINGS, busy_share=share) for share in (0.05, 0.37))
    assert note(CEILINGS) == note(quiet) == note(Ceilings(device="cpu", missing="no memory", busy_share=0.9)) == ""
    at_work = "Other programs took 37 % of all cores when the ceilings were measured"
    assert note(busy) == f"{at_work}: they may be too low, and the shares of them too high."
    # 32 kB are gathered in 1 ms by mkl, in 2 ms by mine, and 3.2 kB in 0.5 ms: at 20 MB/s 160, 80 and 32 %.
    slow = [probe if probe.what == "copy" else msgspec.structs.replace(probe, times_s=[50.0]) for probe in CEILINGS.probes]
    assert note(msgspec.structs.replace(CEILINGS, probes=slow)) == (
        "mkl came to 160 % of the gather ceiling: rows were found in a cache again, or the ceiling is too low."
    )
    slow = [probe if probe.what == "copy" else msgspec.structs.replace(probe, times_s=[500.0]) for probe in CEILINGS.probes]
    assert "1,600 % of the gather ceiling and 2 more kernels passed it: " in note(msgspec.structs.replace(CEILINGS, probes=slow))


@pytest.mark.parametrize(
    ("ceilings", "name"),
    [
        (None, "no ceilings: the file is older than they are"),
        (Ceilings(device="cpu", missing="MemoryError: <8 GB"), "no ceilings: MemoryError: &lt;8 GB"),
        (Ceilings(device="cuda:0", probes=CEILINGS.probes), "no ceilings: they are those of cuda:0"),
    ],
)
def test_a_roofline_without_ceilings_says_why(tmp_path, ceilings, name):
    traces = roofline(tmp_path, ceilings)
    assert [each for each in traces if "ceilings" in each] == [name]
    assert "mkl" in traces
