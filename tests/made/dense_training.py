"""Trains a GCN or GraphSAGE by the method's own description, in dense float64 NumPy: shares no code with `kernels`.

Each rule stands where the paper has it (RSC, arXiv 2210.10737, sections 3.1 to 3.4), or where this project says that it departs
from the paper: self-loops outside of the sampling (docs/decisions/self-loops.md), a minimum for each layer
(docs/how-it-works/method.md), limits counted in non-zeros (docs/how-it-works/method.md) and the norm of a product that was
not made (docs/how-it-works/method.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from made_graphs import topk_mask

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """The rules of one training."""

    mixture: Callable[[int], np.ndarray]
    """(width, columns) of a width: the norm of a product that is not made is that of the product with these mixtures."""
    budget: float = 0.1
    epochs: int = 40
    interval: int = 10
    reallocate_every: int = 10
    warmup_steps: int = 5
    switch_at: float = 0.8
    floor: float = 0.1
    """Part of its uniform share that a layer is left; 0 is the paper."""
    step: float = 0.02
    """Share of the pairs that greedy takes at once."""
    loops_exact: bool = True

    def is_exact(self, step: int) -> bool:
        """Whether a training step samples nothing."""
        return step < self.warmup_steps or step >= self.switch_at * self.epochs

    def allocates(self, step: int) -> bool:
        """Whether the budget is shared out before a training step."""
        return not self.is_exact(step) and (step - self.warmup_steps) % self.reallocate_every == 0


@dataclass
class Trace:
    """What was observed of a training, one entry a step."""

    loss: list[float] = field(default_factory=list)
    weights: list[Weights] = field(default_factory=list)
    multiplied: list[dict[int, np.ndarray]] = field(default_factory=list)
    """By layer: the matrix that its gradient was multiplied with, transposed."""
    k: list[dict[str, int | None]] = field(default_factory=list)
    """By layer: the pairs of the last allocation."""
    gaps: list[float] = field(default_factory=list)
    """Relative distances of what was chosen from what was not, at each choice: 0 is a tie, which rounding could turn."""


def ranked(scores: np.ndarray) -> np.ndarray:
    """The pairs from the highest score to the lowest."""
    order: np.ndarray = np.argsort(-scores, kind="stable")
    return order


class Product:
    """``A^T G`` of one layer over the pairs that it keeps, and the whole diagonal (section 3.1)."""

    def __init__(self, matrix: np.ndarray, plan: Plan, trace: Trace) -> None:
        self.loops = np.diag(np.diag(matrix)) * plan.loops_exact
        self.off = matrix - self.loops
        self.cost = (self.off != 0).sum(1)
        self.plan, self.trace = plan, trace
        self.k: int | None = None
        """Of the last allocation."""
        self.limit = 0
        """Non-zeros that may be kept."""
        self.kept: np.ndarray = np.zeros(0, dtype=bool)
        self.kept_under = self.served = 0

    def __call__(self, gradient: np.ndarray, exact: bool) -> np.ndarray:
        """The product, exact or sampled; its scores are kept for an allocation."""
        scores = np.linalg.norm(self.off, axis=1) * np.linalg.norm(gradient, axis=1)
        kept = np.ones(len(scores), dtype=bool) if exact or self.limit >= self.cost.sum() else self.cached(scores)
        self.multiplied = self.off * kept[:, None] + self.loops
        product: np.ndarray = self.multiplied.T @ gradient
        whole = product if kept.all() else (self.off + self.loops).T @ gradient @ self.plan.mixture(gradient.shape[1])
        self.scores, self.width, self.norm = scores, int(gradient.shape[1]), float(np.linalg.norm(whole))
        return product

    def cached(self, scores: np.ndarray) -> np.ndarray:
        """Select again after `interval` products, or where an allocation changed the limit (section 3.3)."""
        if self.limit != self.kept_under or self.served == self.plan.interval:
            self.kept, self.kept_under, self.served = self.selected(scores), self.limit, 0
        self.served += 1
        return self.kept

    def selected(self, scores: np.ndarray) -> np.ndarray:
        """The highest scores, as far as their non-zeros fit."""
        kept: np.ndarray = topk_mask(torch.from_numpy(scores), torch.from_numpy(self.cost), self.limit).numpy()
        order = ranked(scores)
        for place in np.flatnonzero(kept[order][:-1] != kept[order][1:]):
            if scores[order[place]] > 0:  # which of those without a score are kept changes nothing
                self.trace.gaps.append(1 - scores[order[place + 1]] / scores[order[place]])
        return kept

    def flops(self, k: int) -> int:
        """What the k highest scores cost."""
        return int(self.cost[ranked(self.scores)[:k]].sum()) * self.width

    def dropped(self, k: int, step: int) -> float:
        """The error of dropping the lowest `step` of the k highest scores."""
        return float(self.scores[ranked(self.scores)[max(k - step, 0) : k]].sum() / self.norm)

    def allow(self, k: int) -> None:
        """Limit what is selected from now on to what the k highest scores cost."""
        best = [np.inf, *sorted(self.scores, reverse=True), 0.0]
        self.trace.gaps.append(1 - best[k + 1] / best[k])
        self.k, self.limit = k, self.flops(k) // self.width

    def minimum(self, flops: float) -> int:
        """The most pairs, from the highest score down, that cost no more than `flops`."""
        return max(k for k in range(len(self.scores) + 1) if self.flops(k) <= flops)


def share_out(products: list[Product], plan: Plan, trace: Trace) -> None:
    """The paper's greedy (Algorithm 1): take 0.02 N pairs at a time from the layer that loses least, until the budget holds."""
    nodes = len(products[0].cost)
    k, whole, step = [nodes] * len(products), [product.flops(nodes) for product in products], round(plan.step * nodes)
    aside = [plan.floor * plan.budget * flops for flops in whole]
    least = 1.0
    while sum(max(p.flops(n), flops) for p, n, flops in zip(products, k, aside, strict=True)) > plan.budget * sum(whole):
        rises = [p.dropped(n, step) if n else np.inf for p, n in zip(products, k, strict=True)]
        least, second = sorted(rises)[:2]
        trace.gaps.append(1 - least / second if second else 1.0)  # pairs of no worth all go, in whichever order
        k[int(np.argmin(rises))] -= step
    trace.gaps.append(1.0 if least > 0 else 0.0)
    for product, pairs, flops in zip(products, k, aside, strict=True):
        product.allow(max(pairs, product.minimum(flops)))


