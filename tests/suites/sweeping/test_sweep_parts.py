"""The shares of an array of jobs: together the whole plan, each case in one of them, and the same when a job is started again."""

import pytest

from rsc_bench.harness.records.file import read as read_results
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.sweeping.devices import Here
from rsc_bench.suites.sweeping.lines import StudyError
from rsc_bench.suites.sweeping.session import prepared, said
from rsc_bench.suites.sweeping.study import read
from rsc_bench.suites.sweeping.writing import Results

TEXT = """
device = "cpu"
[products]
graph = ["small:random", "small:hub", "small:directed"]
width = [8, 16, 24]
kernel = "rows_numba"
budget = 0.5
rounds = 3
[train]
suite = "training"
graph = "small:random"
model = ["GCN", "GraphSAGE"]
seeds = 2
epochs = 2
budget = 0.5
"""


@pytest.fixture
def share(tmp_path):
    """The I-th of N shares of a study, as it is left now."""
    path = tmp_path / "study.toml"
    path.write_text(TEXT)
    study = read(path, tmp_path / "results")
    devices = Here(study.blocks, tmp_path / "log")

    def made(index, of):
        (found,) = prepared(study, devices, (index, of)).shares
        return found

    return made


def measurements(found):
    return [(task.plan.block.name, each.case, task.part.round) for task in found.tasks for each in task.cases]


@pytest.mark.parametrize("number", [1, 2, 3, 5, 13, 20])
def test_all_shares_together_are_the_plan_and_each_case_is_in_one(share, number):
    shares = [measurements(share(index, number)) for index in range(1, number + 1)]
    together = [each for some in shares for each in some]
    assert sorted(map(repr, together)) == sorted(map(repr, measurements(share(1, 1))))
    assert max(map(len, shares)) > 0
    groups = [{(block, case.graph, case.width, case.model, case.seed) for block, case, _ in some} for some in shares]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 13


def test_a_share_is_the_same_when_its_job_is_started_again(share):
    first = share(2, 3)
    wanted = measurements(first)
    for task in first.tasks[:4]:
        block = task.plan.block.name
        results = Results(first.paths[block], task.plan, first.environments[block], print)
        for each in task.cases:
            results.append([Record(case=each.case, status="skipped", reason="not now")], task.part.round)
        results.close()
    done = sum(len(task.cases) for task in first.tasks[:4])
    again = measurements(share(2, 3))
    assert len(again) == len(wanted) - done
    assert set(map(repr, again)) < set(map(repr, wanted))


def test_a_share_counts_its_own_cases_alone(share):
    found = share(2, 3)
    for task in found.tasks[:1]:
        results = Results(found.paths[task.plan.block.name], task.plan, found.environments[task.plan.block.name], print)
        results.append([Record(case=task.cases[0].case, status="skipped", reason="not now")], 1)
        results.close()
        (start, _), *_ = read_results(results.path).rounds
        assert start.cases == len({case for block, case, _ in measurements(share(2, 3)) if block == "products"})


def test_each_share_has_files_of_its_own_that_name_it(share):
    assert {path.name for path in share(3, 8).paths.values()} == {"products.part-3-of-8.jsonl", "train.part-3-of-8.jsonl"}
    assert {path.name for path in share(1, 1).paths.values()} == {"products.jsonl", "train.jsonl"}


def test_a_study_that_was_changed_or_another_number_of_parts_is_refused_in_one_line(share, tmp_path):
    def begin(index, of):
        task = share(index, of).tasks[0]
        results = Results(share(index, of).paths["products"], task.plan, share(index, of).environments["products"], print)
        results.append([Record(case=task.cases[0].case, status="skipped", reason="not now")], 1)
        results.close()
        return results.path

    first, otherwise = begin(1, 3), "which share the cases out otherwise: give another --results folder"
    with pytest.raises(StudyError, match=f"{first}: is not one of 4 parts, {otherwise}"):
        share(1, 4)
    with pytest.raises(
        StudyError, match=f"{first}: has cases that are no part of the study now, 1 in all .*: an array of jobs has"
    ):
        changed(tmp_path, TEXT.replace("[8, 16, 24]", "[16, 24]"), (1, 3))


def changed(tmp_path, text, part=(1, 1)):
    (tmp_path / "study.toml").write_text(text)
    study = read(tmp_path / "study.toml", tmp_path / "results")
    return prepared(study, Here(study.blocks, tmp_path / "log"), part)


def test_a_study_that_was_changed_says_what_of_the_old_one_stays(share, tmp_path):
    whole = share(1, 1)
    task = whole.tasks[0]
    results = Results(whole.paths["products"], task.plan, whole.environments["products"], print)
    results.append([Record(case=task.cases[0].case, status="failed", reason="broke")], 1)
    results.close()
    assert changed(tmp_path, TEXT).bad == 1
    ready = changed(tmp_path, TEXT.replace("[8, 16, 24]", "[16, 24]\nmax-time = 0.5"))
    lines = said(ready, read(tmp_path / "study.toml")).splitlines()
    others = f"has cases that are no part of the study now, 1 in all ({task.cases[0].case}, ...): they stay in it"
    assert f"  note:    {results.path}: {others}" in lines
    how = "was measured with nothing where the study has --max-time 0.5 now: what is done stays as it is"
    assert f"  note:    {results.path}: {how}" in lines
    assert ready.bad == 0
