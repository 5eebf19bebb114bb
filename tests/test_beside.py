"""A user's file imports modules that lie beside it, and no other file meets them."""

import subprocess
import sys
from pathlib import Path

import pytest

from rsc_bench.plugins import PluginError, Registry, load_file

ROOT = Path(__file__).resolve().parents[1]


def folder(path, **files):
    for name, text in files.items():
        place = path / f"{name.replace('__in__', '/')}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return path


def test_two_files_with_helpers_of_one_name_get_each_its_own(tmp_path):
    one, two = (folder(tmp_path / name, mine="import helper", helper=f"WHOSE = {name!r}") for name in ("one", "two"))
    assert [load_file(path / "mine.py", "--kernel").helper.WHOSE for path in (one, two)] == ["one", "two"]
    assert "helper" not in sys.modules
    assert str(one) not in sys.path


@pytest.mark.parametrize(
    "text",
    ["import helper\nW = helper.W", "from helper import W", "import helper as h\nW = h.W", "from helper import *"],
)
def test_every_form_of_an_import(tmp_path, text):
    assert load_file(folder(tmp_path, mine=text, helper="W = 3") / "mine.py", "--kernel").W == 3


def test_a_package_beside_it_and_what_a_helper_imports_itself(tmp_path):
    place = folder(
        tmp_path,
        mine="import parts.inner\nfrom parts import other\nW = parts.inner.W + other.W",
        parts__in____init__="",
        parts__in__inner="from . import other\nimport helper\nW = other.W + helper.W",
        parts__in__other="W = 10",
        helper="W = 1",
    )
    assert load_file(place / "mine.py", "--kernel").W == 21


def test_an_import_in_a_function_is_looked_for_when_it_runs(tmp_path):
    place = folder(tmp_path, mine="def late():\n    from helper import W\n    return W", helper="W = 3")
    assert load_file(place / "mine.py", "--kernel").late() == 3


def test_a_file_that_is_called_like_a_library_means_the_library(tmp_path):
    place = folder(tmp_path, random="import random\nR = random.random()", json="raise ValueError", mine="import json, random")
    assert 0 <= load_file(place / "random.py", "--kernel").R < 1
    assert load_file(place / "mine.py", "--kernel").json.dumps([]) == "[]"


def test_an_error_in_a_helper_names_both_files_and_lines(tmp_path):
    place = folder(tmp_path, mine="\nimport helper", helper="\n\n1 / 0")
    with pytest.raises(PluginError, match=r"mine.py, line 2 \(helper.py, line 3\): ZeroDivisionError"):
        load_file(place / "mine.py", "--kernel")


def test_an_error_in_a_helper_is_the_users_and_named_when_it_is_called(tmp_path):
    place = folder(tmp_path, mine="import helper\nmultiply = helper.multiply", helper="def multiply():\n    return 1 / 0")
    registry = Registry()
    registry.read_file(place / "mine.py", "--kernel")
    module = registry._read[(place / "mine.py").resolve()]
    with pytest.raises(ZeroDivisionError) as caught:
        module.multiply()
    assert registry.blame(caught.value) == f"{place / 'helper.py'}, line 2: ZeroDivisionError: division by zero"


def test_nothing_is_left_in_the_users_folder(tmp_path):
    place = folder(tmp_path, mine="import helper", helper="W = 3")
    load_file(place / "mine.py", "--kernel")
    assert sorted(path.name for path in place.iterdir()) == ["helper.py", "mine.py"]


KERNEL = """
import torch
from rsc_bench import Kernel
from helper import product

KERNEL = Kernel("mine", "cpu", "From a helper.", lambda matrix, *_: product(matrix))
"""
HELPER = """
import numba
import numpy as np
import torch


@numba.njit
def _multiply(rowptr, col, value, dense, out):
    for row in range(len(rowptr) - 1):
        for place in range(rowptr[row], rowptr[row + 1]):
            out[row] += value[place] * dense[col[place]]


def product(matrix):
    value = np.ones(matrix.nnz, np.float32) if matrix.value is None else matrix.value.numpy()

    def multiply(dense):
        out = np.zeros((matrix.shape[0], dense.shape[1]), np.float32)
        _multiply(matrix.rowptr.numpy(), matrix.col.numpy(), value, dense.numpy(), out)
        return torch.from_numpy(out)

    return multiply
"""


def test_a_kernel_with_a_helper_is_measured_in_worker_processes(tmp_path):
    pytest.importorskip("numba", reason="numba is not installed: pip install numba")
    folder(tmp_path / "elsewhere", mine=KERNEL, helper=HELPER)
    options = ["--graph", "small:random", "--width", "8", "--dtype", "float32", "--rounds", "1", "--device", "cpu"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "suites/test_exact.py", "--benchmark", *options]
    command += ["--kernel", str(tmp_path / "elsewhere" / "mine.py"), "--results", str(tmp_path / "run.jsonl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"kernel":"mine"' in (tmp_path / "run.jsonl").read_text()
