"""A run in a user's own folder, with a file of the user's own plug-ins."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from running_pytest import NO_GPU, QUICK, ROOT, SMALL, suites

from rsc_bench.harness.records.file import read

MINE = """
import numpy as np
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.torch_reduce import prepare
from rsc_bench.suites.graphs.orders import Order

KERNEL = Kernel("mine", "cpu", "The kernel of a user.", prepare)
ORDER = Order("backwards", "The last node first.", compute=lambda graph: np.arange(graph.nodes)[::-1])
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    (folder / "mine.py").write_text(MINE)
    settings = ["-c", str(ROOT / "suites" / "bench.ini"), "--rootdir", ".", "-p", "no:cacheprovider"]
    options = ["--plugin", "mine.py", "--kernel", "topk(mine)", "--reorder", "backwards", "--rounds", "1", "-k", "mine"]
    command = [sys.executable, "-m", "pytest", *settings, str(ROOT / "suites"), "--benchmark", *SMALL, *options]
    environment = NO_GPU | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (path,) = (folder / "results").glob("*.jsonl")
    return SimpleNamespace(output=ended.stdout, path=path.relative_to(folder), results=read(path))


def test_plug_ins_of_every_kind_are_known_by_name(run):
    found = [(record.case.kernel, record.case.reorder, record.status) for record in run.results.records]
    assert found == [("mine", "backwards", "ok"), ("topk(mine)", "backwards", "ok")]


def test_the_file_is_in_the_environment_with_its_digest(run):
    ((file, digest),) = run.results.environment["plugin_files"].items()
    assert (file, len(digest)) == ("mine.py", 16)


def test_outside_of_a_checkout_the_end_names_the_command_of_the_package(run):
    assert f"next:    rsc-bench report {run.path}" in run.output.splitlines()


RAISES = """
from rsc_bench.kernels import Kernel
from rsc_bench.suites.graphs.source import Source

def broken(*given):
    raise ValueError("no luck")

KERNEL = Kernel("mine", "cpu", "The kernel of a user.", broken)
SOURCE = Source("graphs", "Graphs of a user.", ("lost",), broken, check=broken)
"""
PLACE = "mine.py, line 6: ValueError: no luck"


def test_a_function_that_raises_before_the_run_is_one_line_with_its_file_and_line(tmp_path):
    (tmp_path / "mine.py").write_text(RAISES)
    done = suites("--plugin", tmp_path / "mine.py", "--graph", "lost")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Exit: {tmp_path}/{PLACE}\n"


def test_a_kernel_that_raises_has_its_file_and_line_in_its_record(tmp_path):
    (tmp_path / "mine.py").write_text(RAISES)
    results = tmp_path / "run.jsonl"
    done = suites("--kernel", tmp_path / "mine.py", "--benchmark", *QUICK, "--rounds", "1", "-k", "mine", "--results", results)
    assert done.returncode == 1
    assert {record.reason for record in read(results).records} == {f"{tmp_path}/{PLACE}"}
    assert f"failed: {tmp_path}/{PLACE}" in done.stdout
