import copy
import gc
import pickle
import subprocess
import sys
import time
import warnings
import weakref
from pathlib import Path

import pytest
import torch

pytest.importorskip("torch_geometric", reason="converts PyTorch Geometric models: pip install torch-geometric")

from made_kernels import SINGLE
from made_models import NODES, edges, features, gcn, seeded
from torch_geometric.nn import GAT, GCN, GCNConv, GraphSAGE, SAGEConv, SGConv

from rsc_bench import allocator
from rsc_bench.kernels import Kernel, Unsupported
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.rsc import accelerate, approximate
from rsc_bench.kernels.rsc.conversion.costs import Costs

pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")

EDGES = 300


def losses(model, steps=20, index=None):
    index, optimiser, found = edges() if index is None else index, torch.optim.Adam(model.parameters(), lr=0.01), []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(features(), index), torch.arange(NODES) % 4)
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    return found


def test_losses_follow_those_of_pytorch_geometric():
    model = gcn()
    accelerate(model)
    assert losses(model) == pytest.approx(losses(gcn()), rel=1e-4)


def test_an_edge_index_is_normalised_and_converted_once_for_all_layers():
    model, index = gcn(), edges()
    found = accelerate(model)
    losses(model, 3, index)
    assert found._shared.sources.converted == 1
    model.eval()(features(), index)
    assert found._shared.sources.converted == 1
    losses(model, 1, edges(1))
    assert found._shared.sources.converted == 2


def test_a_change_in_place_is_noticed():
    model, exact, index, weight = gcn(), gcn(), edges(), torch.rand(EDGES)
    accelerate(model)._shared.costs = Costs(1e-12, own_s=2e-9, ours_s=1e-9)  # converting pays, however small the graph is
    for change in (lambda: None, lambda: index[1].copy_(edges(7)[1]), lambda: weight.mul_(3), lambda: index.copy_(edges(8))):
        change()
        torch.testing.assert_close(model(features(), index, weight), exact(features(), index, weight), rtol=1e-4, atol=1e-5)


def test_a_change_in_place_of_a_sparse_adjacency_is_noticed():
    model, exact = seeded(lambda: GCN(6, 16, 2, 4, normalize=False)), seeded(lambda: GCN(6, 16, 2, 4, normalize=False))
    accelerate(model)
    adj = torch.sparse_coo_tensor(edges(), torch.rand(EDGES), (NODES, NODES)).coalesce().to_sparse_csr()
    for _ in range(2):
        torch.testing.assert_close(model(features(), adj), exact(features(), adj), rtol=1e-4, atol=1e-5)
        adj.values().mul_(2)


def test_what_was_converted_goes_with_the_edge_index():
    model, index = gcn(), edges()
    found = accelerate(model)
    losses(model, 2, index)
    assert found.memory_bytes > 0
    gone = weakref.ref(index)
    del index
    gc.collect()
    assert gone() is None
    assert found.memory_bytes == 0
    assert not found._shared.remembered.known


@pytest.mark.parametrize("make", [lambda: SGConv(6, 4, add_self_loops=False), lambda: GCNConv(6, 4, add_self_loops=False)])
def test_a_normalisation_that_hands_back_its_edge_index_does_not_keep_it(make):
    layer, index = make(), edges()
    accelerate(layer)
    layer(features(), index)
    gone = weakref.ref(index)
    del index
    gc.collect()
    assert gone() is None


