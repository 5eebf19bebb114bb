"""A whole training under the method, step by step beside one that dense float64 NumPy makes of the method's description."""

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pytest
import torch

pytest.importorskip("torch_geometric", reason="approximates PyTorch Geometric models: pip install torch-geometric")

from dense_training import Gcn, Plan, Sage, Task, Trace, Training
from torch_geometric.nn import GCN, GraphSAGE

from rsc_bench.kernels.exact import mkl
from rsc_bench.kernels.rsc import approximate, lossless
from rsc_bench.kernels.rsc.allocations import greedy
from rsc_bench.kernels.rsc.product import SKETCH_WIDTH, Product

NODES, LAYERS, HIDDEN, CLASSES = 100, 3, 7, 4  # a step of greedy is 2 pairs
SMALLEST_GAP = 2e-6  # twenty times the rounding of a float32 score, so no choice can turn on it

pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")


@dataclass(frozen=True)
class Kind:
    """A model and its reference."""

    model: type[torch.nn.Module]
    reference: type[Gcn | Sage]

    def build(self) -> torch.nn.Module:
        torch.manual_seed(0)
        return self.model(6, HIDDEN, LAYERS, CLASSES)


KINDS = {"gcn": Kind(GCN, Gcn), "sage": Kind(GraphSAGE, Sage)}


def signs(width):
    """Random signs, as those that the norm of a product is estimated from."""
    return np.random.default_rng(width).choice([-1.0, 1.0], (width, SKETCH_WIDTH)) / SKETCH_WIDTH**0.5


def identity(width):
    """The mixtures under which that norm is no estimate: 8 columns are no fewer than the widths here."""
    return np.eye(width, SKETCH_WIDTH)


def task(loops):
    """A directed graph with hubs, so that pairs differ in cost; no two scores are alike."""
    rng = np.random.default_rng(0)
    weight = rng.pareto(1.5, NODES) + 0.3
    chance = np.outer(weight, weight)
    adjacency = (rng.random((NODES, NODES)) < np.minimum(0.08 * chance / chance.mean(), 0.7)).astype(float)
    np.fill_diagonal(adjacency, (np.arange(NODES) % 10 == 0) & loops)
    adjacency[np.arange(NODES), (np.arange(NODES) + 1) % NODES] = 1  # no row is empty
    return Task(adjacency, rng.standard_normal((NODES, 6)), rng.integers(0, CLASSES, NODES), rng.random(NODES) < 0.6)


TASKS = {"gcn": task(loops=False), "sage": task(loops=True)}  # a GCN adds its own


@cache
def reference(name, plan):
    """What the reference observes; made once a plan, which several tests and both kinds of arithmetic share."""
    kind = KINDS[name]
    weights = {key: value.double().numpy() for key, value in kind.build().state_dict().items()}
    return Training(kind.reference, TASKS[name], weights, LAYERS, plan).run()


@dataclass
class Spy:
    """A kernel that takes down which matrices it multiplies with."""

    kernel: object
    multiplied: list = field(default_factory=list)

    def prepare(self, matrix, width, dtype, reduce="sum"):
        multiply = self.kernel.prepare(matrix, width, dtype, reduce)

        def noted(dense):
            if width != SKETCH_WIDTH:
                self.multiplied.append(matrix)
            return multiply(dense)

        return noted


class Observed:
    """The same training by `approximate`, observed from outside."""

    def __init__(self, name, plan, kernel, dtype):
        self.name, self.task, self.dtype, self.spy = name, TASKS[name], dtype, Spy(kernel)
        self.model = KINDS[name].build().to(dtype)
        diagonal = "exact" if plan.loops_exact else "sampled"
        rules = {rule: getattr(plan, rule) for rule in ("epochs", "interval", "reallocate_every", "switch_at", "warmup_steps")}
        watched = replace(kernel, prepare=self.spy.prepare, prepare_sampled=None)
        self.approximation = approximate(self.model, plan.budget, kernel=watched, diagonal=diagonal, **rules)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=0.01)
        self.adjacency = torch.tensor(self.task.adjacency, dtype=dtype).to_sparse_csr()

    def run(self, epochs):
        trace = Trace()
        for _ in range(epochs):
            self.spy.multiplied.clear()
            trace.loss.append(self.step())
            trace.weights.append({key: value.clone().double().numpy() for key, value in self.model.state_dict().items()})
            backward = self.spy.multiplied[LAYERS:]  # the last layer's first
            layers = range(LAYERS - len(backward), LAYERS)
            trace.multiplied.append(
                {layer: matrix.to_scipy().toarray().T for layer, matrix in zip(reversed(layers), backward, strict=True)}
            )
            trace.k.append(self.k)
        return trace

    def step(self):
        self.optimiser.zero_grad()
        logits = self.model(torch.tensor(self.task.features, dtype=self.dtype), self.adjacency)
        train = torch.tensor(self.task.train)
        loss = torch.nn.functional.cross_entropy(logits[train], torch.tensor(self.task.labels)[train])
        loss.backward()
        self.k = dict(self.approximation.k_per_layer)
        self.optimiser.step()
        return loss.item()


