import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import MACHINE, case, not_ok, ok, run, written

from rsc_bench.cli import main
from rsc_bench.harness.compare.recommend import Drop, Recommendation, Setting, drop_over, exit_status, judge, recommend
from rsc_bench.harness.output.recommendation import advice, as_text, as_tree, titles

ROOT = Path(__file__).resolve().parents[3]
EXACT_POINTS = 90.0
SEEDS = (0, 1, 2)


def training(kernel="rows_numba", **parts):
    given = {"suite": "training", "graph": "cornell", "model": "gcn", "layers": 3, "epochs": 2, "seed": 0, "width": 256}
    return case(kernel, **{**given, **parts})


def trained(of, seconds, points):
    """A training whose second epoch has the best validation metric, and so gives the test metric."""
    return ok(of, seconds, epoch_s=[seconds / 2] * 2, val_metric=[0.1, 0.9], test_metric=[0.1, points / 100], rel_error=None)


def exact(seeds=SEEDS, seconds=10.0, **parts):
    return [trained(training(seed=seed, **parts), seconds, EXACT_POINTS) for seed in seeds]


def sampled(budget, drops, seconds, kernel="topk(rows_numba)", **parts):
    cases = [training(kernel, seed=seed, budget=budget, **parts) for seed in range(len(drops))]
    return [trained(of, seconds, EXACT_POINTS - drop) for of, drop in zip(cases, drops, strict=True)]


def only(*records, limit=0.3, rounds=1):
    (found,) = recommend([run(*([list(records)] * rounds))], limit)
    return found


def test_the_fastest_setting_within_the_limit_is_recommended():
    found = only(
        *exact(),
        *sampled(0.5, [0.0, 0.05, 0.1], 8.0),
        *sampled(0.2, [0.1, 0.15, 0.2], 5.0),
        *sampled(0.1, [2.0, 2.1, 2.2], 4.0),
    )
    assert found.status == "recommended"
    assert (found.chosen.kernel, found.chosen.budget, found.chosen.speedup) == ("topk(rows_numba)", 0.2, 2.0)
    assert [setting.accuracy for setting in found.settings] == ["beyond", "within", "within"]
    assert found.breaks.budget == 0.1


def test_the_bounds_of_the_mean_drop_are_one_sided_students_t():
    # Mean 0.2 and standard deviation 0.1 of 3; t(0.95; 2) = 2.920 (any table of Student's t): 0.2 +- 2.920 x 0.1 / sqrt(3).
    drop = drop_over([0.1, 0.2, 0.3])
    assert (drop.mean, drop.low, drop.high) == pytest.approx((0.2, 0.2 - 0.1686, 0.2 + 0.1686), abs=1e-4)


def test_a_mean_within_the_limit_is_not_enough_where_its_upper_bound_is_beyond():
    found = only(*exact(), *sampled(0.1, [0.1, 0.2, 0.3], 4.0))
    assert (found.settings[0].accuracy, found.status, found.chosen) == ("unclear", "none", None)
    assert only(*exact(), *sampled(0.1, [0.1, 0.2, 0.3], 4.0), limit=0.37).status == "recommended"


@pytest.mark.parametrize(
    ("drop", "accuracy"),
    [
        (Drop(0.1, 0.0, 0.3), "within"),  # at the limit is within it
        (Drop(0.1, 0.0, 0.3 + 1e-12), "within"),  # and rounding does not decide
        (Drop(0.2, 0.1, 0.31), "unclear"),
        (Drop(0.3, 0.3, 0.4), "unclear"),
        (Drop(0.5, 0.31, 0.7), "beyond"),
        (Drop(0.0, None, None), "untold"),
        (None, "untold"),
    ],
)
def test_a_drop_is_judged_by_its_bounds(drop, accuracy):
    assert judge(drop, 0.3) == accuracy


def test_drops_are_paired_by_seed():
    # The seeds differ by 10 points, the pairs by exactly 0.1: unpaired, no limit below 10 points could be kept.
    records = []
    for seed, points in enumerate((80.0, 90.0, 70.0)):
        records.append(trained(training(seed=seed), 10.0, points))
        records.append(trained(training("topk(rows_numba)", seed=seed, budget=0.1), 5.0, points - 0.1))
    found = only(*records)
    assert (found.chosen.drop.mean, found.chosen.drop.high) == pytest.approx((0.1, 0.1))


