"""What else is done with a converted layer: copied, explained, traced, exported, transformed, cast."""

import copy
import functools
import gc
import warnings

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from made_models import seeded
from torch_geometric.nn import GCN, GCNConv, GraphConv, SAGEConv

from rsc_bench.kernels.rsc import accelerate

NODES, EDGES = 20, 80
INDEX = torch.randint(NODES, (2, EDGES), generator=torch.Generator().manual_seed(0))


def features():
    return torch.randn(NODES, 6, generator=torch.Generator().manual_seed(3))


def pair(make):
    """A converted layer, PyTorch Geometric's own with the same weights, and what the conversion says."""
    model, exact = seeded(make), seeded(make)
    return model, exact, accelerate(model)


def counting(found):
    return [(report.products, report.own_calls) for report in found.layers.values()]


def test_explaining_and_decomposing_leave_a_layer_converted():
    layer, exact, found = pair(lambda: GCNConv(6, 4))
    for each in (layer, exact):
        each.explain, each._edge_mask, each._apply_sigmoid = True, torch.rand(EDGES), False
        each._loop_mask = INDEX[0] != INDEX[1]
        each._edge_mask = torch.linspace(0, 1, EDGES)
    with pytest.warns(UserWarning, match="it is being explained"):
        torch.testing.assert_close(layer(features(), INDEX), exact(features(), INDEX))
    for each in (layer, exact):
        each.explain, each.decomposed_layers = False, 2
    torch.testing.assert_close(layer(features(), INDEX), exact(features(), INDEX))
    assert counting(found) == [(1, 1)]


def test_a_layer_that_is_explained_when_it_is_converted_stays_so():
    layer = seeded(lambda: GraphConv(6, 4))
    layer.explain = True
    before = set(vars(layer))
    found = accelerate(layer)
    with pytest.warns(UserWarning, match="it is being explained"), pytest.raises(ValueError, match="pre-defined 'edge_mask'"):
        layer(features(), INDEX)
    found.undo()
    assert set(vars(layer)) == before
    assert layer.propagate.__module__.endswith("message_passing")


def test_a_forward_that_a_user_put_in_front_is_called_and_comes_back():
    layer = SAGEConv(6, 4)
    layer.forward = own = functools.partial(SAGEConv.forward, layer)
    found = accelerate(layer)
    layer(features(), INDEX)
    assert counting(found) == [(1, 0)]
    found.undo()
    assert layer.forward is own


def test_a_shallow_copy_is_a_plain_layer_with_the_same_weights():
    layer, exact, found = pair(lambda: GCNConv(6, 4))
    twin = copy.copy(layer)
    twin.lin = torch.nn.Linear(6, 4)
    exact.lin = twin.lin
    torch.testing.assert_close(twin(features(), INDEX), exact(features(), INDEX))
    assert counting(found) == [(0, 0)]


def test_a_replica_of_data_parallel_multiplies_with_its_own_weights():
    layer, exact, found = pair(lambda: GCNConv(6, 4))
    replica = layer._replicate_for_data_parallel()
    replica.lin, replica.bias = exact.lin, exact.bias = torch.nn.Linear(6, 4), torch.nn.Parameter(torch.ones(4))
    torch.testing.assert_close(replica(features(), INDEX), exact(features(), INDEX), rtol=1e-4, atol=1e-5)
    assert counting(found) == [(1, 0)]


def test_tracing_records_the_layer_and_not_one_graph():
    layer, exact, _ = pair(lambda: GCNConv(6, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(layer, (features(), INDEX))
    other = INDEX.flip(0)[:, :50]
    torch.testing.assert_close(traced(features(), other), exact(features(), other))


def test_exporting_gives_a_program_for_other_graphs():
    layer, exact, _ = pair(lambda: GraphConv(6, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(layer, (features(), INDEX)).module()
    torch.testing.assert_close(program(features(), INDEX.flip(0)), exact(features(), INDEX.flip(0)))


def squares(layer, parameters, x):
    return torch.func.functional_call(layer, parameters, (x, INDEX)).square().sum()


@pytest.mark.filterwarnings("ignore:layer .* is run by PyTorch Geometric itself")
@pytest.mark.parametrize("transform", [
    lambda layer, values: torch.func.grad(lambda given: squares(layer, given, features()))(values)["lin.weight"],
    lambda layer, values: torch.func.vmap(lambda x: squares(layer, values, x))(torch.stack([features(), 2 * features()])),
    lambda layer, values: torch.func.hessian(lambda x: squares(layer, values, x))(features()),
])  # fmt: skip
def test_transforms_of_torch_func_are_pytorch_geometrics(transform):
    layer, exact, found = pair(lambda: GCNConv(6, 4))
    values = {name: 2 * value.detach() for name, value in exact.named_parameters()}
    torch.testing.assert_close(transform(layer, values), transform(exact, values))
    assert "it is called inside of a transform of torch.func" in str(found)
    torch.testing.assert_close(squares(layer, values, features()), squares(exact, values, features()), rtol=1e-4, atol=1e-5)
    assert found.layers[""].products == 1


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_two_converted_models_are_compiled_in_one_process():
    for _ in range(2):
        model, exact, found = pair(lambda: GCN(6, 8, 2, 4))
        compiled = torch.compile(model, backend="eager")
        torch.testing.assert_close(compiled(features(), INDEX), exact(features(), INDEX), rtol=1e-4, atol=1e-5)
        assert counting(found) == [(1, 0)] * 2


def test_weights_in_single_precision_count_where_features_are_cast():
    layer, exact, found = pair(lambda: GCNConv(6, 4))
    with torch.autocast("cpu", torch.bfloat16):
        one, other = layer(features(), INDEX), exact(features(), INDEX)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert counting(found) == [(1, 0)]


def test_weights_in_double_precision_are_not_rounded():
    layer, exact, _ = pair(lambda: GCNConv(6, 4))
    with pytest.warns(UserWarning, match="its edge weights are of float64, its features of float32"):
        one = layer(features(), INDEX, torch.rand(EDGES, generator=torch.Generator().manual_seed(1)).double())
    other = exact(features(), INDEX, torch.rand(EDGES, generator=torch.Generator().manual_seed(1)).double())
    torch.testing.assert_close(one, other)


def test_features_in_any_place_come_back_in_order():
    layer, exact, _ = pair(lambda: GCNConv(6, 4, node_dim=1))
    x = torch.stack([features(), -features()])
    one = layer(x, INDEX)
    torch.testing.assert_close(one, exact(x, INDEX), rtol=1e-4, atol=1e-5)
    assert one.is_contiguous()


def test_a_graph_without_nodes_and_a_device_without_numbers():
    layer, exact, _ = pair(lambda: GraphConv(6, 4))
    assert layer(features()[:0], INDEX[:, :0]).shape == (0, 4)
    with pytest.warns(UserWarning, match="meta device"):
        assert layer.to("meta")(features().to("meta"), INDEX.to("meta")).shape == exact(features(), INDEX).shape


def test_a_copy_that_is_dropped_leaves_nothing_at_the_adjacency():
    layer, _, found = pair(lambda: GCNConv(6, 4))
    for _ in range(3):
        copy.deepcopy(layer)(features(), INDEX)
        layer(features(), INDEX)
    gc.collect()
    assert len(found._shared.sources.propagations()) == 1
