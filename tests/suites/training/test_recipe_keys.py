"""What recipes say of the data and of the loss, on graphs whose every edge is known: inductive training, direction, weights."""

import dataclasses

import pytest
import torch

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.options import Options
from rsc_bench.suites.training import run as training
from rsc_bench.suites.training.batches import of_training_nodes, to_scipy
from rsc_bench.suites.training.data import TrainingData, TrainingError, both_ways, class_weights, training_data
from rsc_bench.suites.training.random_walks import subgraphs
from rsc_bench.suites.training.recipes import Recipe
from rsc_bench.suites.training.sweep import training_settings

CATALOG = catalog()
GRAPH = graphs.load("small:random")
DATA = training_data(GRAPH)
OPTIONS = Options(
    benchmark=True, graphs=("small:random",), models=("GCN",), budgets=(0.2,), seeds=1, epochs=6, device="cpu", widths=(16,)
)


def settings(*recipes, **options):
    return training_settings(dataclasses.replace(OPTIONS, recipes=recipes, **options), CATALOG)


def train(setting):
    return training.train(setting, GRAPH, CATALOG, lambda epoch: None)


def data_of(edges, labels, train, classes):
    """Data of a few nodes: `edges` are (target, source) with a weight."""
    nodes = len(labels)
    dense = torch.zeros(nodes, nodes)
    for (row, column), weight in edges.items():
        dense[row, column] = weight
    every = torch.tensor([each for each in range(nodes) if each not in train])
    features = torch.arange(2.0 * nodes).reshape(nodes, 2) ** 2
    return TrainingData(
        dense.to_sparse_csr(), features, torch.tensor(labels), torch.tensor(train), every, every, classes, "accuracy"
    )  # fmt: skip


def test_inductive_training_sees_the_training_nodes_and_the_edges_between_them():
    seen = of_training_nodes(DATA)
    whole, nodes = to_scipy(DATA.adjacency), DATA.train.numpy()
    assert (to_scipy(seen.adjacency) != whole[nodes][:, nodes]).nnz == 0
    assert torch.equal(seen.features, DATA.features[DATA.train])
    assert torch.equal(seen.labels, DATA.labels[DATA.train])
    assert torch.equal(seen.train, torch.arange(len(DATA.train)))
    assert seen.val.numel() == seen.test.numel() == 0


def test_nothing_of_the_other_nodes_is_in_an_inductive_training():
    """Other features, labels and edges of the nodes that are not trained on leave every loss as it is; evaluation sees them."""
    setting = settings("inductive=true", "standardise=true")[0]
    other = torch.ones(DATA.nodes, dtype=torch.bool).index_fill(0, DATA.train, False)
    features, matrix = DATA.features.clone(), to_scipy(DATA.adjacency).toarray()
    features[other] = features[other] * 3 + 1
    matrix[other.numpy(), :] = 0
    changed = dataclasses.replace(DATA, features=features, adjacency=torch.from_numpy(matrix).to_sparse_csr())
    found = [training.prepared(setting, data, CATALOG).run(4, lambda epoch: None) for data in (DATA, changed)]
    assert found[0].loss == found[1].loss
    assert found[0].val_metric != found[1].val_metric
    transductive = training.prepared(settings("standardise=true")[0], DATA, CATALOG).run(4, lambda epoch: None)
    assert transductive.loss != found[0].loss


def test_evaluation_of_an_inductive_training_is_over_the_whole_graph():
    trainer = training.prepared(settings("inductive=true")[0], DATA, CATALOG)
    trainer.run(2, lambda epoch: None)
    trainer.model.eval()
    with torch.no_grad():
        predicted = trainer.model(DATA.features, DATA.adjacency).argmax(dim=1)
    assert trainer.evaluate()[1] == pytest.approx(float((predicted == DATA.labels)[DATA.test].float().mean()))


@pytest.mark.parametrize("model", ["GCN", "GraphSAINT", "NeighborSAGE"])
def test_every_way_to_train_is_inductive_where_the_recipe_says_so(model):
    for setting in settings("inductive=true", models=(model,)):
        record = training.attempt(setting.case(), lambda setting=setting: train(setting))
        assert record.status == "ok" or "torch_sparse" in record.reason, record.reason
        if record.status == "ok":
            assert record.case.recipe == "inductive=true"
            assert record.measurement.matrix.nnz == of_training_nodes(DATA).adjacency.values().numel()


def test_baselines_train_inductively_as_ours_do():
    ours, *others = [each for each in settings("inductive=true", "dropout=0.0") if each.budget is None]
    wanted = train(ours).training.loss
    for setting in others:
        if setting.why_not(CATALOG) is None:
            assert train(setting).training.loss == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("control", ["random-edges", "saint-batches", "cluster-batches"])
