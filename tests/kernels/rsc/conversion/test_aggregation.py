"""Which messages are a product with the adjacency: a layer that only looks like one must stay PyTorch Geometric's."""

import math

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from torch_geometric.nn import GCNConv, MessagePassing
from torch_geometric.nn.aggr import MaxAggregation

from rsc_bench.kernels.rsc import accelerate
from rsc_bench.kernels.rsc.conversion import aggregation

NODES = 8
INDEX = torch.randint(NODES, (2, 30), generator=torch.Generator().manual_seed(0))


def features():
    return torch.randn(NODES, 3, generator=torch.Generator().manual_seed(1))


class Summed(MessagePassing):
    def forward(self, x, edge_index, edge_weight=None):
        return self.propagate(edge_index, x=x, edge_weight=edge_weight)


class Rectified(Summed):
    def message(self, x_j):
        return x_j.relu()


class Capped(Summed):
    def message(self, x_j):
        return x_j.clamp(max=5)


class Dropped(Summed):
    def message(self, x_j):
        return torch.nn.functional.dropout(x_j, 0.5, self.training)


class Scaled(Summed):
    def __init__(self):
        super().__init__()
        self.alpha = torch.nn.Parameter(torch.ones(1))

    def message(self, x_j):
        return x_j * self.alpha


class Switched(Summed):
    factor = 1

    def message(self, x_j):
        return x_j * self.factor


class Routed(Summed):
    def propagate(self, edge_index, size=None, **given):
        return 2 * super().propagate(edge_index, size=size, **given)


class Weighted(Summed):
    def message(self, x_j, edge_weight):
        return x_j * edge_weight[:, None]


class Twice(Summed):
    def message(self, x_j, edge_weight=None):
        return x_j * (2 if edge_weight is None else edge_weight[:, None])


class Inherited(Weighted):
    def message(self, x_j, edge_weight):
        return super().message(x_j, edge_weight)


@pytest.mark.parametrize(("layer", "reason"), [
    (Rectified(), "not its features times one weight for each edge"),
    (Capped(), "not its features times one weight for each edge"),
    (Dropped().eval(), "depend on its training, which may change"),
    (Scaled(), "depend on its alpha, which may change"),
    (Switched(), "depend on its factor, which may change"),
    (Routed(), r"Routed has propagate\(\) of its own"),
])  # fmt: skip
def test_what_only_looks_like_a_product_is_refused(layer, reason):
    layer(features(), INDEX)
    with pytest.raises(ValueError, match=reason):
        accelerate(layer)


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


ODD = {
    "detached": lambda x_j: x_j.detach(),
    "reversed": Reversed.apply,
    "without nan": lambda x_j: x_j.nan_to_num(),
    "large ones capped": lambda x_j: x_j.clamp(max=1e7),
    "dropped where there are gradients": lambda x_j: torch.nn.functional.dropout(x_j, 0.5, torch.is_grad_enabled()),
    "many edges doubled": lambda x_j: x_j if x_j.size(0) < 10 else x_j * 2,
    "in float32": lambda x_j: x_j.float(),
    "some features": lambda x_j: x_j[..., :64],
}
FACTOR = 1.0


@pytest.mark.parametrize("name", ODD)
def test_a_message_that_differs_for_some_numbers_or_in_its_gradient_is_refused(name):
    change = ODD[name]

    class Odd(Summed):
        def message(self, x_j):
            return change(x_j)

    assert "not its features times one weight for each edge" in aggregation.read(Odd())


def test_a_message_that_reads_a_number_of_its_module_is_refused():
    class Factored(Summed):
        def message(self, x_j):
            return x_j * FACTOR

    assert aggregation.read(Factored()) == "the messages of Factored depend on FACTOR of its module, which may change"


SETTINGS = {"k": 1.0}


class Where:
    k = 1.0


def helper(x_j):
    return x_j * Where.k


def factor_of(x_j):
    return helper(x_j)


def closed(settings):
    class Closed(Summed):
        def message(self, x_j):
            return settings["k"] * x_j

    return Closed()


class OfAClass(Summed):
    def message(self, x_j):
        return x_j * Where.k


class OfAHelper(Summed):
    def message(self, x_j):
        return factor_of(x_j)


class OfATable(Summed):
    def message(self, x_j):
        return x_j * SETTINGS["k"]


class OfItsAttributes(Summed):
    def message(self, x_j):
        return x_j * vars(self).get("k", 1.0)


class OfACallInside(Summed):
    def message(self, x_j):
        return sum(x_j * SETTINGS["k"] for _ in range(1))


class OfTheEdges(Summed):
    def message(self, x_j):
        return x_j / max(1, x_j.shape[0] / 100)


class OfTorch(Summed):
    def message(self, x_j):
        return torch.mul(x_j, math.cos(0))


@pytest.mark.parametrize(("layer", "reason"), [
    (closed(SETTINGS), "depend on settings of the function around it, which may change"),
    (OfAClass(), "depend on Where.k, which may change"),
    (OfAHelper(), "depend on Where.k, which may change"),
    (OfATable(), "depend on SETTINGS of its module, which may change"),
    (OfACallInside(), "depend on SETTINGS of its module, which may change"),
    (OfItsAttributes(), r"depend on what vars\(\) finds, which may change"),
    (OfTheEdges(), "are not its features times one weight for each edge"),
])  # fmt: skip
def test_a_factor_that_may_change_is_refused_wherever_it_comes_from(layer, reason):
    with pytest.raises(ValueError, match=reason):
        accelerate(layer)


