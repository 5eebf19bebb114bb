"""Every layer that is a product with its adjacency gives what PyTorch Geometric gives, whatever the adjacency is."""

import copy
import warnings

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

import torch_geometric
from torch_geometric import EdgeIndex, nn
from torch_geometric.nn import MessagePassing

from rsc_bench.kernels.rsc import accelerate

# Said once by torch's own conversions, wherever PyTorch Geometric first touches a sparse tensor.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Sparse invariant checks are implicitly disabled", "ignore:Converting sparse tensor to CSR"
)

NODES, EDGES, FEATURES = 30, 120, 6


class Written(MessagePassing):
    """A user's own layer, with a message and nothing else."""

    def __init__(self):
        super().__init__(aggr="mean")
        self.lin = torch.nn.Linear(FEATURES, 4)

    def forward(self, x, edge_index, edge_weight):
        return self.propagate(edge_index, x=self.lin(x), edge_weight=edge_weight)

    def message(self, x_j, edge_weight):
        return x_j if edge_weight is None else edge_weight.unsqueeze(-1) * x_j


WEIGHTED = {
    "gcn": lambda: nn.GCNConv(FEATURES, 4),
    "gcn improved": lambda: nn.GCNConv(FEATURES, 4, improved=True),
    "gcn cached": lambda: nn.GCNConv(FEATURES, 4, cached=True),
    "gcn plain": lambda: nn.GCNConv(FEATURES, 4, normalize=False),
    "graph": lambda: nn.GraphConv(FEATURES, 4),
    "graph mean": lambda: nn.GraphConv(FEATURES, 4, aggr="mean"),
    "sg": lambda: nn.SGConv(FEATURES, 4, K=2),
    "ssg": lambda: nn.SSGConv(FEATURES, 4, alpha=0.1, K=2),
    "tag": lambda: nn.TAGConv(FEATURES, 4, K=2),
    "cheb": lambda: nn.ChebConv(FEATURES, 4, K=3),
    "appnp": lambda: torch.nn.Sequential(nn.APPNP(K=2, alpha=0.1))[0],
    "lg": nn.LGConv,
    "mixhop": lambda: nn.MixHopConv(FEATURES, 4),
    "arma": lambda: nn.ARMAConv(FEATURES, 4, num_stacks=2, num_layers=2),
    "gated": lambda: nn.GatedGraphConv(FEATURES, num_layers=2),
    "written": Written,
}
PLAIN = {
    "sage": lambda: nn.SAGEConv(FEATURES, 4),
    "sage sum": lambda: nn.SAGEConv(FEATURES, 4, aggr="sum"),
    "sage project": lambda: nn.SAGEConv(FEATURES, 4, project=True),
    "gin": lambda: nn.GINConv(torch.nn.Linear(FEATURES, 4), train_eps=True),
    "cluster": lambda: nn.ClusterGCNConv(FEATURES, 4, diag_lambda=0.5),
    "signed": lambda: nn.SignedConv(FEATURES, 4, first_aggr=True),
    "simple": nn.SimpleConv,
}
EDGE_LISTS_ONLY = {"cheb", "written", "gated"}


def drawn(seed=0):
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(NODES, (2, EDGES), generator=generator)
    return index, torch.rand(EDGES, generator=generator) + 0.1, torch.randn(NODES, FEATURES, generator=generator)


def seeded(make):
    torch.manual_seed(0)
    return make()


def results(layer, x, *adjacency):
    """What the layer gives, and the gradients of its features and parameters."""
    x = x.clone().requires_grad_()
    out = layer(x, *adjacency)
    layer.zero_grad()
    (out * torch.arange(out.numel()).view_as(out).cos()).sum().backward()
    return [out.detach(), x.grad, *(parameter.grad.clone() for parameter in layer.parameters() if parameter.grad is not None)]


def assert_same(layer, *given, calls=2):
    """Convert a copy of the layer, and compare each of some calls with the layer's own."""
    ours = copy.deepcopy(layer)
    found = accelerate(ours)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "layer .* is run by PyTorch Geometric itself")
        for _ in range(calls):
            for one, other in zip(results(ours, *given), results(layer, *given), strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    (report,) = found.layers.values()
    assert report.converted
    assert report.products > 0
    return found


@pytest.mark.parametrize("name", [*WEIGHTED, *PLAIN])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_edge_index(name, weighted):
    index, weight, x = drawn()
    if name == "signed":
        assert_same(seeded(PLAIN[name]), x, index, index.flip(0))
    elif name in PLAIN:
        if weighted and name != "simple":
            pytest.skip("takes no weights")
        assert_same(
            torch.nn.Sequential(seeded(PLAIN[name]))[0] if name == "simple" else seeded(PLAIN[name]),
            x,
            index,
            *([weight] * weighted),
        )
    elif name == "written" or weighted or name not in WEIGHTED:
        assert_same(seeded(WEIGHTED[name]), x, index, weight if weighted else None)
    else:
        assert_same(seeded(WEIGHTED[name]), x, index)


@pytest.mark.parametrize(
    "name", [name for name in [*WEIGHTED, *PLAIN] if name not in EDGE_LISTS_ONLY | {"signed", "cluster", "arma"}]
)
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_coo])
def test_a_sparse_tensor_of_torch(name, layout):
    index, weight, x = drawn()
    adj = torch.sparse_coo_tensor(index.flip(0), weight, (NODES, NODES)).coalesce()
    adj = adj.to_sparse_csr() if layout is torch.sparse_csr else adj
    assert_same(seeded((WEIGHTED | PLAIN)[name]), x, adj)


