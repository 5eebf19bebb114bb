"""What makes records in a process: products and trainings, what is given back between them, what a failure leaves."""

from dataclasses import replace
from time import perf_counter
from types import SimpleNamespace

import pytest
import torch

from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.harness.records.measurement import measured
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.suites.catalog import Choice
from rsc_bench.suites.measuring import bench as measuring
from rsc_bench.suites.measuring.bench import Bench
from rsc_bench.suites.measuring.session import Session
from rsc_bench.suites.options import Options
from rsc_bench.suites.spmm.store import Store

MEASURED = measured(times_s=[1.0], select_s=None, prepare_s=0.0, rel_error=0.0, nnz=9, kept_nnz=9, peak_bytes=None)


def test_the_record_of_a_product_is_that_of_its_case():
    session = Session(Options(benchmark=True, graphs=("small:hub",), widths=(3,), kernels=("mkl",), device="cpu", in_process=True))
    setting = session.settings[0]
    record = session.bench.record(setting, follow=None)
    assert (record.case, record.status) == (setting.case(), "ok")
    assert session.bench.check(setting) is None


def test_a_kernel_that_cannot_run_here_is_skipped():
    session = Session(Options(benchmark=True, graphs=("small:hub",), widths=(3,), kernels=("cusparse",), device="cpu"))
    setting = next(setting for setting in session.settings if setting.choice.name == "cusparse")
    assert session.bench.record(setting, follow=None).status == "skipped"
    with pytest.raises(Skip):
        session.bench.check(setting)


def spoils(matrix):
    matrix.col.zero_()
    torch.set_default_dtype(torch.float64)
    raise ValueError("sorry")


def in_prepare(matrix, width, dtype, reduce="sum"):
    spoils(matrix)


def in_a_call(matrix, width, dtype, reduce="sum"):
    return lambda dense: spoils(matrix)


@pytest.mark.parametrize("prepare", [in_prepare, in_a_call])
@pytest.mark.parametrize("measured", [True, False])
def test_what_a_kernel_changes_before_it_fails_is_said_and_put_back(prepare, measured):
    session = Session(Options(benchmark=True, graphs=("small:hub",), widths=(3,), kernels=("mkl",), device="cpu", in_process=True))
    session.catalog.exact["bad"] = Kernel("bad", "cpu", "Bad on purpose.", prepare)
    setting = session.settings[0]
    bad = replace(setting, choice=Choice("bad"))
    if measured:
        record = session.bench.record(bad, follow=None)
        assert record.status == "failed"
        changed = "torch's default dtype; it also changed its operand (col of the matrix)"
        assert record.reason == f"ValueError: sorry; it also changed {changed}"
    else:
        with pytest.raises(ValueError, match="sorry"):
            session.bench.check(bad)
    assert torch.get_default_dtype() == torch.float32
    assert session.bench.check(setting) is None, "it multiplies the matrix as it was"


def test_a_check_that_leaves_the_process_as_it_was_not_is_wrong():
    def prepare(matrix, width, dtype, reduce="sum"):
        torch.set_default_dtype(torch.float64)
        return torch_reduce.prepare(matrix, width, dtype, reduce)

    session = Session(Options(graphs=("small:hub",), widths=(3,), kernels=("mkl",), device="cpu"))
    session.catalog.exact["bad"] = Kernel("bad", "cpu", "Bad on purpose.", prepare)
    with pytest.raises(Wrong, match="changed torch's default dtype"):
        session.bench.check(replace(session.settings[0], choice=Choice("bad")))
    assert torch.get_default_dtype() == torch.float32


@pytest.fixture
def training():
    pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")
    session = Session(Options(benchmark=True, graphs=("small:random",), models=("GCN",), device="cpu"))
    return session, session.trainings[0]


def test_a_training_that_changes_its_graph_is_wrong_and_the_next_one_has_it_as_it_was(training, monkeypatch):
    from rsc_bench.suites.training import run

    session, setting = training
    digest = session.bench.digest(setting)
    monkeypatch.setattr(run, "train", lambda setting, graph, *_: graph.adjacency.col[:5].zero_())
    monkeypatch.setattr(run, "_watched", lambda found, watch: MEASURED)
    record = session.bench.record(setting, follow=None)
    assert (record.status, record.reason) == ("wrong", "changed its operand (col of the matrix)")
    assert session.bench.digest(setting) == digest


def on_a_gpu(session, freed):
    """The bench of a session, whose operands note that a GPU's memory is to be freed."""
    store = Store(on_disk=False)
    store.operands = SimpleNamespace(free_gpu=lambda: freed.append(True))
    return Bench(session.catalog, store)


def test_a_training_begins_without_the_operands_that_a_gpu_kept_for_products(training, monkeypatch):
    from rsc_bench.suites.training import run

    session, setting = training
    freed, freed_before = [], []

    def begins(*_):
        freed_before.extend(freed)
        raise Skip("that was all")

    monkeypatch.setattr(run, "train", begins)
    record = on_a_gpu(session, freed).record(setting, follow=None)
    assert (record.status, record.reason) == ("skipped", "that was all")
    assert freed_before == [True], "they would count as memory of the training"


def test_after_a_failure_a_gpu_is_asked_whether_it_works_and_its_memory_is_given_back(training, monkeypatch):
    session, setting = training
    freed = []
    monkeypatch.setattr(measuring.faults, "fault", lambda device: f"{device} is gone")
    bench = on_a_gpu(session, freed)
    assert bench.fault(setting) is None, "a CPU"
    assert bench.fault(SimpleNamespace(device="cuda:0")) == "cuda:0 is gone"
    assert freed == [True]


def test_a_record_says_where_the_seconds_of_its_case_went():
    session = Session(
        Options(benchmark=True, graphs=("small:hub",), widths=(3,), kernels=("topk(mkl)",), device="cpu", in_process=True)
    )
    setting = next(setting for setting in session.settings if setting.choice.name == "topk(mkl)")
    start = perf_counter()
    timing = session.bench.record(setting, follow=None).measurement.timing
    passed = perf_counter() - start
    assert timing.spent_s.keys() == {
        "kernel", "graph", "operands", "reference", "check", "probe", "memory", "state", "rest",
    }  # fmt: skip
    assert sum(timing.spent_s.values()) == pytest.approx(passed, abs=0.01)
    assert timing.spent_s["kernel"] > sum(timing.times_s) + sum(timing.select_s) + sum(timing.multiply_s)