def test_functions_of_torch_and_of_python_change_nothing():
    assert accelerate(OfTorch()).layers[""].converted


@pytest.mark.parametrize("change", [
    lambda layer: setattr(layer, "aggr_module", MaxAggregation()),
    lambda layer: setattr(layer, "message", lambda x_j: 2 * x_j),
])  # fmt: skip
def test_a_layer_whose_parts_are_replaced_later_is_pytorch_geometrics(change):
    layer, plain = Summed(), Summed()
    found = accelerate(layer)
    change(layer)
    change(plain)
    with pytest.warns(UserWarning, match="its aggregation or its message was replaced after it was converted"):
        torch.testing.assert_close(layer(features(), INDEX), plain(features(), INDEX))
    assert found.layers[""].own_calls == 1


def test_half_precision_on_a_cpu_is_pytorch_geometrics():
    layer, plain = Summed(), Summed()
    accelerate(layer)
    with pytest.warns(UserWarning, match="its features are float16, which the kernels do not multiply on a CPU"):
        torch.testing.assert_close(layer(features().half(), INDEX), plain(features().half(), INDEX))


def test_features_without_columns_are_pytorch_geometrics():
    layer = Summed()
    accelerate(layer)
    with pytest.warns(UserWarning, match="its features have no columns"):
        assert layer(features()[:, :0], INDEX).shape == (len(features()), 0)


def test_a_forward_that_hides_another_says_what_that_costs():
    class Residual(GCNConv):
        def forward(self, x, edge_index):
            return super().forward(x, edge_index) + x

    class Own(Summed):
        def forward(self, x, edge_index):
            return super().forward(x, edge_index) + x

    assert "it has a forward() of its own, so what it normalises is computed" in accelerate(Residual(3, 3)).layers[""].reason
    assert accelerate(Own()).layers[""].reason is None
    assert accelerate(GCNConv(3, 3)).layers[""].reason is None


def test_forward_mode_differentiation_is_pytorch_geometrics():
    layer, tangent = Summed(), torch.ones(NODES, 3)
    accelerate(layer)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(features(), tangent)
        with pytest.warns(UserWarning, match="in forward-mode differentiation"):
            out = layer(dual, INDEX)
        found = torch.autograd.forward_ad.unpack_dual(out).tangent
    assert torch.equal(found, torch.bincount(INDEX[1], minlength=NODES).float()[:, None].expand(NODES, 3))


@pytest.mark.parametrize(("layer", "bare"), [(Weighted(), False), (Inherited(), False), (Twice(), False), (Summed(), True)])
def test_whether_edges_weigh_one_where_there_is_no_weight(layer, bare):
    found = aggregation.read(layer)
    assert (found.features, found.bare) == ("x", bare)


def test_a_call_without_a_weight_that_the_messages_need_is_pytorch_geometrics():
    layer = Twice()
    exact = layer(features(), INDEX)
    found = accelerate(layer)
    with pytest.warns(UserWarning, match="its messages need a weight for each edge"):
        torch.testing.assert_close(layer(features(), INDEX), exact)
    torch.testing.assert_close(layer(features(), INDEX, edge_weight=torch.full((30,), 2.0)), exact)
    assert (found.layers[""].products, found.layers[""].own_calls) == (1, 1)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")
@pytest.mark.parametrize("kind", [Summed, Weighted])
def test_a_sparse_adjacency_needs_no_layer_that_multiplies_itself(kind):
    layer, adj = kind(), torch.sparse_coo_tensor(INDEX, torch.arange(30.0), (NODES, NODES)).coalesce().to_sparse_csr()
    exact = layer(features(), adj)
    found = accelerate(layer)
    torch.testing.assert_close(layer(features(), adj), exact)
    assert found.layers[""].products == 1


@pytest.mark.filterwarnings("ignore:Sparse CSC tensor support is in beta")
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc, torch.sparse_coo], ids=str)
@pytest.mark.parametrize("kind", [Summed, lambda: GCNConv(3, 4, normalize=False)], ids=["without weights", "with weights"])
def test_a_sparse_adjacency_whose_indices_lead_elsewhere_is_refused_before_it_is_converted(kind, layout):
    offsets, beyond = torch.tensor([0, *[900_000_000] * (NODES - 1), 2]), torch.tensor([[0, 900_000_000], [0, 1]])
    if layout is torch.sparse_coo:
        adj = torch.sparse_coo_tensor(beyond, torch.ones(2), (NODES, NODES), check_invariants=False)
    else:
        parts = offsets, torch.tensor([0, 1]), torch.ones(2)
        adj = torch.sparse_compressed_tensor(*parts, (NODES, NODES), layout=layout, check_invariants=False)
    layer = kind()
    accelerate(layer)
    with pytest.raises(ValueError, match=r"^layer '', adjacency.*: r") as caught:
        layer(features(), adj)
    assert "\n" not in str(caught.value)


def test_weights_beside_a_sparse_adjacency_are_pytorch_geometrics():
    layer, adj = Weighted(), torch.eye(NODES).to_sparse_csr()
    accelerate(layer)
    with pytest.warns(UserWarning, match="it is given weights beside a sparse adjacency"):
        torch.testing.assert_close(layer(features(), adj, edge_weight=torch.full((NODES,), 3.0)), 3 * features())
