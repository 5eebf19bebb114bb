"""A call that cannot work names the layer, the rule and the value, whichever line of PyTorch Geometric it fails in."""

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from torch_geometric.nn import GCN, GraphSAGE

from rsc_bench import accelerate

FITS = torch.tensor([[0, 1, 2], [1, 2, 0]])


@pytest.mark.parametrize("kind", [GCN, GraphSAGE])
@pytest.mark.parametrize(("edge_index", "rule"), [
    (torch.tensor([[0, 12], [1, 2]]), r"edge_index must lie in \[0, 10\) for its sources \(got 0 to 12\)"),
    (torch.tensor([[0, 1], [1, 12]]), r"edge_index must lie in \[0, 10\) for its targets \(got 1 to 12\)"),
    (torch.tensor([[0, -1], [1, 2]]), r"edge_index must lie in \[0, 10\) for its sources \(got -1 to "),
    (torch.zeros(3, 4, dtype=torch.long), r"edge_index must have the shape \(2, edges\) \(got \(3, 4\)\)"),
    (torch.zeros(2, 4), r"edge_index must be of an integer dtype \(got torch.float32\)"),
    (FITS.to("meta"), r"edge_index must be on cpu, where the features are \(got meta\)"),
])  # fmt: skip
def test_a_bad_edge_index_names_the_layer_the_rule_and_the_value(kind, edge_index, rule):
    model = kind(4, 8, 2, 3)
    accelerate(model)
    with pytest.raises((IndexError, RuntimeError, ValueError), match=rf"^layer 'convs.0'.*{rule}"):
        model(torch.randn(10, 4), edge_index)


def test_weights_of_another_number_name_the_layer():
    model = GCN(4, 8, 2, 3)
    accelerate(model)
    with pytest.raises(IndexError, match=r"^layer 'convs.0': edge_weight must have one number for each of 3 edges \(got 5\)"):
        model(torch.randn(10, 4), FITS, edge_weight=torch.rand(5))


def test_an_error_of_another_kind_is_the_layers_own():
    model = GCN(4, 8, 2, 3)
    accelerate(model)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        model(torch.randn(10, 5), FITS)