@pytest.mark.parametrize("name", [name for name in [*WEIGHTED, *PLAIN] if name not in EDGE_LISTS_ONLY | {"signed"}])
def test_an_adjacency_of_torch_sparse(name):
    torch_sparse = pytest.importorskip("torch_sparse", reason="torch-sparse is not installed: tox run -e baselines")
    index, weight, x = drawn()
    adj = torch_sparse.SparseTensor(row=index[1], col=index[0], value=weight, sparse_sizes=(NODES, NODES)).coalesce()
    assert_same(seeded((WEIGHTED | PLAIN)[name]), x, adj)


@pytest.mark.parametrize("name", ["gcn", "graph", "sage", "gin"])
def test_a_sorted_edge_index_of_pyg(name):
    index, _, x = drawn()
    adj = EdgeIndex(index, sparse_size=(NODES, NODES)).sort_by("col").values
    assert_same(seeded((WEIGHTED | PLAIN)[name]), x, adj)


@pytest.mark.parametrize("name", ["gcn", "graph", "graph mean", "sage", "gin", "tag"])
def test_the_other_direction(name):
    index, _, x = drawn()
    layer = seeded((WEIGHTED | PLAIN)[name])
    layer.flow = "target_to_source"
    assert_same(layer, x, index)


@pytest.mark.parametrize("name", ["graph", "graph mean", "sage", "gin"])
@pytest.mark.parametrize("both", [True, False])
def test_nodes_of_two_kinds(name, both):
    generator = torch.Generator().manual_seed(1)
    index = torch.stack([torch.randint(20, (50,), generator=generator), torch.randint(7, (50,), generator=generator)])
    sources, targets = torch.randn(20, FEATURES, generator=generator), torch.randn(7, FEATURES, generator=generator)
    layer = seeded((WEIGHTED | PLAIN)[name])
    ours = copy.deepcopy(layer)
    accelerate(ours)
    pair = (sources, targets if both else None)
    size = None if both else (20, 7)
    torch.testing.assert_close(ours(pair, index, size=size), layer(pair, index, size=size), rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(
    tuple(map(int, torch_geometric.__version__.split(".")[:2])) < (2, 7),
    reason=f"to_hetero of torch_geometric before 2.7 fails by itself with torch 2.13 (got {torch_geometric.__version__})",
)
def test_layers_of_a_model_for_several_kinds_of_node_and_edge_in_either_order():
    generator = torch.Generator().manual_seed(1)
    metadata = ["paper", "author"], [("author", "writes", "paper"), ("paper", "cites", "paper"), ("paper", "by", "author")]
    x = {"paper": torch.randn(12, FEATURES, generator=generator), "author": torch.randn(9, FEATURES, generator=generator)}
    edges = {
        metadata[1][0]: torch.stack([torch.randint(9, (40,), generator=generator), torch.randint(12, (40,), generator=generator)]),
        metadata[1][1]: torch.randint(12, (2, 40), generator=generator),
    }
    edges[metadata[1][2]] = edges[metadata[1][0]].flip(0)
    plain = nn.to_hetero(seeded(lambda: nn.GraphSAGE((-1, -1), 8, 2, 3)), metadata)
    with torch.no_grad():
        plain(x, edges)  # its sizes are known from here on
    behind = copy.deepcopy(plain)
    found = accelerate(behind)
    torch.testing.assert_close(behind(x, edges)["paper"], plain(x, edges)["paper"], rtol=1e-4, atol=1e-5)
    assert sum(report.products > 0 for report in found.layers.values()) >= 3
    model = seeded(lambda: nn.GraphSAGE((-1, -1), 8, 2, 3))
    accelerate(model)
    before = nn.to_hetero(model, metadata)
    with torch.no_grad():
        before(x, edges)
    before.load_state_dict(plain.state_dict())
    torch.testing.assert_close(before(x, edges)["paper"], plain(x, edges)["paper"], rtol=1e-4, atol=1e-5)


def test_a_wrapper_of_layers_by_kind_of_edge():
    index, _, x = drawn()
    conv = seeded(lambda: nn.HeteroConv({("a", "to", "a"): nn.SAGEConv(FEATURES, 4), ("a", "of", "a"): nn.GraphConv(FEATURES, 4)}))
    ours = copy.deepcopy(conv)
    found = accelerate(ours)
    given = {"a": x}, {("a", "to", "a"): index, ("a", "of", "a"): index.flip(0)}
    torch.testing.assert_close(ours(*given)["a"], conv(*given)["a"], rtol=1e-4, atol=1e-5)
    assert [report.products for report in found.layers.values()] == [1, 1]


@pytest.mark.parametrize(("make", "reason"), [
    (lambda: nn.SAGEConv(FEATURES, 4, aggr="max"), r"its aggregation must be one sum or mean \(got 'max'\)"),
    (lambda: nn.SAGEConv(FEATURES, 4, aggr=["mean", "sum"]), r"its aggregation must be one sum or mean \(got \['mean', 'sum'\]\)"),
    (lambda: nn.GATConv(FEATURES, 4), "the edge weights of GATConv are learnt"),
    (lambda: nn.TransformerConv(FEATURES, 4), "the messages of TransformerConv are made of"),
    (lambda: nn.EdgeConv(torch.nn.Linear(2 * FEATURES, 4)), "its aggregation must be one sum or mean"),
    (lambda: nn.GINEConv(torch.nn.Linear(FEATURES, 4)), "the messages of GINEConv are not its features times one weight"),
    (lambda: nn.EGConv(FEATURES, 4, num_heads=1), "must be one sum or mean|EGConv has"),
])  # fmt: skip
def test_what_is_no_such_product_is_refused_with_its_reason(make, reason):
    with pytest.raises(ValueError, match=rf"must have a layer that is a product with its adjacency \(the model: .*{reason}"):
        accelerate(make())
