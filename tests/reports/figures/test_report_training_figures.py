import pytest
from synthetic_results import Sweep, case, ok, sweep, write_results
from synthetic_trainings import KERNEL, METRIC, Trainings, trained, training, trainings

from rsc_bench.harness.records.file import read
from rsc_bench.plugins import load
from rsc_bench.reports.drawing.printed import sized
from rsc_bench.reports.figures.epoch_time import PHASES
from rsc_bench.reports.tables.table import read_table

FIGURES = load("figure")
OF_TRAINING = {"controls", "accuracy_speedup", "accuracy_budget", "learning_curves", "epoch_time", "k_per_layer", "ablation"}
OF_MORE = {"power_energy", "devices", "history", "growth"}
"""Drawn where a GPU was watched, where there are several devices or runs, or sizes: each has tests of its own."""
GRAPH = "Cornell5"


def table_of(tmp_path, *records):
    return read_table([read(write_results(tmp_path / "run.jsonl", [list(records)]))])


def drawn(tmp_path, name, *records):
    return FIGURES[name].draw(table_of(tmp_path, *records))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    records = trainings(Trainings(graphs=(GRAPH,), models=("gcn", "gcnii"), seeds=3))
    return table_of(tmp_path_factory.mktemp("results"), *records)


def lines(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def test_training_figures_are_drawn_of_trainings_only_and_the_others_of_products_only(tmp_path, table):
    for name, figure in FIGURES.items():
        assert (figure.draw(table) is None) == (name not in OF_TRAINING), name
    products = table_of(tmp_path, *sweep(Sweep(rounds=1))[0])
    for name, figure in FIGURES.items():
        assert (figure.draw(products) is None) == (name in OF_TRAINING | OF_MORE), name


def test_a_training_of_the_same_graph_changes_no_figure_of_products(tmp_path):
    products = [ok(case("rows_numba", width=256), 20), ok(case("mkl", width=256), 30), ok(case(KERNEL, 0.1, width=256), 4)]
    trained_beside = [
        trained(training("ring", kernel=kernel, budget=budget), 90.0) for kernel, budget in (("mkl", None), (KERNEL, 0.1))
    ]
    (tmp_path / "both").mkdir()
    one, other = table_of(tmp_path, *products), table_of(tmp_path / "both", *products, *trained_beside)
    for name in FIGURES.keys() - OF_TRAINING - OF_MORE:
        assert FIGURES[name].draw(one).to_plotly_json() == FIGURES[name].draw(other).to_plotly_json()


def test_accuracy_against_speedup_is_a_path_over_the_budgets_with_error_bars_over_the_seeds(tmp_path):
    # Three seeds end at 90, 91 and 92 points exactly, and one point below each at C = 0.1; the standard deviation is 1.
    records = []
    for seed, points in enumerate((90.0, 91.0, 92.0)):
        for beyond, below in (({}, 0.0), ({"kernel": KERNEL, "budget": 0.1}, 1.0)):
            curve = [(points - below) / 100] * 40
            records.append(trained(training(seed=seed, **beyond), 0.0, val_metric=curve, test_metric=curve))
    path = lines(drawn(tmp_path, "accuracy_speedup", *records))
    exact, sampled = path["exact: rows_numba"], path[KERNEL]
    assert (exact.x, exact.y) == (pytest.approx((1.0,)), pytest.approx((91.0,)))
    assert (sampled.y, sampled.error_y.array) == (pytest.approx((90.0,)), pytest.approx((1.0,)))
    assert sampled.text == ("C = 0.1",)
    # 40 epochs of 20 + 20 + 12 + 1 ms, against 9 exact ones and 31 of 20 + 2 + 12 + 1 ms with 4 x 5 ms of selecting.
    assert sampled.x == pytest.approx((40 * 53 / (9 * 53 + 31 * 35 + 4 * 5),))
    assert path["0.3 points below"].y == pytest.approx((90.7, 90.7))


def test_a_control_is_no_exact_training_that_others_are_drawn_against(tmp_path):
    # Batches end 30 points above exact training, and are faster: neither the band nor the marker of exact training is theirs.
    given = (({}, 60.0), ({"variant": "saint-batches"}, 90.0), ({"kernel": KERNEL, "budget": 0.1}, 59.0))
    given += (({"kernel": KERNEL, "budget": 0.1, "variant": "no-switch"}, 58.0), ({"budget": 0.1, "variant": "random-edges"}, 55.0))
    records = [
        trained(training(seed=seed, **beyond), 0.0, val_metric=[points / 100] * 40, test_metric=[points / 100] * 40)
        for beyond, points in given
        for seed in range(3)
    ]
    for record in records:
        if record.case.variant == "saint-batches":
            record.measurement.training.epoch_s[:] = [1e-3] * 40
    for name in ("accuracy_speedup", "accuracy_budget"):
        path = lines(drawn(tmp_path, name, *records))
        assert path["0.3 points below"].y == pytest.approx((59.7, 59.7))
        assert path[KERNEL].y == pytest.approx((59.0,))
    bars = drawn(tmp_path, "ablation", *records)
    assert sorted(x for trace in bars.data if trace.xaxis != "x2" for x in trace.x) == pytest.approx([58.0, 59.0, 60.0])


def test_a_speedup_can_be_read_against_each_baseline(table):
    panels = FIGURES["accuracy_speedup"].draw(table).layout.meta["panels"]
    assert {panel["where"]["speedup against"] for panel in panels} == {"the fastest exact kernel", "mkl", "torch_sparse"}
    assert {panel["where"]["model"] for panel in panels} == {
        f"{name}, d = 256, 40 epochs" for name in ("gcn, 3 layers", "gcnii, 4 layers")
    }
    assert panels[0]["titles"] == {"yaxis": "test accuracy [points] (better\u2009→)"}


def test_accuracy_against_budget_falls_where_sampling_breaks(table):
    path = lines(FIGURES["accuracy_budget"].draw(table))[KERNEL]
    assert path.x == (0.5, 0.2, 0.1, 0.05)
    assert path.y[0] == pytest.approx(METRIC[GRAPH] - 0.9, abs=0.5)
    assert path.y[3] == pytest.approx(METRIC[GRAPH] - 24, abs=0.5)


def test_ablations_are_no_point_of_a_path(table):
    for name in ("accuracy_speedup", "accuracy_budget", "learning_curves", "epoch_time", "k_per_layer"):
        assert not any("random" in str(trace.name) or "importance" in str(trace.name) for trace in FIGURES[name].draw(table).data)


def over(figure, name):
    """The panel of a figure over epochs, or over seconds, and its traces by their names."""
    panel = next(panel for panel in figure.layout.meta["panels"] if panel["where"]["over"] == name)
    traces = [figure.layout.meta["traces"][place] for place in panel["traces"]]
    return panel, {trace["name"]: trace for trace in traces}


def test_a_learning_curve_is_the_validation_metric_over_the_epochs_and_over_the_time_that_passed(tmp_path):
    curve = {"epoch_s": [1.0, 2.0], "val_metric": [0.5, 0.75], "test_metric": [0.1, 0.1]}
    other = {"epoch_s": [3.0, 4.0], "val_metric": [0.7, 0.85], "test_metric": [0.1, 0.1]}
    records = [trained(training(seed=0), 0.0, **curve), trained(training(seed=1), 0.0, **other)]
    figure = drawn(tmp_path, "learning_curves", *records)
    (line,) = figure.data
    assert (line.x, line.y) == ((1, 2), pytest.approx((60.0, 80.0))), "what is shown first, and is the image for a paper"
    panel, traces = over(figure, "seconds")
    assert panel["titles"]["xaxis"] == "time of training, evaluation left out [s]"
    (line,) = traces.values()
    assert (line["x"], line["y"]) == (pytest.approx([2.0, 5.0]), pytest.approx([60.0, 80.0]))


def test_the_last_epoch_that_sampled_is_marked_over_epochs_and_over_seconds(tmp_path):
    shares = [1.0, 0.1, 0.1, 1.0, 1.0]
    curve = {"epoch_s": [1.0] * 5, "val_metric": [0.5, 0.4, 0.3, 0.6, 0.7], "test_metric": [0.1] * 5}
    sampled = trained(training(kernel=KERNEL, budget=0.1), 0.0, flops_share=shares, **curve)
    figure = drawn(tmp_path, "learning_curves", trained(training(), 0.0, **curve), sampled)
    for name in ("epochs", "seconds"):
        mark = over(figure, name)[1]["C = 0.1: exact from here on"]
        assert (mark["x"], mark["y"]) == (pytest.approx([3]), pytest.approx([30.0]))


def test_learning_has_pytorch_geometric_beside_the_fastest_exact_training_on_a_logarithmic_axis_of_seconds(tmp_path):
    seconds = {"rows_numba": 1.0, "mkl": 2.0, "pyg_csr": 3.0, "pyg_edge_index": 20.0}
    records = [trained(training(kernel=kernel), 90.0, times_s=[each], epoch_s=[each / 40] * 40) for kernel, each in seconds.items()]
    figure = drawn(tmp_path, "learning_curves", *records)
    assert {name: line.line.dash for name, line in lines(figure).items()} == {
        "exact: rows_numba": "dash",
        "exact: pyg_edge_index": "dot",
    }
    assert [sized(figure, place, 7.0).layout.xaxis.type for place in (0, 1)] == [None, "log"]
    (tmp_path / "run.jsonl").unlink()
    assert sized(drawn(tmp_path, "learning_curves", *records[:2]), 1, 7.0).layout.xaxis.type is None


def run_of(points, epoch_s, seed=0, **beyond):
    """A training of ten epochs, each of so many seconds, that learns so many points in each."""
    curve = [points * (epoch + 1) / 100 for epoch in range(10)]
    return trained(training(seed=seed, **beyond), 0.0, epoch_s=[epoch_s] * 10, val_metric=curve, test_metric=curve)


def sampled_run(points, epoch_s, seed=0, kernel=KERNEL):
    record = run_of(points, epoch_s, seed, kernel=kernel, budget=0.1)
    record.measurement.training.flops_share[:] = [1.0, *[0.1] * 7, 1.0, 1.0]
    return record


def test_controls_are_drawn_to_the_end_of_the_sampled_training_where_they_are_judged(tmp_path):
    batches = {"variant": "saint-batches"}
    # The seeds end at 6 and at 8 s; a control of another seed is not held against them.
    records = [sampled_run(5, 0.6, 0), sampled_run(5, 0.8, 1), *(run_of(6, 1.0, seed) for seed in (0, 1, 2))]
    records += [run_of(7, 0.5, 0, **batches), run_of(7, 0.5, 1, **batches), run_of(9, 1.0, 2, variant="few-neighbours")]
    drawing = lines(drawn(tmp_path, "controls", *records))
    ends = {name: (line.x[-1], line.y[-1]) for name, line in drawing.items() if line.mode == "lines"}
    assert ends == {
        f"sampled, C = 0.1: {KERNEL}": pytest.approx((7.0, 50.0)),
        "exact: rows_numba": pytest.approx((7.0, (36 + 48) / 2)),
        "random-walk batches": pytest.approx((5.0, 70.0)),
    }


def test_a_line_of_fewer_seeds_than_the_sampled_training_has_says_of_how_many(tmp_path):
    records = [*(sampled_run(5, 0.6, seed) for seed in range(3)), *(run_of(6, 1.0, seed) for seed in (0, 2))]
    names = {"exact: rows_numba (2 of 3 seeds)", "exact epochs only (2 of 3 seeds)", f"sampled, C = 0.1: {KERNEL}"}
    assert {*lines(drawn(tmp_path, "controls", *records))} == names


def test_as_many_exact_epochs_as_the_sampled_training_had_are_a_mark_on_the_exact_line(tmp_path):
    drawing = lines(drawn(tmp_path, "controls", sampled_run(5, 0.6), run_of(6, 1.0)))
    mark, line = drawing["exact epochs only"], drawing["exact: rows_numba"]
    assert (mark.mode, mark.x, mark.y) == ("markers", pytest.approx((3.0,)), pytest.approx((18.0,)))
    assert (line.x[2], line.y[2]) == pytest.approx((3.0, 18.0))


def test_the_exact_line_is_the_fastest_exact_training_by_which_sampling_is_judged(tmp_path):
    records = [sampled_run(5, 0.6), run_of(6, 1.0), run_of(6, 0.9, kernel="pyg_csr")]
    assert [name for name in lines(drawn(tmp_path, "controls", *records)) if name.startswith("exact:")] == ["exact: pyg_csr"]


def test_each_sampled_kernel_has_a_panel_with_its_own_verdict(tmp_path):
    kernels = {"cached_random(rows_numba)": 2, "topk(rows_numba)": 9}
    records = [run_of(6, 1.0, seed) for seed in range(3)]
    records += [sampled_run(points, 1.0, seed, kernel) for kernel, points in kernels.items() for seed in range(3)]
    panels = drawn(tmp_path, "controls", *records).layout.meta["panels"]
    assert {panel["where"]["sampled by"]: panel["titles"]["xaxis"] for panel in panels} == {
        "cached_random(rows_numba)": "time of training [s]: sampling lost",
        "topk(rows_numba)": "time of training [s]: sampling earned",
    }


def test_an_epoch_is_split_into_its_phases_and_what_they_leave(tmp_path):
    phases = {"backward_spmm": [0.5, 1.5], "evaluation": [9.0, 9.0], "unheard_of": [0.25, 0.25]}
    bars = lines(drawn(tmp_path, "epoch_time", trained(training(), 90.0, epoch_s=[1.5, 2.5], phase_s=phases)))
    assert {name: bar.x for name, bar in bars.items()} == {"backward SpMM": (1000.0,), "everything else": (1000.0,)}
    assert bars["everything else"].text == ("2e+03 ms",)


def test_every_phase_that_takes_time_has_its_bar(table):
    bars = lines(FIGURES["epoch_time"].draw(table))
    assert [*bars] == [name for phase, (name, _) in PHASES.items() if phase not in ("batches", "allocate")]  # none; a hair, 0.1 ms
    assert bars["forward SpMM"].y[0] == "rows_numba"


def test_the_pairs_of_each_layer_are_shares_drawn_where_they_change(tmp_path):
    kept = [[100, 100], [10, 40], [10, 40], [10, 30], [100, 100]]
    record = trained(
        training(kernel=KERNEL, budget=0.1), 90.0, k_per_layer=kept, columns=200, flops_share=[1.0, 0.1, 0.1, 0.1, 1.0]
    )
    found = lines(drawn(tmp_path, "k_per_layer", record))
    assert (found["layer 1: pairs kept"].x, found["layer 1: pairs kept"].y) == ((1, 2, 5), (50.0, 5.0, 50.0))
    assert (found["layer 2: pairs kept"].x, found["layer 2: pairs kept"].y) == ((1, 2, 4, 5), (50.0, 20.0, 15.0, 50.0))
    assert found["all layers: FLOPs spent"].y == pytest.approx((100.0, 10.0, 100.0))


def test_a_layer_that_keeps_nothing_is_drawn_below_the_others_and_called_none(tmp_path):
    kept = [[100, 100], [10, 0], [100, 100]]
    record = trained(training(kernel=KERNEL, budget=0.1), 90.0, k_per_layer=kept, columns=100, flops_share=[1.0, 0.1, 1.0])
    figure = drawn(tmp_path, "k_per_layer", record)
    layer = lines(figure)["layer 2: pairs kept"]
    axis = dict(zip(figure.layout.yaxis.ticktext, figure.layout.yaxis.tickvals, strict=True))
    assert layer.text[1] == "0 %"
    assert layer.y == pytest.approx((100.0, axis["none"], 100.0))
    assert 0 < axis["none"] < 10


def test_allotted_pairs_are_shown_at_a_tenth_first(table):
    panels = FIGURES["k_per_layer"].draw(table).layout.meta["panels"]
    assert [panel["where"]["budget"] for panel in panels[:4]] == ["C = 0.1", "C = 0.05", "C = 0.2", "C = 0.5"]


def test_ablations_stand_below_exact_training_and_the_method_the_most_accurate_first(table):
    learnt, timed = FIGURES["ablation"].draw(table).data
    assert learnt.y[:2] == ("exact: rows_numba", "the method: cached_topk")
    assert learnt.y[-1] == "sampled forward and backward"
    assert [*learnt.x[2:]] == sorted(learnt.x[2:], reverse=True)
    assert timed.y == learnt.y
    assert timed.text[0] == "1.00×"


def test_an_ablation_nobody_has_a_word_for_is_called_by_its_name(tmp_path):
    records = [trained(training(kernel=KERNEL, budget=0.1, variant=variant), 90.0) for variant in (None, "new-idea")]
    assert "new-idea" in drawn(tmp_path, "ablation", *records).data[0].y


@pytest.mark.parametrize(
    "odd",
    [
        {"val_metric": [0.5], "test_metric": [0.5, 0.6]},
        {"val_metric": [], "test_metric": []},
        {"k_per_layer": [[], [3]], "columns": None, "flops_share": None},
        {"k_per_layer": [[]]},
        {"k_per_layer": [[0, 0]], "columns": None},
        {"phase_s": {"select": []}, "epoch_s": [0.0]},
        {"phase_s": None, "epoch_s": None, "k_per_layer": None, "metric_name": None},
        {"flops_share": []},
    ],
)
@pytest.mark.parametrize("name", sorted(OF_TRAINING))
def test_odd_series_stop_no_figure(name, odd, tmp_path):
    variants = (None, "no-switch")
    records = [trained(training(kernel=KERNEL, budget=0.1, variant=variant, layers=3), 90.0, **odd) for variant in variants]
    figure = drawn(tmp_path, name, trained(training(), 90.0, **odd), *records)
    assert figure is None or figure.layout.meta["panels"]
