"""What stands in the place of sampling: fewer edges at the same cost, and mini-batches, on graphs small enough to look at."""

import dataclasses

import pytest
import torch

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from rsc_bench.harness.measure.work import Skip
from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.graphs import Masks
from rsc_bench.suites.options import Options, OptionsError
from rsc_bench.suites.training import run as training
from rsc_bench.suites.training.batches import to_scipy
from rsc_bench.suites.training.controls import CONTROLS, cluster
from rsc_bench.suites.training.controls._pairs import with_entries
from rsc_bench.suites.training.data import training_data
from rsc_bench.suites.training.method import Method, flops_share
from rsc_bench.suites.training.random_walks import redrawn
from rsc_bench.suites.training.sweep import AMP, training_settings

CATALOG = catalog()
GRAPH = graphs.load("small:random")
DATA = training_data(GRAPH)
EDGES = [control for control in CONTROLS.values() if control.edges]
OPTIONS = Options(
    benchmark=True, graphs=("small:random",), models=("GCN",), budgets=(0.2,), seeds=1, epochs=6, device="cpu", widths=(16,)
)


def settings(**options):
    found = training_settings(dataclasses.replace(OPTIONS, **options), CATALOG)
    return [setting for setting in found if setting.baseline is None]


def made(control, share, seed=0):
    return control.edges(DATA.adjacency, share, torch.Generator().manual_seed(seed))


def pairs(adjacency):
    index = adjacency.to_sparse_coo().coalesce().indices()
    return set(zip(*index.tolist(), strict=True))


@pytest.mark.parametrize("control", EDGES, ids=lambda control: control.name)
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_fewer_edges_are_a_share_of_the_edges_and_all_of_them_were_there(control, share):
    found = made(control, share)
    assert found.shape == DATA.adjacency.shape
    assert pairs(found) < pairs(DATA.adjacency)
    kept = found.values().numel() / DATA.adjacency.values().numel()
    assert kept == pytest.approx(share, abs=0.02) or (control.name == "few-neighbours" and kept <= share)


@pytest.mark.parametrize("control", EDGES, ids=lambda control: control.name)
def test_another_seed_leaves_out_others_and_the_same_one_the_same(control):
    assert pairs(made(control, 0.5, 1)) == pairs(made(control, 0.5, 1))
    assert pairs(made(control, 0.5, 1)) != pairs(made(control, 0.5, 2))


@pytest.mark.parametrize("name", ["random-edges", "degree-edges"])
def test_both_directions_of_an_edge_stay_or_go(name):
    found = pairs(made(CONTROLS[name], 0.5))
    assert sum((b, a) not in found for a, b in found) <= 1  # the last edge may be cut in the middle


def test_edges_by_degree_keep_those_of_nodes_with_few_neighbours():
    counts = DATA.adjacency.crow_indices().diff()
    degrees = {name: [int(counts[a]) for a, _ in pairs(made(CONTROLS[name], 0.3))] for name in ("random-edges", "degree-edges")}
    mean = {name: sum(each) / len(each) for name, each in degrees.items()}
    assert mean["degree-edges"] < mean["random-edges"]


def test_no_node_has_more_than_so_many_neighbours():
    found = made(CONTROLS["few-neighbours"], 0.5).crow_indices().diff()
    whole = DATA.adjacency.crow_indices().diff()
    most = int(found.max())
    assert torch.equal(found, whole.clamp(max=most))


def test_a_control_spends_what_the_sampled_training_spends():
    # 30 epochs at C = 0.1: 3 of warm-up, 21 sampled, 6 exact at the end: backward 0.37, and the forward product as well.
    given = Method().given(30)
    assert flops_share(0.1, given) == pytest.approx((1 + (9 + 21 * 0.1) / 30) / 2)
    assert flops_share(1.0, given) == 1
    # A warm-up that training restarts behind is 3 exact steps, forward and backward, in front of 24 sampled epochs.
    restart = Method(warmup="restart").given(30)
    assert flops_share(0.1, restart) == pytest.approx((1 + (6 + 24 * 0.1) / 30) / 2 + 3 / 30)
    assert flops_share(1.0, restart) == 1
    # Of 20 mini-batches an epoch 3 of 600 steps are of warm-up, 477 sampled.
    assert flops_share(0.1, given | {"steps_per_epoch": 20}) == pytest.approx((1 + (123 + 477 * 0.1) / 600) / 2)


