"""When preparing has paid: what is drawn, marked and said."""

import math

import pytest
from synthetic_results import case, ok, write_results

from rsc_bench.harness.records.file import read
from rsc_bench.plugins import load
from rsc_bench.reports.tables.table import read_table

FIGURE = load("figure")["break_even"]


def drawn(tmp_path, *rounds):
    table = read_table([read(write_results(tmp_path / "run.jsonl", [list(records) for records in rounds]))])
    return FIGURE.draw(table.escaped())


def kernels(**found):
    """Records of exact kernels, each by its seconds to prepare and its milliseconds a call."""
    return [ok(case(kernel), time_ms, prepare_s=paid_s) for kernel, (paid_s, time_ms) in found.items()]


def lines(figure):
    return {trace.legendgroup: trace for trace in figure.data if trace.mode == "lines"}


def marks(figure):
    return {trace.legendgroup: trace for trace in figure.data if trace.mode == "markers"}


def said(figure, place=0):
    """What stands below the axis of a panel."""
    axis, *words = figure.layout.meta["panels"][place]["titles"]["xaxis"].split("<br>")
    assert axis == "calls"
    return " ".join(words)


# mine: 1 s more to prepare, 10 ms less a call.
PAYS = {"simple": (1.0, 20), "mine": (2.0, 10)}


def test_a_line_is_the_time_to_tune_to_prepare_and_to_call(tmp_path):
    tuned = ok(case("tuned"), 5, prepare_s=0.5, tune_s=1.5)
    found = lines(drawn(tmp_path, [*kernels(**PAYS), tuned]))
    assert {trace.x for trace in found.values()} == {found["mine"].x}
    assert (found["mine"].x[0], found["mine"].x[-1]) == (1, 100_000)
    total_s = {kernel: (trace.y[0], trace.y[-1]) for kernel, trace in found.items()}
    assert total_s["simple"] == pytest.approx((1.02, 2001))
    assert total_s["mine"] == pytest.approx((2.01, 1002))
    assert total_s["tuned"] == pytest.approx((2.005, 502))


def test_the_break_even_point_is_marked_on_the_line_of_its_kernel(tmp_path):
    figure = drawn(tmp_path, kernels(**PAYS))
    (mark,) = marks(figure).values()
    assert (mark.legendgroup, mark.x) == ("mine", (100,))
    # Both have taken 3 s by then.
    assert mark.y == pytest.approx((3.0,))
    assert mark.marker.color == lines(figure)["mine"].line.color
    assert not mark.showlegend


def test_the_legend_says_when_each_kernel_has_paid(tmp_path):
    records = kernels(**PAYS, slow=(1.5, 30), once=(1.011, 10), late=(1e6 + 1, 10))
    sampled = ok(case("cached_topk(mine)", 0.1), 1, prepare_s=0.5)
    names = {kernel: trace.name for kernel, trace in lines(drawn(tmp_path, [*records, sampled])).items()}
    assert names == {
        # once prepared and called, `simple` takes 1.02 s and `once` 1.021 s.
        "simple": "simple: the reference",
        "mine": "mine: after 100 calls",
        "slow": "slow: never",
        "once": "once: after 2 calls",
        "late": "late: after 100,000,000 calls",
        "cached_topk(mine)": "cached_topk(mine): at once",
    }


def test_a_point_beyond_the_axis_has_no_mark(tmp_path):
    figure = drawn(tmp_path, kernels(simple=(1.0, 20), late=(1e6 + 1, 10), slow=(1.5, 30)))
    assert marks(figure) == {}


def test_what_stands_below_says_when_the_fastest_exact_kernel_has_paid(tmp_path):
    figure = drawn(tmp_path, kernels(**PAYS, slow=(1.5, 30)))
    assert said(figure) == "mine has paid for its preparing after 100 calls against simple"


def test_of_a_kernel_that_is_tuned_it_says_so(tmp_path):
    figure = drawn(tmp_path, [*kernels(simple=(1.0, 20)), ok(case("mine"), 10, prepare_s=1.5, tune_s=0.5)])
    assert said(figure) == "mine has paid for its tuning and preparing after 100 calls against simple"


def test_it_says_so_where_the_fastest_needs_no_preparing(tmp_path):
    figure = drawn(tmp_path, kernels(mine=(1.0, 10), slow=(1.5, 30)))
    assert said(figure) == "mine is the fastest exact kernel from the first call on"


def test_a_panel_is_of_one_budget_and_says_the_same_of_its_fastest_cached_kernel(tmp_path):
    sampled = [ok(case("cached_topk(mine)", budget), 100 * budget, prepare_s=3.0) for budget in (0.1, 0.5)]
    figure = drawn(tmp_path, [*kernels(**PAYS), *sampled, ok(case("topk(mine)", 0.1), 1)])
    assert [panel["where"] for panel in figure.layout.meta["panels"]] == [{"budget": "0.1"}, {"budget": "0.5"}]
    assert [*lines(figure)] == ["mine", "simple", "cached_topk(mine)"]  # a fresh one is not drawn
    exact = "mine has paid for its preparing after 100 calls against simple"
    assert said(figure) == f"{exact} cached_topk(mine) has paid for its preparing after 200 calls against simple"
    assert said(figure, 1) == f"{exact} cached_topk(mine) never pays for its preparing against simple"


