"""What a training finds of the products that ran before it in the same process."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from rsc_bench.suites.spmm import operands
from rsc_bench.suites.training import run as training
from rsc_bench.suites.training_runner import TrainingRunner


def test_a_training_begins_without_the_operands_that_a_gpu_kept_for_products(monkeypatch):
    monkeypatch.setitem(operands._ON_GPU, ("a graph", "sum", "cuda:0"), "a matrix")
    monkeypatch.setattr(training, "attempt", lambda case, train: list(operands._ON_GPU))
    session = SimpleNamespace(catalog=SimpleNamespace(why_not=lambda choice: None))
    runner = TrainingRunner(session, SimpleNamespace(choice=None), request=None)
    assert runner._record(None) == [], "they would be in what the allocator tells of it"
