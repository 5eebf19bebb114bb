"""A sweep and its workers are killed at random moments: no record is lost, and each case has exactly one in each round.

``RSC_BENCH_KILLS=100`` kills as many times, as ``tox run -e fuzz`` does; without it nothing is killed here.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from running_pytest import NO_GPU, ROOT, command

from rsc_bench.harness.records.file import ResultsError, read

KILLS = int(os.environ.get("RSC_BENCH_KILLS", "0"))
SWEEP = ("--benchmark", "--graph", "small:random", "--width", "8", "--width", "16", "--budget", "0.5", "--device", "cpu")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="kills as Linux does"),
    pytest.mark.skipif(KILLS == 0, reason="RSC_BENCH_KILLS=100 kills so many times; test_benchmark_run kills a sweep once"),
]


def start(path, rounds):
    options = [*SWEEP, "--rounds", rounds, "--max-time", "0.01", "--results", path, "-q"]
    return subprocess.Popen(command(*options), cwd=ROOT, env=NO_GPU, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def records(path):
    return path.read_bytes().count(b'{"record"') if path.exists() else 0


def waits_for(path, count, process):
    end = time.monotonic() + 120
    while records(path) < count and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)


def whole(path, rounds):
    found = read(path)
    assert len(found.rounds) == rounds
    for start_of, of_round in found.rounds:
        assert len(of_round) == start_of.cases
        assert set(Counter(record.case for record in of_round).values()) == {1}
    return found


def test_a_sweep_that_is_killed_again_and_again_loses_nothing(tmp_path):
    path, drawn = tmp_path / "run.jsonl", random.Random(1)
    rounds, seen = KILLS, []
    for _ in range(KILLS):
        process = start(path, rounds)
        waits_for(path, records(path) + drawn.randint(0, 20), process)
        time.sleep(drawn.random() / 10)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        try:
            now = read(path).records
        except (ResultsError, FileNotFoundError):
            now = []  # killed before its first line was whole
        assert now[: len(seen)] == seen
        seen = now
    process = start(path, rounds)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert whole(path, rounds).records[: len(seen)] == seen


def test_workers_that_are_killed_cost_their_case_and_nothing_else(tmp_path):
    psutil = pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")
    path, drawn = tmp_path / "run.jsonl", random.Random(2)
    rounds, killed = max(1, KILLS // 3), 0
    process = start(path, rounds)
    while killed < KILLS and process.poll() is None:
        waits_for(path, records(path) + drawn.randint(1, 8), process)
        time.sleep(drawn.random() / 20)
        for child in psutil.Process(process.pid).children() if process.poll() is None else ():
            child.kill()
            killed += 1
    output, _ = process.communicate(timeout=600)
    found = whole(path, rounds)
    lost = [record for record in found.records if record.status == "failed"]
    assert killed >= 1
    assert len(lost) <= killed, "between two cases a kill costs none"
    assert {record.reason.partition(",")[0] for record in lost} <= {"its process was ended by SIGKILL"}
    assert process.returncode == (1 if lost else 0), output
