"""One training on a graph of 300 nodes: what is observed of it, and what stops it."""

import dataclasses
import itertools
import math
import re

import pytest
import torch

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.harness.records.case import Case
from rsc_bench.kernels.rsc.account import Account
from rsc_bench.kernels.rsc.conversion.costs import Costs
from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.graphs import Masks
from rsc_bench.suites.options import Options
from rsc_bench.suites.training import run as training
from rsc_bench.suites.training.data import TrainingError, training_data
from rsc_bench.suites.training.method import VARIANTS
from rsc_bench.suites.training.models import Shape
from rsc_bench.suites.training.recipes import recipe
from rsc_bench.suites.training.scores import accuracy
from rsc_bench.suites.training.sweep import training_settings
from rsc_bench.suites.training.trainer import PHASES

CATALOG = catalog()
GRAPH = graphs.load("small:random")
EPOCHS = 6
OPTIONS = Options(
    benchmark=True, graphs=("small:random",), models=("GCN",), budgets=(0.2,), seeds=1, epochs=EPOCHS, device="cpu", widths=(16,)
)


def settings(**options):
    return training_settings(dataclasses.replace(OPTIONS, **options), CATALOG)


EXACT, *_, SAMPLED = settings()


def train(setting=EXACT, graph=GRAPH, follow=lambda epoch: None):
    return training.train(setting, graph, CATALOG, follow)


@pytest.fixture(scope="module")
def exact():
    return train(EXACT)


@pytest.fixture(scope="module")
def sampled():
    return train(SAMPLED)


def changed(**parts):
    return dataclasses.replace(GRAPH, **parts)


def test_every_epoch_has_all_that_is_observed(exact, sampled):
    for found in (exact, sampled):
        for name in ("epoch_s", "loss", "val_metric", "test_metric", "k_per_layer", "flops_share"):
            assert len(getattr(found.training, name)) == EPOCHS, name
        assert set(found.training.phase_s) == set(PHASES)
        assert {len(seconds) for seconds in found.training.phase_s.values()} == {EPOCHS}
        assert found.timing.times_s == [sum(found.training.epoch_s)]
        assert (found.training.metric_name, found.matrix.nnz, found.matrix.rows) == ("accuracy", 3_000, 300)
        assert found.accuracy is None, "there is no product to compare"


def test_the_phases_add_up_to_the_epoch_and_evaluation_stands_apart(sampled):
    within = [phase for phase in PHASES if phase != "evaluation"]
    for epoch, seconds in enumerate(sampled.training.epoch_s):
        assert sum(sampled.training.phase_s[phase][epoch] for phase in within) == pytest.approx(seconds)


def test_where_memory_is_kept_the_peak_is_of_what_is_kept_and_not_only_of_what_is_in_use(monkeypatch):
    monkeypatch.setattr(training.memory, "peak_of_rehearsal", lambda call: pytest.fail("it gives back what is freed"))
    monkeypatch.setattr(training.memory, "peak_of", lambda call: (call(), 12_345))
    found = train(dataclasses.replace(EXACT, keeps_memory=True))
    assert (found.memory.peak_bytes, len(found.training.epoch_s)) == (12_345, EPOCHS)


def test_the_peak_is_read_from_a_short_training_that_selects_and_allocates_twice(monkeypatch):
    made = []
    approximate = training.approximate

    def watched(model, budget, **given):
        made.append(approximate(model, budget, **given))
        return made[-1]

    monkeypatch.setattr(training, "approximate", watched)
    train(SAMPLED)
    timed, rehearsed = (approximation.schedule for approximation in made)
    assert (rehearsed.interval, rehearsed.reallocate_every, rehearsed.epochs) == (2, 2, EPOCHS)
    assert (timed.interval, timed.reallocate_every, timed.epochs) == (10, 10, EPOCHS)


def test_the_first_product_of_a_graphsage_is_made_before_the_first_epoch_and_kept(monkeypatch):
    found, accelerate = [], training.accelerate
    monkeypatch.setattr(training, "accelerate", lambda *given, **named: found.append(accelerate(*given, **named)) or found[-1])
    train(settings(models=("GraphSAGE",))[0])
    converted, _ = found  # the second is of the short training that the peak is read from
    assert [(layer.products, layer.kept_products) for layer in converted.layers.values()] == [(EPOCHS, EPOCHS), *[(EPOCHS, 0)] * 2]


