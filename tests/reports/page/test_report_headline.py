import pytest
from synthetic_results import Sweep, case, ok, sweep, write_results

from rsc_bench.harness.records.file import read
from rsc_bench.reports.page.headline import headlines
from rsc_bench.reports.page.render import render
from rsc_bench.reports.tables.table import read_table


def headlines_of(tmp_path, *rounds):
    return headlines(read_table([read(write_results(tmp_path / "run.jsonl", list(rounds)))]))


def test_each_graph_has_its_best_cached_and_best_fresh_kernel_at_its_largest_width(tmp_path):
    found = headlines_of(tmp_path, *sweep(Sweep(absent=())))
    assert [(headline.graph, headline.width) for headline in found] == [("twin:ogbn-products@0.05", 256), ("twin:reddit2@0.1", 256)]
    assert [(best.budget, best.cached) for best in found[0].best[:3]] == [(0.05, True), (0.05, False), (0.1, True)]
    cached = found[0].lead
    # At C = 0.1: 12 ms x 0.1 + 1.5 ms / 10 = 1.35 ms, against 12 (rows_numba), 20 (mkl) and 60 ms (torch-sparse).
    assert (cached.kernel, cached.against, cached.vendor_name) == ("cached_topk(rows_numba)", "rows_numba", "mkl")
    assert [cached.speedup, cached.vendor, cached.torch_sparse] == pytest.approx([12 / 1.35, 20 / 1.35, 60 / 1.35])
    assert (cached.rounds, cached.error) == (3, pytest.approx(0.51 * 0.9))


def test_a_faster_kernel_that_drops_the_wrong_pairs_is_not_the_best(tmp_path):
    random, topk = (case(f"{selection}(mkl)", 0.1) for selection in ("random", "topk"))
    (found,) = headlines_of(tmp_path, [ok(case("mkl"), 20), ok(random, 2, rel_error=0.9), ok(topk, 4, rel_error=0.4)])
    assert [best.kernel for best in found.best] == ["topk(mkl)"]


@pytest.mark.parametrize(
    ("fresh_ms", "fresh_error", "lead"), [(2, 0.4, "topk(mkl)"), (2, 0.5, "cached_topk(mkl)"), (4, 0.4, "cached_topk(mkl)")]
)
def test_the_large_number_is_the_fastest_of_those_about_as_close_cached_or_fresh(tmp_path, fresh_ms, fresh_error, lead):
    fresh, cached = ok(case("topk(mkl)", 0.1), fresh_ms, rel_error=fresh_error), ok(case("cached_topk(mkl)", 0.1), 3, rel_error=0.4)
    (found,) = headlines_of(tmp_path, [ok(case("mkl"), 20), fresh, cached, ok(case("cached_topk(mkl)", 0.3), 1, rel_error=0.2)])
    assert (found.lead.kernel, found.lead.budget) == (lead, 0.1)


def test_a_number_that_is_known_goes_before_a_larger_one_that_is_luck(tmp_path):
    def one(fresh_ms):
        return [ok(case("mkl"), 20), ok(case("topk(mkl)", 0.1), fresh_ms), ok(case("cached_topk(mkl)", 0.1), 3)]

    (found,) = headlines_of(tmp_path, one(0.1), one(0.5), one(4))
    assert found.lead.kernel == "cached_topk(mkl)"


def test_fresh_and_kept_memory_have_a_headline_each_within_which_all_is_quoted(tmp_path):
    times = {"mkl": (30, 20), "rows_numba": (40, 10), "topk(mkl)": (6, 4)}
    records = [
        ok(case(kernel, None if "(" not in kernel else 0.1, freed_memory=memory), time_ms)
        for kernel, both in times.items()
        for memory, time_ms in zip((None, "kept"), both, strict=True)
    ]
    fresh, kept = headlines_of(tmp_path, records)
    assert [(each.memory, each.lead.against, each.lead.speedup) for each in (fresh, kept)] == [
        ("fresh memory", "mkl", pytest.approx(5.0)),
        ("kept memory", "rows_numba", pytest.approx(2.5)),
    ]
    said = "The fastest exact kernel takes 30 ms with fresh memory (mkl) and 10 ms with kept memory (rows_numba)."
    assert (fresh.kept, kept.kept) == (said, "")


