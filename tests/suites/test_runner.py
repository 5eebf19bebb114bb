"""What a run does when the GPU fails a case: go on, or stop where no later case could be measured."""

from types import SimpleNamespace

import pytest

from rsc_bench.harness.measure.gpu import faults
from rsc_bench.harness.records.run import Record
from rsc_bench.suites import runner as running
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.options import Options
from rsc_bench.suites.runner import Runner
from rsc_bench.suites.spmm import operands
from rsc_bench.suites.spmm.sweep import settings

ILLEGAL = "AcceleratorError: CUDA error: an illegal memory access was encountered"


class Written(list):
    """A results file that keeps its records here."""

    indices = (1, 2)
    path = "run.jsonl"

    def append(self, record, index):
        super().append(record)


@pytest.fixture
def setting():
    asked = Options(benchmark=True, graphs=("small:hub",), widths=(3,), kernels=("cusparse",), device="cuda:0")
    return next(setting for setting in settings(asked, catalog()) if setting.choice.name == "cusparse")


@pytest.fixture
def ended(monkeypatch, setting):
    """Run a case that ends with a status and a reason, on a GPU in a state."""

    def run(status, reason, fault):
        monkeypatch.setattr(running, "attempt", lambda case, *rest: Record(case=case, status=status, reason=reason))
        monkeypatch.setattr(faults, "fault", lambda device: fault)
        rounds, session = Written(), SimpleNamespace(limits=None)
        with pytest.raises((pytest.exit.Exception, pytest.fail.Exception, pytest.skip.Exception)) as caught:
            Runner(session, setting, request=None, rounds=rounds, round_index=1)()
        return rounds, caught.value

    return run


def test_a_fault_is_written_and_ends_the_session_naming_the_case(ended, setting):
    records, error = ended("failed", ILLEGAL, "CUDA error: an illegal memory access was encountered")
    assert [(record.case, record.reason) for record in records] == [(setting.case(), ILLEGAL)]
    assert isinstance(error, pytest.exit.Exception)
    assert error.returncode == running.FAULT_STATUS == 3
    assert str(error).startswith(f"{setting.case()}: {ILLEGAL}: the GPU can do nothing more in this process")
    assert str(error).endswith("run the same command again with --results run.jsonl for the cases to come")


def test_a_failure_that_the_gpu_survives_fails_its_case_alone_and_frees_the_operands(ended, monkeypatch):
    forgotten = []
    monkeypatch.setattr(operands, "forget", lambda: forgotten.append(True))
    records, error = ended("failed", "GPU memory does not suffice: 2.00 GiB more needed", None)
    assert len(records) == len(forgotten) == 1
    assert isinstance(error, pytest.fail.Exception)


@pytest.mark.parametrize("status", ["skipped", "wrong"])
def test_a_gpu_is_not_asked_after_what_it_did_not_fail(ended, status):
    _, error = ended(status, "whatever", "would be a fault")
    assert not isinstance(error, pytest.exit.Exception)


def test_checking_stops_at_a_fault_too(monkeypatch, setting):
    def fails(self):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(Runner, "_ready", fails)
    monkeypatch.setattr(faults, "fault", lambda device: "CUDA error: device-side assert triggered")
    with pytest.raises(pytest.exit.Exception, match=r"RuntimeError: CUDA error: device-side assert .*: leave it out with -k"):
        Runner(SimpleNamespace(), setting, request=None)()


def test_checking_goes_on_after_a_failure_that_the_gpu_survives(monkeypatch, setting):
    def fails(self):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(Runner, "_ready", fails)
    monkeypatch.setattr(faults, "fault", lambda device: None)
    with pytest.raises(RuntimeError, match="no such thing"):
        Runner(SimpleNamespace(), setting, request=None)()
