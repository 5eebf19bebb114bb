"""Each origin of code has a process of its own, and a case whose process is lost is a record; the next goes on in a new one."""

import contextlib
import gc
import os
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import pytest
from made_runs import not_ok

from rsc_bench import allocator, plugins
from rsc_bench.harness.measure.worker import WorkerLost
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.ranges import MANY_LETTERS
from rsc_bench.harness.records.run import Record
from rsc_bench.plugins import Registry
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.graphs import files, load
from rsc_bench.suites.graphs.kept import graphs as kept
from rsc_bench.suites.measuring import serving
from rsc_bench.suites.measuring import workers as pool
from rsc_bench.suites.measuring.bench import Bench
from rsc_bench.suites.measuring.serving import Answered, Job, Setup, answer, job_of, packed, setting_of, unpacked
from rsc_bench.suites.measuring.session import Rounds, Session
from rsc_bench.suites.measuring.workers import Needs, Origins
from rsc_bench.suites.options import Options
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.training.sweep import TrainingSetting

can_keep = allocator.why_not() is None
KERNEL = """
import os
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.torch_reduce import prepare

def leave(*given):
    os._exit(3)

KERNEL = Kernel({name!r}, "cpu", "The kernel of a user.", {prepare})
"""
SELECTION = """
from rsc_bench.kernels.sampled.selections import Selection
from rsc_bench.kernels.sampled.selections.topk import SELECTION as topk
SELECTION = Selection("most", "The best.", topk.draw)
"""
ORDER = """
from rsc_bench.suites.graphs.orders import Order
ORDER = Order("backwards", "The last node first.", lambda graph: None)
"""


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(plugins, "REGISTRY", made := Registry())
    monkeypatch.setattr(pool, "REGISTRY", made)
    return made


def write(path, text):
    path.write_text(text)
    return str(path)


def settings(*kernels, files=(), budgets=(0.5,)):
    options = Options(
        benchmark=True, graphs=("small:hub",), widths=(3,), kernels=kernels, plugins=files, budgets=budgets, device="cpu", rounds=1
    )
    return Session(options)


def test_ours_share_a_process_and_each_file_has_its_own(registry, tmp_path):
    mine, theirs = (write(tmp_path / f"{name}.py", KERNEL.format(name=name, prepare="prepare")) for name in ("mine", "theirs"))
    session = settings("mkl", "topk(mkl)", mine, theirs)
    origins = Origins((), session.catalog)
    found = {setting.choice.name: origins.of(setting) for setting in session.settings}
    assert found["mkl"] == found["topk(mkl)"] == found["rows_numba"] == frozenset()
    assert found["mine"] == found["cached_topk(mine)"] == {mine}
    assert found["theirs"] == {theirs}
    assert origins.setup(frozenset(), Setup()).kernels == ()
    assert origins.setup(frozenset({mine}), Setup(device="cuda:0")) == Setup(kernels=(mine,), device="cuda:0")


def test_a_selection_is_code_that_runs_while_a_case_is_timed_too(registry, tmp_path):
    file = write(tmp_path / "most.py", SELECTION)
    registry.add_file(Path(file))
    session = settings("most(mkl)", "mkl", files=(file,))
    origins = Origins((file,), session.catalog)
    found = {setting.choice.name: origins.of(setting) for setting in session.settings}
    assert (found["most(mkl)"], found["mkl"]) == ({file}, frozenset())
    assert origins.setup(frozenset(), Setup()).plugins == ()
    assert origins.setup(frozenset({file}), Setup()).plugins == (file,)


def test_what_every_case_needs_is_loaded_in_every_process(registry, tmp_path):
    file = write(tmp_path / "order.py", ORDER)
    registry.add_file(Path(file))
    assert Origins((file,), catalog()).setup(frozenset(), Setup()).plugins == (file,)


