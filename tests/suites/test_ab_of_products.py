"""The last commit against the working tree, as a user runs it, with kernels that really run."""

import subprocess
import sys

import pytest
from running_pytest import NO_GPU, ROOT

from rsc_bench.harness.machine.environment import checkout
from rsc_bench.harness.records.file import read

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")


@pytest.mark.skipif(checkout(ROOT)["commit"] is None, reason="needs a git checkout: there is no revision to measure")
def test_the_last_commit_and_the_working_tree_are_measured_in_turns(tmp_path):
    options = ("--graph", "small:random", "--width", "8", "--kernel", "mkl", "--device", "cpu", "-k", "mkl", "--in-process")
    command = [sys.executable, "-m", "harness", "ab", "--base", "HEAD", "--rounds", "1", "--output", str(tmp_path), "--"]
    command += ["suites/test_exact.py", *options]
    environment = NO_GPU | {"NUMBA_DISABLE_JIT": "1"}  # a new checkout compiles for seconds what is not measured here
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 3, done.stderr  # one round can be measured, not judged
    base, new = (read(path) for path in sorted(tmp_path.glob("*.jsonl")))
    assert [record.case.kernel for run in (base, new) for record in run.records] == ["mkl", "mkl"]
    assert base.environment["checkout"]["commit"] == new.environment["checkout"]["commit"] == checkout(ROOT)["commit"]
    assert base.environment["checkout"]["dirty"] is False
    assert new.environment["checkout"]["changes"] == checkout(ROOT)["changes"]
