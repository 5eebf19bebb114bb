import pytest
from made_runs import MACHINE, case, not_ok, ok, run, timed

from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.compare.obstacles import Apart
from rsc_bench.harness.compare.reasons import Broken, Differs, Missing, TooFew, Undecided
from rsc_bench.harness.output.wording import remarks
from rsc_bench.harness.records.run import Round


def verdict(base, new, threshold=0.05):
    (only,) = compare(base, new, threshold).verdicts
    return only


STEADY = (1.00, 1.01, 1.00, 1.02)


@pytest.mark.parametrize(
    ("factor", "change", "status"), [(1.001, "same", 0), (1.03, "same", 0), (1.2, "slower", 1), (0.8, "faster", 0)]
)
def test_a_clear_change_is_called_by_its_name(factor, change, status):
    comparison = compare(timed(*STEADY), timed(*(factor * t for t in STEADY)), 0.05)
    (found,) = comparison.verdicts
    assert (found.change, comparison.exit_status) == (change, status)
    assert found.ratio == pytest.approx(factor)
    assert found.interval[0] < factor < found.interval[1]
    assert (found.rounds, found.reason) == ((4, 4), None)
    assert found.values == pytest.approx((1.005, 1.005 * factor))  # the median of 1.00, 1.01, 1.00, 1.02
    assert found.value_unit == "s"


def test_the_fastest_sample_of_a_round_counts():
    base = run(*([ok(case(), 1.0, 50.0)] for _ in range(3)))
    new = run(*([ok(case(), 80.0, 1.0)] for _ in range(3)))
    assert verdict(base, new).change == "same"


def test_a_higher_threshold_forgives_more():
    new = timed(*(1.2 * t for t in STEADY))
    assert verdict(timed(*STEADY), new, 0.05).change == "slower"
    assert verdict(timed(*STEADY), new, 0.25).change == "same"


def test_a_change_within_the_noise_is_unclear_and_says_how_many_rounds_would_settle_it():
    noisy = verdict(timed(1.0, 1.3, 0.9), timed(1.2, 1.0, 1.5))
    assert (noisy.change, noisy.rounds_needed) == ("unclear", 61)
    assert noisy.reason == Undecided("slower", "rounds", more=58, judged_cases=1)


def test_no_difference_seen_in_noise_is_not_the_same():
    noisy = verdict(timed(1.0, 1.1, 0.9), timed(1.0, 0.9, 1.1))
    assert noisy.change == "unclear"
    assert (noisy.reason.looks, noisy.reason.more in range(60, 70)) == ("same", True)


@pytest.mark.parametrize("rounds", [1, 2])
def test_fewer_than_three_rounds_are_unclear_however_large_the_change(rounds):
    found = verdict(timed(*STEADY), timed(*[9.0] * rounds))
    assert (found.change, found.reason) == ("unclear", TooFew("rounds", has=(4, rounds)))
    assert (found.rounds_needed, found.interval) == (3, None)
    assert compare(timed(*STEADY), timed(9.0), 0.05).exit_status == 3


def test_what_is_likely_faster_and_surely_not_slower_fails_nothing():
    comparison = compare(timed(1.0, 1.06, 0.94, 1.0), timed(0.9, 0.96, 0.84, 0.9), 0.05)
    (found,) = comparison.verdicts
    assert (found.change, found.no_slower, comparison.exit_status) == ("unclear", True, 0)
    assert found.reason.looks == "faster"


def test_a_case_that_vanished_fails():
    comparison = compare(run([ok(case("a"), 1.0), ok(case("b"), 1.0)]), run([ok(case("a"), 1.0)]), 0.05)
    assert [(v.case.kernel, v.change) for v in comparison.verdicts] == [("a", "unclear"), ("b", "missing")]
    assert comparison.verdicts[1].reason == Missing()
    assert comparison.exit_status == 1


@pytest.mark.parametrize("status", ["skipped", "wrong", "failed"])
def test_a_case_that_no_longer_works_is_broken_with_its_status_and_reason(status):
    comparison = compare(timed(*STEADY), run([not_ok(case(), status, "error 0.3 is above 1e-5")]), 0.05)
    assert comparison.verdicts[0].change == "broken"
    assert comparison.verdicts[0].reason == Broken(status, "error 0.3 is above 1e-5")
    assert comparison.exit_status == 1


