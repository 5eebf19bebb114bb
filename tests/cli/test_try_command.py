import re

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench.suites.trying import running

HEAD = """import torch
from rsc_bench import Csr, Kernel
from rsc_bench.kernels import Unsupported


def prepare(matrix, width, dtype, reduce="sum"):
    if dtype is torch.bfloat16:
        raise Unsupported("mine multiplies no bfloat16")
    if dtype is torch.float16:
        narrow = prepare(matrix, width, torch.float32, reduce)
        return lambda dense: narrow(dense.float()).half()
    matrix = matrix.mean() if reduce == "mean" else matrix
    value = torch.ones(matrix.nnz, dtype=dtype) if matrix.all_ones else matrix.value.to(dtype)
    right = torch.sparse_csr_tensor(matrix.rowptr, matrix.col, value, matrix.shape, check_invariants=False).matmul

"""
RIGHT = "    return right\n"
WRONG = "    return lambda dense: 2 * right(dense)\n"
RAISES = "    def multiply(dense):\n        return right(dense)[10**9]\n\n    return multiply\n"
HANGS = "    while True:\n        pass\n"
CRASHES = "    import ctypes\n    return lambda dense: ctypes.string_at(0)\n"
TAIL = '\n\nKERNEL = Kernel("mine", "cpu", "A kernel.", prepare)\n'
RAISING_LINE = HEAD.count("\n") + 2
LONG = ("--seconds", 300, "--graph", "small:random", "--width", 8)


@pytest.fixture
def attempt(call, tmp_path):
    """Writes a kernel with this end of `prepare`, tries it, and returns the status, the lines and what was said of an error."""

    def run(body, *options):
        path = tmp_path / "mine.py"
        path.write_text(HEAD + body + TAIL)
        status, out, err = call("try", path, *(options or LONG))
        return status, out.splitlines(), err

    return run


def test_a_kernel_is_checked_timed_in_turns_and_set_against_its_last_try(attempt):
    status, lines, err = attempt(RIGHT)
    assert (status, err) == (0, "")
    assert lines[:2] == ["mine on cpu", "contract 48 ok, 24 skipped"]
    text = "\n".join(lines)
    assert re.search(r"^speed    .*\d x mkl.*\(small:random, width 8, \d+ rounds in turns\)$", text, re.MULTILINE)
    assert "a quick number and no record" in text
    assert re.search(r"^ceiling  \S+ % of what", text, re.MULTILINE)
    assert "profile  " in text
    assert "since " not in text
    again = attempt(WRONG)
    assert again[0] == 1
    assert again[1][1].startswith("contract 48 wrong, 24 skipped")
    assert "speed    none: a kernel that is wrong has no speed" in again[1]
    assert again[1][-1].partition(": ")[2].startswith("48 were ok, now wrong: ")
    assert attempt(WRONG)[1][-1].endswith(": nothing changed")


def test_an_error_names_the_file_and_the_line_once_for_all_trials(attempt):
    status, lines, _ = attempt(RAISES)
    assert status == 1
    assert lines[1] == "contract 48 failed, 24 skipped"
    assert lines[2].startswith(f"  failed   mine.py:{RAISING_LINE}: IndexError: ")
    assert lines[3].endswith("... (48 in all)")


def test_a_crash_names_the_line_and_ends_nothing_else(attempt):
    status, lines, _ = attempt(CRASHES)
    assert status == 1
    assert lines[2].startswith(f"  crashed  mine.py:{HEAD.count(chr(10)) + 2}: ended the process (SIGSEGV)")


def test_a_kernel_that_hangs_is_ended_in_time_and_says_where(attempt):
    status, lines, _ = attempt(HANGS, "--seconds", 45)
    assert status == 1
    assert re.match(rf"  hung     mine.py:{HEAD.count(chr(10)) + 1}|  hung     mine.py:{HEAD.count(chr(10)) + 2}", lines[2])
    assert "did not return within the 45 s of a try" in lines[2]


def test_what_cannot_be_tried_is_one_line(call, attempt, tmp_path):
    assert call("try", tmp_path / "none.py")[0::2] == (
        2,
        f"error: {tmp_path / 'none.py'}: no such file: give a Python file that defines KERNEL = Kernel(...)\n",
    )
    status, lines, err = attempt("    return (\n", *LONG)
    assert (status, lines, err.count("\n")) == (2, [], 1)
    assert "mine.py, line " in err
    status, lines, err = attempt(RIGHT, "--seconds", 300, "--graph", "no-such-graph")
    assert (status, err.count("\n")) == (2, 1)
    assert "no-such-graph" in err


