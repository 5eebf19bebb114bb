"""Trains a model epoch by epoch, and notes where the seconds of each epoch go and what it reached."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count, islice, takewhile
from time import perf_counter

import torch
from torch.nn import functional

from rsc_bench.kernels.rsc import Accelerated, Approximation
from rsc_bench.kernels.rsc.account import Spent
from rsc_bench.kernels.rsc.timings import Timings
from rsc_bench.suites.terminal.progress import Epoch
from rsc_bench.suites.training.batches import Batch, Batches
from rsc_bench.suites.training.data import TrainingData, TrainingError, class_weights
from rsc_bench.suites.training.recipes import Recipe
from rsc_bench.suites.training.scores import SCORES

_PARTS = {
    "forward": "forward_spmm",
    "backward": "backward_spmm",
    "select": "select",
    "allocate": "allocate",
    "optimiser": "optimiser",
}
DRAWING = "batches"
"""The phase of mini-batches that are drawn anew in each epoch."""
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
PHASES = (*_PARTS.values(), "dense", "evaluation")


@dataclass(eq=False)
class History:
    """What was observed of a training, one entry an epoch; the names are those of a measurement."""

    epoch_s: list[float] = field(default_factory=list)
    phase_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    loss: list[float] = field(default_factory=list)
    val_metric: list[float] = field(default_factory=list)
    test_metric: list[float] = field(default_factory=list)
    k_per_layer: list[list[int]] = field(default_factory=list)
    flops_share: list[float] = field(default_factory=list)
    warmup_s: float | None = None
    """Of the exact steps behind which training started again."""
    sampled: list[bool] = field(default_factory=list)
    """Whether all of the epoch's steps were sampled."""
    nodes: int = 0
    """Of what training sees of the graph."""
    nnz: int = 0
    """Its non-zeros, before a control leaves some out."""
    kept: float = 1.0
    """Share of them that is left."""


@dataclass(frozen=True, eq=False)
class _Step:
    """What one training step leaves."""

    loss: torch.Tensor
    """(), not read back yet: on a GPU that would wait."""
    spent: Spent | None
    """On its backward products, not read back yet either; None: nothing was sampled."""
    k_per_layer: list[int]

    @property
    def flops_share(self) -> float:
        """Share of the exact backward FLOPs; waits for the device."""
        return 1.0 if self.spent is None else float(self.spent[0]) / self.spent[1]