@dataclass(frozen=True)
class Step:
    """What a layer's backward pass needs of its forward pass."""

    matrix: np.ndarray
    hidden: np.ndarray
    """What came in."""
    transposed: Callable[[np.ndarray], np.ndarray]
    """``A^T G``, exact or sampled."""


class Gcn:
    """Layers ``A (H W^T) + b``: the gradient of the weights comes from the sampled product (Kipf and Welling, ICLR 2017)."""

    first = 0
    """First layer that has a backward product."""

    @staticmethod
    def matrix(adjacency: np.ndarray) -> np.ndarray:
        """``D^-1/2 (A + I) D^-1/2``, D the row sums of A + I."""
        looped = adjacency + np.eye(len(adjacency))
        scale = looped.sum(1) ** -0.5
        normalised: np.ndarray = scale[:, None] * looped * scale
        return normalised

    @staticmethod
    def forward(matrix: np.ndarray, hidden: np.ndarray, weights: Weights, name: str) -> np.ndarray:
        out: np.ndarray = matrix @ (hidden @ weights[f"{name}.lin.weight"].T) + weights[f"{name}.bias"]
        return out

    @staticmethod
    def backward(gradient: np.ndarray, weights: Weights, name: str, step: Step) -> tuple[np.ndarray, Weights]:
        reached = step.transposed(gradient)
        own = {f"{name}.bias": gradient.sum(0), f"{name}.lin.weight": reached.T @ step.hidden}
        return reached @ weights[f"{name}.lin.weight"], own


class Sage:
    """Layers ``mean(H) V^T + b + H W^T``: only what reaches the layer below is sampled (Hamilton et al., NeurIPS 2017)."""

    first = 1
    """The features need no gradient, so what the first layer's product gives is used by nothing."""

    @staticmethod
    def matrix(adjacency: np.ndarray) -> np.ndarray:
        """``D^-1 A``, D the number of entries in each row."""
        mean: np.ndarray = adjacency / (adjacency != 0).sum(1, keepdims=True)
        return mean

    @staticmethod
    def forward(matrix: np.ndarray, hidden: np.ndarray, weights: Weights, name: str) -> np.ndarray:
        near = matrix @ hidden @ weights[f"{name}.lin_l.weight"].T + weights[f"{name}.lin_l.bias"]
        out: np.ndarray = near + hidden @ weights[f"{name}.lin_r.weight"].T
        return out

    @staticmethod
    def backward(gradient: np.ndarray, weights: Weights, name: str, step: Step) -> tuple[np.ndarray, Weights]:
        own = {f"{name}.lin_l.weight": gradient.T @ (step.matrix @ step.hidden), f"{name}.lin_l.bias": gradient.sum(0)}
        own[f"{name}.lin_r.weight"] = gradient.T @ step.hidden
        if name == "convs.0":
            return np.zeros_like(step.hidden), own
        reached = step.transposed(gradient @ weights[f"{name}.lin_l.weight"])
        return reached + gradient @ weights[f"{name}.lin_r.weight"], own