def test_an_installed_package_is_left_out_of_every_process_but_its_own(registry):
    found = plugins.load("kernel")
    found.origins["rows_numba"] = "their-package"
    session = settings("rows_numba", "mkl")
    origins = Origins((), session.catalog)
    assert {origins.of(setting) for setting in session.settings if setting.choice.name == "rows_numba"} == {
        frozenset({"their-package"})
    }
    assert origins.setup(frozenset(), Setup()).left_out == ("their-package",)
    assert origins.setup(frozenset({"their-package"}), Setup()).left_out == ()


@pytest.mark.skipif(not can_keep, reason="this process's allocator cannot be told to keep memory")
def test_what_keeps_memory_is_measured_in_a_process_of_its_own_that_does(tmp_path):
    both = {"memory": ("fresh", "kept"), "kernels": ("mkl",)}
    session = Session(Options(benchmark=True, models=("GCN",), graphs=("small:hub",), device="cpu", rounds=1, **both))
    workers = pool.Workers(Origins((), session.catalog), Setup(), tmp_path / "log", 1.0)
    for kind in (Setting, TrainingSetting):
        fresh, kept = [workers.needs(setting) for setting in session.settings if isinstance(setting, kind)][:2]
        assert (fresh, kept) == (Needs(), Needs(keeps_memory=True))
    assert unpacked(packed(workers.setup(kept)), Setup).keeps_memory
    try:
        serving._made(packed(workers.setup(kept)))
        assert allocator.is_kept()
    finally:
        gc.unfreeze()
        allocator.keep_memory(False)


def test_no_process_measures_what_it_would_have_to_keep_memory_for_and_cannot(monkeypatch):
    monkeypatch.setattr(allocator, "why_not", lambda: "memory can be kept where glibc allocates it: nothing was changed")
    monkeypatch.setattr(allocator, "keeps_freed", lambda: False)  # whatever tests before have left
    with pytest.raises(RuntimeError, match="nothing was changed"), pytest.warns(UserWarning, match="nothing was changed"):
        serving._made(packed(Setup(keeps_memory=True)))


def test_a_case_goes_through_a_pipe_as_it_is():
    pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")
    some = {"models": ("GCN",), "widths": (8,), "ablation": True, "memory": ("fresh", "kept") if can_keep else ()}
    session = Session(Options(benchmark=True, graphs=("small:hub",), device="cpu", **some))
    for setting in session.settings:
        assert setting_of(unpacked(packed(job_of(setting)), Job)) == setting


def test_file_names_that_are_not_utf_8_go_through_a_pipe_too():
    name = os.fsdecode(b"Z\xfcrich")
    setting = replace(settings("mkl").settings[0], graph=f"{name}.mtx")
    assert setting_of(unpacked(packed(job_of(setting)), Job)) == setting
    setup = Setup(plugins=(f"{name}.py",), data_root=name)
    assert unpacked(packed(setup), Setup) == setup


class Raises(Bench):
    """Makes a record of an error with a long text."""

    def record(self, setting, follow):
        return Record(case=setting.case(), status="failed", reason="x" * (2 * MANY_LETTERS))


def test_a_record_that_no_file_may_hold_can_be_read_at_the_other_end():
    setting = settings("mkl").settings[0]
    given = answer(job_of(setting), lambda note: None, Raises(catalog(), Store()), "cpu")
    read = msgspec.json.decode(msgspec.json.encode(given), type=Answered).record
    assert (read.status, read.reason) == ("failed", "x" * (MANY_LETTERS - 1) + "…")


class Babbles:
    """Stands in for a process into whose answers somebody's code writes."""

    def __init__(self, entry, setup, log):
        self.ended = False

    def ask(self, *given):
        return b'{"record": 1}'

    def kill(self):
        self.ended = True


def test_an_answer_that_cannot_be_read_costs_its_case_and_its_process(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "Worker", Babbles)
    session = settings("mkl")
    measured = session.workers(tmp_path / "run.log")
    record = measured.record(session.settings[0], follow=None, waiting=None)
    assert record.status == "failed"
    assert record.reason.startswith("its process gave an answer that cannot be read (Expected ")