@dataclass(eq=False)
class Trainer:
    """One model in training."""

    model: torch.nn.Module
    converted: Accelerated | None
    """None: the model's own code runs as it is, and of its seconds only the optimiser's and the evaluation's are told apart."""
    data: TrainingData
    """The whole graph, as it is evaluated."""
    learnt: TrainingData
    """What steps see: the same, but where training is inductive, and on fewer edges."""
    batches: Batches
    recipe: Recipe
    loss: Loss | None = None
    """The model's own; None: cross entropy."""
    amp: bool = False
    """Whether to compute in bfloat16 where torch's autocast does."""
    history: History = field(default_factory=History)
    _drawing_s: float = 0.0
    _layers: int = 0
    """Those that are converted."""

    def prepare(self) -> None:
        """Multiply in each direction and exactly, and prepare to sample: transposes and compiled code are then there.

        Twice, because what leaves rows without a gradient out is made when they are the same for the second time. In evaluation
        mode: no step is counted, no dropout is drawn, and batch norm learns nothing.
        """
        self.model.eval()
        for batch in self.batches if self._fixed else islice(self.batches, 1):
            for _ in range(2):
                self._loss(batch).backward()  # type: ignore[no-untyped-call]
        self.optimiser.zero_grad()
        if self.converted is not None:
            self.converted.prepare(new_graphs=not self._fixed)
            # Asked in a step, it would measure what the layers have saved.
            self._layers = sum(layer.converted for layer in self.converted.layers.values())
        self.evaluate()

    def run(self, epochs: int, follow: Callable[[Epoch], None]) -> History:
        """Train for some epochs, evaluate and call `follow` after each.

        Raises `TrainingError` where the loss, or a logit that is judged, is no number.
        """
        self._warm_up()
        for epoch in range(1, epochs + 1):
            self.train_once(epoch)
            val, test = self._evaluate_timed()
            self.history.val_metric.append(val)
            self.history.test_metric.append(test)
            follow(Epoch(epoch, epochs, self.history.loss[-1], val, self.data.metric_name))
        return self.history

    def _warm_up(self) -> None:
        """Make the exact steps behind which training starts again, where it does."""
        found = self.converted
        if not isinstance(found, Approximation) or not found.warming_up:
            return
        self.model.train()
        start = self._now()
        batches = chain.from_iterable(self._drawn() for _ in count())
        for batch in takewhile(lambda _: found.warming_up, batches):
            self._step(batch)
        self.history.warmup_s = self._now() - start

    @cached_property
    def timings(self) -> Timings:
        """Where the seconds of an epoch go."""
        return Timings() if self.converted is None else self.converted.timings

    @cached_property
    def optimiser(self) -> torch.optim.Optimizer:
        """Adam, as in the paper's settings; kept through every re-allocation."""
        return torch.optim.Adam(self.model.parameters(), lr=self.recipe.learning_rate, weight_decay=self.recipe.weight_decay)

    def train_once(self, epoch: int) -> None:
        """Train for one epoch, counted from 1, without evaluating."""
        self.model.train()
        self.timings.reset()
        start = self._now()
        steps = [self._step(batch) for batch in self._drawn()]
        epoch_s = self._now() - start
        self._note_seconds(epoch_s)
        self._note_loss(torch.stack([step.loss for step in steps]).mean(), epoch)
        self.history.flops_share.append(self.history.kept * sum(step.flops_share for step in steps) / len(steps))
        self.history.k_per_layer.append(steps[-1].k_per_layer)
        self.history.sampled.append(all(step.spent is not None for step in steps))

    @property
    def _fixed(self) -> bool:
        """Whether each epoch has the same batches."""
        return isinstance(self.batches, list)

    def _drawn(self) -> Iterator[Batch]:
        """Yield the batches of an epoch, and note the seconds that the host took to make them."""
        self._drawing_s, batches = 0.0, iter(self.batches)
        while True:
            start = perf_counter()
            batch = next(batches, None)
            self._drawing_s += 0.0 if self._fixed else perf_counter() - start
            if batch is None:
                return
            yield batch

    def _step(self, batch: Batch) -> _Step:
        self.optimiser.zero_grad()
        before = self._spent()
        loss = self._loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)
        spent = _between(before, self._spent())
        done = _Step(loss.detach(), spent, self._k_per_layer(batch, spent is not None))
        with self.timings.of("optimiser", self.data.features.device):
            self.optimiser.step()  # from here on the phase is that of the next step
        return done

    def _spent(self) -> Spent | None:
        """Backward FLOPs so far; None where the step samples nothing."""
        if not isinstance(self.converted, Approximation) or not self.converted.phase.sampled:
            return None
        return self.converted.spent

    def _k_per_layer(self, batch: Batch, sampled: bool) -> list[int]:
        """Pairs of each layer in this step; all of its batch where that is exact, or the layer has nothing to sample."""
        if self.converted is None:
            return []
        every = self.learnt.nodes if batch.nodes is None else len(batch.nodes)
        if not isinstance(self.converted, Approximation):
            return [every] * self._layers
        return [k if sampled and k is not None else every for k in self.converted.k_per_layer.values()]

    def _note_seconds(self, epoch_s: float) -> None:
        seconds = {_PARTS[part]: spent for part, spent in self.timings.seconds().items()}
        # The budget is shared out in a hook of the optimiser's step.
        seconds["optimiser"] = max(0.0, seconds["optimiser"] - seconds["allocate"])
        if not self._fixed:
            self.history.phase_s[DRAWING].append(self._drawing_s)
        dense = max(0.0, epoch_s - sum(seconds.values()) - self._drawing_s)
        for phase, spent in {**seconds, "dense": dense}.items():
            if self.converted is not None or phase == "optimiser":
                self.history.phase_s[phase].append(spent)
        self.history.epoch_s.append(epoch_s)

    def _note_loss(self, loss: torch.Tensor, epoch: int) -> None:
        _check_finite("loss is", loss, epoch)
        self.history.loss.append(float(loss))

    def _loss(self, batch: Batch) -> torch.Tensor:
        features, labels = self.learnt.features, self.learnt.labels
        if batch.nodes is not None:  # all of them are passed as they are: what stays the same is multiplied once
            features, labels = features[batch.nodes], labels[batch.nodes]
        with self._autocast():
            logits = self.model(features, batch.adjacency)[batch.train].float()
        labels = labels[batch.train]
        if self.loss is not None:
            return self.loss(logits, labels)
        weight = batch.weight
        if self.data.multi_label:
            each = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none", pos_weight=self._by_class).mean(
                dim=1
            )
        else:
            each = functional.cross_entropy(logits, labels, reduction="none")
            if self._by_class is not None:
                weight = self._by_class[labels] if weight is None else weight * self._by_class[labels]
        return each.mean() if weight is None else (each * weight).sum() / weight.sum()

    @cached_property
    def _by_class(self) -> torch.Tensor | None:
        """(classes,): what nodes of a class count in the loss; of several tasks what positives do. None: all the same."""
        return class_weights(self.learnt) if self.recipe.class_weights else None

    def _evaluate_timed(self) -> tuple[float, float]:
        start = self._now()
        found = self.evaluate()
        self.history.phase_s["evaluation"].append(self._now() - start)
        return found

    @torch.no_grad()
    def evaluate(self) -> tuple[float, float]:
        """Return the metric on the validation and on the test nodes, from exact products over the whole graph.

        Raises `TrainingError` where there is nothing to judge, and for logits that are no numbers: they have a score.
        """
        self.model.eval()
        with self._autocast():
            logits = self.model(self.data.features, self.data.adjacency).float()
        judged = [(logits[nodes], self.data.labels[nodes]) for nodes in (self.data.val, self.data.test)]
        if epoch := len(self.history.loss):  # before the first its loss will say so
            for found, _ in judged:
                _check_finite("logits are", found, epoch)
        val, test = (SCORES[self.data.metric_name](*each) for each in judged)
        if not (math.isfinite(val) and math.isfinite(test)):
            raise TrainingError(
                f"{self.data.metric_name} has nothing to judge: no task has both kinds of label in validation and test"
            )
        return val, test

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.data.features.device.type, torch.bfloat16, enabled=self.amp)

    def _now(self) -> float:
        if self.data.features.is_cuda:
            torch.cuda.synchronize(self.data.features.device)
        return perf_counter()


def _between(before: Spent | None, after: Spent | None) -> Spent | None:
    """Return what a step has spent; None where nothing was sampled.

    So it is where PyTorch Geometric runs all layers itself: with a mini-batch that does not pay to be converted.
    """
    if before is None or after is None or after[1] == before[1]:
        return None
    return after[0] - before[0], after[1] - before[1]


def _check_finite(what: str, values: torch.Tensor, epoch: int) -> None:
    wrong = values[~values.isfinite()]
    if wrong.numel():
        raise TrainingError(f"{what} {'NaN' if bool(wrong.isnan().any()) else 'infinite'} at epoch {epoch}")
