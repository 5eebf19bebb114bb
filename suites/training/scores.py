"""Judges predictions: accuracy, micro-F1 and ROC-AUC, each between 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from rsc_bench.suites.graphs.graph import MetricName

Score = Callable[[torch.Tensor, torch.Tensor], float]
"""(logits (nodes, classes), labels) -> score in [0, 1]; NaN where there is nothing to judge."""


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the share of nodes whose largest logit is that of their class."""
    return float((logits.argmax(dim=1) == labels).double().mean())


def micro_f1(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Return ``2 TP / (2 TP + FP + FN)`` over all nodes and tasks together; a task is predicted where its logit is positive."""
    found, true = logits > 0, labels > 0
    hits, total = int((found & true).sum()), int(found.sum()) + int(true.sum())
    return 2 * hits / total if total else math.nan


def roc_auc(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the mean over tasks of the area under the ROC curve; a task with one kind of label only is left out.

    The area is the chance that a positive ranks above a negative, ties half: the Mann-Whitney statistic over the ranks.
    """
    areas = [_area(logits[:, task], labels[:, task] > 0) for task in range(labels.shape[1])]
    known = [area for area in areas if not math.isnan(area)]
    return sum(known) / len(known) if known else math.nan


def _area(scores: torch.Tensor, positive: torch.Tensor) -> float:
    positives = int(positive.sum())
    negatives = positive.numel() - positives
    if positives == 0 or negatives == 0:
        return math.nan
    _, place, count = torch.unique(scores, return_inverse=True, return_counts=True)
    rank = (count.cumsum(0) - (count - 1) / 2)[place]  # equal scores share the middle of their ranks
    return (float(rank[positive].double().sum()) - positives * (positives + 1) / 2) / (positives * negatives)


SCORES: dict[MetricName, Score] = {"accuracy": accuracy, "micro-F1": micro_f1, "ROC-AUC": roc_auc}