def test_a_folder_of_results_that_is_moved_costs_no_record(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "Worker", Babbles)
    results = tmp_path / "results" / "run.jsonl"
    session = Session(Options(benchmark=True, graphs=("small:hub",), kernels=("mkl",), device="cpu", results=results))
    rounds, said = Rounds(session, machine={}), []
    rounds.say = said.append
    rounds.plan(session.settings)
    for setting in session.settings[:2]:
        rounds.append(rounds.workers.record(setting, follow=None, waiting=None), 1)
        if (tmp_path / "results").exists() and not said:
            (tmp_path / "results").rename(tmp_path / "moved")
    rounds.close()
    assert len(said) == 1
    assert len(read(rounds.path).records) == 2


class Leaves(Babbles):
    """Stands in for a process that ends with each graph that it loads."""

    def ask(self, *given):
        raise WorkerLost("its process ended with status 7")


def test_a_graph_that_ends_the_process_which_loads_it_is_not_loaded_by_the_one_that_supervises(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "Worker", Leaves)
    session = Session(
        Options(benchmark=True, graphs=("small:hub",), kernels=("mkl",), device="cpu", results=tmp_path / "run.jsonl")
    )
    session.bench.store.graph = lambda *given: pytest.fail("it loads the graph")
    rounds = Rounds(session, machine={})
    rounds.plan(session.settings)
    rounds.append(rounds.workers.record(session.settings[0], follow=None, waiting=None), 1)
    rounds.close()
    (record,) = read(tmp_path / "run.jsonl").records
    assert (record.status, record.case.graph_digest) == ("failed", None)
    assert "failed: the digest of small:hub: its process ended with status 7" in (tmp_path / "run.jsonl.log").read_text()


class StartsLate(Babbles):
    """Stands in for a process of a busy machine: those that still come as `late` do not start."""

    late, limits = 0, []

    def ask(self, job, limit_s, *given):
        if StartsLate.late:
            StartsLate.late -= 1
            raise WorkerLost("its process did not start in 600 s", started=False)
        StartsLate.limits.append(limit_s)
        raise WorkerLost("over its time limit of 8 s")


@pytest.fixture
def starts(monkeypatch):
    """Let so many processes not start; the limits of what the others were asked."""
    monkeypatch.setattr(pool, "Worker", StartsLate)
    monkeypatch.setattr(StartsLate, "limits", limits := [])

    def starts(late):
        monkeypatch.setattr(StartsLate, "late", late)
        return limits

    return starts


def test_a_process_that_does_not_start_costs_no_case_for_another_one_is_tried(tmp_path, starts):
    starts(1)
    session = settings("mkl")
    record = session.workers(tmp_path / "run.log").record(session.settings[0], follow=None, waiting=None)
    assert (record.status, record.reason) == ("failed", "over its time limit of 8 s")
    assert "no start: its process did not start in 600 s" in (tmp_path / "run.log").read_text()


def test_where_none_of_ours_starts_the_run_ends_and_no_case_is_failed(tmp_path, starts):
    starts(2)
    session = settings("mkl")
    wanted = "no process to measure in could be started, 2 times in a row: its process did not start in 600 s: see "
    with pytest.raises(pool.CannotStart, match=wanted):
        session.workers(tmp_path / "run.log").record(session.settings[0], follow=None, waiting=None)


def test_where_that_of_a_users_file_does_not_start_its_cases_fail_and_wait_no_more(registry, tmp_path, starts):
    mine = write(tmp_path / "mine.py", KERNEL.format(name="mine", prepare="prepare"))
    session = settings("mkl", mine)
    measured = session.workers(tmp_path / "run.log")
    starts(2)
    chosen = [
        setting for name in ("mine", "cached_topk(mine)", "mkl") for setting in session.settings if setting.choice.name == name
    ]
    records = [measured.record(setting, follow=None, waiting=None) for setting in chosen]
    late, over = "its process did not start in 600 s, 2 times in a row", "over its time limit of 8 s"
    assert [record.reason for record in records] == [late, late, over]