@pytest.fixture(params=["mkl float64", "rows_numba float32"])
def arithmetic(request):
    """An exact kernel, and what it multiplies in."""
    if request.param == "mkl float64":
        return mkl.KERNEL, torch.float64
    numba = pytest.importorskip(
        "rsc_bench.kernels.exact.rows_numba", reason="numba is not installed: pip install numba", exc_type=ImportError
    )
    return numba.KERNEL, torch.float32


@pytest.fixture
def compare(monkeypatch, arithmetic):
    """Train both ways and compare every step."""
    kernel, dtype = arithmetic

    def compared(name, plan):
        mixture = lambda product: torch.tensor(plan.mixture(product.place.width), dtype=dtype)  # noqa: E731  (a property's getter)
        monkeypatch.setattr(Product, "_mixture", property(mixture))
        monkeypatch.setattr(greedy, "FLOOR", plan.floor)
        monkeypatch.setattr(lossless, "WORTH", 0.0)  # an exact product is then with the whole matrix, as the reference's is
        expected, found = reference(name, plan), Observed(name, plan, kernel, dtype).run(plan.epochs)
        assert min(expected.gaps) > SMALLEST_GAP
        assert found.k == expected.k
        same_matrices(found, expected)
        same_numbers(found, expected)

    return compared


def same_matrices(found, expected):
    """The same column-row pairs with the same values, and the diagonal; values pass through float32 when they are sampled."""
    for step, (ours, wanted) in enumerate(zip(found.multiplied, expected.multiplied, strict=True)):
        assert ours.keys() == wanted.keys()
        for layer in wanted:
            assert ((ours[layer] != 0) == (wanted[layer] != 0)).all(), f"step {step}, layer {layer}"
            np.testing.assert_allclose(ours[layer], wanted[layer], rtol=1e-6)


def same_numbers(found, expected):
    """The same losses and weights: a step of Adam moves a weight by 0.01, a thousand times what float32 adds up to here."""
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-6)
    for ours, wanted in zip(found.weights, expected.weights, strict=True):
        assert ours.keys() == wanted.keys()
        for name in wanted:
            np.testing.assert_allclose(ours[name], wanted[name], atol=1e-5, rtol=0)


@pytest.mark.parametrize("budget", [0.3, 0.1])
@pytest.mark.parametrize("name", KINDS)
def test_a_whole_training_is_that_of_the_dense_reference(name, budget, compare):
    compare(name, Plan(signs, budget))


@pytest.mark.parametrize("budget", [0.3, 0.1])
@pytest.mark.parametrize("name", KINDS)
def test_without_this_projects_departures_it_is_the_papers_algorithm(name, budget, compare):
    compare(name, Plan(identity, budget, floor=0, loops_exact=False))


@pytest.mark.parametrize("name", KINDS)
def test_selections_that_do_not_meet_the_allocations_follow_the_reference(name, compare):
    compare(name, Plan(signs, 0.2, interval=4, reallocate_every=7, warmup_steps=3, switch_at=0.65))


@pytest.mark.parametrize("name", KINDS)
def test_a_minimum_that_is_reached_follows_the_reference(name, compare):
    plan = Plan(signs, 0.1, floor=0.9)
    assert any(k is not None and k % 2 for each in reference(name, plan).k for k in each.values())  # greedy's steps are even
    compare(name, plan)


def test_the_reference_warms_up_caches_selects_again_and_goes_back_to_exact():
    trace = reference("gcn", Plan(signs, 0.1))
    whole = trace.multiplied[0]
    changed = [
        step
        for step in range(1, 40)
        if any((trace.multiplied[step][layer] != trace.multiplied[step - 1][layer]).any() for layer in whole)
    ]
    assert changed == [5, 15, 25, 32]  # 5 steps of warm-up, then every 10, then 0.8 of 40
    assert all((trace.multiplied[32][layer] == whole[layer]).all() for layer in whole)
    assert [len({k[name] for k in trace.k[5:]}) > 1 for name in ("convs.0", "convs.1", "convs.2")] == [True] * 3


@pytest.mark.parametrize("rule", [
    {"budget": 0.11}, {"interval": 9}, {"reallocate_every": 9}, {"warmup_steps": 4}, {"switch_at": 0.825}, {"floor": 0.9},
    {"step": 0.04}, {"loops_exact": False}, {"mixture": identity},
], ids=lambda rule: next(iter(rule)))  # fmt: skip
def test_each_rule_shows_in_the_losses(rule):
    plan = Plan(signs, 0.1)
    usual, other = reference("gcn", plan), reference("gcn", replace(plan, **rule))
    assert not np.allclose(usual.loss, other.loss, rtol=1e-6)
