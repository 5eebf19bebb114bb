"""The product with features that stay what they are is made once; whatever changes, it is made anew."""

import copy
import gc
import weakref

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from made_models import seeded
from torch_geometric.nn import GCN, GIN, ChebConv, GraphConv, GraphSAGE, SAGEConv, SGConv, TAGConv

from rsc_bench.kernels.rsc import accelerate, approximate
from rsc_bench.kernels.rsc.conversion import keeping

NODES, EDGES, WIDTH = 20, 80, 6
INDEX = torch.randint(NODES, (2, EDGES), generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(NODES) % 3


def features():
    return torch.randn(NODES, WIDTH, generator=torch.Generator().manual_seed(3))


def gradients(model, x, index=INDEX, **given):
    model.train()
    model.zero_grad()
    torch.nn.functional.cross_entropy(model(x, index, **given), LABELS).backward()
    return [parameter.grad for parameter in model.parameters()]


def evaluated(model, x, index=INDEX):
    model.eval()
    with torch.no_grad():
        return model(x, index)


def kept(found):
    return [report.kept_products for report in found.layers.values()]


def held(found):
    return found._shared.sources.kept_bytes


@pytest.mark.parametrize(
    ("make", "expected", "tensors"),
    [
        pytest.param(lambda: GraphSAGE(WIDTH, 5, 2, 3), [2, 0], 1, id="GraphSAGE"),
        pytest.param(lambda: GIN(WIDTH, 5, 2, 3), [2, 0], 1, id="GIN"),
        pytest.param(lambda: SGConv(WIDTH, 3, K=3), [4], 3, id="SGConv"),
        pytest.param(lambda: TAGConv(WIDTH, 3, K=2), [3], 2, id="TAGConv"),
        pytest.param(lambda: ChebConv(WIDTH, 3, K=2), [2], 1, id="ChebConv"),
        pytest.param(lambda: GCN(WIDTH, 5, 2, 3), [0, 0], 0, id="GCN transforms first"),
    ],
)
def test_training_and_evaluation_are_those_of_a_plain_model(make, expected, tensors):
    model, plain, x = seeded(make), seeded(make), features()
    found = accelerate(model)
    for _ in range(3):
        torch.testing.assert_close(gradients(model, x), gradients(plain, x))
        torch.testing.assert_close(evaluated(model, x), evaluated(plain, x))
    # The first training step meets the features, and the evaluation behind it keeps their product; a further hop is a call later.
    assert kept(found) == expected
    assert held(found) == tensors * NODES * WIDTH * 4


@pytest.mark.parametrize("change", [lambda x: x.mul_(2), lambda x: x[3].zero_(), lambda x: x.set_(torch.ones(NODES, WIDTH))])
def test_features_that_are_changed_in_place_are_multiplied_anew(change):
    model, plain, x = seeded(lambda: SAGEConv(WIDTH, 3)), seeded(lambda: SAGEConv(WIDTH, 3)), features()
    found = accelerate(model)
    for _ in range(3):
        evaluated(model, x)
    change(x)
    torch.testing.assert_close(gradients(model, x), gradients(plain, x))
    assert kept(found) == [0]
    gradients(model, x)
    torch.testing.assert_close(gradients(model, x), gradients(plain, x))
    assert kept(found) == [1]


def test_a_graph_that_is_changed_in_place_has_a_new_product():
    model, plain, x, weight = (
        seeded(lambda: GraphConv(WIDTH, 3)),
        seeded(lambda: GraphConv(WIDTH, 3)),
        features(),
        torch.ones(EDGES),
    )
    accelerate(model)
    for _ in range(3):
        gradients(model, x, edge_weight=weight)
    weight[::2] = 3
    torch.testing.assert_close(gradients(model, x, edge_weight=weight), gradients(plain, x, edge_weight=weight))
    index = INDEX.flip(0)
    for _ in range(3):
        torch.testing.assert_close(gradients(model, x, index), gradients(plain, x, index))


def test_graphs_with_the_same_features_have_each_their_own():
    model, plain, x, turned = seeded(lambda: SAGEConv(WIDTH, 3)), seeded(lambda: SAGEConv(WIDTH, 3)), features(), INDEX.flip(0)
    found = accelerate(model)
    for _ in range(3):
        for index in (INDEX, turned):
            torch.testing.assert_close(gradients(model, x, index), gradients(plain, x, index))
    assert kept(found) == [2]


def test_nothing_is_kept_of_features_that_come_once():
    model = seeded(lambda: SAGEConv(WIDTH, 3))
    found = accelerate(model)
    for _ in range(4):
        gradients(model, features())
    assert (kept(found), held(found)) == ([0], 0)
    assert not [met for made in found._shared.sources._alive() for met in made.kept._met]


def test_a_product_goes_with_its_features_and_at_once():
    model, x = seeded(lambda: SAGEConv(WIDTH, 3)), features()
    found = accelerate(model)
    for _ in range(2):
        evaluated(model, x)
    (made,) = found._shared.sources._alive()
    product = weakref.ref(made.kept.find(x))
    gc.disable()
    try:
        del x
        assert product() is None
    finally:
        gc.enable()
    assert held(found) == 0


def test_a_product_goes_with_its_graph_and_at_once():
    model, x, index = seeded(lambda: SAGEConv(WIDTH, 3)), features(), INDEX.clone()
    found = accelerate(model)
    for _ in range(2):
        evaluated(model, x, index)
    (made,) = found._shared.sources._alive()
    product = weakref.ref(made.kept.find(x))
    gc.disable()
    try:
        del index, made
        assert product() is None
    finally:
        gc.enable()


class InPlace(SAGEConv):
    """Goes on to change what the aggregation gave it."""

    def forward(self, x, edge_index):
        return self.lin_l(self.propagate(edge_index, x=(x, x)).add_(1))


def test_a_layer_that_changes_its_product_gets_a_new_one_in_each_call():
    model, plain, x = seeded(lambda: InPlace(WIDTH, 3)), seeded(lambda: InPlace(WIDTH, 3)), features()
    found = accelerate(model)
    for _ in range(5):
        torch.testing.assert_close(evaluated(model, x), evaluated(plain, x))
    assert (kept(found), held(found)) == ([0], 0)


def test_what_inference_mode_made_is_not_kept_for_training():
    model, plain, x = seeded(lambda: SAGEConv(WIDTH, 3)), seeded(lambda: SAGEConv(WIDTH, 3)), features()
    accelerate(model)
    for _ in range(3):
        with torch.inference_mode():
            model(x, INDEX)
    torch.testing.assert_close(gradients(model, x), gradients(plain, x))
    with torch.inference_mode():
        torch.testing.assert_close(model(x, INDEX), plain(x, INDEX))


@pytest.mark.parametrize("convert", [accelerate, lambda model, **options: approximate(model, epochs=9, warmup_steps=0, **options)])
def test_the_option_keeps_nothing(convert):
    for keep, expected in ((True, [2, 0]), (False, [0, 0])):
        model, x = seeded(lambda: GraphSAGE(WIDTH, 5, 2, 3)), features()
        found = convert(model, keep_products=keep)
        for _ in range(4):
            gradients(model, x)
        assert kept(found) == expected


def test_features_that_learn_and_products_that_are_sampled_are_not_kept():
    model, x = seeded(lambda: SAGEConv(WIDTH, 3)), features().requires_grad_()
    found = accelerate(model)
    for _ in range(3):
        gradients(model, x)
    assert (kept(found), held(found)) == ([0], 0)
    model, x = seeded(lambda: SAGEConv(WIDTH, 3)), features()
    found = approximate(model, 0.3, epochs=9, warmup_steps=0, approximated="both")
    for _ in range(3):
        gradients(model, x)
    assert (kept(found), held(found)) == ([0], 0)


def test_nothing_is_kept_or_used_in_a_graph_that_is_captured(monkeypatch):
    class Capturing(torch.Tensor):
        is_cuda = True

    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert not keeping.may_stay(features().as_subclass(Capturing))
    assert keeping.may_stay(features())


def test_a_copy_of_a_model_uses_what_is_kept():
    model, x = seeded(lambda: SAGEConv(WIDTH, 3)), features()
    found = accelerate(model)
    for _ in range(2):
        evaluated(model, x)
    torch.testing.assert_close(gradients(copy.deepcopy(model), x), gradients(model, x))
    assert held(found) == NODES * WIDTH * 4


def test_the_table_says_what_is_kept_and_what_that_saved():
    model, x = seeded(lambda: GraphSAGE(WIDTH, 5, 2, 3)), features()
    found = accelerate(model)
    for _ in range(2):
        gradients(model, x)
    forward_s = found.layers["convs.0"].forward_s
    for _ in range(4):
        gradients(model, x)
    text = str(found)
    assert "convs.0: its features stay the same: 4 of 6 products were the one that is kept" in text
    assert "in use, 0.00048 MB of kept products beside" in text
    report = found.layers["convs.0"]
    assert (report.products, report.forward_s) == (6, forward_s)
    # Each is one that PyTorch Geometric would have made; the first one compiles, and is left out of both sides.
    assert found._layers["convs.0"].accounts.forward.took.usual_elements == 5 * EDGES * WIDTH
