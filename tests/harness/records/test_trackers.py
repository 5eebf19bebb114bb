"""What github-action-benchmark and Bencher read of a run."""

import json

import pytest
from made_runs import case, not_ok, ok, run, timed

from rsc_bench.harness.records.trackers import left_out
from rsc_bench.harness.records.trackers.bencher import to_bencher
from rsc_bench.harness.records.trackers.github_action import to_github_action

BAD = not_ok(case("bad"), "wrong", "by 3 %")


@pytest.fixture
def measured():
    """Three rounds of two kernels, of each the fastest of two calls, and one that is wrong."""
    times_s = ((2e-3, 1e-3), (3e-3, 4e-3), (2e-3, 5e-3))
    return run(*([ok(case(), *each), ok(case("ours"), 5e-4), BAD] for each in times_s))


def test_github_action_benchmark_gets_the_median_of_the_rounds_in_milliseconds(measured):
    first, second = json.loads(to_github_action(measured))
    assert first == {
        "name": str(case()),
        "unit": "ms",
        "value": pytest.approx(2.0),
        "range": "1 to 3",
        "extra": "3 rounds, Example 9000, written by rsc-bench",
    }
    assert second["value"] == pytest.approx(0.5)


def test_bencher_gets_it_in_nanoseconds_between_the_fastest_and_the_slowest_round(measured):
    found = json.loads(to_bencher(measured))
    assert list(found) == [str(case()), str(case("ours"))]
    assert found[str(case())] == {
        "latency": {"value": pytest.approx(2e6), "lower_value": pytest.approx(1e6), "upper_value": pytest.approx(3e6)}
    }


def test_a_machine_that_nobody_named_is_not_named():
    (entry,) = json.loads(to_github_action(timed(1.0, environment={})))
    assert entry["extra"] == "1 round, written by rsc-bench"


def test_what_they_have_no_place_for_is_said(measured):
    assert left_out(measured) == [f"{case('bad')}: wrong: by 3 %"]


@pytest.mark.parametrize("export", [to_bencher, to_github_action])
def test_a_run_without_a_time_is_refused(export):
    with pytest.raises(ValueError, match="no case has a time"):
        export(run([BAD]))


def test_a_case_that_was_wrong_in_a_round_has_no_time_and_is_named():
    found = run([ok(case(), 1e-3, 1e-3), ok(case("ours"), 2e-3)], [ok(case(), 1e-3, 1e-3), not_ok(case("ours"), "wrong", "off")])
    assert len(json.loads(to_bencher(found))) == 1
    assert [words.endswith("wrong: off") for words in left_out(found)] == [True]