@pytest.fixture
def shares(monkeypatch):
    """The shares of the edges that the control on random edges was asked for, so far."""
    found, edges = [], CONTROLS["random-edges"].edges

    def noted(adjacency, share, generator):
        found.append(share)
        return edges(adjacency, share, generator)

    monkeypatch.setitem(CONTROLS, "random-edges", dataclasses.replace(CONTROLS["random-edges"], edges=noted))
    return found


@pytest.mark.parametrize(("model", "steps"), [("GCN", 1), ("GraphSAINT", 4), ("NeighborSAGE", 8)])
def test_a_control_knows_the_steps_of_an_epoch_of_its_model(shares, model, steps):
    setting = control("random-edges", models=(model,), epochs=10)
    training.prepared(setting, DATA, CATALOG)
    assert shares == [flops_share(0.2, Method().given(10) | {"steps_per_epoch": steps})]


def test_memory_is_read_from_a_training_on_the_same_edges_that_is_shorter(shares, monkeypatch):
    lengths, run = [], training.Trainer.run

    def noted(trainer, epochs, follow):
        lengths.append(epochs)
        return run(trainer, epochs, follow)

    monkeypatch.setattr(training.Trainer, "run", noted)
    training.train(control("random-edges", epochs=9), GRAPH, CATALOG, lambda epoch: None)
    assert lengths == [9, 6]
    assert shares == 2 * [flops_share(0.2, Method().given(9))]
    assert shares[0] != flops_share(0.2, Method().given(6))


def test_controls_stand_beside_the_sampled_training_with_the_same_seed():
    found = settings(controls=True, seeds=2)
    names = [(setting.control or setting.variant, setting.budget, setting.seed) for setting in found]
    for seed in range(2):
        for name in ("random", *(control.name for control in EDGES)):
            assert (name, 0.2, seed) in names
        assert ("saint-batches", None, seed) in names
        assert ("cluster-batches", None, seed) in names
    assert len({setting.case() for setting in found}) == len(found) == len({str(setting) for setting in found})


@pytest.mark.parametrize("name", [*CONTROLS, "random"])
def test_each_control_trains(name):
    (setting,) = [each for each in settings(controls=True) if name in (each.control, each.variant)]
    record = training.attempt(setting.case(), lambda: training.train(setting, GRAPH, CATALOG, lambda epoch: None))
    assert record.status == "ok", record.reason
    assert record.case.variant == (CONTROLS[name].recorded if name in CONTROLS else name)
    assert len(record.measurement.training.loss) == 6
    if setting.control:
        matrix, (share,) = record.measurement.matrix, set(record.measurement.training.flops_share)
        assert (share < 1) == CONTROLS[name].has_budget
        wanted = flops_share(0.2, Method().given(6)) if share < 1 else 1
        assert share == pytest.approx(wanted, abs=0.02) or (name == "few-neighbours" and share <= wanted)
        assert (matrix.nnz, matrix.kept_nnz) == (3_000, round(3_000 * share)), "of edges that were left it multiplied all"


def test_mini_batches_of_controls_are_others_in_each_epoch_and_cover_the_training_nodes():
    for name in ("saint-batches", "cluster-batches"):
        batches = CONTROLS[name].loader(DATA, 3, 0)
        epochs = [[batch.nodes for batch in batches] for _ in range(2)]
        assert any(not torch.equal(one, other) for one, other in zip(*epochs, strict=False))
    whole = torch.cat([batch.nodes for batch in CONTROLS["cluster-batches"].loader(DATA, 3, 0)])
    assert torch.equal(whole.sort().values, torch.arange(DATA.nodes))