def test_wrong_in_one_round_is_broken_and_skipped_in_one_round_is_not():
    rounds = [[ok(case(), t)] for t in STEADY]
    assert verdict(timed(*STEADY), run(*rounds, [not_ok(case(), "wrong", "after timing")])).change == "broken"
    assert verdict(timed(*STEADY), run(*rounds, [not_ok(case(), "skipped", "no time left")])).change == "same"


def test_what_was_skipped_and_then_wrong_is_wrong():
    new = run([not_ok(case(), "skipped", "busy")], [not_ok(case(), "wrong", "off")], [not_ok(case(), "skipped", "busy")])
    assert verdict(timed(*STEADY), new).reason == Broken("wrong", "off")


def test_a_new_case_and_one_that_turned_ok_are_new_and_fail_nothing():
    base = run(*([ok(case("a"), t), not_ok(case("b"), "failed", "no memory")] for t in STEADY))
    new = run(*([ok(case("a"), t), ok(case("b"), t), ok(case("c"), t)] for t in STEADY))
    comparison = compare(base, new, 0.05)
    assert [v.change for v in comparison.verdicts] == ["same", "new", "new"]
    assert comparison.exit_status == 0


def test_a_case_without_a_time_on_either_side_is_counted_as_not_judged():
    skipped, failed = not_ok(case("b"), "skipped", "no GPU"), not_ok(case("c"), "failed", "x")
    comparison = compare(run([skipped, failed]), run([skipped, not_ok(case("c"), "skipped", "busy")]), 0.05)
    assert (comparison.verdicts, comparison.not_judged) == ((), 2)
    assert compare(run([failed]), run([skipped]), 0.05).not_judged == 2


@pytest.mark.parametrize(("before", "entry"), [("absent", None), ("skipped", not_ok(case("ours"), "skipped", "no GPU"))])
@pytest.mark.parametrize("status", ["wrong", "failed"])
@pytest.mark.parametrize("right_before", [True, False])
def test_what_is_wrong_or_fails_only_in_new_is_broken_although_base_never_measured_it(before, entry, status, right_before):
    base = run(*([ok(case("mkl"), t), *([entry] if entry else [])] for t in STEADY))
    bad = [not_ok(case("ours"), status, "rows 3 and 7")]
    new = run(*([ok(case("mkl"), t), *([ok(case("ours"), t)] if right_before and t == 1.0 else bad)] for t in STEADY))
    comparison = compare(base, new)
    assert [(v.case.kernel, v.change) for v in comparison.verdicts] == [("mkl", "same"), ("ours", "broken")]
    assert comparison.verdicts[1].reason == Broken(status, "rows 3 and 7", before)
    assert (comparison.exit_status, comparison.not_judged) == (1, 0)


@pytest.mark.parametrize("before", ["wrong", "failed"])
def test_what_was_broken_in_base_already_is_shown_and_fails_nothing(before):
    sides = [run(*([ok(case("mkl"), t), not_ok(case("ours"), status, "x")] for t in STEADY)) for status in (before, "wrong")]
    comparison = compare(*sides)
    assert [v.change for v in comparison.verdicts] == ["same", "still broken"]
    assert comparison.verdicts[1].reason == Broken("wrong", "x", before)
    assert comparison.exit_status == 0


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_a_run_against_itself_is_the_same_however_few_its_rounds_are(rounds):
    def made():
        flaky = [not_ok(case("flaky"), "wrong", "off") if index else ok(case("flaky"), 1.0) for index in range(rounds)]
        return run(*([ok(case("a"), 1.0 + index), flaky[index], ok(case("b"), 9.0)] for index in range(rounds)))

    comparison = compare(made(), made())
    assert [(found.change, found.ratio, found.reason) for found in comparison.verdicts] == [("same", 1.0, None)] * 3
    assert comparison.exit_status == 0
    assert comparison.notes == ("base and new are the same file, so that nothing can differ",)


