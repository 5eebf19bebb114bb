"""How long a case takes, roughly, before it is measured; and what a record says that it took."""

import msgspec
import pytest
from made_runs import case, ok

from rsc_bench.harness.records.measurement import Training
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.catalog import Choice
from rsc_bench.suites.options import Options
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.sweeping.estimates import CASE_S, TRAINING_S, UNKNOWN_DEGREE, measured_s, seconds, size
from rsc_bench.suites.training.models import find
from rsc_bench.suites.training.sweep import TrainingSetting

OPTIONS = Options(benchmark=True)
REDDIT2 = (232_965, 23_213_838)
"""Nodes and edges in both directions of PyTorch Geometric's Reddit2, as its documentation has them."""


def product(width=64, device="cpu"):
    return Setting("exact", "g", "g", width, Choice("mkl"), None, "float32", "sum", device)


def training(epochs=60, layers=3, width=64, device="cpu"):
    return TrainingSetting("g", "g", find("GCN"), layers, width, Choice("rows_numba"), None, epochs, 0, device)


@pytest.mark.parametrize(("graph", "share"), [("twin:reddit2", 1), ("twin:reddit2@0.05", 0.05), ("reddit2", 1)])
def test_a_twin_is_as_large_as_what_it_stands_for_without_being_made(graph, share):
    nodes, nnz = size(graph, OPTIONS)
    assert nodes == pytest.approx(REDDIT2[0] * share, rel=0.01)
    assert nnz == pytest.approx(REDDIT2[1] * share, rel=0.02)


def test_of_another_graph_the_nodes_are_known_and_of_a_file_not_even_these(tmp_path):
    nodes, nnz = size("small:random", OPTIONS)
    assert nodes < 1000
    assert nnz == nodes * UNKNOWN_DEGREE
    (tmp_path / "ring.mtx").write_text("%%MatrixMarket matrix coordinate pattern general\n2 2 2\n1 2\n2 1\n")
    assert size(str(tmp_path / "ring.mtx"), OPTIONS)[0] > 0


def test_a_product_takes_longer_with_more_non_zeros_and_columns_and_less_with_more_cores():
    small, large = ((1000, 10_000), (1_000_000, 100_000_000))
    usual = seconds(product(), OPTIONS, 1, large)
    assert seconds(product(), OPTIONS, 1, small) == pytest.approx(CASE_S + OPTIONS.limits.time_s, rel=0.01)
    assert usual > 10 * seconds(product(), OPTIONS, 1, small)
    assert seconds(product(width=256), OPTIONS, 1, large) > 3 * usual
    assert seconds(product(), OPTIONS, 8, large) < usual / 4
    assert seconds(product(device="cuda:0"), OPTIONS, 8, large) < seconds(product(), OPTIONS, 8, large)


def test_a_training_takes_as_long_as_its_epochs_and_layers():
    sized = (100_000, 10_000_000)
    one = seconds(training(epochs=100), OPTIONS, 1, sized) - TRAINING_S
    assert seconds(training(epochs=200), OPTIONS, 1, sized) - TRAINING_S == pytest.approx(2 * one)
    assert seconds(training(epochs=100, layers=6), OPTIONS, 1, sized) - TRAINING_S == pytest.approx(2 * one)


def test_what_a_case_took_is_what_its_record_says_was_spent():
    record = ok(case(), 1.0)
    assert measured_s(record) is None
    assert measured_s(record.with_spent({"kernel": 1.5, "operands": 0.25})) == 1.75
    assert measured_s(Record(case=case(), status="failed", reason="broke")) is None


def test_of_a_training_it_is_all_that_it_took_beside_its_epochs_too():
    measured = ok(case(), 1.0).measurement
    measured = msgspec.structs.replace(measured, timing=msgspec.structs.replace(measured.timing, prepare_s=0.5))

    def taken(**given):
        trained = msgspec.structs.replace(measured, training=Training(epoch_s=[1.0, 2.0], **given))
        return measured_s(msgspec.structs.replace(ok(case(), 1.0), measurement=trained))

    assert taken() == TRAINING_S + 0.5 + 3.0
    assert taken(phase_s={"dense": [0.9, 1.9], "evaluation": [4.0, 5.0]}, warmup_s=7.0) == TRAINING_S + 0.5 + 3.0 + 9.0 + 7.0