def test_exact_training_selects_and_allocates_nothing(exact):
    assert exact.training.phase_s["select"] == exact.training.phase_s["allocate"] == [0.0] * EPOCHS
    assert exact.training.flops_share == [1.0] * EPOCHS
    assert exact.training.k_per_layer == [[300] * 3] * EPOCHS
    assert exact.matrix.kept_nnz == exact.matrix.nnz
    assert all(seconds > 0 for seconds in exact.training.phase_s["backward_spmm"])


def test_a_sampled_training_is_exact_at_first_and_at_last_and_within_its_budget_between(sampled):
    assert sampled.training.flops_share[0] == sampled.training.flops_share[-1] == 1.0
    assert all(0 < share <= 0.2 for share in sampled.training.flops_share[1:-1])
    assert sampled.training.k_per_layer[0] == sampled.training.k_per_layer[-1] == [300] * 3
    assert all(k < 300 for k in sampled.training.k_per_layer[1])
    assert sum(sampled.training.phase_s["allocate"]) > 0


def test_training_learns(exact):
    assert exact.training.loss[-1] < exact.training.loss[0]


def test_a_seed_gives_the_same_training_again_and_another_one_another(sampled):
    again = train(SAMPLED)
    assert (again.training.loss, again.training.test_metric) == (sampled.training.loss, sampled.training.test_metric)
    assert train(dataclasses.replace(SAMPLED, seed=1)).training.loss != sampled.training.loss


def test_each_epoch_can_be_followed_while_it_runs(exact):
    seen = []
    train(follow=seen.append)
    assert [(epoch.index, epoch.epochs) for epoch in seen] == [(index, EPOCHS) for index in range(1, EPOCHS + 1)]
    assert [epoch.loss for epoch in seen] == exact.training.loss


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_ablation_changes_what_it_says_and_keeps_the_budget(variant):
    (setting,) = [s for s in settings(ablation=True, budgets=(0.5,)) if s.variant == variant]
    found = train(setting)
    assert all(math.isfinite(loss) for loss in found.training.loss)
    assert (found.training.flops_share[-1] == 1.0) == (variant != "no-switch")
    assert (found.training.flops_share[0] < 1.0) == (variant in ("restart", "no-warmup", "published"))
    assert (found.training.warmup_s is not None) == (variant in ("restart", "published"))
    assert len(found.training.k_per_layer[0]) == (6 if variant == "both" else 3)


def test_graphsaint_trains_on_subgraphs_that_cover_about_the_graph(sampled):
    from rsc_bench.suites.training.random_walks import subgraphs

    data = training_data(GRAPH)
    batches = subgraphs(data, layers=3, seed=0)
    assert len(batches) == 300 // (15 * 5)  # a twentieth of the nodes start walks of five nodes
    for batch in batches:
        nodes = batch.nodes.tolist()
        assert nodes == sorted(set(nodes))
        rows = torch.repeat_interleave(torch.arange(len(nodes)), batch.adjacency.crow_indices().diff())
        edges = {(nodes[row], nodes[column]) for row, column in zip(rows, batch.adjacency.col_indices().tolist(), strict=True)}
        assert edges == {(i, j) for i, j in edge_set() if i in nodes and j in nodes}, "all edges between its nodes, and no other"


def edge_set():
    adjacency = GRAPH.adjacency
    rows = torch.repeat_interleave(torch.arange(adjacency.shape[0]), adjacency.row_nnz)
    return set(zip(rows.tolist(), adjacency.col.tolist(), strict=True))


def test_graphsaint_keeps_to_the_budget_in_every_subgraph():
    *_, setting = settings(models=("GraphSAINT",), budgets=(0.5,))
    assert min(train(setting).training.flops_share) <= 0.5


def test_mini_batches_of_neighbours_are_drawn_anew_in_each_epoch_and_the_drawing_is_a_phase(exact):
    own, *_, sampled = settings(models=("NeighborSAGE",), budgets=(0.5,))
    for setting in (own, sampled):
        found = train(setting).training
        assert set(found.phase_s) == {*PHASES, "batches"}
        assert all(0 < seconds < epoch for seconds, epoch in zip(found.phase_s["batches"], found.epoch_s, strict=True))
        assert found.loss[-1] < found.loss[0]
    assert "batches" not in exact.training.phase_s


def test_batches_that_are_not_converted_are_exact_in_the_share_of_the_flops(monkeypatch):
    monkeypatch.setattr(Costs, "pays", lambda *given, **named: False)
    *_, setting = settings(models=("NeighborSAGE",))
    found = train(setting).training
    # Of the 8 batches of an epoch the first 3 are converted, and may spend a fifth; the 5 others are whole.
    assert all(5 / 8 < share <= (5 + 3 * 0.2) / 8 + 1e-9 for share in found.flops_share[1:-1])
    assert found.flops_share[-1] == 1.0