class Adam:
    """Adam with its usual constants, whose moments are kept whatever is sampled (Kingma and Ba, ICLR 2015, Algorithm 1)."""

    def __init__(self, rate: float) -> None:
        self.rate, self.steps = rate, 0
        self.first: Weights = {}
        self.second: Weights = {}

    def step(self, weights: Weights, gradients: Weights) -> Weights:
        self.steps += 1
        return {name: weight - self.rate * self.direction(name, gradients[name]) for name, weight in weights.items()}

    def direction(self, name: str, gradient: np.ndarray) -> np.ndarray:
        self.first[name] = 0.9 * self.first.get(name, 0.0) + 0.1 * gradient
        self.second[name] = 0.999 * self.second.get(name, 0.0) + 0.001 * gradient**2
        mean, square = self.first[name] / (1 - 0.9**self.steps), self.second[name] / (1 - 0.999**self.steps)
        return mean / (np.sqrt(square) + 1e-8)


@dataclass(frozen=True)
class Task:
    """What is learnt: the class of the training nodes."""

    adjacency: np.ndarray
    """(nodes, nodes) of 0 and 1: rows are targets."""
    features: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    """(nodes,), bool."""

    def loss(self, logits: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean cross-entropy over the training nodes, and its gradient."""
        shifted = np.exp(logits - logits.max(1, keepdims=True))
        probability = shifted / shifted.sum(1, keepdims=True)
        wanted = np.eye(logits.shape[1])[self.labels]
        each = -np.log((probability * wanted).sum(1))
        return each[self.train].mean(), (probability - wanted) * self.train[:, None] / self.train.sum()


class Training:
    """A model of some layers with ReLU between them, as it is trained by Adam at a rate of 0.01."""

    def __init__(self, kind: type[Gcn | Sage], task: Task, weights: Weights, layers: int, plan: Plan) -> None:
        self.kind, self.task, self.weights, self.plan = kind, task, weights, plan
        self.matrix, self.adam, self.trace = kind.matrix(task.adjacency), Adam(0.01), Trace()
        self.names = [f"convs.{layer}" for layer in range(layers)]
        self.products = [Product(self.matrix, plan, self.trace) for _ in range(layers)]

    def run(self) -> Trace:
        """Train to the end and return what was observed."""
        for step in range(self.plan.epochs):
            if self.plan.allocates(step):
                share_out(self.products[self.kind.first :], self.plan, self.trace)
            hidden = self.forward()
            loss, gradient = self.task.loss(hidden[-1])
            self.weights = self.adam.step(self.weights, self.backward(hidden, gradient, self.plan.is_exact(step)))
            self.note(loss)
        return self.trace

    def forward(self) -> list[np.ndarray]:
        """The features, the hidden layers and the logits."""
        hidden = [self.task.features]
        for name in self.names:
            out = self.kind.forward(self.matrix, hidden[-1], self.weights, name)
            hidden.append(out if name == self.names[-1] else np.maximum(out, 0))
        return hidden

    def backward(self, hidden: list[np.ndarray], gradient: np.ndarray, exact: bool) -> Weights:
        """The gradients of the weights, layer by layer from the last."""
        found: Weights = {}
        for layer, name in reversed(list(enumerate(self.names))):
            step = Step(self.matrix, hidden[layer], partial(self.products[layer], exact=exact))
            gradient, own = self.kind.backward(gradient, self.weights, name, step)
            found |= own
            gradient = gradient * (hidden[layer] > 0)
        return found

    def note(self, loss: float) -> None:
        """Take down a step."""
        sampled = dict(list(enumerate(self.products))[self.kind.first :])
        self.trace.loss.append(loss)
        self.trace.weights.append(self.weights)
        self.trace.multiplied.append({layer: product.multiplied for layer, product in sampled.items()})
        self.trace.k.append({name: product.k for name, product in zip(self.names, self.products, strict=True)})
