"""What is derived from an adjacency is kept as long as it is right, and no longer."""

import copy
import gc
import weakref

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from made_models import edges, features, gcn
from torch_geometric.nn import ChebConv, GCNConv, GraphConv, MessagePassing
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from rsc_bench import accelerate, approximate

EDGES = 300
SCALE = 1.0
CALLS = 0


class Own(MessagePassing):
    """A layer of a user's that normalises, and uses other names of its module."""

    def forward(self, x, edge_index):
        edge_index, weight = gcn_norm(edge_index, None, x.shape[0])
        return SCALE * self.propagate(edge_index, x=x, weight=weight)

    def message(self, x_j, weight):
        return weight[:, None] * x_j


class Counting(Own):
    def forward(self, x, edge_index):
        global CALLS  # noqa: PLW0603
        CALLS += 1
        edge_index, weight = gcn_norm(edge_index, None, x.shape[0])
        return self.propagate(edge_index, x=x, weight=weight)


class Norm(Own):
    """Has a method that is called as ChebConv's, and reads the layer."""

    def __init__(self):
        super().__init__()
        self.p = 2.0

    def __norm__(self, edge_index):
        return torch.full((edge_index.shape[1],), self.p)

    def forward(self, x, edge_index):
        return self.propagate(edge_index, x=x, weight=self.__norm__(edge_index))


def test_an_edge_list_that_is_changed_in_place_again_and_again_leaves_nothing_behind():
    model, index = gcn(), edges()
    found, sizes = accelerate(model), []
    for seed in range(3):  # from the fourth new one on it is a matter of costs
        index.copy_(edges(seed))
        model(features(), index).sum().backward()
        gc.collect()
        sizes.append((found.memory_bytes, len(found._shared.sources.propagations())))
    assert sizes[1:] == [(pytest.approx(sizes[0][0], rel=0.2), sizes[0][1])] * 2


def test_weights_that_are_changed_in_place_again_and_again_leave_nothing_behind():
    layer, index, weight = GraphConv(6, 4), edges(), torch.rand(EDGES)
    found = accelerate(layer)
    for _ in range(6):
        weight.mul_(0.9)
        layer(features(), index, weight).sum().backward()
    gc.collect()
    assert len(found._shared.sources.propagations()) == 1


def test_other_numbers_under_the_same_object_are_noticed():
    model, index = gcn(), edges()
    plain = copy.deepcopy(model)
    accelerate(model)
    model(features(), index)
    index.data = edges(1)
    torch.testing.assert_close(model(features(), index), plain(features(), index), rtol=1e-4, atol=1e-5)


def test_a_part_of_the_same_memory_is_noticed():
    layer, index = GraphConv(6, 4), edges()
    plain = copy.deepcopy(layer)
    accelerate(layer)
    layer(features(), index)
    index.data = index.data[:, :1]
    torch.testing.assert_close(layer(features(), index), plain(features(), index))


def test_a_name_of_the_layers_module_is_what_it_is_by_now(monkeypatch):
    layer, fixed = Own(), edges()
    accelerate(layer)
    before = layer(features(), fixed)
    monkeypatch.setattr(f"{__name__}.SCALE", 3.0)
    torch.testing.assert_close(layer(features(), fixed), 3 * before)
    monkeypatch.setattr(f"{__name__}.gcn_norm", lambda index, weight, nodes: (index, torch.zeros(index.shape[1])))
    assert layer(features(), fixed).abs().sum() == 0
    monkeypatch.undo()
    torch.testing.assert_close(layer(features(), fixed), before)


def test_a_forward_that_counts_in_its_module_counts():
    layer = Counting()
    accelerate(layer)
    before = CALLS
    for _ in range(3):
        layer(features(), edges())
    assert before + 3 == CALLS


def test_a_norm_of_ones_own_is_called_each_time():
    layer, index = Norm(), edges()
    accelerate(layer)
    before = layer(features(), index)
    layer.p = 6.0
    torch.testing.assert_close(layer(features(), index), 3 * before)


def test_a_copy_keeps_nothing_of_the_original_and_is_undone_with_it():
    model = torch.nn.ModuleList([gcn(), ChebConv(6, 4, K=2)])
    found = approximate(model, 0.3, epochs=10)
    index = edges()
    for part in model:
        part(features(), index)
    twin, gone = copy.deepcopy(model), weakref.ref(model[1])
    twin[1](features(), index)
    del model[1], part
    gc.collect()
    assert gone() is None
    found.undo()
    accelerate(twin)


def test_the_model_goes_while_a_copy_of_it_stays():
    model = gcn()
    approximate(model, 0.3, epochs=10)
    twin, gone = copy.deepcopy(model), weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    twin(features(), edges())


def test_undo_finds_layers_that_were_moved_or_removed():
    model = gcn()
    found, first = accelerate(model), model.convs[0]
    model.convs = model.convs[1:]
    found.undo()
    assert "propagate" not in vars(model.convs[0]) | vars(first)


class Table:
    def __eq__(self, other):
        raise ValueError("the truth value is ambiguous")

    __hash__ = None


TABLE = Table()


def test_a_name_that_cannot_be_compared_is_no_trouble():
    class Reading(Own):
        def forward(self, x, edge_index):
            assert TABLE is not None
            return super().forward(x, edge_index)

    assert accelerate(Reading()).layers[""].converted


@pytest.mark.filterwarnings("ignore:layer .* is run by PyTorch Geometric itself")
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_evaluating_over_new_graphs_measures_the_costs_without_gradients(mode):
    model = gcn().eval()
    found = accelerate(model)
    graphs = [edges(seed) for seed in range(6)]
    with mode():
        for index in graphs:
            model(features(), index)
        assert "GCNConv" in str(found)


def test_costs_are_measured_whatever_the_default_dtype_is():
    model = GCNConv(6, 4)
    found = accelerate(model)
    torch.set_default_dtype(torch.float64)
    try:
        assert found._shared.costs.convert_s > 0
    finally:
        torch.set_default_dtype(torch.float32)