class Slow(Babbles):
    """Stands in for a process in which the named kernels go over the limit, and others end it."""

    kernels, asked = (), []

    def ask(self, job, *given):
        name = setting_of(unpacked(job, Job)).choice.name
        Slow.asked.append(name)
        over = name in Slow.kernels
        raise WorkerLost("over its time limit of 8 s" if over else "its process ended with status 3", over=over)


def test_a_hang_is_paid_once_and_not_again_in_each_round_and_behind_each_selection(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "Worker", Slow)
    monkeypatch.setattr(Slow, "kernels", ("mkl", "topk(rows_numba)"))
    monkeypatch.setattr(Slow, "asked", asked := [])
    session = settings("mkl", "topk(mkl)", "rows_numba", "topk(rows_numba)")
    measured = session.workers(tmp_path / "run.log")
    chosen = {setting.choice.name: setting for setting in session.settings}
    names = ("mkl", "topk(mkl)", "topk(rows_numba)", "rows_numba")
    records = [measured.record(chosen[name], follow=None, waiting=None) for name in 2 * names]
    assert asked == ["mkl", "topk(rows_numba)", "rows_numba", "rows_numba"], "another failure is tried again"
    over, left = "over its time limit of 8 s", "its process ended with status 3"
    not_tried = ("skipped", f"mkl without a selection was {over}: not tried (--case-timeout)")
    again = ("failed", f"{over} in an earlier round of this run: not tried again")
    assert [(record.status, record.reason) for record in records] == [
        *(("failed", over), not_tried, ("failed", over), ("failed", left)),
        *(again, not_tried, again, ("failed", left)),
    ]
    for name in ("mkl", "topk(mkl)"):  # the same product in another suite is another case
        growing = replace(chosen[name], suite="growth")
        assert measured.record(growing, follow=None, waiting=None).reason == (over if name == "mkl" else not_tried[1])
    other = replace(chosen["topk(mkl)"], width=5)
    assert measured.record(other, follow=None, waiting=None).status == "failed", "another product may be quick"


def test_what_the_device_can_reach_has_not_the_time_of_a_case_and_its_failure_is_said(tmp_path, starts):
    limits, said = starts(0), []
    session = settings("mkl")
    session.options = replace(session.options, results=tmp_path / "run.jsonl", case_timeout_s=8.0)
    rounds = Rounds(session, machine={})
    rounds.say = said.append
    rounds.plan(session.settings)
    rounds.measure_ceilings([(session.settings[0], 1)])
    rounds.workers.record(session.settings[0], follow=None, waiting=None)
    assert limits == [pool.START_S, 8.0]
    reason = "what the device can reach could not be measured (over its time limit of 8 s)"
    assert said == [f"note:    {reason}: the page has no roofline of this round"]


@pytest.mark.parametrize("in_process", [True, False])
def test_the_ceilings_of_a_run_say_how_busy_the_machine_was_when_they_were_measured(tmp_path, monkeypatch, in_process):
    pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: 37.0)
    session = settings("mkl")
    session.options = replace(session.options, results=tmp_path / "run.jsonl", in_process=in_process)
    rounds = Rounds(session, machine={})
    try:
        rounds.plan(session.settings)
        rounds.measure_ceilings([(session.settings[0], 1)])
        rounds.append(not_ok(session.settings[0].case(), "skipped", "made"), 1)
    finally:
        rounds.close()
    ((start, _),) = read(tmp_path / "run.jsonl").rounds
    assert (start.ceilings.busy_share, start.ceilings.disturbed) == (0.37, True)
    assert len(start.ceilings.probes) > 1


