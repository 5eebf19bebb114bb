"""How a case ends its test and the session: what a full disk, a failure and a fault of the GPU do to the cases to come."""

from types import SimpleNamespace

import pytest

from rsc_bench.harness.measure.work import Skip
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.measuring.runner import FAULT_STATUS, Runner
from rsc_bench.suites.measuring.session import Session
from rsc_bench.suites.measuring.workers import CannotStart
from rsc_bench.suites.options import Options
from rsc_bench.suites.terminal.account import Account

REQUEST = SimpleNamespace(node=SimpleNamespace(user_properties=[]))
ILLEGAL = "AcceleratorError: CUDA error: an illegal memory access was encountered"


class Written(list):
    """A results file that keeps its records here."""

    indices = (1, 2)
    path = "run.jsonl"
    workers = None

    def __init__(self):
        super().__init__()
        self.account = Account()

    def append(self, record, index):
        super().append(record)


class Full(Written):
    """A results file on a full disk."""

    def append(self, record, index):
        raise ResultsError("run.jsonl: cannot be written (the disk is full): give another --results path")


class Ends:
    """A bench whose case ends with a record, or raises when it is only checked, and leaves a GPU in a state."""

    def __init__(self, ends, fault=None):
        self.ends, self.after, self.asked = ends, fault, []

    def record(self, setting, follow):
        return self.ends

    def check(self, setting):
        raise self.ends

    def fault(self, setting):
        self.asked.append(setting)
        return self.after


@pytest.fixture(scope="module")
def setting():
    options = Options(benchmark=True, graphs=("small:hub",), widths=(3,), kernels=("cusparse",), device="cpu")
    return next(setting for setting in Session(options).settings if setting.choice.name == "cusparse")


def ended(setting, status, reason, *, fault=None, rounds=None):
    """Run a case that ends with a status and a reason, on a GPU in a state: the records, what ended the test, what was asked."""
    rounds = Written() if rounds is None else rounds
    bench = Ends(Record(case=setting.case(), status=status, reason=reason), fault)
    with pytest.raises((pytest.exit.Exception, pytest.fail.Exception, pytest.skip.Exception)) as caught:
        Runner(SimpleNamespace(bench=bench), setting, request=REQUEST, rounds=rounds, round_index=1)()
    return rounds, caught.value, bench.asked


def test_a_fault_is_written_and_ends_the_session_naming_the_case(setting):
    records, error, _ = ended(setting, "failed", ILLEGAL, fault="CUDA error: an illegal memory access was encountered")
    assert [(record.case, record.reason) for record in records] == [(setting.case(), ILLEGAL)]
    assert isinstance(error, pytest.exit.Exception)
    assert error.returncode == FAULT_STATUS == 3
    assert str(error).startswith(f"{setting.case()}: {ILLEGAL}: the GPU can do nothing more in this process")
    assert str(error).endswith("run the same command again with --results run.jsonl for the cases to come")


def test_a_failure_that_the_gpu_survives_fails_its_case_alone(setting):
    records, error, asked = ended(setting, "failed", "GPU memory does not suffice: 2.00 GiB more needed")
    assert len(records) == len(asked) == 1
    assert isinstance(error, pytest.fail.Exception)


@pytest.mark.parametrize("status", ["skipped", "wrong"])
def test_a_gpu_that_failed_nothing_is_not_looked_at(setting, status):
    _, error, asked = ended(setting, status, "whatever", fault="would be a fault")
    assert not isinstance(error, pytest.exit.Exception)
    assert asked == []


def test_a_fault_in_a_worker_is_the_workers_and_ends_no_session(setting):
    record = Record(case=setting.case(), status="failed", reason=ILLEGAL)
    rounds = Written()
    rounds.workers = SimpleNamespace(record=lambda setting, follow, waiting: record)
    _, error, asked = ended(setting, "failed", "not asked", fault="would be a fault", rounds=rounds)
    assert (list(rounds), asked) == ([record], [])
    assert isinstance(error, pytest.fail.Exception)


def test_a_file_that_takes_no_more_ends_the_run_in_one_line(setting):
    _, error, _ = ended(setting, "failed", "whatever", rounds=Full())
    assert isinstance(error, pytest.exit.Exception)
    assert (error.returncode, "the disk is full" in str(error)) == (2, True)


def test_a_run_without_a_process_to_measure_in_ends_in_one_line_and_records_nothing(setting):
    def record(*given):
        raise CannotStart("no process to measure in could be started")

    rounds = Written()
    rounds.workers = SimpleNamespace(record=record)
    _, error, _ = ended(setting, "failed", "not asked", rounds=rounds)
    assert (error.returncode, list(rounds)) == (2, [])


def checked(setting, error, fault=None):
    Runner(SimpleNamespace(bench=Ends(error, fault)), setting, request=None)()


def test_checking_stops_at_a_fault_too(setting):
    error = RuntimeError("CUDA error: device-side assert triggered")
    with pytest.raises(pytest.exit.Exception, match=r"RuntimeError: CUDA error: device-side assert .*: leave it out with -k"):
        checked(setting, error, fault="CUDA error: device-side assert triggered")


def test_checking_goes_on_after_a_failure_that_the_gpu_survives(setting):
    with pytest.raises(RuntimeError, match="device-side assert"):
        checked(setting, RuntimeError("CUDA error: device-side assert triggered"))


def test_what_cannot_be_checked_here_is_skipped_with_its_reason(setting):
    with pytest.raises(pytest.skip.Exception, match="no GPU"):
        checked(setting, Skip("no GPU"))
