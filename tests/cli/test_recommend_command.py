import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import MACHINE, case, ok, written
from made_trainings import exact, sampled, training

from rsc_bench.text import bench

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def call(call):
    """Runs the command: exit status, stdout, stderr."""
    return partial(call, "recommend")


@pytest.fixture
def results(tmp_path):
    records = [
        *exact(),
        *sampled(0.1, [0.1, 0.12, 0.14], 4.0),
        *exact(graph="reddit"),
        *sampled(0.1, [1.0] * 3, 4.0, graph="reddit"),
    ]
    return written(tmp_path / "run.jsonl", records)


def test_the_command_prints_a_table_and_a_sentence_for_each_and_exits_by_the_answer(call, results):
    status, out, err = call(results)
    assert (status, err) == (1, "")
    assert "recommended" in out
    assert (
        "cornell, gcn, 3 layers, d = 256, 2 epochs: train with topk(rows_numba) at C = 0.1, 2.50 times as fast end to end: "
        "a drop of 0.12 points, with 95 % confidence at most 0.15 (3 seeds).\n"
    ) in out
    assert "reddit, gcn, 3 layers, d = 256, 2 epochs: none stays within 0.3 points" in out
    assert call(results, "--max-drop", "1.5")[0] == 0
    assert call(results, "--max-drop", "0")[0] == 1


def test_what_is_only_unclear_exits_3(call, tmp_path):
    file = written(tmp_path / "run.jsonl", [*exact(), *sampled(0.1, [0.1, 0.2, 0.3], 4.0)])
    status, out, _ = call(file)
    assert status == 3
    assert "cannot be judged: topk(rows_numba) at C = 0.1" in out


def test_json_holds_what_the_table_shows(call, results):
    status, out, _ = call(results, "--json")
    tree = json.loads(out)
    assert tree["exit_status"] == status == 1
    first, second = tree["recommendations"]
    assert (first["graph"], first["status"], first["recommended"]["budget"]) == ("cornell", "recommended", 0.1)
    assert (second["status"], second["recommended"], second["nearest"]["drop"]["mean"]) == ("none", None, pytest.approx(1.0))


def test_what_sampling_earned_is_said_for_each_machine_of_several_files(call, tmp_path):
    records = [*exact(), *sampled(0.1, [0.1, 0.12, 0.14], 4.0)]
    machines = [MACHINE, MACHINE | {"cpu": {"model": "Other"}}]
    files = [written(tmp_path / f"{place}.jsonl", records, environment=each) for place, each in enumerate(machines)]
    _, out, _ = call(*files)
    said = [line.partition(", C = 0.1: ")[0] for line in out.splitlines() if ", C = 0.1: " in line]
    assert [each.rpartition("2 epochs, ")[2] for each in said] == ["Example 9000, 2 cores", "Other"]
    _, out, _ = call(*files, "--json")
    assert [each["machine"] for each in json.loads(out)["controls"]] == ["Example 9000, 2 cores", "Other"]


def test_a_training_of_another_program_without_test_metrics_is_no_traceback(call, tmp_path):
    every = [*exact(), *sampled(0.1, [0.1, 0.12, 0.14], 4.0)]
    curve = {"epoch_s": [1.0, 1.0], "val_metric": [0.1, 0.9], "rel_error": None}
    every += [ok(training(seed=seed, variant="saint-batches"), 2.0, **curve) for seed in range(3)]
    status, out, err = call(written(tmp_path / "run.jsonl", every))
    assert (status, err) == (0, "")
    assert "3 of 3 seeds of 'saint-batches' have no test metric of each epoch" in out


@pytest.mark.parametrize("limit", ["-0.1", "nan", "inf", "101", "much", "0.3%", ""])
def test_a_limit_that_is_no_number_of_points_is_one_line(call, results, limit):
    expected = f"error: --max-drop must be between 0 and 100 points (got {limit!r}): write 0.3\n"
    assert call(results, "--max-drop", limit) == (2, "", expected)


def test_a_file_without_a_training_is_one_line(call, tmp_path):
    file = written(tmp_path / "run.jsonl", [ok(case("mkl"), 1.0)])
    status, out, err = call(file)
    assert (status, out) == (2, "")
    assert err == f"error: {file}: no training is recorded: `{bench(suite='training')}` records some\n"


def test_no_file_and_a_missing_file_are_one_line(call, tmp_path):
    for arguments in ([], [tmp_path / "none.jsonl"]):
        status, out, err = call(*arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)


def test_too_few_seeds_exit_3(call, tmp_path):
    assert call(written(tmp_path / "run.jsonl", [*exact((0,)), *sampled(0.1, [0.0], 4.0)]))[0] == 3


def test_recommending_needs_no_torch(results):
    absent = "import sys; sys.modules['torch'] = sys.modules['numba'] = sys.modules['pandas'] = None; "
    code = f"{absent}from rsc_bench.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, "recommend", str(results)], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
