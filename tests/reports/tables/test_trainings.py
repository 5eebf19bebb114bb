import pytest

pytest.importorskip("pandas", reason="tables need pandas: pip install pandas")

from synthetic_results import bad, write_results
from synthetic_trainings import KERNEL, trained, training

from rsc_bench.harness.compare.trained import controls
from rsc_bench.harness.records.file import read
from rsc_bench.reports.tables.table import read_files
from rsc_bench.reports.tables.trainings import earned, failed, method, settings

SAMPLED = {"kernel": KERNEL, "budget": 0.1}


def timed(seconds, seed, **about):
    case = training(seed=seed, **about)
    return trained(case, 90.0, times_s=[seconds], epoch_s=[seconds / case.epochs] * case.epochs)


def test_the_page_pairs_trainings_as_the_command_does_within_one_round(tmp_path):
    # The fastest sampled training of each seed is in the first round, the fastest exact one in the second.
    seconds = [{None: 20.0, 0.1: 4.0}, {None: 5.0, 0.1: 10.0}]
    rounds = [[timed(each[about.get("budget")], seed, **about) for seed in range(3) for about in ({}, SAMPLED)] for each in seconds]
    rounds[0].append(bad(training(seed=3, **SAMPLED), "failed", "the loss is NaN at epoch 7"))
    path = write_results(tmp_path / "run.jsonl", rounds)
    table = read_files([path])
    ((found),) = settings(table.trainings).values()
    ((group, judged),) = controls.earned([read(path)]).items()
    assert earned(found, failed(table.unmeasured, "run.jsonl", group.training)) == judged
    assert judged[0].time_s == pytest.approx(4.0)
    assert (judged[0].seeds, judged[0].lost) == (3, 1)


def test_of_several_other_ways_to_sample_figures_draw_the_one_with_most_trainings(tmp_path):
    few = [timed(4.0, seed, variant="warmup=0", **SAMPLED) for seed in range(2)]
    many = [timed(4.0, seed, variant="warmup=restart", **SAMPLED) for seed in range(3)]
    random = [
        timed(4.0, seed, **SAMPLED | {"kernel": "cached_random(rows_numba)", "variant": "random,warmup=0"}) for seed in range(3)
    ]
    table = read_files([write_results(tmp_path / "run.jsonl", [[timed(9.0, 0), *few, *many, *random]])])
    (found,) = settings(table.trainings).values()
    assert [each.variant for each in method(found)] == [None, "warmup=restart"]