def test_a_run_that_has_measured_nothing_is_not_judged_against_itself_either():
    nothing = run([not_ok(case(), "failed", "no memory")])
    comparison = compare(nothing, nothing)
    assert [(found.change, found.ratio) for found in comparison.verdicts] == [("still broken", None)]
    assert (comparison.not_judged, comparison.exit_status) == (0, 3)


def test_a_run_with_one_other_sample_or_on_another_machine_is_not_the_same():
    assert verdict(timed(1.0), timed(1.0 + 1e-9)).change == "unclear"
    assert verdict(timed(1.0), timed(1.0, environment=another(model="Example 100"))).change == "unclear"


def test_what_one_side_alone_has_keeps_its_value():
    base, new = run([ok(case("gone"), 1.5)]), run([ok(case("came"), 2.5)])
    assert [(v.change, v.values) for v in compare(base, new).verdicts] == [("missing", (1.5, None)), ("new", (None, 2.5))]


def test_fields_in_which_two_runs_have_nothing_in_common_are_named():
    base = run([ok(case("mkl", graph="a", width=8), 1.0), ok(case("ours", graph="b", width=8), 1.0)])
    new = run([ok(case("mkl", graph="c", width=8), 1.0)])
    assert compare(base, new).apart == (Apart("graph", ("a", "b"), ("c",)),)
    assert compare(base, base).apart == ()
    assert compare(base, run()).apart == ()


def test_a_case_in_kept_memory_is_compared_with_kept_memory_alone():
    fresh, kept = case("mkl"), case("mkl", freed_memory="kept")
    base = run(*[[ok(fresh, 2.0), ok(kept, 1.0)]] * 3)
    new = run(*[[ok(fresh, 2.0), ok(kept, 2.0)]] * 3)
    found = {verdict.case.freed_memory: verdict for verdict in compare(base, new).verdicts}
    assert {memory: (verdict.change, verdict.values) for memory, verdict in found.items()} == {
        None: ("same", (2.0, 2.0)),
        "kept": ("slower", (1.0, 2.0)),
    }
    assert [verdict.change for verdict in compare(run(*[[ok(fresh, 2.0)]] * 3), new).verdicts] == ["same", "new"]


def test_two_runs_in_different_memory_are_told_apart_by_the_option():
    fresh, kept = run([ok(case("mkl"), 1.0)]), run([ok(case("mkl", freed_memory="kept"), 1.0)])
    assert compare(fresh, kept).apart == (Apart("memory", ("fresh",), ("kept",)),)
    (remark,) = (line for line in remarks(compare(fresh, kept)) if line.startswith("no case is in both files"))
    assert remark.endswith("memory is fresh in base and kept in new: measure new again, as base was, with --memory fresh")
    on_gpu = run([ok(case("mkl", device="cuda:0"), 1.0)])
    assert {each.field for each in compare(on_gpu, kept).apart} == {"device", "freed_memory"}, "a GPU has no such option"


def test_runs_without_a_common_case_cannot_be_judged():
    assert compare(run(), run(), 0.05).exit_status == 3
    assert compare(run(), timed(1.0, 1.0, 1.0), 0.05).exit_status == 3


@pytest.mark.parametrize("part", [{"dtype": "bfloat16"}, {"reduce": "mean"}, {"width": 16}])
def test_what_is_another_case_is_never_compared(part):
    comparison = compare(timed(*STEADY), timed(*STEADY, of=case(**part)), 0.05)
    assert [v.change for v in comparison.verdicts] == ["missing", "new"]


def another(**cpu):
    return {**MACHINE, "cpu": {**MACHINE["cpu"], **cpu}}


def test_two_machines_are_not_judged_unless_asked():
    base, new = timed(*STEADY), timed(*(2 * t for t in STEADY), environment=another(model="Example 100"))
    found = compare(base, new, 0.05)
    assert (found.verdicts[0].change, found.exit_status, found.machines) == ("unclear", 3, ("cpu.model",))
    assert found.verdicts[0].reason == Differs((("machines", ("cpu.model",)),))
    assert found.verdicts[0].ratio == pytest.approx(2.0)
    assert compare(base, new, 0.05, across={"machines"}).exit_status == 1


