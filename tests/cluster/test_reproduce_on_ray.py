"""The tables of a paper, trained on the devices of a Ray cluster: one of its own on this machine."""

import subprocess
import sys

import pytest

pytest.importorskip("ray", reason='a cluster needs Ray: pip install "rsc-bench[cluster]"')
from running_pytest import NO_GPU, ROOT

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from rsc_bench.harness.records.file import read


def test_reproduce_trains_on_a_cluster_and_has_nothing_to_do_the_second_time(tmp_path):
    small = ["--graph", "ogbn-proteins", "--epochs-share", "0.002", "--seeds", "1", "--device", "cpu", "--results", "out"]
    command = [sys.executable, "-m", "rsc_bench", "reproduce", "--ray", "local", *small]
    environment = NO_GPU | {"PYTHONPATH": str(ROOT)}
    for already, left in ((0, 4), (4, 0)):
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False)
        assert ended.returncode == 0, ended.stderr
        assert "twin:ogbn-proteins@0.02 (in place of ogbn-proteins: `" in ended.stdout
        assert f"[ogbn-proteins] 4 cases, 1 round: {already} of 4 done, {left} left" in ended.stdout
        assert len([line for line in ended.stdout.splitlines() if "│" in line and ("exact" in line or "C = " in line)]) == 4
        (results,) = (tmp_path / "out" / "rsc").glob("*.jsonl")
        assert results.name.startswith("ogbn-proteins.")
        assert [record.status for record in read(results).records] == ["ok"] * 4