@pytest.mark.parametrize(("model", "times"), [("NeighborSAGE", 1), ("GCN", 0)])
def test_what_converting_new_graphs_costs_is_measured_before_the_first_epoch(monkeypatch, model, times):
    measured = []
    monkeypatch.setattr(Costs, "measure", lambda *given: (measured.append(given), Costs(1.0, 0.0, 0.0))[1])
    trainer = training.prepared(settings(models=(model,))[0], training_data(GRAPH), CATALOG)
    assert len(measured) == times
    trainer.train_once(1)
    assert len(measured) == times


def test_nothing_waits_for_a_device_to_count_what_a_step_has_spent(monkeypatch):
    counted = []
    monkeypatch.setattr(Account, "kept_nnz", property(counted.append))
    assert train(SAMPLED).training.flops_share[1] < 1.0
    assert not counted


def test_a_model_may_have_a_loss_of_its_own():
    doubled = dataclasses.replace(EXACT.model, loss=lambda logits, labels: 2 * torch.nn.functional.cross_entropy(logits, labels))
    found = train(dataclasses.replace(EXACT, model=doubled, epochs=1)).training
    assert found.loss == pytest.approx([2 * train(dataclasses.replace(EXACT, epochs=1)).training.loss[0]])


def test_tasks_without_one_class_a_node_are_trained_too():
    tasks = torch.stack([GRAPH.labels == 0, GRAPH.labels < 2], dim=1).float()
    for name in ("micro-F1", "ROC-AUC"):
        found = train(graph=changed(make_labels=lambda: tasks, classes=2, metric_name=name))
        assert found.training.metric_name == name
        assert 0 <= found.training.test_metric[-1] <= 1


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"make_features": lambda: None}, r"graph 'small:random' must have features to train on \(it has none\)"),
        ({"make_labels": lambda: None}, r"graph 'small:random' must have labels to train on \(it has none\)"),
        ({"make_labels": lambda: GRAPH.labels + 1}, r"labels of the nodes that are split must lie in \[0, 3\] \(got 1 to 4\)"),
        ({"make_labels": lambda: GRAPH.labels - 1, "make_masks": lambda: GRAPH.masks}, r"must lie in \[0, 3\] \(got -1 to 2\)"),
        (
            {"make_masks": lambda: Masks(torch.zeros(300, dtype=torch.bool), GRAPH.masks.val, GRAPH.masks.test)},
            r"the train mask must hold at least one node \(got 0\)",
        ),
    ],
    ids=["features", "labels", "class too large", "class too small", "mask"],
)
def test_a_graph_that_cannot_be_trained_on_is_refused_with_the_reason(parts, reason):
    with pytest.raises(TrainingError, match=reason):
        train(graph=changed(**parts))


def test_tasks_of_which_none_can_be_judged_are_refused():
    ones = torch.ones(300, 2)
    with pytest.raises(TrainingError, match="ROC-AUC has nothing to judge"):
        train(graph=changed(make_labels=lambda: ones, classes=2, metric_name="ROC-AUC"))


def test_a_loss_that_is_no_number_stops_the_training_and_says_at_which_epoch():
    features = GRAPH.features.clone()
    features[7, 3] = math.nan
    with pytest.raises(TrainingError, match=r"^loss is NaN at epoch 1$"):
        train(graph=changed(make_features=lambda: features))


@pytest.mark.parametrize(("value", "word"), [(math.nan, "NaN"), (math.inf, "infinite")])
def test_a_last_step_that_leaves_no_numbers_has_no_accuracy(value, word):
    trainer = training.prepared(EXACT, training_data(GRAPH), CATALOG)
    step = trainer.optimiser.step

    def spoilt(*given):
        step(*given)
        if len(trainer.history.loss) == 1:  # the loss of the second epoch was a number
            with torch.no_grad():
                trainer.model.convs[-1].bias.fill_(value)

    trainer.optimiser.step = spoilt
    with pytest.raises(TrainingError, match=f"^logits are {word} at epoch 2$"):
        trainer.run(2, lambda epoch: None)


def test_a_model_without_a_layer_that_can_be_approximated_is_a_failed_record():
    record = training.attempt(case(), lambda: train(built_by(lambda shape, recipe: torch.nn.Linear(16, 4))))
    assert record.status == "failed"
    assert re.search("Linear must have a layer that is a product with its adjacency", record.reason)