def test_controls_of_an_inductive_training_are_inductive(control):
    (setting,) = [each for each in settings("inductive=true", "clusters=20", controls=True) if each.control == control]
    trainer = training.prepared(setting, DATA, CATALOG)
    assert trainer.learnt.nodes == len(DATA.train)
    assert max(batch.adjacency.max() if batch.nodes is None else batch.nodes.max() for batch in trainer.batches) < len(DATA.train)
    assert len(trainer.run(2, lambda epoch: None).loss) == 2


def test_without_an_edge_between_training_nodes_nothing_is_trained_inductively():
    lonely = data_of({(0, 2): 1.0, (2, 1): 1.0}, [0, 1, 0, 1], [0, 1], 2)
    with pytest.raises(TrainingError, match=r"inductive training must have an edge between training nodes \(got none between 2\)"):
        of_training_nodes(lonely)


def test_features_are_standardised_over_what_training_sees():
    data = data_of({(0, 1): 1.0}, [0, 1, 0, 1], [0, 1], 2)
    inductive, all_nodes = (data.by(Recipe(standardise=True, inductive=each)).features for each in (True, False))
    torch.testing.assert_close(inductive[:2].mean(dim=0), torch.zeros(2))
    torch.testing.assert_close(inductive[:2].std(dim=0), torch.ones(2))
    torch.testing.assert_close(all_nodes.mean(dim=0), torch.zeros(2), atol=1e-6, rtol=0)
    assert data.by(Recipe()).features is data.features


def test_an_edge_that_goes_one_way_goes_both_ways_with_its_weight():
    data = data_of({(0, 1): 2.0, (1, 0): 3.0, (2, 0): 5.0, (1, 1): 7.0, (3, 2): 11.0}, [0, 1, 0, 1], [0, 1], 2)
    wanted = torch.tensor([[0, 2, 5, 0], [3, 7, 0, 0], [5, 0, 0, 11], [0, 0, 11, 0]], dtype=torch.float32)
    found = data.by(Recipe(undirected=True)).adjacency
    torch.sparse_csr_tensor(found.crow_indices(), found.col_indices(), found.values(), found.shape, check_invariants=True)
    assert torch.equal(found.to_dense(), wanted)
    assert both_ways(found) is found
    assert both_ways(DATA.adjacency) is DATA.adjacency
    assert data.by(Recipe()).adjacency is data.adjacency


def test_a_directed_graph_is_trained_on_as_it_is_unless_the_recipe_says_otherwise():
    graph = graphs.load("twin:ogbn-arxiv@0.002")
    found = [
        training.train(setting, graph, CATALOG, lambda epoch: None).matrix.nnz
        for setting in (settings(*recipes, graphs=(graph.name,), epochs=1)[0] for recipes in ((), ("undirected=true",)))
    ]
    assert found[0] == graph.edges
    assert graph.edges < found[1] <= 2 * graph.edges


def test_classes_count_the_same_whatever_their_number_of_training_nodes():
    data = data_of({(0, 1): 1.0}, [0, 0, 0, 1, 2, 2], [0, 1, 2, 3], 3)
    torch.testing.assert_close(class_weights(data), torch.tensor([4 / (2 * 3), 4 / 2, 0.0]))  # class 2 has no training node
    tasks = torch.tensor([[1.0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    several = dataclasses.replace(data, labels=tasks, train=torch.arange(4))
    torch.testing.assert_close(class_weights(several), torch.tensor([3.0, 1.0, 1.0]))


def test_the_loss_is_the_weighted_mean_of_torch():
    trainer = training.prepared(settings("class_weights=true", "dropout=0.0")[0], DATA, CATALOG)
    trainer.model.eval()
    (batch,) = trainer.batches
    logits = trainer.model(DATA.features, DATA.adjacency)[DATA.train]
    wanted = torch.nn.functional.cross_entropy(logits, DATA.labels[DATA.train], class_weights(DATA))
    torch.testing.assert_close(trainer._loss(batch), wanted)
    plain = training.prepared(settings("dropout=0.0")[0], DATA, CATALOG)
    assert not torch.allclose(plain._loss(batch), wanted)


def test_a_model_with_a_loss_of_its_own_has_no_class_weights():
    setting = settings("class_weights=true")[0]
    own = dataclasses.replace(setting, model=dataclasses.replace(setting.model, loss=torch.nn.functional.cross_entropy))
    record = training.attempt(own.case(), lambda: train(own))
    assert (record.status, record.reason) == (
        "failed", "class_weights are of cross entropy, and GCN has a loss of its own: leave them out"
    )  # fmt: skip


def test_nodes_of_walks_count_by_how_often_they_were_drawn_unless_the_recipe_says_otherwise():
    weighed, even = (subgraphs(DATA.by(Recipe(draw_weights=each)), 3, 0) for each in (True, False))
    assert all(batch.weight is None for batch in even)
    assert [len(batch.weight) for batch in weighed] == [len(batch.train) for batch in even]
    times = torch.bincount(torch.cat([batch.nodes for batch in weighed]), minlength=DATA.nodes)
    for batch in weighed:
        torch.testing.assert_close(batch.weight, 1.0 / times[batch.nodes[batch.train]])
