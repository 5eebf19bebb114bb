"""Which messages are a product with the adjacency: a layer that only looks like one must stay PyTorch Geometric's."""

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from torch_geometric.nn import MessagePassing

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
    (Rectified(), "no features times a weight for each edge"),
    (Capped(), "no features times a weight for each edge"),
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

    assert "no features times a weight for each edge" in aggregation.read(Odd())


def test_a_message_that_reads_a_number_of_its_module_is_refused():
    class Factored(Summed):
        def message(self, x_j):
            return x_j * FACTOR

    assert aggregation.read(Factored()) == "the messages of Factored depend on FACTOR of its module, which may change"


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


def test_weights_beside_a_sparse_adjacency_are_pytorch_geometrics():
    layer, adj = Weighted(), torch.eye(NODES).to_sparse_csr()
    accelerate(layer)
    with pytest.warns(UserWarning, match="it is given weights beside a sparse adjacency"):
        torch.testing.assert_close(layer(features(), adj, edge_weight=torch.full((NODES,), 3.0)), 3 * features())