def test_new_weights_on_the_same_edges_leave_nothing_behind():
    layer, exact, index = seeded(lambda: GCNConv(6, 4)), seeded(lambda: GCNConv(6, 4)), edges()
    found = accelerate(layer)
    for seed in range(3):
        weight = torch.rand(EDGES, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(layer(features(), index, weight), exact(features(), index, weight), rtol=1e-4, atol=1e-5)
    del weight
    gc.collect()
    (entries,) = (known for _, known in found._shared.remembered.known.values())
    assert len(entries) <= 2


def test_the_table_says_of_each_layer_whether_it_was_converted_and_what_it_did():
    model = torch.nn.ModuleDict({"one": GCNConv(6, 4), "two": SAGEConv(6, 4, aggr="max"), "three": GAT(6, 4, 1)})
    found = accelerate(model)
    for _ in range(3):
        model["one"](features(), edges())
    text = str(found)
    assert "one" in text
    assert "two: its aggregation must be one sum or mean (got 'max')" in text
    assert "three.convs.0: the edge weights of GATConv are learnt (it has an edge_update() of its own)" in text
    assert [name for name, report in found.layers.items() if report.converted] == ["one"]
    assert found.layers["one"].products == 3
    assert found.layers["one"].width == 4
    assert repr(found) == "<Accelerated of ModuleDict: 1 of 3 layers converted, 0 steps>"


def test_undoing_restores_every_attribute():
    model = gcn()
    before = {name: set(vars(layer)) for name, layer in model.named_modules()}
    found = accelerate(model)
    losses(model, 2)
    found.undo()
    found.undo()
    assert {name: set(vars(layer)) for name, layer in model.named_modules()} == before
    accelerate(model).undo()


def test_a_second_conversion_is_refused():
    model = gcn()
    accelerate(model)
    with pytest.raises(ValueError, match=r"must be converted once \(already: .*\): undo\(\) that first"):
        approximate(model, epochs=10)


LOADS = """
import sys
import time
sys.modules["rsc_bench"] = None
import pickle, torch
one = pickle.load(open(sys.argv[1], "rb"))
two = torch.load(sys.argv[2], weights_only=False)
x, index = torch.load(sys.argv[3])
assert torch.equal(one(x, index), two(x, index))
print(float(one(x, index).detach().double().abs().sum()))
"""


def test_a_saved_model_loads_as_a_plain_one_where_this_package_is_not(tmp_path):
    model = gcn()
    approximate(model, epochs=20)
    losses(model, 8)
    model.eval()
    (tmp_path / "one.pkl").write_bytes(pickle.dumps(model))
    torch.save(model, tmp_path / "two.pt")
    torch.save((features(), edges()), tmp_path / "data.pt")
    files = [str(tmp_path / name) for name in ("one.pkl", "two.pt", "data.pt")]
    done = subprocess.run(
        [sys.executable, "-c", LOADS, *files], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(float(model(features(), edges()).detach().double().abs().sum()), rel=1e-4)


def test_a_deep_copy_is_converted_and_has_weights_and_accounts_of_its_own():
    model = gcn()
    found = approximate(model, 0.3, epochs=100, warmup_steps=1)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.convs[0].lin.weight.zero_()
    exact = gcn()
    torch.testing.assert_close(model(features(), edges()), exact(features(), edges()), rtol=1e-4, atol=1e-5)
    exact.load_state_dict(twin.state_dict())
    torch.testing.assert_close(twin(features(), edges()), exact(features(), edges()), rtol=1e-4, atol=1e-5)
    losses(twin, 5)
    assert (found.steps, found.sampled_steps) == (5, 4)


def test_torchscript_and_a_whole_graph_are_refused_before_training():
    model = gcn()
    accelerate(model)
    with pytest.raises(ValueError, match=r"layer '.*' is converted, and TorchScript compiles no layer that is: undo\(\)"):
        torch.jit.script(model)
    with pytest.raises(Exception, match="fullgraph=True needs a model that is not converted"):
        torch.compile(model, backend="eager", fullgraph=True)(features(), edges())


def test_hooks_on_the_message_passing_run_and_the_table_says_so():
    layer, seen = SAGEConv(6, 4), []
    found = accelerate(layer)
    handle = layer.register_message_forward_hook(lambda *given: seen.append(1))
    with pytest.warns(UserWarning, match="is run by PyTorch Geometric itself, exactly: it has hooks on its message passing"):
        layer(features(), edges())
    assert seen == [1]
    handle.remove()
    layer(features(), edges())
    assert (found.layers[""].own_calls, found.layers[""].products) == (1, 1)
    assert "(the model): it has hooks on its message passing (1 calls)" in str(found)


def test_weights_that_are_learnt_stay_with_pytorch_geometric():
    layer, exact = seeded(lambda: GCNConv(6, 4)), seeded(lambda: GCNConv(6, 4))
    accelerate(layer)
    gradients = []
    for each in (layer, exact):
        weight = torch.full((EDGES,), 0.5, requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            each(features(), edges(), weight).square().sum().backward()
        gradients.append(weight.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(("index", "error"), [
    (torch.tensor([[0, NODES], [1, 2]]), rf"layer 'convs.0', adjacency: edge_index must lie in \[0, {NODES}\)"),
    (torch.tensor([[0, 1], [-1, 2]]), rf"edge_index must lie in \[0, {NODES}\) .*\(got -1 to 2\)"),
])  # fmt: skip
def test_an_index_out_of_range_is_one_line_with_the_layers_name(index, error):
    model = seeded(lambda: GraphSAGE(6, 16, 2, 4))
    accelerate(model)
    with pytest.raises(IndexError, match=error):
        model(features(), index)


def test_an_adjacency_of_another_size_is_one_line_with_the_layers_name():
    model = seeded(lambda: GraphSAGE(6, 16, 2, 4))
    accelerate(model)
    with pytest.raises(ValueError, match=rf"layer 'convs.0': features must have a row for each of 3 sources \(got {NODES}\)"):
        model(features(), torch.eye(3).to_sparse_csr())


def test_a_cast_after_the_conversion_is_one_line():
    model = gcn()
    accelerate(model, kernel=SINGLE)
    with pytest.raises(Unsupported, match=r"layer 'convs.0': single multiplies float32 .*; undo\(\) the conversion"):
        model.double()(features().double(), edges())


def test_inference_mode_first_then_training():
    model, exact = gcn(), gcn()
    accelerate(model)
    index = edges()
    with torch.inference_mode():
        torch.testing.assert_close(model(features(), index), exact(features(), index), rtol=1e-4, atol=1e-5)
    assert losses(model, 3, index) == pytest.approx(losses(exact, 3, index), rel=1e-4)


def test_second_derivatives_are_exact():
    model, exact = gcn(), gcn()
    found = approximate(model, 0.1, epochs=100, warmup_steps=1)
    losses(model, 3)
    model.load_state_dict(exact.state_dict())
    assert found.phase.sampled
    seconds = []
    for each in (model, exact):
        x = features().requires_grad_()
        (first,) = torch.autograd.grad(each(x, edges()).square().sum(), x, create_graph=True)
        each.zero_grad()
        first.square().sum().backward()
        seconds.append([first.detach(), x.grad, *(parameter.grad for parameter in each.parameters() if parameter.grad is not None)])
    for one, other in zip(*seconds, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def counting(model):
    """How many of the calls of each layer our kernels multiplied, and PyTorch Geometric ran."""
    return [(report.products, report.own_calls) for report in model.layers.values()]


@pytest.mark.parametrize(("convert_s", "ours"), [(1e-12, 8), (1.0, 3)])
def test_a_graph_that_is_new_in_each_step_is_converted_where_that_pays(convert_s, ours):
    layer = SAGEConv(6, 4)
    found = accelerate(layer)
    found._shared.costs = Costs(convert_s, own_s=2e-9, ours_s=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(8):
            layer(features(), edges(seed))
    assert counting(found) == [(ours, 8 - ours)]
    assert (
        "its edge_index is new in each call, and for 6 features of all layers converting takes longer than it saves" in str(found)
    ) == (ours < 8)


@pytest.mark.parametrize(("convert_s", "pays"), [(1.1e-8 * 2, True), (1.3e-8 * 2, False)])
def test_a_new_graph_is_converted_where_it_pays_for_all_layers_together(convert_s, pays):
    model = torch.nn.ModuleList([SAGEConv(6, 6) for _ in range(2)])
    found = accelerate(model)
    found._shared.costs = Costs(convert_s, own_s=2e-9, ours_s=1e-9)  # pays at 11 features of 12, or at 13
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(8):
            index = edges(seed)
            model[1](model[0](features(), index), index)
    assert counting(found) == [(8, 0) if pays else (3, 5)] * 2


def test_costs_are_measured_on_this_machine():
    found = Costs.measure(Kernel("made", "cpu", "Made.", torch_reduce.prepare), torch.device("cpu"))
    assert min(found.convert_s, found.own_s, found.ours_s) > 0
    assert "ns for an edge and a feature" in str(found)
    assert Costs(1.0, 2.0, 1.0).pays(edges=10, width=2, products=1)
    assert not Costs(3.0, 2.0, 1.0).pays(edges=10, width=2, products=1)
    assert Costs(3.0, 2.0, 1.0).pays(edges=10, width=2, products=2)


def test_times_are_said_without_powers_of_ten():
    assert "takes 24 ns for an edge and a feature, ours 0.13 ns; converting an edge takes 1,234 ns" in str(
        Costs(1.234e-6, 2.4e-8, 1.3e-10)
    )


@pytest.mark.parametrize(("asks", "products"), [(False, 1), (True, 2)])
def test_a_product_that_has_no_backward_saves_none(asks, products):
    layer = SAGEConv(6, 4)
    found = accelerate(layer)
    found._shared.costs = Costs(1.0, own_s=1.0, ours_s=0.1)
    given = edges()
    for _ in range(2):  # the first of each kind is left out
        layer(features().requires_grad_(asks), given).sum().backward()
    # 300 edges of 6 features at a second each, less the little that ours took.
    assert found.layers[""].saved_s == pytest.approx(products * EDGES * 6, rel=0.01)


def slow_at_first(seconds):
    """A kernel whose first call takes so long, as one does that compiles."""
    left = [seconds]

    def prepare(matrix, width, dtype):
        multiply = torch_reduce.prepare(matrix, width, dtype)

        def call(dense):
            time.sleep(left.pop() if left else 0)
            return multiply(dense)

        return call

    return Kernel("slow_at_first", "cpu", "Made.", prepare)


def test_what_the_first_call_of_a_kind_compiles_is_no_part_of_what_training_saved():
    layer = SAGEConv(6, 4)
    found = accelerate(layer, kernel=slow_at_first(0.5))
    found._shared.costs = Costs(convert_s=1e-9, own_s=1e-5, ours_s=1e-9)  # 18 ms a product
    given = edges()

    def step():
        layer(features().requires_grad_(), given).sum().backward()

    step()
    assert found.layers[""].saved_s is None
    assert found.layers[""].forward_s > 0.5
    assert str(found).splitlines()[-1].startswith("what was saved cannot be estimated yet: each product was the first of its kind")
    step()
    assert found.layers[""].saved_s == pytest.approx(2 * 0.018, rel=0.5)
    assert "s, by estimate (" in str(found)
    assert "; the first call of each kind, which compiles or loads, is left out)" in str(found)


def test_the_first_conversion_counts_by_estimate_and_the_others_as_they_were():
    layer = SAGEConv(6, 4)
    found = accelerate(layer)
    found._shared.costs = Costs(convert_s=1e-9, own_s=1e-5, ours_s=1e-9)
    for seed in range(2):
        layer(features().requires_grad_(), edges(seed)).sum().backward()
    sources = found._shared.sources
    sources.converting_s, sources.first_s = 9.0 + 0.5, 9.0
    assert "less 500 ms for converting" in str(found)


def test_the_table_has_no_column_without_a_word_in_it():
    def head(model):
        return [word.strip() for word in str(model).splitlines()[0].split("  ") if word.strip()]

    model = gcn()
    exact = accelerate(model)
    assert head(exact) == ["layer", "kind", "converted", "products"]
    losses(model, 2)
    assert head(exact) == ["layer", "kind", "converted", "features", "products", "saved"]
    exact.undo()
    sampled = approximate(model, epochs=20)
    losses(model, 2)
    assert head(sampled) == ["layer", "kind", "converted", "features", "products", "FLOPs spent", "saved"]


def test_only_the_model_can_be_pickled():
    found = accelerate(gcn())
    with pytest.raises(TypeError, match=r"<Accelerated of GCN: .*> cannot be pickled, only its model can"):
        pickle.dumps(found)


@pytest.mark.parametrize("convert", [accelerate, lambda model: approximate(model, epochs=20)])
def test_what_is_no_model_is_one_line(convert):
    with pytest.raises(ValueError, match=r"model must be a torch.nn.Module \(got <class .*GCN'>\)"):
        convert(GCN)


def test_memory_is_kept_where_that_is_asked_for():
    assert not allocator.is_kept()
    accelerate(gcn())
    approximate(gcn(), epochs=20)
    assert not allocator.is_kept()
    try:
        for convert in (accelerate, lambda model, **given: approximate(model, epochs=20, **given)):
            convert(gcn(), keep_memory=True)
            assert allocator.is_kept() == (allocator.why_not() is None)
            allocator.keep_memory(False)
    finally:
        allocator.keep_memory(False)


def test_an_import_needs_no_path_of_ours():
    done = subprocess.run(
        [sys.executable, "-c", "from rsc_bench import accelerate, approximate; print(accelerate.__name__)"],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout == "accelerate\n", done.stderr