def test_an_exact_kernel_is_stored_once_for_all_budgets(tmp_path):
    sampled = [ok(case("cached_topk(mine)", budget), 100 * budget, prepare_s=3.0) for budget in (0.1, 0.5)]
    first, second = (panel["traces"] for panel in drawn(tmp_path, [*kernels(**PAYS), *sampled]).layout.meta["panels"])
    assert len({*first} & {*second}) == 3  # two lines and a mark


def test_two_exact_kernels_behind_one_selection_share_its_colour_and_differ_in_their_dash(tmp_path):
    sampled = [ok(case(f"cached_topk({base})", 0.1), 1) for base in PAYS]
    found = lines(drawn(tmp_path, [*kernels(**PAYS), *sampled]))
    one, other = found["cached_topk(mine)"].line, found["cached_topk(simple)"].line
    assert (one.color == other.color, one.dash == other.dash) == (True, False)
    assert found["mine"].line.dash == "solid"


def rounds_with(*paid_s):
    return [kernels(simple=(1.0, 20), mine=(each, 10)) for each in paid_s]


def test_over_rounds_the_median_is_marked_with_a_bar_and_both_are_said(tmp_path):
    figure = drawn(tmp_path, *rounds_with(2.0, 5.0, 3.0))
    (mark,) = marks(figure).values()
    assert (mark.x, mark.error_x.arrayminus, mark.error_x.array) == ((200,), (100,), (200,))
    assert said(figure) == "mine has paid for its preparing after 200 calls against simple (100 to 400 over the rounds)"
    assert "prepare 3.000 s (2.000 s to 5.000 s), each call 10.00 ms<" in lines(figure)["mine"].hovertemplate


def test_a_bar_ends_with_the_axis(tmp_path):
    never = kernels(simple=(1.0, 20), mine=(1.5, 20))
    figure = drawn(tmp_path, kernels(**PAYS), kernels(**PAYS), never)
    (mark,) = marks(figure).values()
    assert (mark.x, mark.error_x.array) == ((100,), (99_900,))
    assert said(figure).endswith("after 100 calls against simple (100 to never over the rounds)")


def test_a_reference_that_changes_with_the_rounds_is_named_with_the_others(tmp_path):
    turned = kernels(simple=(1.0, 20), mine=(0.5, 10))
    figure = drawn(tmp_path, kernels(**PAYS), kernels(**PAYS), turned)
    assert said(figure).endswith("after 100 calls against simple (0 to 100 over the rounds)")
    assert lines(figure)["simple"].name == "simple: the reference"


def test_a_kernel_whose_preparing_was_not_timed_is_named_with_the_reason(tmp_path):
    figure = drawn(tmp_path, kernels(**PAYS, foreign=(None, 30)))
    assert [*lines(figure)] == ["mine", "simple"]
    assert said(figure).endswith(" foreign is not drawn: the time to prepare was not recorded")


def test_the_fastest_may_be_one_of_which_it_is_not_known(tmp_path):
    figure = drawn(tmp_path, kernels(**PAYS, foreign=(None, 1)))
    assert said(figure).startswith("when foreign has paid for its preparing is not known: the time to prepare was not recorded")


def test_a_product_with_one_kernel_has_nothing_to_compare(tmp_path):
    assert drawn(tmp_path, kernels(mine=(1.0, 10))) is None


def test_a_product_has_a_panel_of_its_own(tmp_path):
    records = [
        ok(case(kernel, graph=graph, width=width), time_ms, prepare_s=paid_s)
        for kernel, (paid_s, time_ms) in PAYS.items()
        for graph in ("ring", "star")
        for width in (64, 256)
    ]
    shown = [panel["where"] for panel in drawn(tmp_path, records).layout.meta["panels"]]
    assert shown == [{"graph": graph, "width": width} for graph in ("ring", "star") for width in ("256", "64")]


def test_lines_below_the_axis_fit_a_narrow_screen(tmp_path):
    long = "a_kernel_with_a_name_that_is_rather_long"
    figure = drawn(tmp_path, kernels(simple=(1.0, 20), **{long: (2.0, 10)}))
    words = figure.layout.meta["panels"][0]["titles"]["xaxis"].split("<br>")
    assert len(words) > 2
    assert max(map(len, words)) <= 64


def test_times_have_units_on_the_axis(tmp_path):
    axis = drawn(tmp_path, kernels(**PAYS)).layout.yaxis
    ticks = dict(zip(axis.tickvals, axis.ticktext, strict=True))
    for seconds, text in ((1e-9, "1 ns"), (1e-4, "100 µs"), (0.01, "10 ms"), (1.0, "1 s"), (1e3, "1,000 s")):
        assert next(each for value, each in ticks.items() if math.isclose(value, seconds)) == text
