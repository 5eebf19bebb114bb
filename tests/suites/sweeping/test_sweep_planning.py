"""A block becomes cases with groups, rounds and estimates; what is left of them becomes parts, quickly also of a large study."""

from time import process_time

import pytest

from rsc_bench.suites.sweeping.devices import Here
from rsc_bench.suites.sweeping.planning import SKIPPED_S, Plan, tasks
from rsc_bench.suites.sweeping.session import prepared, said
from rsc_bench.suites.sweeping.study import read

GRAPHS = '"twin:reddit2@0.05", "twin:yelp@0.05", "twin:ogbn-products@0.01", "twin:ogbn-proteins@0.02", "twin:flickr@0.1"'
LARGE = f"""
[products]
suite = ["exact", "sampled"]
graph = [{GRAPHS}]
reorder = ["none", "degree"]
width = {list(range(8, 296, 4))}
budget = 0.1
memory = "fresh"
device = "cpu"
rounds = 9
"""


@pytest.fixture
def planned(tmp_path):
    """Plans the only block of a study on this machine."""

    def plan(text):
        path = tmp_path / "study.toml"
        path.write_text(text)
        study = read(path, tmp_path / "results")
        return Here(study.blocks, tmp_path / "log").plan(Here.NAME, study.blocks[0].name)

    return plan


PRODUCTS = """
[a]
device = "cpu"
graph = ["small:random", "small:hub"]
width = [8, 16]
kernel = "topk(rows_numba)"
budget = [0.1, 0.5]
"""
TRAININGS = """
[a]
suite = "training"
device = "cpu"
graph = "small:random"
model = ["GCN", "GraphSAGE"]
seeds = 2
epochs = 3
budget = 0.5
"""


def test_products_are_compared_over_one_graph_and_width(planned):
    plan = planned(PRODUCTS + "rounds = 4\n")
    groups = plan.groups()
    assert len(groups) == 4
    for cases in groups.values():
        assert len({(each.case.graph, each.case.width) for each in cases}) == 1
        assert {each.case.budget for each in cases} == {None, 0.1, 0.5}
        assert {each.home for each in cases} == {cases[0].case.graph}
        assert {each.row_bytes for each in cases} == {4 * cases[0].case.width}
    assert {each.rounds for each in plan.cases} == {4}
    assert plan.of_round(5) == []


def test_trainings_are_compared_by_seed_and_have_one_round(planned):
    plan = planned(TRAININGS)
    found = {(cases[0].case.model, cases[0].case.seed) for cases in plan.groups().values()}
    assert found == {("GCN", 0), ("GCN", 1), ("GraphSAGE", 0), ("GraphSAGE", 1)}
    assert all(each.trains and each.rounds == 1 and each.row_bytes == 0 for each in plan.cases)


def test_suites_and_words_leave_cases_out(planned):
    every = planned(PRODUCTS)
    assert {each.case.suite for each in every.cases} == {"exact", "sampled"}
    assert {each.case.suite for each in planned(PRODUCTS + 'suite = "sampled"\n').cases} == {"sampled"}
    left = planned(PRODUCTS + 'leave-out = ["hub", "d16-"]\n')
    assert {(each.case.graph, each.case.width) for each in left.cases} == {("small:random", 8)}


def test_what_this_machine_cannot_run_takes_the_moment_that_its_record_takes(planned):
    cases = planned('[a]\ndevice = "cpu"\ngraph = "small:random"\nkernel = ["cusparse", "rows_numba"]\n').cases
    seconds = {each.case.kernel: each.estimate_s for each in cases}
    assert seconds["cusparse"] == SKIPPED_S
    assert seconds["rows_numba"] > SKIPPED_S


def test_what_is_done_is_not_left_case_by_case_and_round_by_round(planned):
    plan = planned(PRODUCTS + "rounds = 2\n")
    first = plan.cases[0]
    every = tasks([plan], {}, {})
    assert len(every) == 8
    assert [task.part.index for task in every] == list(range(8))
    left = tasks([plan], {"a": {(first.case, 1)}}, {})
    assert sum(len(task.cases) for task in left) == 2 * len(plan.cases) - 1
    assert tasks([plan], {"a": {(each.case, index) for each in plan.cases for index in (1, 2)}}, {}) == []
    assert tasks([plan], {"another": {(first.case, 1)}}, {})[0].cases == every[0].cases


def test_a_time_that_was_measured_before_takes_the_place_of_the_estimate(planned):
    plan = planned(PRODUCTS)
    every = tasks([plan], {}, {each.case: 100.0 for each in plan.cases})
    assert {task.part.estimate_s for task in every} == {100.0 * len(cases) for cases in plan.groups().values()}


def test_a_plan_of_no_case_has_no_round(planned):
    plan = planned(PRODUCTS)
    assert Plan(plan.block, ()).rounds == 0
    assert tasks([Plan(plan.block, ())], {}, {}) == []


def test_ten_thousand_cases_are_planned_in_seconds(tmp_path):
    """About one second of a core. Quadratic in the groups it took twice that, and a hundred times for ten times as many."""
    path = tmp_path / "large.toml"
    path.write_text(LARGE)
    study = read(path, tmp_path / "results")
    devices = Here(study.blocks, tmp_path / "log")
    devices.facts()  # imports what it needs, and reads our own code once
    start = process_time()
    ready = prepared(study, devices)
    lines = said(ready, study)
    assert process_time() - start < 6
    (share,) = ready.shares
    assert len(share.plans[0].cases) >= 10_000
    assert sum(len(task.cases) for task in share.tasks) == 9 * len(share.plans[0].cases)
    assert "twin:yelp@0.05 degree: " in lines