def test_rounds_repeat_a_seed_and_are_no_seeds_of_their_own():
    found = only(*exact((0, 1)), *sampled(0.1, [0.0, 0.0], 4.0), rounds=5)
    assert (found.status, found.settings[0].seeds) == ("untold", 2)


def test_two_seeds_cannot_tell():
    found = only(*exact((0, 1)), *sampled(0.1, [0.0, 0.0], 4.0))
    assert found.status == "untold"
    assert "needs at least 3 seeds" in advice(found)
    assert "has 2" in advice(found)


def test_a_seed_without_its_exact_training_does_not_count():
    found = only(*exact((0, 1, 2)), *sampled(0.1, [0.0, 0.0, 0.0, 9.0], 4.0))
    assert (found.settings[0].seeds, found.status) == (3, "recommended")


def test_without_exact_training_nothing_can_be_told():
    found = only(*sampled(0.1, [0.0, 0.0, 0.0], 4.0))
    assert (found.status, found.settings[0].drop, found.settings[0].speedup) == ("untold", None, None)


def test_exact_training_alone_has_nothing_to_recommend():
    found = only(*exact())
    assert found.status == "untold"
    assert "only exact ones" in advice(found)


def test_a_setting_that_is_no_faster_is_not_recommended_however_accurate():
    found = only(*exact(), *sampled(0.5, [0.0, 0.0, 0.0], 10.0), *sampled(0.1, [5.0, 5.0, 5.0], 4.0))
    assert (found.status, found.nearest.budget) == ("none", 0.5)
    assert "but only 1.00 times as fast" in advice(found)


def test_none_names_the_nearest_miss():
    found = only(*exact(), *sampled(0.5, [0.5, 0.5, 0.5], 8.0), *sampled(0.1, [5.0, 5.0, 5.0], 4.0))
    assert (found.status, found.nearest.budget) == ("none", 0.5)
    assert "none stays within 0.3 points" in advice(found)
    assert "nearest is topk(rows_numba) at C = 0.5" in advice(found)


def test_a_setting_that_failed_for_one_seed_is_not_recommended_for_the_others():
    failed = not_ok(training("topk(rows_numba)", seed=3, budget=0.1), "failed", "the loss is NaN at epoch 7")
    found = only(*exact(), *sampled(0.1, [0.0, 0.0, 0.0], 4.0), failed)
    assert (found.status, found.settings[0].accuracy) == ("none", "failed")
    assert found.settings[0].failed == "seed 3: the loss is NaN at epoch 7"
    assert "failed (seed 3: the loss is NaN at epoch 7)" in advice(found)


def test_a_skipped_training_is_no_failure():
    skipped = not_ok(training("topk(rows_numba)", seed=3, budget=0.1), "skipped", "no GPU")
    assert only(*exact(), *sampled(0.1, [0.0, 0.0, 0.0], 4.0), skipped).status == "recommended"


def test_ablations_are_neither_recommended_nor_a_baseline():
    found = only(*exact(), *sampled(0.2, [0.0, 0.0, 0.0], 8.0), *sampled(0.1, [0.0, 0.0, 0.0], 1.0, variant="no-switch"))
    assert [setting.budget for setting in found.settings] == [0.2]


def test_a_speedup_is_end_to_end_against_the_fastest_exact_kernel():
    found = only(*exact(seconds=30.0, kernel="mkl"), *exact(seconds=10.0), *sampled(0.1, [0.0, 0.0, 0.0], 4.0))
    assert found.chosen.speedup == 2.5


def test_graphs_models_and_machines_are_judged_apart():
    records = [*exact(), *sampled(0.1, [0.0, 0.0, 0.0], 4.0)]
    other = [*exact(graph="reddit"), *exact(model="gcnii"), *exact(layers=2)]
    found = recommend([run(records + other), run(records, environment=MACHINE | {"cpu": {"model": "Other"}})])
    assert len(found) == 5
    assert [title[1] for title in titles(found)] == [
        "gcn, 3 layers, d = 256, 2 epochs, Example 9000, 2 cores",
        "gcn, 3 layers, d = 256, 2 epochs, Example 9000, 2 cores",
        "gcnii, 3 layers, d = 256, 2 epochs, Example 9000, 2 cores",
        "gcn, 2 layers, d = 256, 2 epochs, Example 9000, 2 cores",
        "gcn, 3 layers, d = 256, 2 epochs, Other",
    ]