def built_by(build, setting=SAMPLED):
    """The same training of a model that is built in another way."""
    return dataclasses.replace(setting, model=dataclasses.replace(setting.model, build=build))


def case():
    return Case(suite="training", kernel="mkl", graph="g", width=8, budget=None, dtype="float32", device="cpu", clock="host")


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (TrainingError("loss is NaN at epoch 3"), "failed", "loss is NaN at epoch 3"),
        (MemoryError("no room"), "failed", "MemoryError: no room"),
        (Skip("no GPU"), "skipped", "no GPU"),
        (Wrong("too much"), "wrong", "too much"),
    ],
)
def test_whatever_stops_a_training_is_a_record_with_its_reason(error, status, reason):
    def stops():
        raise error

    record = training.attempt(case(), stops)
    assert (record.status, record.reason, record.measurement) == (status, reason, None)


def test_the_check_refuses_a_training_whose_loss_with_all_of_the_budget_is_not_the_exact_one(monkeypatch):
    *_, whole = settings(budgets=(1.0,))
    training.check(whole, GRAPH, CATALOG)
    real = training.train
    monkeypatch.setattr(training, "train", lambda setting, *rest: off(real(setting, *rest), setting))
    with pytest.raises(Wrong, match="loss at epoch 2 with all of the budget must be that of our exact training"):
        training.check(whole, GRAPH, CATALOG)


def off(measurement, setting):
    """The measurement, with another loss at the second epoch where it was approximated."""
    if setting.budget is not None:
        measurement.training.loss[1] *= 1.01
    return measurement


def test_the_check_refuses_a_training_that_spent_more_than_its_budget(monkeypatch):
    steps = itertools.count()
    monkeypatch.setattr(training.Trainer, "_spent", lambda trainer: (0.9 * (step := next(steps)), step))
    with pytest.raises(Wrong, match=r"epoch 1 must spend at most 0.2 of the exact FLOPs \(got 0.9\)"):
        train(SAMPLED)


def test_the_order_of_the_nodes_changes_no_prediction():
    train()  # has torch take CSR tensors as checked
    turned = graphs.load("small:random", reorder="degree")
    data, other = training_data(GRAPH), training_data(turned)
    model = EXACT.model.build(Shape(data.features.shape[1], data.classes, layers=3), recipe("small:random", 16)).eval()
    logits, found = model(data.features, data.adjacency), model(other.features, other.adjacency)
    assert torch.allclose(found, logits[turned.order], atol=1e-5)
    assert accuracy(found[other.test], other.labels[other.test]) == accuracy(logits[data.test], data.labels[data.test])


def test_the_order_of_the_nodes_changes_no_loss():
    # Dropout draws its numbers node by node: without it the same model sees the same graph under other numbers.
    def without_dropout(shape, recipe):
        return EXACT.model.build(shape, dataclasses.replace(recipe, dropout=0.0))

    turned = graphs.load("small:random", reorder="degree")
    for setting in (built_by(without_dropout, EXACT), built_by(without_dropout, SAMPLED)):
        assert train(setting, turned).training.loss == pytest.approx(train(setting).training.loss, rel=1e-4)


FROM_A_FILE = """
from rsc_bench import Kernel
from rsc_bench.kernels.exact import torch_reduce

def prepare(matrix, width, dtype, reduce="sum"):
    multiply = torch_reduce.prepare(matrix, width, dtype, reduce)
    return lambda dense: multiply(dense){act}

KERNEL = Kernel("mine", "cpu", "Of a user.", prepare)
"""


@pytest.mark.parametrize(("act", "found"), [("", "ok"), (".mul(1.01)", "wrong")])
def test_a_kernel_from_a_file_is_checked_before_it_trains(tmp_path, act, found):
    path = tmp_path / "mine.py"
    path.write_text(FROM_A_FILE.format(act=act))
    known = catalog([str(path)])
    chosen = training_settings(dataclasses.replace(OPTIONS, kernels=(str(path),)), known)
    mine = [setting for setting in chosen if setting.choice.exact == "mine"]
    assert {setting.choice.name for setting in mine} == {"mine", "cached_topk(mine)"}
    for setting in mine:
        record = training.attempt(setting.case(), lambda s=setting: training.train(s, GRAPH, known, lambda epoch: None))
        assert record.status == found, record.reason
        assert found == "ok" or "relative error against float64 must be at most" in record.reason
