from synthetic_results import case, ok, write_results

from rsc_bench.harness.records.file import read
from rsc_bench.reports.page.unspent import unspent
from rsc_bench.reports.tables.table import read_table


def sentences(tmp_path, *records):
    return unspent(read_table([read(write_results(tmp_path / "run.jsonl", [list(records)]))]))


def sampled(kernel, kept, budget=0.1):
    return ok(case(kernel, budget), 4, kept_nnz=int(1000 * kept))


def test_a_budget_that_was_not_spent_is_said_with_its_kernels_and_what_they_spent(tmp_path):
    found = sentences(
        tmp_path, ok(case("mkl"), 20), sampled("topk(mkl)", 0.008), sampled("random(mkl)", 0.02), sampled("topk(x)", 0.099)
    )
    (sentence,) = found
    assert sentence.endswith(": random(mkl), topk(mkl) spent 0.8 to 2 % of the FLOPs of a budget of 10 %")


def test_each_budget_has_a_sentence_of_its_own_and_a_spent_one_none(tmp_path):
    found = sentences(
        tmp_path, sampled("topk(mkl)", 0.05), sampled("topk(mkl)", 0.05, budget=0.3), sampled("topk(mkl)", 0.46, budget=0.5)
    )
    assert [line.split("budget of ")[1] for line in found] == ["10 %", "30 %"]


def test_exact_cases_alone_have_none(tmp_path):
    assert sentences(tmp_path, ok(case("mkl"), 20)) == []