def test_clusters_need_nodes_enough():
    tiny = dataclasses.replace(DATA, features=DATA.features[:50])
    with pytest.raises(Skip, match=r"clusters need at least 100 nodes \(got 50\)"):
        CONTROLS["cluster-batches"].loader(tiny, 3, 0)
    assert ended(control("cluster-batches", recipes=("clusters=301",))) == (
        "skipped", "clusters need at least 301 nodes (got 300): train on the whole graph"
    )  # fmt: skip


def control(name, **options):
    """The training of one control."""
    (found,) = [each for each in settings(controls=True, **options) if each.control == name]
    return found


def ended(setting, graph=GRAPH):
    """How a training ended, and why."""
    record = training.attempt(setting.case(), lambda: training.train(setting, graph, CATALOG, lambda epoch: None))
    return record.status, record.reason


def test_a_control_whose_walks_meet_no_training_node_is_skipped_and_a_model_that_walks_fails():
    met = torch.cat([batch.nodes for batch in redrawn(dataclasses.replace(DATA, train=torch.arange(DATA.nodes)), 3, 0)])
    never = next(node for node in range(DATA.nodes) if node not in met.tolist())
    train = torch.zeros(DATA.nodes, dtype=torch.bool).index_fill(0, torch.tensor([never]), True)
    lonely = dataclasses.replace(GRAPH, make_masks=lambda: Masks(train, GRAPH.masks.val, GRAPH.masks.test))
    reason = "no random walk of 60 met a training node: train on the whole graph (--model GraphSAGE)"
    assert ended(control("saint-batches"), lonely) == ("skipped", reason)
    assert ended(settings(models=("GraphSAINT",))[0], lonely) == ("failed", reason)


def test_a_control_that_leaves_no_edge_is_skipped(monkeypatch):
    def none(adjacency, share, generator):
        return with_entries(adjacency, torch.zeros(adjacency.values().numel(), dtype=torch.bool))

    monkeypatch.setitem(CONTROLS, "random-edges", dataclasses.replace(CONTROLS["random-edges"], edges=none))
    assert ended(control("random-edges")) == ("skipped", "random-edges must leave an edge to train on (got 0 of 3000)")


def test_clusters_are_as_many_as_the_recipe_says():
    data = DATA.by(settings(recipes=("clusters=20", "clusters_a_batch=8"))[0].recipe)
    batches = CONTROLS["cluster-batches"].loader(data, 3, 0)
    assert len(batches) == len(list(batches)) == 3
    assert torch.equal(torch.cat([batch.nodes for batch in batches]).sort().values, torch.arange(DATA.nodes))


def test_clusters_of_metis_cut_fewer_edges_and_records_say_what_made_them(monkeypatch):
    pytest.importorskip("pymetis", reason="pymetis is not installed: pip install pymetis")
    matrix = to_scipy(training_data(graphs.load("twin:ogbn-arxiv@0.01")).adjacency)
    inside = {}
    for cut in (cluster.by_metis, cluster.by_order):
        parts = cut(matrix, 20)
        assert torch.equal(torch.cat(parts).sort().values, torch.arange(matrix.shape[0]))
        inside[cut] = sum(matrix[part.numpy()][:, part.numpy()].nnz for part in parts)
    assert inside[cluster.by_metis] > 1.2 * inside[cluster.by_order]
    names = {each.case().variant for each in settings(controls=True) if each.control == "cluster-batches"}
    assert names == {"cluster-batches,metis"}