@pytest.mark.parametrize("in_process", [True, False])
def test_what_a_process_loads_is_told_once(tmp_path, in_process):
    path = tmp_path / "g.csv"
    path.write_text("0,1\n1,2\n")
    options = Options(benchmark=True, graphs=(str(path),), kernels=("mkl",), widths=(8,), device="cpu", in_process=in_process)
    session = Session(replace(options, results=tmp_path / "run.jsonl"))
    rounds, told = Rounds(session, machine={}), []
    rounds.tell_loaded(told.append)
    record = session.bench.record if in_process else partial(rounds.workers.record, waiting=lambda seconds: None)
    try:
        assert [record(setting, follow=None).status for setting in session.settings[:2]] == ["ok", "ok"]
    finally:
        rounds.close()
    assert told == [load(path).facts]


def test_a_process_that_waits_for_another_run_says_so_and_so_does_the_log(tmp_path, monkeypatch):
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "g.csv"
    path.write_text("0,1\n1,2\n")
    options = Options(benchmark=True, graphs=(str(path),), kernels=("mkl",), widths=(8,), device="cpu")
    session = Session(replace(options, results=tmp_path / "run.jsonl"))
    rounds, told, other = Rounds(session, machine={}), [], contextlib.ExitStack()
    rounds.tell_waiting(told.append)
    other.enter_context(kept.usual().turn(kept.turn_of(files.SOURCE, str(path), None)))
    try:
        record = rounds.workers.record(session.settings[0], follow=None, waiting=lambda seconds: told and other.close())
    finally:
        rounds.close()
    assert record.status == "ok"
    assert told == [f"waiting for g.csv, which process {os.getpid()} on {socket.gethostname()} makes already"]
    assert told[0] in rounds.workers.log.read_text()


def test_a_case_whose_process_is_lost_is_a_record_and_the_next_one_has_a_new_process(registry, tmp_path):
    bad = write(tmp_path / "bad.py", KERNEL.format(name="bad", prepare="leave"))
    session = settings("mkl", bad)
    measured = session.workers(tmp_path / "run.log")
    chosen = [setting for setting in session.settings if setting.choice.name in ("mkl", "bad", "cached_topk(bad)")]
    waited = []
    try:
        records = [measured.record(setting, follow=None, waiting=waited.append) for setting in [*chosen, chosen[0]]]
    finally:
        measured.close()
    found = {record.case.kernel: (record.status, record.reason) for record in records}
    left = "its process ended with status 3"
    assert found == {"mkl": ("ok", None), "bad": ("failed", left), "cached_topk(bad)": ("failed", left)}
    log = [line.partition(" ")[2] for line in (tmp_path / "run.log").read_text().splitlines()]
    assert [line for line in log if "bad" in line][:2] == [f"begins: {chosen[1].case()}", f"failed: {chosen[1].case()}: {left}"]
    assert len([line for line in log if line.startswith("begins: ")]) == len(records)


class Killed(Babbles):
    """Stands in for a process that something outside ends, as often as it is told."""

    times, by_others = 2, True
    started = 0

    def __init__(self, *given):
        super().__init__(*given)
        type(self).started += 1

    def ask(self, *given):
        if type(self).started <= self.times:
            raise WorkerLost("its process was ended by SIGKILL", by_others=self.by_others)
        return super().ask(*given)


@pytest.mark.parametrize(("times", "by_others", "tries"), [(2, True, 3), (9, True, 3), (9, False, 1)])
def test_a_case_whose_process_was_ended_from_outside_is_measured_again_twice(tmp_path, monkeypatch, times, by_others, tries):
    monkeypatch.setattr(pool, "Worker", type("Here", (Killed,), {"times": times, "by_others": by_others}))
    session = settings("mkl")
    measured = session.workers(tmp_path / "run.log")
    measured.retries = 2
    record = measured.record(session.settings[0], follow=None, waiting=None)
    assert pool.Worker.started == tries
    reasons = {2: "its process gave an answer that cannot be read", 9: "its process was ended by SIGKILL"}
    assert record.reason.startswith(reasons[times])
    assert record.reason.endswith(", 3 times") == (times == 9 and by_others)
    assert (tmp_path / "run.log").read_text().count("again: ") == tries - 1
