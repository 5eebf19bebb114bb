"""Two kernels of one file are compared like two files."""

import pytest
from made_runs import case, not_ok, ok, run, written

from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.compare.two_kernels import KernelsError, two_kernels
from rsc_bench.harness.records.file import scan

SPEEDS = (1.0, 1.4, 0.9, 1.2)


def judged(made, new, base):
    sides = two_kernels(made, new, base)
    return compare(sides.base, sides.new)


def of_round(speed, *factors):
    """A round in which every case takes so many times as long."""
    return [ok(each, speed * factor) for each, factor in factors]


def test_each_round_makes_a_pair_so_that_what_is_slow_for_a_while_is_slow_for_both():
    made = run(*(of_round(speed, (case("mkl"), 2.0), (case("ours"), 1.0 + 0.001 * speed)) for speed in SPEEDS))
    (found,) = judged(made, "ours", "mkl").verdicts
    assert (str(found.case), found.change, found.paired, found.rounds) == (
        "exact twin:flickr d=8 float32 cpu host ours against mkl",
        "faster",
        True,
        (4, 4),
    )
    assert found.ratio == pytest.approx(0.5, abs=0.001)
    assert [v.change for v in judged(made, "mkl", "ours").verdicts] == ["slower"]


def test_pairs_are_equal_in_everything_but_the_kernel():
    wide = case("mkl", width=64)
    made = run(
        *(of_round(s, (case("mkl"), 1.0), (wide, 1.0), (case("ours"), 2.0), (case("ours", graph="ring"), 9.0)) for s in SPEEDS)
    )
    sides = two_kernels(made, "ours", "mkl")
    assert [(v.case.graph, v.case.width) for v in compare(sides.base, sides.new).verdicts] == [("twin:flickr", 8)]
    assert sides.notes == (
        "new is ours, base is mkl, both of made.jsonl",
        f"1 cases of mkl have no partner, and are left out: {wide}, for one",
        "1 cases of ours have no partner, and are left out: exact ring d=8 float32 cpu host ours, for one",
    )


def test_products_of_growth_are_pairs_among_themselves():
    growing = [(case(kernel, suite="growth"), factor) for kernel, factor in (("mkl", 1.0), ("ours", 0.5))]
    made = run(*(of_round(s, (case("mkl"), 1.0), (case("ours"), 2.0), *growing) for s in SPEEDS))
    found = {v.case.suite: v.ratio for v in judged(made, "ours", "mkl").verdicts}
    assert found == {"exact": pytest.approx(2.0), "growth": pytest.approx(0.5)}


def test_an_exact_kernel_is_set_against_every_budget_of_a_sampled_one():
    sampled = [(case("topk(mkl)", suite="sampled", budget=budget), budget) for budget in (0.1, 0.5)]
    made = run(*(of_round(s, (case("mkl"), 1.0), *sampled) for s in SPEEDS))
    for new, base, ratios in (("topk(mkl)", "mkl", [0.1, 0.5]), ("mkl", "topk(mkl)", [10.0, 2.0])):
        found = judged(made, new, base).verdicts
        assert [(v.case.budget, v.case.suite, v.case.kernel) for v in found] == [
            (budget, "sampled", f"{new} against {base}") for budget in (0.1, 0.5)
        ]
        assert [v.ratio for v in found] == pytest.approx(ratios)


def test_two_sampled_kernels_are_a_pair_at_equal_budgets_only():
    kernels = [
        case(f"{name}(mkl)", suite="sampled", budget=budget) for name, budget in (("topk", 0.1), ("random", 0.1), ("random", 0.5))
    ]
    made = run(*(of_round(s, *((each, 1.0 + 0.01 * s) for each in kernels)) for s in SPEEDS))
    assert [v.case.budget for v in judged(made, "random(mkl)", "topk(mkl)").verdicts] == [0.1]


def test_a_kernel_that_is_wrong_is_broken_against_one_that_is_right():
    made = run(*([ok(case("mkl"), s), not_ok(case("ours"), "wrong", "off")] for s in SPEEDS))
    assert [v.change for v in judged(made, "ours", "mkl").verdicts] == ["broken"]


def test_kernels_without_a_pair_cannot_be_judged():
    made = run(*(of_round(s, (case("mkl", width=64), 1.0), (case("ours"), 1.0)) for s in SPEEDS))
    assert judged(made, "ours", "mkl").exit_status == 3


@pytest.mark.parametrize(
    ("new", "base", "summary"),
    [
        ("mkll", "ours", r"made\.jsonl: kernel 'mkll' is not in it: nearest is mkl$"),
        ("mkl", "our", r"made\.jsonl: kernel 'our' is not in it: nearest is ours$"),
        ("mkl", "mkl", r"--kernel and --against must name two kernels \(got 'mkl' twice\)$"),
    ],
)
def test_a_name_that_is_not_in_the_file_is_answered_with_the_nearest(new, base, summary):
    made = run(of_round(1.0, (case("mkl"), 1.0), (case("ours"), 1.0)))
    with pytest.raises(KernelsError, match=summary):
        two_kernels(made, new, base)


def test_a_file_without_a_record_has_no_kernel():
    with pytest.raises(KernelsError, match="it has no record of any"):
        two_kernels(run(), "mkl", "ours")


def test_a_file_is_gone_through_and_not_kept(tmp_path):
    rounds = [of_round(speed, (case("mkl"), 2.0), (case("ours"), 1.0)) for speed in SPEEDS]
    with scan(written(tmp_path / "run.jsonl", *rounds)) as stored:
        assert judged(stored, "ours", "mkl").verdicts == judged(run(*rounds), "ours", "mkl").verdicts
