"""A study on three real nodes, one of which is killed in the middle and one slowed, against the same study in one process."""

from collections import Counter
from pathlib import Path

import pytest
from conftest import ROUNDS, sweep

from rsc_bench.harness.records.file import read

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Ray leaves files open


def measured(folder):
    [path] = folder.glob("products*.jsonl")
    return path, read(path)


def watched(running, nodes):
    """Slow one node as soon as it measures, kill another one in the middle; return all that the sweep printed."""
    slow, killed = nodes.others
    told, slowed, gone = [], False, False
    for line in running.stdout:
        told.append(line)
        done = line.partition("/")[0].strip("[ ") if line.startswith("[") else ""
        if not slowed and nodes.name(slow) in line and done:
            nodes.slow(slow)
            slowed = True
        if not gone and nodes.name(killed) in line and done:
            nodes.kill(killed)
            gone = True
    running.wait(60)
    running.stdout.close()
    Path(running.args[-1]).with_suffix(".txt").write_text("".join(told))
    assert (slowed, gone) == (True, True)
    return "".join(told)


def test_no_case_is_lost_or_doubled_where_a_node_is_killed_and_another_is_slow(nodes, study, tmp_path):
    running = sweep(study, "--ray", nodes.address, "--results", str(tmp_path / "cluster"))
    told = watched(running, nodes)
    _, run = measured(tmp_path / "cluster")
    assert running.returncode == 0
    assert f"lost:    {nodes.name(nodes.others[1])}" in told
    assert [start.index for start, _ in run.rounds] == list(range(1, ROUNDS + 1))
    every = {record.case for record in run.records}
    for _, found in run.rounds:
        assert Counter(record.case for record in found) == dict.fromkeys(every, 1)
