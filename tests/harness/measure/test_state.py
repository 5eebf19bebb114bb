"""What a case, or loading a file, may not change is put back, and said by its name."""

import os
import signal
import sys
import time
from types import ModuleType

import pytest
import torch

from rsc_bench import allocator
from rsc_bench.harness.measure.state import State, unchanged_by_loading
from rsc_bench.suites.spmm import checks


def fast_clock(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)


def other_equal(monkeypatch):
    monkeypatch.setattr(torch, "equal", lambda *_: True)


def other_abs(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "abs", lambda tensor: tensor)


def other_check(monkeypatch):
    monkeypatch.setattr(checks, "check_values", lambda *_: 0.0)


def other_method(monkeypatch):
    monkeypatch.setattr(checks.Kept, "check", lambda _: None)


def another_of_torch(monkeypatch):
    monkeypatch.setattr(torch, "einsum", torch.functional.norm)


def another_packages_check(monkeypatch):
    monkeypatch.setattr(checks, "check_values", pytest.importorskip("scipy.sparse").linalg.norm)


CHANGES = {
    another_of_torch: "functions of others (torch.einsum)",
    another_packages_check: "functions of others (rsc_bench.suites.spmm.checks.check_values)",
    fast_clock: "the clock",
    other_equal: "functions of others (torch.equal)",
    other_abs: "functions of others (torch.Tensor.abs)",
    other_check: "functions of others (rsc_bench.suites.spmm.checks.check_values)",
    other_method: "functions of others (rsc_bench.suites.spmm.checks.Kept.check)",
}


@pytest.mark.parametrize(("change", "name"), CHANGES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_was_changed_is_named_and_put_back(monkeypatch, change, name):
    state = State.read()
    change(monkeypatch)
    assert state.put_back() == [name]
    assert state.put_back() == []


@pytest.mark.skipif(allocator.why_not() is not None, reason="this process's allocator cannot be told to keep memory")
def test_freed_memory_is_kept_by_nobody_else_for_the_cases_behind():
    state = State.read()
    allocator.keep_memory()
    assert state.put_back() == ["whether freed memory is kept (False -> True)"]
    assert not allocator.is_kept()


def test_what_an_installed_package_puts_in_the_place_of_a_function_stays(monkeypatch):
    state = State.read()
    monkeypatch.setattr(torch, "index_select", pytest.approx)
    assert state.put_back() == []
    assert torch.index_select is pytest.approx


def test_what_a_file_leaves_to_other_processes_is_put_back(monkeypatch):
    said, cores, handler = [], os.sched_getaffinity(0), signal.getsignal(signal.SIGTERM)
    with unchanged_by_loading(said.append):
        os.environ["OMP_NUM_THREADS"] = "many"
        os.sched_setaffinity(0, {min(cores)})
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert os.environ.get("OMP_NUM_THREADS") != "many"
    assert os.sched_getaffinity(0) == cores
    assert signal.getsignal(signal.SIGTERM) == handler
    (line,) = said
    assert "torch" not in line
    assert len(line) < 250
    assert "the environment (OMP_NUM_THREADS)" in line
    assert "the handling of signals" in line


def test_loading_what_changes_nothing_says_nothing():
    said = []
    with unchanged_by_loading(said.append):
        pass
    assert said == []


def test_a_class_that_is_new_in_a_module_is_looked_after_from_then_on(monkeypatch):
    module = ModuleType("rsc_bench.made")
    monkeypatch.setitem(sys.modules, "rsc_bench.made", module)
    for name in ("First", "Second"):  # the second one when the classes of the module are known
        made = type(name, (), {"call": lambda self: 1, "__module__": "rsc_bench.made"})
        setattr(module, name, made)
        state = State.read()
        right, made.call = made.call, lambda self: 2
        assert state.put_back() == [f"functions of others (rsc_bench.made.{name}.call)"]
        assert made.call is right


def test_a_class_in_the_place_of_another_is_seen(monkeypatch):
    module = ModuleType("rsc_bench.made")
    monkeypatch.setitem(sys.modules, "rsc_bench.made", module)
    module.One = one = type("One", (), {"__module__": "rsc_bench.made"})
    state = State.read()
    module.One = type("One", (), {"__module__": "rsc_bench.made"})
    assert state.put_back() == ["functions of others (rsc_bench.made.One)"]
    assert module.One is one