def test_other_versions_are_not_judged_unless_asked():
    versions = {"versions": {"torch": "2.14.0"}, "python": "3.13.1"}
    base, new = timed(*STEADY), timed(*STEADY, environment={**MACHINE, **versions})
    found = compare(base, new, 0.05)
    assert found.verdicts[0].reason == Differs((("versions", ("versions.torch", "python")),))
    assert found.differences == {"versions.torch": ("2.13.0", "2.14.0"), "python": (None, "3.13.1")}
    assert (found.exit_status, compare(base, new, 0.05, across={"versions"}).exit_status) == (3, 0)


def test_machines_and_versions_are_named_together_and_asked_for_apart():
    elsewhere = {**another(usable_cores=64), "torch_build": "cuda 12.8"}
    base, new = timed(*STEADY), timed(*STEADY, environment=elsewhere)
    machines, versions = ("machines", ("cpu.usable_cores",)), ("versions", ("torch_build",))
    assert compare(base, new, 0.05).verdicts[0].reason == Differs((machines, versions))
    assert compare(base, new, 0.05, across={"machines"}).verdicts[0].reason == Differs((versions,))


def test_another_clock_is_another_number_and_judged_only_where_asked():
    base, new = timed(*STEADY), timed(*(2 * t for t in STEADY), of=case(clock="cuda_hot"))
    found = compare(base, new, 0.05)
    assert [(v.change, v.reason) for v in found.verdicts] == [("unclear", Differs((("clocks", ("host", "cuda_hot")),)))]
    assert found.exit_status == 3
    assert [v.change for v in compare(base, new, 0.05, across={"clocks"}).verdicts] == ["slower"]


def test_a_clock_that_was_added_is_new():
    base, new = timed(*STEADY), run(*([ok(case(), t), ok(case(clock="cuda_hot"), t)] for t in STEADY))
    assert [(v.case.clock, v.change) for v in compare(base, new, 0.05).verdicts] == [("host", "same"), ("cuda_hot", "new")]


def test_nothing_else_can_be_asked_for():
    with pytest.raises(ValueError, match="across must be one of machines, versions, graphs, clocks \\(got 'oceans'\\)"):
        compare(run(), run(), 0.05, across=["oceans"])


OTHER_GRAPHS = Differs((("graphs", ()),))


def timed_on(*digests, times=STEADY):
    """A run whose rounds saw these graphs, one after the other."""
    return run(*([ok(case(), time_s, graph_digest=digest)] for time_s, digest in zip(times, digests, strict=True)))


def test_times_on_two_graphs_of_one_name_are_not_judged():
    comparison = compare(timed_on(*"aaaa"), timed_on(*"bbbb", times=[2 * t for t in STEADY]), 0.05)
    (found,) = comparison.verdicts
    assert (found.change, found.reason, comparison.exit_status) == ("unclear", OTHER_GRAPHS, 3)
    assert found.ratio == pytest.approx(2.0)
    across = compare(timed_on(*"aaaa"), timed_on(*"bbbb", times=[2 * t for t in STEADY]), 0.05, across={"graphs"})
    assert across.exit_status == 1


@pytest.mark.parametrize(("base", "new"), [("aabb", "aaaa"), ("aaaa", "aaab")])
def test_a_graph_that_changed_between_the_rounds_of_a_file_is_not_judged_either(base, new):
    assert verdict(timed_on(*base), timed_on(*new)).reason == OTHER_GRAPHS


def seen_as(digest, times=STEADY):
    """A run whose cases name what they saw."""
    return run(*([ok(case(graph_digest=digest), time_s, graph_digest=digest)] for time_s in times))


def test_cases_that_only_contents_tell_apart_are_set_side_by_side_and_not_judged():
    comparison = compare(seen_as("a"), seen_as("b", [2 * t for t in STEADY]), 0.05)
    (found,) = comparison.verdicts
    assert (found.change, found.reason, comparison.exit_status, comparison.in_both) == ("unclear", OTHER_GRAPHS, 3, 1)
    assert compare(seen_as("a"), seen_as("b", [2 * t for t in STEADY]), 0.05, across={"graphs"}).exit_status == 1


