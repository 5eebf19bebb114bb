from dataclasses import replace

import msgspec
import pytest

pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import MACHINE, not_ok, ok, run
from made_trainings import SEEDS, exact, sampled, trained, training

from rsc_bench.harness.compare.trained.drop import Drop, drop_over
from rsc_bench.harness.compare.trained.recommend import Recommendation, Setting, exit_status, judge_drop, recommend
from rsc_bench.harness.output.console import Screen
from rsc_bench.harness.output.recommendation import advice, as_text, as_tree, titles


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
    assert (found.settings[0].accuracy, found.status, found.chosen) == ("unclear", "cannot be judged", None)
    assert exit_status([found]) == 3
    assert only(*exact(), *sampled(0.1, [0.1, 0.2, 0.3], 4.0), limit=0.37).status == "recommended"


def test_what_is_only_unclear_says_why_and_what_to_run():
    # Mean 0.2, standard deviation 0.1: t(0.95; 4) x 0.1 / sqrt(5) = 2.132 x 0.0447 = 0.095 is the first bound below 0.1 points.
    said = advice(only(*exact(), *sampled(0.1, [0.1, 0.2, 0.3], 4.0)))
    assert said.startswith(
        "cannot be judged: topk(rows_numba) at C = 0.1, 2.50 times as fast end to end, has a drop of 0.20 points, with 95 % "
        "confidence at most 0.37 (3 seeds): neither surely within 0.3 points nor beyond; about 5 seeds would settle it: "
    )
    options = "--graph cornell --model gcn --layers 3 --epochs 2 --width 256 --device cpu"
    assert f"{options} --kernel 'topk(rows_numba)' --budget 0.1 --seeds 5`" in said


def test_a_drop_that_is_at_the_limit_is_settled_by_no_number_of_seeds():
    assert "more seeds would hardly settle it" in advice(only(*exact(), *sampled(0.1, [0.2, 0.3, 0.4], 4.0)))


def test_an_unclear_setting_among_those_that_are_beyond_is_still_open():
    found = only(*exact(), *sampled(0.5, [0.1, 0.2, 0.3], 8.0), *sampled(0.1, [5.0, 5.1, 5.2], 4.0))
    assert ([each.accuracy for each in found.settings], found.status) == (["beyond", "unclear"], "cannot be judged")
    assert found.unclear.budget == 0.5


def test_an_unclear_setting_that_gains_no_time_is_not_open():
    assert only(*exact(), *sampled(0.5, [0.1, 0.2, 0.3], 12.0)).status == "none"


@pytest.mark.parametrize(
    ("drop", "accuracy"),
    [
        (Drop(0.1, 0.0, 0.3), "within"),  # at the limit is within it
        (Drop(0.1, 0.0, 0.3 + 1e-12), "within"),  # and rounding does not decide
        (Drop(0.2, 0.1, 0.31), "unclear"),
        (Drop(0.3, 0.3, 0.4), "unclear"),
        (Drop(0.5, 0.31, 0.7), "beyond"),
        (Drop(0.0, None, None), "too few seeds"),
        (None, "too few seeds"),
    ],
)
def test_a_drop_is_judged_by_its_bounds(drop, accuracy):
    assert judge_drop(drop, 0.3) == accuracy


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
    assert (found.status, found.settings[0].seeds) == ("cannot be judged", 2)


def test_two_seeds_are_too_few():
    found = only(*exact((0, 1)), *sampled(0.1, [0.0, 0.0], 4.0))
    assert found.status == "cannot be judged"
    assert "needs at least 3 seeds" in advice(found)
    assert "has 2" in advice(found)


def test_a_seed_without_its_exact_training_does_not_count():
    found = only(*exact((0, 1, 2)), *sampled(0.1, [0.0, 0.0, 0.0, 9.0], 4.0))
    assert (found.settings[0].seeds, found.status) == (3, "recommended")


def test_without_exact_training_nothing_can_be_judged():
    found = only(*sampled(0.1, [0.0, 0.0, 0.0], 4.0))
    assert (found.status, found.settings[0].drop, found.settings[0].speedup) == ("cannot be judged", None, None)


def test_exact_training_alone_has_nothing_to_recommend():
    found = only(*exact())
    assert found.status == "cannot be judged"
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


def test_trainings_that_keep_memory_are_judged_apart_and_against_each_other():
    kept = [*exact(seconds=6.0, freed_memory="kept"), *sampled(0.1, [0.0, 0.0, 0.0], 3.0, freed_memory="kept")]
    plain, other = recommend([run([*exact(), *sampled(0.1, [0.0, 0.0, 0.0], 4.0), *kept])], 0.3)
    assert (plain.chosen.speedup, other.chosen.speedup) == (2.5, 2.0)
    assert [title[1] for title in titles([plain, other])] == [
        "gcn, 3 layers, d = 256, 2 epochs",
        "gcn, 3 layers, d = 256, 2 epochs, freed memory kept",
    ]
    few = only(*exact(freed_memory="kept")[:1], *sampled(0.1, [0.0], 3.0, freed_memory="kept"))
    assert "--memory kept --seeds 3`" in advice(few)


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