def test_without_pymetis_the_order_makes_the_clusters(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    monkeypatch.setattr(cluster, "by_metis", None)
    assert len(list(CONTROLS["cluster-batches"].loader(DATA, 3, 0))) == 10
    names = {each.case().variant for each in settings(controls=True) if each.control == "cluster-batches"}
    assert names == {"cluster-batches"}


def test_a_warm_up_that_restarts_is_timed_and_no_epoch():
    (setting,) = [each for each in settings(warmup="restart", epochs=12) if each.budget]
    found = training.train(setting, GRAPH, CATALOG, lambda epoch: None)
    assert setting.case().variant == "warmup=restart"
    assert len(found.training.epoch_s) == 12
    assert found.training.warmup_s > 0
    assert found.timing.times_s[0] == pytest.approx(sum(found.training.epoch_s) + found.training.warmup_s)
    assert found.training.flops_share[0] == pytest.approx(0.2, abs=0.05)


def test_options_of_the_method_are_part_of_a_sampled_training_and_of_no_exact_one():
    text = "warmup=0,interval=5,switch-at=0.5,allocation=optimal"
    found = settings(warmup="0", interval=5, switch_at=0.5, allocation="optimal")
    assert {setting.case().variant for setting in found if setting.budget} == {text}
    assert {setting.case().variant for setting in found if not setting.budget} == {None}
    given = next(setting for setting in found if setting.budget).given
    assert (given["warmup_steps"], given["interval"], given["switch_at"], given["allocation"]) == (0, 5, 0.5, "optimal")


def test_a_selection_that_is_named_stands_in_the_place_of_top_k():
    assert {setting.choice.selection for setting in settings(selections=("random",)) if setting.budget} == {"random"}


def test_training_in_autocast_is_an_axis_of_its_own():
    exact, sampled = settings(amp=True)
    assert exact.case().dtype == sampled.case().dtype == AMP
    found = training.train(exact, GRAPH, CATALOG, lambda epoch: None)
    plain = training.train(settings()[0], GRAPH, CATALOG, lambda epoch: None)
    assert found.training.loss != plain.training.loss
    assert found.training.loss == pytest.approx(plain.training.loss, rel=0.1)


def test_the_published_allocation_may_spend_more_than_its_budget_and_is_no_wrong_training():
    (setting,) = [each for each in settings(allocation="published", epochs=20) if each.budget]
    record = training.attempt(setting.case(), lambda: training.train(setting, GRAPH, CATALOG, lambda epoch: None))
    assert record.status == "ok", record.reason


@pytest.mark.parametrize(("options", "message"), [
    ({"warmup": "again"}, r"--warmup must be restart or a number of exact steps, 0 for none \(got 'again'\)"),
    ({"warmup": "-1"}, r"--warmup must be restart or a number of exact steps"),
    ({"interval": 0}, r"--interval must be at least 1"),
    ({"switch_at": 1.5}, r"--switch-at must lie in \[0, 1\], a share of the training \(got 1.5\)"),
    ({"allocation": "gredy"}, r"--allocation: allocation 'gredy' is not known: nearest is greedy"),
    ({"selections": ("topp",)}, r"--selection: selection 'topp' is not known: nearest is topk"),
    ({"recipes": ("droput=0.1",)}, r"--recipe droput=0.1: 'droput' is not known: nearest are dropout"),
])  # fmt: skip
def test_options_that_no_training_can_use_are_one_line(options, message):
    with pytest.raises(OptionsError, match=message):
        settings(**options)


def test_controls_of_sampling_are_named_by_the_method():
    found = {setting.altered for setting in settings(controls=True, warmup="restart")}
    assert {
        "random,warmup=restart",
        "warmup=restart",
        "random-edges,warmup=restart",
        "saint-batches",
        CONTROLS["cluster-batches"].recorded,
    } <= found


def test_what_a_recipe_says_of_walks_features_and_epochs_holds(tmp_path):
    data = DATA.by(settings(recipes=("walk_length=1", "walk_roots=3", "standardise=true"))[0].recipe)
    torch.testing.assert_close(data.features.mean(dim=0), torch.zeros(data.features.shape[1]), atol=1e-5, rtol=0)
    sizes = [len(batch.nodes) for batch in CONTROLS["saint-batches"].loader(data, 3, 0)]
    assert max(sizes) <= 6
    path = tmp_path / "mine.toml"
    for epochs in (17, 400):  # 400 are the usual ones, of which a CPU makes 60 where nobody gives them
        path.write_text(f"[usual]\nepochs = {epochs}\n")
        assert {setting.epochs for setting in settings(epochs=None, recipes=(str(path),))} == {epochs}
    path.write_text("[usual]\nhidden = 17\n[graph.reddit2]\nepochs = 400\n")
    assert {setting.epochs for setting in settings(epochs=None, recipes=(str(path),))} == {60}


def test_switching_back_at_once_is_an_option_of_trainings():
    assert Options(switch_at=0.0).trains
