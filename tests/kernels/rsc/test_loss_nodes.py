"""Training whose loss reads some nodes alone: the last layer computes those, and says so where that would change the training."""

import re
import warnings

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from made_models import edges, features, gcn
from torch_geometric.nn import APPNP, GAT, GCN, GraphSAGE
from torch_geometric.nn.models.basic_gnn import BasicGNN

from rsc_bench.kernels.rsc import accelerate, approximate

INDEX = edges()
NODES = features().shape[0]
MASK = torch.zeros(NODES, dtype=torch.bool)
MASK[::5] = True
MODELS = {
    "GCN": lambda: GCN(6, 8, 3, 4),
    "SAGE": lambda: GraphSAGE(6, 8, 2, 4),
    "with norm": lambda: GCN(6, 8, 3, 4, norm="batch_norm"),
}


def made(kind):
    torch.manual_seed(3)
    return MODELS[kind]()


def step(model, nodes=MASK):
    model.zero_grad()
    loss = model(features(), INDEX)[nodes].square().mean()
    loss.backward()
    return loss.detach(), [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("nodes", [MASK, MASK.nonzero().flatten()], ids=["mask", "numbers"])
def test_losses_and_gradients_are_those_of_all_rows(kind, nodes):
    plain, model = made(kind), made(kind)
    accelerate(model, loss_nodes=nodes)
    for _ in range(3):
        (wanted, gradients), (loss, found) = step(plain), step(model)
        torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-6)
        for one, other in zip(found, gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_in_training_other_rows_have_no_neighbours_and_in_evaluation_all_rows_are_there():
    plain, model = gcn(), gcn()
    found = accelerate(model, loss_nodes=MASK)
    whole = plain(features(), INDEX)
    out = model(features(), INDEX)
    torch.testing.assert_close(out[MASK], whole[MASK], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(out[~MASK], whole[~MASK])
    out[MASK].sum().backward()
    torch.testing.assert_close(model.eval()(features(), INDEX), whole, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(model.train()(features(), INDEX), whole, rtol=1e-5, atol=1e-6)
    found.undo()
    torch.testing.assert_close(gcn()(features(), INDEX), whole)


def test_a_loss_that_reads_another_node_is_refused_with_the_node():
    model = gcn()
    accelerate(model, loss_nodes=MASK)
    reads = MASK.clone()
    reads[3] = True
    with pytest.raises(ValueError, match=r"must read the loss_nodes alone \(its gradient is not zero at node 3 and 0 others\)"):
        model(features(), INDEX)[reads].sum().backward()


def test_a_batch_norm_behind_the_last_layer_reads_every_node():
    class Behind(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.norm = GCN(6, 8, 2, 4), torch.nn.BatchNorm1d(4)

        def forward(self, x, index):
            return self.norm(self.net(x, index))

    model = Behind()
    accelerate(model, loss_nodes=MASK)
    with pytest.raises(ValueError, match="must read the loss_nodes alone"):
        step(model)


class Turned(BasicGNN):
    """Its layers are called in another order than they were made in."""

    def __init__(self):
        super().__init__(6, 6, 2)

    def init_conv(self, in_channels, out_channels, **given):
        from torch_geometric.nn import GraphConv

        return GraphConv(in_channels, out_channels)

    def forward(self, x, index):
        return self.convs[0](self.convs[1](x, index), index)


def test_a_product_behind_the_last_layer_is_refused():
    model = Turned()
    accelerate(model, loss_nodes=MASK)
    with pytest.raises(ValueError, match=r"layer 'convs.1' must have the last product .* \(layer 'convs.0' has one behind it"):
        model(features().requires_grad_(), INDEX)


def test_a_layer_with_several_products_is_refused():
    model = APPNP(3, 0.1)
    accelerate(model, loss_nodes=MASK)
    with pytest.raises(ValueError, match="must have the last product of a training pass"):
        model(features().requires_grad_(), INDEX)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (MASK[:-1], rf"loss_nodes must have an entry for each of {NODES} nodes \(got {NODES - 1}\)"),
        (torch.tensor([NODES]), rf"loss_nodes must lie in \[0, {NODES - 1}\] \(got {NODES} to {NODES}\)"),
        (MASK.float(), r"loss_nodes must be a mask of the nodes or their numbers, in one dimension \(got .* of torch.float32\)"),
        ([1, 2], r"loss_nodes must be a mask of the nodes or their numbers, in one dimension \(got \[1, 2\]\)"),
    ],
)
def test_nodes_that_cannot_be_are_one_line(nodes, message):
    def trains(model):
        accelerate(model, loss_nodes=nodes)
        step(model)

    with pytest.raises(ValueError, match=message):
        trains(gcn())


def test_a_pass_without_a_backward_does_not_stand_in_the_way_of_the_next_step():
    model = gcn()
    accelerate(model, loss_nodes=MASK)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    step(model)
    model(features(), INDEX)
    optimiser.step()
    step(model)


def test_a_sampled_model_spends_a_share_of_what_is_left():
    model = gcn()
    found = approximate(model, 0.3, epochs=50, warmup_steps=1, loss_nodes=MASK)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(6):
        step(model)
        optimiser.step()
    assert found.sampled_steps == 5
    assert found.last_share <= 0.3


def test_the_last_layer_that_is_converted_is_meant_and_what_mixes_behind_it_is_noticed():
    class Mixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = GCN(6, 8, 1), GAT(8, 8, 1, 4)

        def forward(self, x, index):
            return self.last(self.first(x, index), index)

    model = Mixed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accelerate(model, loss_nodes=MASK)
        with pytest.raises(ValueError, match="must read the loss_nodes alone"):
            step(model)


def test_without_a_gradient_that_comes_back_every_row_is_computed():
    """Of an input that needs no gradient: nothing would show that a row was missed."""
    from torch_geometric.nn import SAGEConv

    torch.manual_seed(0)
    plain, model = SAGEConv(6, 4), SAGEConv(6, 4)
    model.load_state_dict(plain.state_dict())
    found = accelerate(model, loss_nodes=MASK)
    torch.testing.assert_close(model(features(), INDEX), plain(features(), INDEX))
    assert "loss_nodes: no row was left out of layer '' so far: its input needs no gradient" in str(found)


class Heads(torch.nn.Module):
    """A body, and a last head that training does not call."""

    def __init__(self):
        super().__init__()
        self.body, self.head = GCN(6, 8, 2, 4), GCN(4, 8, 1, 4)

    def forward(self, x, index):
        return self.body(x, index)


def trained(model, steps):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(steps):
        step(model)
        optimiser.step()


def test_a_last_layer_that_is_never_called_is_said_once_and_in_the_table():
    model = Heads()
    found = accelerate(model, loss_nodes=MASK)
    said = "no row was left out of layer 'head.convs.0' so far: it was not called in training"
    trained(model, 9)
    with pytest.warns(UserWarning, match=rf"loss_nodes: {said} \(10 steps\)"):
        trained(model, 1)
    trained(model, 12)
    assert said in str(found)


def test_steps_of_other_parts_alone_are_no_reason_to_warn():
    model = gcn()
    accelerate(model, loss_nodes=MASK)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(12):
        optimiser.step()
    trained(model, 1)


def test_a_last_layer_that_pytorch_geometric_runs_says_so():
    model = gcn()
    found = accelerate(model, loss_nodes=MASK)
    model.convs[-1].register_propagate_forward_pre_hook(lambda module, inputs: None)
    with pytest.warns(UserWarning, match="run by PyTorch Geometric itself"):
        trained(model, 1)
    assert "so far: PyTorch Geometric runs it itself (it has hooks on its message passing)" in str(found)


def test_the_table_says_how_often_rows_were_left_out():
    model = gcn()
    found = accelerate(model, loss_nodes=MASK)
    step(model)
    step(model)
    assert re.search(r"loss_nodes: 2 products of layer 'convs.\d' were of the rows that the loss reads alone", str(found))


def test_two_passes_and_one_backward_are_one_step():
    plain, model = gcn(), gcn()
    accelerate(model, loss_nodes=MASK)
    for each in (plain, model):
        sum(each(features() * scale, INDEX)[MASK].square().mean() for scale in (1.0, 2.0)).backward()
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_a_gradient_that_is_not_contiguous_is_looked_at_as_well():
    model = GCN(6, 8, 2, 4)
    accelerate(model, loss_nodes=torch.ones(NODES, dtype=torch.bool))
    model(features(), INDEX).sum().backward()