def test_a_machine_that_is_too_slow_to_begin_is_no_verdict_on_the_kernel():
    found = running._lost(running.Told(), None, None, 10)
    assert found["kind"] == "refused"
    assert found["message"].startswith("nothing was tried within 10 s: this machine is busy")
    at = running.Told([{"kind": "begun", "what": "values-sum-float32-d1"}])
    assert running._lost(at, None, "mine.py:3", 10)["status"] == "hung"
    assert running._lost(running.Told(), None, "mine.py:3", 10)["trial"] == "loading the file"


NUMBA = """import numba
import numpy as np
import torch
from rsc_bench import Kernel


@numba.njit
def rows(dense):
    return dense.no_such_thing


KERNEL = Kernel("mine", "cpu", "A kernel.", lambda *_: lambda dense: torch.from_numpy(rows(dense.numpy())))
"""
TRITON = """import torch
import triton
import triton.language as tl
from rsc_bench import Kernel
from block import BLOCK


@triton.jit
def rows(rowptr, col, value, dense, out, width, block: tl.constexpr):
    row, features = tl.program_id(0), tl.arange(0, block)
    total = tl.zeros((block,), tl.float32)
    for place in range(tl.load(rowptr + row), tl.load(rowptr + row + 1)):
        source = tl.load(col + place)
        gathered = tl.load(dense + source * width + features, mask=features < width, other=0.0)
        total += tl.load(value + place) * gathered.to(tl.float32)
    tl.store(out + row * width + features, total, mask=features < width)


def prepare(matrix, width, dtype, reduce="sum"):
    matrix = matrix.mean() if reduce == "mean" else matrix
    value = torch.ones(matrix.nnz) if matrix.all_ones else matrix.value.float()

    def multiply(dense):
        out = torch.empty(matrix.shape[0], width, dtype=dense.dtype)
        rows[(matrix.shape[0],)](matrix.rowptr, matrix.col, value, dense, out, width, BLOCK)
        return out

    return multiply


KERNEL = Kernel("mine", "cuda", "A kernel.", prepare)
"""


def test_an_error_of_numbas_compiler_names_the_line_in_the_kernel(call, tmp_path):
    pytest.importorskip("numba", reason="numba is not installed: pip install numba")
    (tmp_path / "mine.py").write_text(NUMBA)
    status, out, _ = call("try", tmp_path / "mine.py", *LONG)
    assert status == 1
    assert "mine.py:9: TypingError: Unknown attribute 'no_such_thing' of type array(" in out


def test_a_triton_kernel_for_a_gpu_is_interpreted_where_there_is_none(call, tmp_path):
    """Neither its author nor its user has written anything for it; a helper lies beside it."""
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")
    pytest.importorskip("triton", reason="triton is not installed: pip install triton")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU, on which it runs")
    (tmp_path / "block.py").write_text("BLOCK = 64\n")
    (tmp_path / "mine.py").write_text(TRITON)
    status, out, err = call("try", tmp_path / "mine.py", *LONG)
    assert (status, err) == (0, "")
    assert out.splitlines()[:2] == [
        "mine on cpu; no GPU here, so Triton's interpreter runs it (TRITON_INTERPRET=1)",
        "contract 72 ok",
    ]
    (tmp_path / "mine.py").write_text(TRITON.replace("tl.load(col + place)\n", "tl.load(col + place).no_such_thing\n"))
    status, out, _ = call("try", tmp_path / "mine.py", *LONG)
    assert status == 1
    assert "  failed   mine.py:13: AttributeError: " in out
    assert "speed    none: Triton's interpreter has no speed" in out


SEVERAL = """from dataclasses import replace


KERNELS = (KERNEL, replace(KERNEL, name="narrow", stores=("float16",), precision="float16"))
"""


def test_of_a_file_with_several_kernels_one_is_named_and_timed_in_what_it_stores(call, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        HEAD + RIGHT + TAIL.replace("KERNEL", "_FIRST") + SEVERAL.replace("(KERNEL, replace(KERNEL", "(_FIRST, replace(_FIRST")
    )
    status, _, err = call("try", path, *LONG)
    assert (status, err) == (2, f"error: {path}: --kernel must name one of its kernels, mine, narrow (got none)\n")
    status, out, err = call("try", path, "--kernel", "narrow", *LONG)
    assert (status, err) == (0, "")
    assert out.startswith("narrow on cpu\n")
    assert re.search(r"^speed    ", out, re.MULTILINE)
    assert "since " not in out, "the other kernel's last try is not this one's"
