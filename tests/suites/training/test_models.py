import pytest
import torch

from rsc_bench.suites.training.models import ModelError, Shape, find, models
from rsc_bench.suites.training.recipes import recipe

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

MODELS = models()


def build(name, shape):
    return MODELS[name].build(shape, recipe("small", hidden=8))


def ring(nodes):
    """Each node gathers from the next one, as torch CSR."""
    torch.sparse.check_sparse_tensor_invariants.disable()
    col = (torch.arange(nodes) + 1) % nodes
    return torch.sparse_csr_tensor(torch.arange(nodes + 1), col, torch.ones(nodes), (nodes, nodes))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_gives_a_logit_a_class_to_every_node(name):
    layers = recipe("small", model=name).layers
    model = build(name, Shape(features=5, classes=3, layers=layers))
    assert model(torch.randn(6, 5), ring(6)).shape == (6, 3)
    assert len(model.convs) == layers


@pytest.mark.parametrize(("name", "depth"), [("GCN", 1), ("GCNII", 2), ("GraphSAGE", 5)])
def test_a_model_is_as_deep_as_its_shape(name, depth):
    model = build(name, Shape(5, 3, depth))
    assert len(model.convs) == depth
    assert model(torch.randn(6, 5), ring(6)).shape == (6, 3)


def test_graphsage_aggregates_by_the_mean_and_gcn_by_the_sum():
    by = {name: build(name, Shape(5, 3, 2)).convs[0].aggr for name in ("GCN", "GraphSAGE", "GraphSAINT")}
    assert by == {"GCN": "add", "GraphSAGE": "mean", "GraphSAINT": "mean"}
    assert {name: MODELS[name].reduce for name in by} == {"GCN": "sum", "GraphSAGE": "mean", "GraphSAINT": "mean"}


def test_the_same_seed_gives_the_same_weights():
    built = []
    for _ in range(2):
        torch.manual_seed(3)
        built.append(build("GCN", Shape(5, 3, 2)))
    assert all(torch.equal(one, two) for one, two in zip(*(model.parameters() for model in built), strict=True))


@pytest.mark.parametrize(("name", "near"), [("gcn", "GCN"), ("GraphSage", "GraphSAGE"), ("GCN2", "GCN"), ("saint", "GraphSAINT")])
def test_an_unknown_model_is_refused_with_the_nearest_names(name, near):
    with pytest.raises(ModelError, match=f"--model '{name}' is not known: nearest (is|are) .*{near}"):
        find(name)


def test_a_model_like_no_other_is_refused_with_all_names():
    with pytest.raises(ModelError, match="'xyz' is not known: nearest are GCN, GCNII, GraphSAGE, GraphSAINT"):
        find("xyz")
