import math

import pytest
import torch

from rsc_bench.suites.training.scores import accuracy, micro_f1, roc_auc


def column(*values):
    return torch.tensor(values, dtype=torch.float32).unsqueeze(1)


def test_accuracy_is_the_share_of_largest_logits_at_the_class():
    logits = torch.tensor([[3.0, 1.0], [0.0, 2.0], [5.0, -1.0], [-3.0, -1.0]])
    assert accuracy(logits, torch.tensor([0, 1, 1, 1])) == 0.75


def test_micro_f1_counts_hits_and_misses_over_all_tasks_together():
    logits = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert micro_f1(logits, labels) == pytest.approx(2 * 2 / (3 + 2))  # TP 2, FP 1, FN 0: 2 TP / (2 TP + FP + FN)


def test_micro_f1_of_nothing_found_where_nothing_is_there_is_no_number():
    assert math.isnan(micro_f1(column(-1, -1), column(0, 0)))


@pytest.mark.parametrize(
    ("scores", "labels", "area"),
    [
        ((0.1, 0.4, 0.35, 0.8), (0, 0, 1, 1), 0.75),  # scikit-learn's documentation of roc_auc_score
        ((1, 2, 3, 4), (0, 0, 1, 1), 1.0),
        ((4, 3, 2, 1), (0, 0, 1, 1), 0.0),
        ((1, 1, 1, 1), (0, 1, 0, 1), 0.5),  # ties count half
    ],
)
def test_roc_auc_is_the_chance_that_a_positive_ranks_above_a_negative(scores, labels, area):
    assert roc_auc(column(*scores), column(*labels)) == area


def test_roc_auc_leaves_out_a_task_that_has_one_kind_of_label_only():
    logits = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    assert roc_auc(logits, torch.tensor([[0.0, 1.0], [1.0, 1.0]])) == 1.0
    assert math.isnan(roc_auc(logits[:, 1:], torch.ones(2, 1)))
