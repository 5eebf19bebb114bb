"""Results files that are odd in one place each, as another program or a damaged disk leaves them, read by every command."""

import json
import math

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")
pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed: pip install pytest-benchmark")


CASE = {
    "suite": "exact",
    "kernel": "mkl",
    "graph": "g",
    "width": 8,
    "budget": None,
    "dtype": "float32",
    "device": "cpu",
    "clock": "host",
}
MEASURED = {"times_s": [1.0], "select_s": None, "prepare_s": 0.1, "rel_error": 0.0, "nnz": 9, "kept_nnz": 9, "peak_bytes": None}
SIZES = {"rows": 3, "columns": 3}
PROBE = {"what": "copy", "means": "c", "operand_bytes": 9, "moved_bytes": 9, "times_s": [1.0]}
SAMPLED = {"suite": "sampled", "kernel": "topk(mkl)", "budget": 0.1}


def record(case=(), **measured):
    return {"record": {"case": CASE | dict(case), "status": "ok", "reason": None, "measurement": MEASURED | SIZES | measured}}


def start(index=1, **probe):
    ceilings = {"ceilings": {"device": "cpu", "probes": [PROBE | probe]}} if probe else {}
    return {"round": {"index": index, "of": 1, "cases": 1, "started": "2026-01-01T00:00:00Z", **ceilings}}


def rounds_of(time_s):
    return [line for index in (1, 2, 3) for line in (start(index), record(times_s=[time_s]))]


REFUSED = {
    "a probe without samples": [start(times_s=[]), record()],
    "a probe that took no time": [start(times_s=[0.0]), record()],
    "rows of -5 bytes": [start(what="gather", row_bytes=-5), record()],
    "an operand of no bytes": [start(operand_bytes=0), record()],
    "a negative error": [start(), record(), record(SAMPLED, rel_error=-0.5, kept_nnz=1, kept_pairs=1, select_s=[0.1])],
    "times beyond all waiting": rounds_of(1e308),
    "times that no clock has": rounds_of(1e-308),
    "a number that JSON has not": [start(), record(times_s=[math.nan])],
    "a sample throttled that is not there": [start(), record(throttled=[1])],
    "no time of a hot L2": [start(), record(flush_probe_s={"flushed": [1.0], "memory": [1.0]})],
    "an energy of no time": [
        start(),
        record(energy={"step_s": [1.0, 1.0], "counter_j": [1.0, 2.0], "calls": 1, "pass_s": 1.0, "idle_w": 0.0}),
    ],
}
ENVIRONMENTS = {
    "none": {},
    "a number for a CPU": {"cpu": 1.0},
    "a list for a checkout": {"checkout": [1, {"commit": None}], "os": "x"},
}


@pytest.fixture
def write(tmp_path):
    def file(name, *lines, environment=None):
        path = tmp_path / name
        head = {"run": {"schema": 1, "environment": environment or {}}}
        path.write_text("".join(json.dumps(line) + "\n" for line in (head, *lines)))
        return path

    return file


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED)
def test_what_cannot_have_been_observed_is_one_line_that_names_file_and_line(call, write, tmp_path, lines):
    odd, good = write("odd.jsonl", *lines), write("good.jsonl", start(), record(), environment={"cpu": {"model": "Another"}})
    page = tmp_path / "page.html"
    for command in (
        ["report", odd, "--output", page],
        ["compare", odd, good],
        ["compare", good, odd],
        ["compare", "--normalise", odd, good],
        ["export", odd],
        ["export", odd, "--format", "csv"],
        ["show", odd],
    ):
        status, out, err = call(*command)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"error: {odd}: line ")
    assert sorted(tmp_path.iterdir()) == sorted([odd, good])


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_an_environment_of_another_shape_is_read_by_every_command(call, write, tmp_path, environment):
    odd = write("odd.jsonl", *rounds_of(1.0), environment=environment)
    assert call("report", odd)[0::2] == (0, "")
    assert call("compare", odd, odd)[0::2] == (0, "")
    assert call("compare", "--normalise", odd, odd)[0] == 2
    assert call("export", odd)[0::2] == (0, "")
    assert call("export", odd, "--format", "csv")[0::2] == (0, "")
    assert call("show", odd)[0::2] == (0, "")
    assert call("import", odd.with_suffix(".json"), "--results", tmp_path / "again.jsonl")[0::2] == (0, "")


def test_three_files_that_ended_before_their_first_round_are_a_page_that_says_so(call, write, tmp_path):
    heads = [write(f"head{number}.jsonl", environment={"cpu": {"model": "X"}}) for number in range(3)]
    assert call("report", *heads, "--output", tmp_path / "page.html")[0::2] == (0, "")
    page = (tmp_path / "page.html").read_text()
    assert page.count("no round yet") == 3
    assert call("compare", heads[0], heads[1])[0::2] == (3, "")
    status, _, err = call("export", heads[0])
    assert (status, err.count("\n")) == (2, 1)
