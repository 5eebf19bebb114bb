"""Sampling against its controls at equal time, over trainings whose every number is known."""

import json

import msgspec
import pytest
from synthetic_trainings import training

from rsc_bench.harness.compare.trained.candidates import AS_LONG, EXACT_EPOCHS
from rsc_bench.harness.compare.trained.controls import earned, earned_of
from rsc_bench.harness.compare.trained.curve import exact_epochs, points_at, time_s
from rsc_bench.harness.compare.trained.drop import drop_over
from rsc_bench.harness.compare.trained.recommend import recommend
from rsc_bench.harness.metrics.training import points_after
from rsc_bench.harness.output.console import Screen
from rsc_bench.harness.output.recommendation import advice, as_text, as_tree, unconverged
from rsc_bench.harness.records.measurement import Training, measured
from rsc_bench.harness.records.run import Record, Round, Run

KERNEL = "cached_topk(rows_numba)"


def trained(points, epoch_s=1.0, shares=None, warmup_s=None):
    """A training with one epoch for each number: validation and test metric are that many points."""
    values = [each / 100 for each in points]
    return Training(
        epoch_s=[epoch_s] * len(points), val_metric=values, test_metric=values, flops_share=shares or [1.0] * len(points),
        warmup_s=warmup_s,
    )  # fmt: skip


EXACT = {seed: trained([50 + seed, 60 + seed, 70 + seed, 80 + seed]) for seed in range(3)}
SAMPLED = {seed: trained([40, 50, 60, 75 + seed + seed / 10], 0.5, [0.1, 0.1, 0.1, 1.0]) for seed in range(3)}


def settings(**others):
    return {("rows_numba", None, None): EXACT, (KERNEL, 0.1, None): SAMPLED} | others.pop("more", {})


def test_the_metric_at_a_time_is_that_of_the_best_epoch_that_had_ended():
    curve = Training(epoch_s=[1.0, 1.0, 1.0], val_metric=[0.5, 0.7, 0.6], test_metric=[0.4, 0.45, 0.9])
    assert points_at(curve, 0.5) is None
    assert points_at(curve, 1.0) == pytest.approx(40)
    assert [points_at(curve, seconds) for seconds in (2.0, 2.9, 3.0, 9.0)] == pytest.approx([45] * 4)
    assert points_after(curve, 1) == pytest.approx(40)
    assert points_after(curve, 0) is None


@pytest.mark.parametrize("test_metric", [None, [0.5, 0.6]])
def test_a_control_without_a_test_metric_of_each_epoch_is_no_control_and_said(test_metric):
    unscored = msgspec.structs.replace(EXACT[0], test_metric=test_metric)
    assert points_after(unscored, 4) is None
    assert points_at(unscored, 9.0) is None
    others = {("rows_numba", None, "saint-batches"): dict.fromkeys(range(3), unscored)}
    (found,) = earned_of([settings(more=others)])
    assert {each.control for each in found.held} == {AS_LONG, EXACT_EPOCHS}
    assert "3 of 3 seeds of 'saint-batches' have no test metric of each epoch" in found.sentence()
    assert earned_of([{(KERNEL, 0.1, None): dict.fromkeys(range(3), unscored)}]) == []


def test_the_warm_up_that_training_restarted_behind_is_part_of_its_time():
    curve = trained([50, 60], warmup_s=2.5)
    assert time_s(curve) == 4.5
    assert points_at(curve, 3.4) is None
    assert points_at(curve, 3.5) == pytest.approx(50)


def test_exact_for_as_long_and_exact_epochs_only_are_read_off_the_exact_training():
    (found,) = earned_of([settings()])
    held = {each.control: each for each in found.held}
    assert exact_epochs(SAMPLED[0]) == 1
    assert held.keys() == {AS_LONG, EXACT_EPOCHS}
    assert held[AS_LONG].points == pytest.approx(61)  # two epochs in two seconds, mean over seeds
    assert held[EXACT_EPOCHS].points == pytest.approx(51)
    assert held[AS_LONG].gain.mean == pytest.approx(75 - 60 + 0.1)
    assert found.best.control == AS_LONG
    assert found.verdict == "sampling earned"
    assert "sampling earned +15.10 points [+" in found.sentence()
    assert "over 3 seeds against the best of 2 controls at equal time, 'exact for as long'." in found.sentence()


def test_a_control_that_was_trained_is_stopped_at_the_same_time():
    slow, quick = ({seed: trained([90.0, 99.0], epoch_s) for seed in range(3)} for epoch_s in (1.5, 1.0))
    others = {("rows_numba", None, "saint-batches"): slow, ("rows_numba", 0.1, "random-edges"): quick}
    (found,) = earned_of([settings(more=others)])
    held = {each.control: each.points for each in found.held}
    assert held["saint-batches"] == pytest.approx(90)
    assert held["random-edges"] == pytest.approx(99)
    assert found.best.control == "random-edges"
    assert found.verdict == "sampling lost"