def test_where_nothing_was_measured_in_kept_memory_nothing_is_said_of_it(tmp_path):
    (found,) = headlines_of(tmp_path, [ok(case("mkl"), 20), ok(case("topk(mkl)", 0.1), 4)])
    assert (found.memory, found.kept) == (None, "")


def test_an_unmeasured_baseline_is_absent(tmp_path):
    (found,) = headlines_of(tmp_path, [ok(case("rows_numba"), 20), ok(case("topk(rows_numba)", 0.1), 4)])
    assert (found.vendor, found.lead.vendor, found.lead.torch_sparse) == ("", None, None)


def test_many_budgets_are_thinned_to_a_few_that_hold_the_ends_and_a_tenth(tmp_path):
    budgets = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.9)
    (found,) = headlines_of(tmp_path, [ok(case("mkl"), 20), *(ok(case("topk(mkl)", budget), 4) for budget in budgets)])
    shown = [best.budget for best in found.best]
    assert len(shown) <= 5
    assert {0.01, 0.1, 0.9} <= {*shown}
    assert found.lead.budget == 0.1


def of_bfloat16(kernel, budget=None):
    return case(kernel, budget, dtype="bfloat16")


def test_a_class_of_one_exact_kernel_leads_with_its_speedup_against_the_fastest_of_float32(tmp_path):
    narrow = [ok(of_bfloat16("mine"), 40), ok(of_bfloat16("topk(mine)", 0.1), 10)]
    wide = [ok(case("mkl"), 20), ok(case("rows_numba"), 30)]
    (found,) = headlines_of(tmp_path, wide + narrow)
    assert (found.large.against, found.large.speedup, found.lead.against, found.lead.speedup) == ("mkl", 2, "mine", 4)
    (tmp_path / "run.jsonl").unlink()
    (found,) = headlines_of(tmp_path, [*wide, *narrow, ok(of_bfloat16("other"), 50)])
    assert (found.one_exact, found.large.against, found.large.speedup) == (False, "mine", 4)


def test_where_float32_was_not_measured_the_only_exact_kernel_is_called_that(tmp_path):
    (found,) = headlines_of(tmp_path, [ok(of_bfloat16("mine"), 40), ok(of_bfloat16("topk(mine)", 0.1), 10)])
    assert (found.large, found.one_exact, found.other_class) == (found.lead, True, True)
    page = render(read_table([read(tmp_path / "run.jsonl")]))
    assert "the only exact kernel of its precision that was measured" in page


def test_the_large_number_is_unclear_where_the_rounds_of_its_own_baseline_disagree(tmp_path):
    def one(float32_ms):
        return [ok(case("mkl"), float32_ms), ok(of_bfloat16("mine"), 40), ok(of_bfloat16("topk(mine)", 0.1), 10)]

    (found,) = headlines_of(tmp_path, one(20), one(4))
    assert (found.lead.unknown, found.large.unknown) == (False, True)


def test_exact_kernels_alone_make_no_headline(tmp_path):
    assert headlines_of(tmp_path, [ok(case("mkl"), 20)]) == []


@pytest.mark.parametrize(
    ("second_ms", "unsteady", "unknown"),
    [
        pytest.param(3, False, False, id="within a third"),
        pytest.param(9, True, False, id="twice"),
        pytest.param(13, True, True, id="threefold"),
        pytest.param(11, True, False, id="twice, but always faster"),
        pytest.param(21, True, True, id="faster, and slower"),
    ],
)
def test_rounds_that_disagree_are_called_unsteady_or_have_no_number(tmp_path, second_ms, unsteady, unknown):
    sampled = case("topk(mkl)", 0.1)
    first_ms = 10 if second_ms == 21 else 4
    (found,) = headlines_of(tmp_path, *([ok(case("mkl"), 20), ok(sampled, ms)] for ms in (first_ms, second_ms)))
    assert (found.lead.unsteady, found.lead.unknown) == (unsteady, unknown)


def test_rounds_that_lie_close_around_one_are_a_number(tmp_path):
    (found,) = headlines_of(tmp_path, *([ok(case("mkl"), 20), ok(case("topk(mkl)", 0.1), ms)] for ms in (19, 21)))
    assert not found.lead.unknown