def asked(options, **parts):
    """What two seeds say to run next, whose round was given these options."""
    records = [*exact(SEEDS[:2], **parts), *sampled(0.1, [0.0] * 2, 4.0, **parts)]
    made = run(records)
    start = msgspec.structs.replace(made.rounds[0][0], options=["training", *options, "--seeds", "2"])
    (found,) = recommend([msgspec.structs.replace(made, rounds=[(start, records)])])
    return advice(found)


@pytest.mark.parametrize("given", [["--graph", "data/Cornell5.mat#5"], ["--graph=data/Cornell5.mat#5"]])
def test_the_command_for_more_seeds_names_a_graph_file_as_it_was_given(given):
    assert "--graph 'data/Cornell5.mat#5' --model" in asked(given, graph="Cornell5#5")
    assert "--graph 'Cornell5#5' --model" in asked([], graph="Cornell5#5")


@pytest.mark.parametrize(
    ("given", "graph", "named"),
    [
        (["a/x.npz", "b/x.npz"], "x", "x"),  # either may be meant
        (["cora", "data/cora.v2.npz"], "cora", "cora"),  # itself given
        (["cora", "data/cora.v2.npz"], "cora.v2", "data/cora.v2.npz"),
    ],
)
def test_a_graph_that_may_be_in_two_files_or_is_known_by_its_name_is_called_by_it(given, graph, named):
    assert f"--graph {named} --model" in asked([part for each in given for part in ("--graph", each)], graph=graph)


def test_a_graph_of_one_file_is_not_looked_for_among_the_options_of_another():
    records = [ok(training("mkl", graph="other"), 1.0)]
    start = msgspec.structs.replace(run(records).rounds[0][0], options=["training", "--graph", "data/cornell.npz"])
    other = msgspec.structs.replace(run(records, path="other.jsonl"), rounds=[(start, records)])
    found = recommend([run([*exact(SEEDS[:2]), *sampled(0.1, [0.0] * 2, 4.0)]), other])
    assert "--graph cornell --model" in advice(found[0])


def test_the_command_for_more_seeds_has_the_recipe_files_that_were_given():
    recipe = "mine-0123abcd,dropout=0.1"
    assert "--recipe to/mine.toml --recipe dropout=0.1 " in asked(["--recipe", "to/mine.toml"], recipe=recipe)
    assert "--recipe mine.toml --recipe dropout=0.1 " in asked([], recipe=recipe)
    both = asked(["--recipe", "a/mine.toml", "--recipe=b/mine.toml"], recipe=recipe)
    assert "--recipe mine.toml --recipe dropout=0.1 " in both


def test_the_command_for_more_seeds_samples_in_the_same_way():
    way = "warmup=restart,interval=5,switch-at=0.5,allocation=optimal"
    found = only(*exact(SEEDS[:2]), *sampled(0.1, [0.0] * 2, 4.0, variant=way))
    options = "--warmup restart --interval 5 --switch-at 0.5 --allocation optimal"
    assert f"{options} --seeds 3`" in advice(found)


@pytest.mark.parametrize("usual", [None, "warmup=0"])
def test_each_way_to_sample_is_judged_on_its_own(usual):
    ways = [*sampled(0.1, [0.0] * 3, 4.0, variant=usual), *sampled(0.1, [5.0] * 3, 2.0, variant="warmup=restart")]
    random = sampled(0.1, [9.0] * 3, 1.0, kernel="random(rows_numba)", variant="random,warmup=restart")
    every = recommend([run([*exact(), *ways, *random])])
    assert [(each.way, each.status, len(each.settings)) for each in every] == [
        (usual, "recommended", 1),
        ("warmup=restart", "none", 1),
    ]
    said = "gcn, 3 layers, d = 256, 2 epochs"
    assert [title[1] for title in titles(every)] == [f"{said}, {usual}" if usual else said, f"{said}, warmup=restart"]
    assert [each["way"] for each in as_tree(every)["recommendations"]] == [usual, "warmup=restart"]


def test_where_only_ablations_were_sampled_they_are_judged():
    found = only(*exact(), *sampled(0.1, [0.0] * 3, 4.0, variant="no-switch"))
    assert (found.way, found.status) == ("no-switch", "recommended")


def with_status(status):
    """A recommendation that comes out so."""
    setting = Setting("topk(mkl)", 0.1, "within", 3, 90.0, Drop(0.1, 0.0, 0.2), 2.0)
    accuracy = {"recommended": "within", "none": "beyond", "cannot be judged": "too few seeds"}[status]
    return Recommendation(training(), "", 0.3, (replace(setting, accuracy=accuracy),))


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["recommended", "recommended"], 0),
        (["recommended", "none", "cannot be judged"], 1),
        (["recommended", "cannot be judged"], 3),
        ([], 3),
    ],
)
def test_the_exit_status_is_the_gravest_answer(statuses, status):
    assert exit_status([with_status(each) for each in statuses]) == status


def test_a_name_cannot_steer_the_terminal_or_be_read_as_markup():
    evil = "[red]x\x1b[31m\n"
    records = [*exact(graph=evil), *sampled(0.1, [0.0] * 3, 4.0, graph=evil, kernel=f"topk({evil})")]
    text = as_text([only(*records)], Screen(160))
    assert "\x1b" not in text
    assert "[red]x" in text
    assert as_tree([only(*records)])["recommendations"][0]["graph"] == evil
