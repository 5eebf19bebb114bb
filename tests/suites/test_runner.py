"""How a case ends its test and the session: what a full disk, a failure and a fault of the GPU do to the cases to come."""

from types import SimpleNamespace

import pytest

from rsc_bench.harness.measure.work import Skip
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.options import Options
from rsc_bench.suites.runner import FAULT_STATUS, Runner, TrainingRunner
from rsc_bench.suites.session import Session

ILLEGAL = "AcceleratorError: CUDA error: an illegal memory access was encountered"


class Written(list):
    """A results file that keeps its records here."""

    indices = (1, 2)
    path = "run.jsonl"

    def append(self, record, index):
        super().append(record)


class Full(Written):
    """A results file on a full disk."""

    def append(self, record, index):
        raise ResultsError("run.jsonl: cannot be written (the disk is full): give another --results path")


def session_on_a_gpu(freed):
    """A session whose operands note that a GPU's memory is to be freed."""
    operands = SimpleNamespace(free_gpu=lambda: freed.append(True))
    return SimpleNamespace(store=SimpleNamespace(operands=operands))


@pytest.fixture(scope="module")
def setting():
    options = Options(benchmark=True, graphs=("small:hub",), widths=(3,), kernels=("cusparse",), device="cpu")
    return next(setting for setting in Session(options).settings if setting.choice.name == "cusparse")


def ended(setting, status, reason, *, fault=None, rounds=None):
    """Run a case that ends with a status and a reason, on a GPU in a state: the records, what ended the test, what was freed."""

    class Ends(Runner):
        def _record(self, case):
            return Record(case=case, status=status, reason=reason)

    rounds, freed = Written() if rounds is None else rounds, []
    with pytest.raises((pytest.exit.Exception, pytest.fail.Exception, pytest.skip.Exception)) as caught:
        Ends(session_on_a_gpu(freed), setting, request=None, rounds=rounds, round_index=1, fault=lambda device: fault)()
    return rounds, caught.value, freed


def test_a_fault_is_written_and_ends_the_session_naming_the_case(setting):
    records, error, _ = ended(setting, "failed", ILLEGAL, fault="CUDA error: an illegal memory access was encountered")
    assert [(record.case, record.reason) for record in records] == [(setting.case(), ILLEGAL)]
    assert isinstance(error, pytest.exit.Exception)
    assert error.returncode == FAULT_STATUS == 3
    assert str(error).startswith(f"{setting.case()}: {ILLEGAL}: the GPU can do nothing more in this process")
    assert str(error).endswith("run the same command again with --results run.jsonl for the cases to come")


def test_a_failure_that_the_gpu_survives_fails_its_case_alone_and_frees_the_operands(setting):
    records, error, freed = ended(setting, "failed", "GPU memory does not suffice: 2.00 GiB more needed")
    assert len(records) == len(freed) == 1
    assert isinstance(error, pytest.fail.Exception)


@pytest.mark.parametrize("status", ["skipped", "wrong"])
def test_a_gpu_that_failed_nothing_is_not_looked_at(setting, status):
    _, error, freed = ended(setting, status, "whatever", fault="would be a fault")
    assert not isinstance(error, pytest.exit.Exception)
    assert freed == []


def test_a_file_that_takes_no_more_ends_the_run_in_one_line(setting):
    _, error, _ = ended(setting, "failed", "whatever", rounds=Full())
    assert isinstance(error, pytest.exit.Exception)
    assert (error.returncode, "the disk is full" in str(error)) == (2, True)


class Fails(Runner):
    """A case that cannot even be prepared."""

    def _ready(self):
        raise RuntimeError("CUDA error: device-side assert triggered")


def test_checking_stops_at_a_fault_too(setting):
    case = Fails(session_on_a_gpu([]), setting, request=None, fault=lambda device: "CUDA error: device-side assert triggered")
    with pytest.raises(pytest.exit.Exception, match=r"RuntimeError: CUDA error: device-side assert .*: leave it out with -k"):
        case()


def test_checking_goes_on_after_a_failure_that_the_gpu_survives(setting):
    case = Fails(session_on_a_gpu([]), setting, request=None, fault=lambda device: None)
    with pytest.raises(RuntimeError, match="device-side assert"):
        case()


def test_a_training_begins_without_the_operands_that_a_gpu_kept_for_products():
    pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")
    session = Session(Options(benchmark=True, graphs=("small:random",), models=("GCN",), device="cpu"))
    freed, freed_before = [], []
    session.store = session_on_a_gpu(freed).store

    class Begins(TrainingRunner):
        def _train(self, case):
            freed_before.extend(freed)
            raise Skip("that was all")

    record = Begins(session, session.trainings[0], request=None)._record(session.trainings[0].case())
    assert (record.status, record.reason) == ("skipped", "that was all")
    assert freed_before == [True], "they would count as memory of the training"