def test_a_control_of_another_budget_is_no_control_and_random_pairs_are_one():
    others = {
        ("rows_numba", 0.3, "random-edges"): EXACT,
        ("cached_random(rows_numba)", 0.1, "random"): {seed: trained([75 + seed], 0.5) for seed in range(3)},
    }
    (found,) = earned_of([settings(more=others)])
    held = {each.control: each for each in found.held}
    assert "random-edges" not in held
    assert held["random"].gain.mean == pytest.approx(0.1)
    assert held["random"].verdict == "no different"
    assert "sampling earned nothing that is sure: +0.10 points" in found.sentence()


def test_few_seeds_and_no_control_are_said():
    one = {name: {0: seeds[0]} for name, seeds in settings().items()}
    (found,) = earned_of([one])
    assert found.best.verdict == "too few seeds"
    assert "over 1 seed: too few for an interval" in found.sentence()
    (alone,) = earned_of([{(KERNEL, 0.1, None): SAMPLED}])
    assert alone.best is None
    assert "there is no control of the same seeds" in alone.sentence()


def test_seeds_that_are_missing_are_said_with_the_reason():
    failed = {
        (KERNEL, 0.1, None): {3: "failed (loss is NaN at epoch 7)", 4: "failed (loss is NaN at epoch 9)", 0: "failed (once)"},
        ("rows_numba", None, "cluster-batches"): dict.fromkeys(range(5), "failed (clusters need at least 100 nodes (got 9))"),
        ("rows_numba", 0.1, "random-edges"): {1: "were skipped (no room)"},
        ("rows_numba", 0.3, "few-neighbours"): {1: "were skipped (another budget)"},
    }
    slow = {0: trained([60], 1.0), 1: trained([60], 9.0)}
    others = {("rows_numba", 0.1, "random-edges"): {0: trained([60], 2.0)}, ("rows_numba", None, "saint-batches"): slow}
    (found,) = earned_of([settings(more=others)], failed)
    assert (
        " at equal time, 'exact for as long'. Not counted: 2 of 5 seeds of the sampled training failed (loss is NaN at epoch 7); "
        "1 of 3 seeds of 'random-edges' were skipped (no room); 1 of 3 seeds of 'random-edges' were not trained; "
        "1 of 3 seeds of 'saint-batches' had ended no epoch by then; 1 of 3 seeds of 'saint-batches' were not trained; "
        "3 of 3 seeds of 'cluster-batches' failed (clusters need at least 100 nodes (got 9)). "
    ) in found.sentence()
    assert found.best.gain == earned_of([settings(more=others)])[0].best.gain


def test_seeds_that_failed_in_a_run_are_found():
    every = records(None, best=10)
    lost = [Record(case=each.case, status="failed", reason="out of memory") for each in every if each.case.seed == 2]
    kept = [each for each in every if each.case.seed != 2 or each.case.budget is None]
    start = Round(index=1, of=1, cases=len(kept), started="2026-01-01T00:00:00Z")
    ((found,),) = earned([Run(path=None, environment={}, rounds=[(start, [*kept, *lost])])]).values()
    _, _, said = found.sentence().partition(" Not counted: ")
    assert said == (
        "1 of 3 seeds of the sampled training failed (out of memory); 2 of 2 seeds of 'exact epochs only' had no exact epoch."
    )


def test_a_control_that_was_through_earlier_is_said_where_one_more_epoch_would_have_fitted():
    early, nearly = ({seed: trained([60.0, 61.0], epoch_s) for seed in range(3)} for epoch_s in (0.5, 0.75))
    others = {("rows_numba", 0.1, "random-edges"): early, ("rows_numba", 0.1, "few-neighbours"): nearly}
    (found,) = earned_of([settings(more=others)])
    held = {each.control: each.ended for each in found.held}
    assert held == {"random-edges": 0.5, "few-neighbours": None, AS_LONG: None, EXACT_EPOCHS: None}
    assert found.sentence().endswith(
        "Controls that were through before the time was up, and were trained no longer, which favours sampling: "
        "'random-edges' after 50 %."
    )


def test_the_interval_is_that_of_paired_differences():
    (found,) = earned_of([settings()])
    assert found.best.gain == drop_over([15.0, 15.1, 15.2]) or found.best.gain.mean == pytest.approx(15.1)


def records(variant, best, epochs=20, controls=()):
    every = []
    for seed in range(3):
        for kernel, budget, each in (("rows_numba", None, None), (KERNEL, 0.1, variant), *controls):
            points = [80.0 - abs(epoch - best) for epoch in range(epochs)]
            series = trained(points, 1.0 if budget is None else 0.5, [1.0 if budget is None else 0.1] * epochs)
            nothing = {"select_s": None, "prepare_s": 0.2, "rel_error": None, "nnz": 9, "kept_nnz": 9, "peak_bytes": 1}
            fields = {name: getattr(series, name) for name in ("epoch_s", "val_metric", "test_metric", "flops_share")}
            case = training("ring", seed=seed, kernel=kernel, budget=budget, epochs=epochs, variant=each)
            every.append(Record(case=case, status="ok", measurement=measured(times_s=[sum(series.epoch_s)], **nothing, **fields)))
    return every