def test_seeds_of_two_files_of_one_machine_are_put_together():
    files = [run([trained(training(seed=s), 10.0, 90.0), *sampled(0.1, [0.0] * 3, 4.0)]) for s in SEEDS]
    (found,) = recommend(files)
    assert (found.settings[0].seeds, found.status) == (3, "recommended")


def with_status(status):
    """A recommendation that comes out so."""
    setting = Setting("topk(mkl)", 0.1, "within", 3, 90.0, Drop(0.1, 0.0, 0.2), 2.0)
    accuracy = {"recommended": "within", "none": "beyond", "untold": "untold"}[status]
    return Recommendation(training(), "", 0.3, (replace(setting, accuracy=accuracy),))


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["recommended", "recommended"], 0),
        (["recommended", "none", "untold"], 1),
        (["recommended", "untold"], 3),
        ([], 3),
    ],
)
def test_the_exit_status_is_the_gravest_answer(statuses, status):
    assert exit_status([with_status(each) for each in statuses]) == status


@pytest.fixture
def told(capsys):
    """Runs the command: exit status, stdout, stderr."""

    def command(*arguments):
        status = main(["recommend", *map(str, arguments)])
        return status, *capsys.readouterr()

    return command


@pytest.fixture
def results(tmp_path):
    records = [
        *exact(),
        *sampled(0.1, [0.1, 0.12, 0.14], 4.0),
        *exact(graph="reddit"),
        *sampled(0.1, [1.0] * 3, 4.0, graph="reddit"),
    ]
    return written(tmp_path / "run.jsonl", records)


def test_the_command_prints_a_table_and_a_sentence_for_each_and_exits_by_the_answer(told, results):
    status, out, err = told(results)
    assert (status, err) == (1, "")
    assert "recommended" in out
    assert (
        "cornell, gcn, 3 layers, d = 256, 2 epochs: train with topk(rows_numba) at C = 0.1, 2.50 times as fast end to end: "
        "a drop of 0.12 points, with 95 % confidence at most 0.15 (3 seeds).\n"
    ) in out
    assert "reddit, gcn, 3 layers, d = 256, 2 epochs: none stays within 0.3 points" in out
    assert told(results, "--max-drop", "1.5")[0] == 0
    assert told(results, "--max-drop", "0")[0] == 1


def test_json_holds_what_the_table_shows(told, results):
    status, out, _ = told(results, "--json")
    tree = json.loads(out)
    assert tree["exit_status"] == status == 1
    first, second = tree["recommendations"]
    assert (first["graph"], first["status"], first["recommended"]["budget"]) == ("cornell", "recommended", 0.1)
    assert (second["status"], second["recommended"], second["nearest"]["drop"]["mean"]) == ("none", None, pytest.approx(1.0))


@pytest.mark.parametrize("limit", ["-0.1", "nan", "inf", "101", "much", "0.3%", ""])
def test_a_limit_that_is_no_number_of_points_is_one_line(told, results, limit):
    expected = f"error: --max-drop must be between 0 and 100 points (got {limit!r}): write 0.3\n"
    assert told(results, "--max-drop", limit) == (2, "", expected)


def test_a_file_without_a_training_is_one_line(told, tmp_path):
    file = written(tmp_path / "run.jsonl", [ok(case("mkl"), 1.0)])
    status, out, err = told(file)
    assert (status, out) == (2, "")
    assert err == f"error: {file}: no training is recorded: `pytest suites/test_training.py --benchmark` records some\n"


def test_no_file_and_a_missing_file_are_one_line(told, tmp_path):
    for arguments in ([], [tmp_path / "none.jsonl"]):
        status, out, err = told(*arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)


def test_too_few_seeds_exit_3(told, tmp_path):
    assert told(written(tmp_path / "run.jsonl", [*exact((0,)), *sampled(0.1, [0.0], 4.0)]))[0] == 3


def test_a_name_cannot_steer_the_terminal_or_be_read_as_markup():
    evil = "[red]x\x1b[31m\n"
    records = [*exact(graph=evil), *sampled(0.1, [0.0] * 3, 4.0, graph=evil, kernel=f"topk({evil})")]
    text = as_text([only(*records)], 160, colour=False)
    assert "\x1b" not in text
    assert "[red]x" in text
    assert as_tree([only(*records)])["recommendations"][0]["graph"] == evil


def test_recommending_needs_no_torch(results):
    absent = "import sys; sys.modules['torch'] = sys.modules['numba'] = sys.modules['pandas'] = None; "
    code = f"{absent}from rsc_bench.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, "recommend", str(results)], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
