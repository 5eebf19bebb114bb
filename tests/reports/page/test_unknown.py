from synthetic_results import case, ok, write_results

from rsc_bench.harness.records.file import read
from rsc_bench.reports.page.render import write
from rsc_bench.reports.page.unknown import unknown
from rsc_bench.reports.tables.table import read_table

REASON = "the time to prepare was not recorded"


def unknown_of(tmp_path, *records):
    return unknown(read_table([read(write_results(tmp_path / "run.jsonl", [[*records]]))]))


def test_nothing_is_said_where_everything_is_known(tmp_path):
    assert unknown_of(tmp_path, ok(case("mkl"), 4), ok(case("mine"), 2)) == []


def test_nothing_is_said_of_a_training_which_has_no_break_even_point(tmp_path):
    assert unknown_of(tmp_path, ok(case("mkl", model="gcn", suite="training"), 4, epoch_s=[1.0], prepare_s=None)) == []


def test_cases_without_a_number_are_counted_by_their_reason(tmp_path):
    some = [ok(case("foreign", width=width), 4, prepare_s=None) for width in (64, 256)]
    alone = ok(case("topk(mkl)", 0.1, graph="star"), 1)
    assert unknown_of(tmp_path, ok(case("mkl"), 4), *some, alone) == [
        f"break-even is not known of 2 cases (foreign): {REASON}",
        "break-even is not known of 1 case (topk(mkl)): no exact kernel of the same product has its time to prepare recorded",
    ]


def test_of_many_kernels_a_few_are_named(tmp_path):
    (line,) = unknown_of(tmp_path, *(ok(case(f"kernel_{place}"), 4, prepare_s=None) for place in range(7)))
    assert "(kernel_0, kernel_1, kernel_2, kernel_3, kernel_4 and 2 more)" in line


def test_the_page_says_it_above_the_table_of_all_cases(tmp_path):
    path = write_results(tmp_path / "run.jsonl", [[ok(case("<b>"), 4, prepare_s=None)]])
    write([path], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f'<p class="note">break-even is not known of 1 case (&lt;b&gt;): {REASON}</p>' in text