def test_an_older_file_is_compared_with_a_newer_one_both_ways():
    assert verdict(timed_on(*"aaaa"), seen_as("a")).change == "same"
    assert verdict(seen_as("a"), timed_on(*"aaaa")).change == "same"
    assert verdict(timed_on(*"aaaa"), seen_as("b")).reason == OTHER_GRAPHS


def test_two_graphs_of_one_name_in_one_file_are_two_verdicts_that_say_which():
    both = seen_as("a")
    both = run(*(records + more for (_, records), (_, more) in zip(both.rounds, seen_as("b").rounds, strict=True)))
    comparison = compare(both, seen_as("b"), 0.05)
    found = [(each.case.graph, each.change) for each in comparison.verdicts]
    assert found == [("twin:flickr [a]", "missing"), ("twin:flickr [b]", "same")]
    assert comparison.notes[0].startswith("2 graphs of different contents are called twin:flickr: [a] and [b] tell them apart")


def test_the_same_graph_and_one_that_is_not_known_are_judged():
    assert verdict(timed_on(*"aaaa"), timed_on(*"aaaa")).change == "same"
    assert verdict(timed_on(*[None] * 4), timed_on(*"aaaa")).change == "same"


def test_a_round_that_stopped_early_is_named():
    planned = Round(index=2, of=3, cases=11, started="2026-01-01T00:00:00Z")
    base = timed(*STEADY)
    base.rounds.append((planned, [ok(case(), 1.0)]))
    comparison = compare(base, timed(*STEADY), 0.05)
    assert comparison.unfinished == ("made.jsonl: round 2 stopped after 1 of 11 cases",)


def test_cases_in_both_files_are_counted_whatever_became_of_them():
    base = run([ok(case("a"), 1.0), ok(case("b"), 1.0), ok(case("c"), 1.0)])
    new = run([ok(case("a"), 1.0), not_ok(case("b"), "wrong", "off"), ok(case("d"), 1.0)])
    assert compare(base, new, 0.05).in_both == 2


def test_what_vanished_fails_on_another_machine_too():
    assert compare(timed(*STEADY), run(environment=another(model="Example 100")), 0.05).exit_status == 1


def test_another_gpu_matters_where_a_case_ran_on_one():
    gpus = {**MACHINE, "gpus": [{"name": "Example GPU", "uuid": "1"}]}
    for device, machines in (("cpu", ()), ("cuda:0", ("gpus.0.name",))):
        on = case(device=device)
        assert compare(timed(*STEADY, of=on), timed(*STEADY, of=on, environment=gpus), 0.05).machines == machines


def test_a_gpus_driver_is_a_version_where_a_case_ran_on_it():
    gpus = [{**MACHINE, "gpus": [{"name": "Example GPU", "driver": driver}]} for driver in ("570.1", "580.2")]
    for device, found in (("cpu", {}), ("cuda:0", {"versions": ("gpus.0.driver",)})):
        base, new = (timed(*STEADY, of=case(device=device), environment=environment) for environment in gpus)
        assert compare(base, new, 0.05).obstacles == found


def test_another_commit_is_shown_and_judged():
    newer = {**MACHINE, "checkout": {"commit": "b" * 40}}
    comparison = compare(timed(*STEADY), timed(*STEADY, environment=newer), 0.05)
    assert comparison.differences == {"checkout.commit": (None, "b" * 40)}
    assert (comparison.obstacles, comparison.exit_status) == ({}, 0)


@pytest.mark.parametrize("environment", [{}, {"cpu": None}, {"cpu": []}, {"cpu": "x", "gpus": {"0": 1}}])
def test_an_environment_of_any_shape_can_be_compared(environment):
    assert compare(timed(*STEADY), timed(*STEADY, environment=environment), 0.05).exit_status in {0, 3}


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, float("nan")])
def test_a_threshold_is_a_share(threshold):
    with pytest.raises(ValueError, match="threshold must be above 0 and below 1"):
        compare(run(), run(), threshold)