def recommended(found):
    start = Round(index=1, of=1, cases=len(found), started="2026-01-01T00:00:00Z")
    (only,) = recommend([Run(path=None, environment={}, rounds=[(start, found)])])
    return only


def test_a_run_with_one_way_to_sample_is_recommended_by_that_way():
    control = ("rows_numba", 0.1, "random-edges")
    found = recommended(records("warmup=restart", best=10, controls=[control]))
    assert [(each.kernel, each.budget) for each in found.settings] == [(KERNEL, 0.1)]
    assert found.status == "recommended"


@pytest.mark.parametrize(("best", "converged"), [(19, False), (18, False), (17, True), (5, True)])
def test_a_best_epoch_among_the_last_is_told_before_any_verdict(best, converged):
    found = recommended(records(None, best))
    assert found.converged == converged
    assert (
        advice(found).startswith("not converged (the best epoch of exact training is among the last in 3 of 3 seeds)") != converged
    )


def test_what_had_not_converged_is_said_above_the_table_with_its_verdict():
    found = recommended(records(None, best=19))
    said = unconverged(found)
    text = as_text([found], Screen(200))
    assert said.startswith("Not converged (the best epoch of exact training is among the last in 3 of 3 seeds): ")
    assert text.index(said) < text.index("recommended")
    assert text.count("converged") == 1
    assert unconverged(recommended(records(None, best=5))) == ""
    assert as_text([recommended(records(None, best=5))], Screen(200)).lstrip()[0] in "┏+"


def test_a_trial_of_a_few_epochs_is_not_expected_to_have_converged():
    assert recommended(records(None, best=4, epochs=5)).converged


def test_a_program_has_the_numbers_against_each_control_beside_the_sentence():
    start = Round(index=1, of=1, cases=9, started="2026-01-01T00:00:00Z")
    found = earned([Run(path=None, environment={}, rounds=[(start, records(None, best=10))])])
    (tree,) = as_tree([], found)["controls"]
    ((only,),) = found.values()
    assert json.loads(json.dumps(tree)) == json.loads(json.dumps(tree, allow_nan=False))
    assert (tree["kernel"], tree["budget"], tree["verdict"]) == (KERNEL, 0.1, only.verdict)
    assert [(each["control"], each["points"], each["gain"]["mean"]) for each in tree["held"]] == [
        (each.control, each.points, each.gain.mean) for each in only.held
    ]
    assert tree["sentence"] == only.sentence("ring", "gcn, 3 layers, d = 256, 20 epochs")
    assert (tree["graph"], tree["model"], tree["dtype"], tree["machine"]) == ("ring", "gcn", "float32", "")


def slower(found, times):
    """The same trainings on a machine on which each epoch takes so many times as long."""
    return [
        msgspec.structs.replace(
            each,
            measurement=msgspec.structs.replace(
                each.measurement,
                training=msgspec.structs.replace(
                    each.measurement.training, epoch_s=[times * second for second in each.measurement.training.epoch_s]
                ),
            ),
        )
        for each in found
    ]


def test_a_sampled_training_of_one_machine_is_not_held_against_the_seconds_of_another():
    start = Round(index=1, of=1, cases=9, started="2026-01-01T00:00:00Z")
    quick, slow = records(None, best=19), slower(records(None, best=19), 4)
    machines = {name: {"cpu": {"model": name}} for name in ("Laptop", "Server")}
    runs = [
        Run(path=None, environment=machines["Laptop"], rounds=[(start, slow)]),
        Run(path=None, environment=machines["Server"], rounds=[(start, quick)]),
    ]
    found = earned(runs)
    assert [group.machine for group in found] == ["Laptop", "Server"]
    each = [held.points for (one,) in found.values() for held in one.held if held.control == AS_LONG]
    assert each == [pytest.approx(70), pytest.approx(70)]  # ten exact epochs in the time of twenty sampled ones, on either
    said = [tree["sentence"] for tree in as_tree(recommend(runs), found)["controls"]]
    assert [sentence.split(": ")[0] for sentence in said] == [
        "ring, gcn, 3 layers, d = 256, 20 epochs, Laptop, C = 0.1",
        "ring, gcn, 3 layers, d = 256, 20 epochs, Server, C = 0.1",
    ]


def test_trainings_in_two_number_types_have_titles_of_their_own():
    start = Round(index=1, of=1, cases=9, started="2026-01-01T00:00:00Z")
    every = records(None, best=10)
    other = [msgspec.structs.replace(each, case=msgspec.structs.replace(each.case, dtype="bfloat16-autocast")) for each in every]
    runs = [Run(path=None, environment={}, rounds=[(start, [*every, *other])])]
    tree = as_tree(recommend(runs), earned(runs))["controls"]
    assert [(each["dtype"], each["dtype"] in each["sentence"]) for each in tree] == [("float32", True), ("bfloat16-autocast", True)]
