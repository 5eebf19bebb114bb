"""A worker's process answers jobs; one that hangs, crashes or leaves costs its job, says how, and leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from made_worker import behave

from rsc_bench.harness.measure import worker as worker_module
from rsc_bench.harness.measure.worker import MOST_LOG, Worker, WorkerLost

pytestmark = pytest.mark.skipif(not hasattr(os, "setsid"), reason="this system has no process groups")
ENOUGH_S = 30


@pytest.fixture
def worker(tmp_path):
    made = Worker(behave, b"setup", tmp_path / "run.log")
    yield made
    made.close()


def ask(worker, job, limit_s=ENOUGH_S, noted=None, waiting=None):
    return worker.ask(job, limit_s, noted or (lambda note: None), waiting or (lambda seconds: None))


def lost(worker, job, limit_s=ENOUGH_S):
    with pytest.raises(WorkerLost) as caught:
        ask(worker, job, limit_s)
    return str(caught.value)


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_a_zombie(pid)


def _is_a_zombie(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(") ")[2].startswith("Z")
    return False


def is_gone(pid):
    end = time.monotonic() + ENOUGH_S
    while is_there(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_there(pid)


def test_jobs_are_answered_one_after_another_in_one_other_process(worker):
    first, second = ask(worker, b"one"), ask(worker, b"two")
    assert (first.rpartition(b":")[0], second.rpartition(b":")[0]) == (b"setup:one", b"setup:two")
    assert first.rpartition(b":")[2] == second.rpartition(b":")[2] != b"%d" % os.getpid()


def test_what_is_printed_goes_to_the_log_and_not_between_the_answers(worker, tmp_path, capfd):
    assert ask(worker, b"print").startswith(b"setup:print")
    worker.close()
    assert sorted((tmp_path / "run.log").read_text().splitlines()) == ["to the log", "to the log, too"]
    assert capfd.readouterr() == ("", "")


def test_a_log_that_cannot_be_written_costs_no_job(tmp_path):
    made = Worker(behave, b"setup", tmp_path / "gone" / "run.log")
    try:
        assert ask(made, b"print").startswith(b"setup:print")
    finally:
        made.close()


def test_of_what_a_job_prints_beyond_measure_the_beginning_is_kept(worker, tmp_path):
    log = tmp_path / "run.log"
    for jobs in (1, 2):
        assert ask(worker, b"print much").startswith(b"setup:")
        assert MOST_LOG <= log.stat().st_size / jobs < MOST_LOG + 1000
    assert ask(worker, b"print").startswith(b"setup:print")
    assert log.read_text().endswith("(4,194,304 bytes are kept of what one case prints)\nto the log\nto the log, too\n")


@pytest.mark.parametrize(
    ("job", "how"),
    [
        (b"leave", "its process ended with status 7"),
        (b"crash", "its process was ended by SIGSEGV"),
        (b"abort", "its process was ended by SIGABRT"),
        (b"fork and abort", "its process was ended by SIGABRT"),
        (b"garbage", "its process closed its pipe, and was ended"),
        (b"killed", "its process was ended by SIGKILL, as a system does that runs out of memory"),
    ],
    ids=lambda job: job.decode() if isinstance(job, bytes) else "",
)
def test_a_process_that_ends_says_how(worker, job, how):
    assert lost(worker, job) == how


def test_a_child_that_comes_back_from_the_job_answers_nothing(worker):
    first = ask(worker, b"fork").rpartition(b":")[2]
    assert [ask(worker, b"one"), ask(worker, b"two")] == [b"setup:one:" + first, b"setup:two:" + first]


@pytest.mark.skipif(sys.platform != "linux", reason="only there it ends with its parent")
def test_a_paused_process_takes_no_time_until_it_is_asked_again(worker):
    pid = int(ask(worker, b"who").rpartition(b":")[2])
    worker.pause()
    end = time.monotonic() + ENOUGH_S
    while state_of(pid) != "T" and time.monotonic() < end:
        time.sleep(0.01)
    assert state_of(pid) == "T"
    assert ask(worker, b"one") == b"setup:one:%d" % pid
    worker.pause()
    worker.close()
    assert is_gone(pid)


def state_of(pid):
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(") ")[2][0]


def test_the_stack_of_a_crash_is_in_the_log(worker, tmp_path):
    lost(worker, b"crash")
    assert "made_worker.py" in (tmp_path / "run.log").read_text()


@pytest.mark.parametrize("job", [b"hang", b"hang in C"], ids=bytes.decode)
def test_a_job_over_its_limit_is_ended_with_its_process(worker, job, tmp_path):
    pid = int(ask(worker, b"who").rpartition(b":")[2])
    with pytest.raises(WorkerLost, match=r"^over its time limit of 0\.3 s$") as caught:
        ask(worker, job, limit_s=0.3)
    assert caught.value.over
    assert is_gone(pid)
    assert "made_worker.py" in (tmp_path / "run.log").read_text(), "it says where it was"


def test_what_a_process_takes_to_start_is_not_time_of_its_first_job(tmp_path):
    slow = Worker(behave, b"slow", tmp_path / "run.log")
    try:
        assert ask(slow, b"one", limit_s=0.3).startswith(b"slow:one")
        assert lost(slow, b"hang", limit_s=0.3) == "over its time limit of 0.3 s"
    finally:
        slow.close()


def test_a_process_that_does_not_start_is_lost_by_no_job(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "START_S", 0.3)
    slow = Worker(behave, b"slow", tmp_path / "run.log")
    with pytest.raises(WorkerLost, match=r"its process did not start in 0\.3 s \(is the machine busy") as caught:
        ask(slow, b"one")
    assert (caught.value.started, caught.value.over) == (False, False)
    assert "made_worker.py" in (tmp_path / "run.log").read_text(), "it says what it was waiting for"


def test_a_note_gives_a_job_its_whole_time_again(worker):
    ask(worker, b"who")  # it is there
    seen = []
    assert ask(worker, b"notes", limit_s=0.45, noted=seen.append).startswith(b"setup:notes")
    assert seen == [b"0", b"1", b"2", b"3", b"4"]


def test_the_seconds_that_a_job_takes_are_told_while_it_runs(worker):
    ask(worker, b"who")
    seen = []
    with pytest.raises(WorkerLost):
        ask(worker, b"hang", limit_s=1.2, waiting=seen.append)
    assert len(seen) == 2
    assert seen == sorted(seen)


def test_a_process_that_is_lost_answers_no_more(worker):
    lost(worker, b"leave")
    assert lost(worker, b"one")


def test_what_a_process_has_started_ends_with_it(worker):
    child = int(ask(worker, b"child"))
    assert is_there(child)
    worker.kill()
    assert is_gone(child)


def test_closing_ends_a_process_that_is_at_work_too(worker):
    pid = int(ask(worker, b"who").rpartition(b":")[2])
    with pytest.raises(KeyboardInterrupt):
        ask(worker, b"hang", waiting=interrupt)
    begin = time.monotonic()
    worker.close()
    assert is_gone(pid)
    assert time.monotonic() - begin < 4


def interrupt(seconds):
    raise KeyboardInterrupt


PARENT = """
import sys
from pathlib import Path
from made_worker import behave
from rsc_bench.harness.measure.worker import Worker
worker = Worker(behave, b"", Path(sys.argv[1]))
print(worker.ask(b"who", 60, print, print).decode().rpartition(":")[2], flush=True)
worker.ask(b"hang in C", 1000, print, lambda seconds: None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_parent_that_is_killed_takes_its_process_along(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "run.log")], stdout=subprocess.PIPE, env=environment)
    pid = int(parent.stdout.readline())
    parent.stdout.close()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert is_gone(pid)
