import math

import pytest
from synthetic_results import case, ok

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.ceilings import Ceilings, Probe
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.run import Round
from rsc_bench.reports.drawing.stored import stored
from rsc_bench.reports.drawing.theme import colours
from rsc_bench.reports.figures.growth import FIGURE
from rsc_bench.reports.tables.growing import NAMED, drawings
from rsc_bench.reports.tables.table import read_table

GB = 10**9
# 1 ns a byte copied, 0.5 ns a byte gathered, whatever the size: what follows can be worked out.
FLAT = Ceilings(
    device="cpu",
    cache_bytes=100_000,
    probes=[
        Probe(what="copy", means="copy_", operand_bytes=GB, moved_bytes=GB, times_s=[1.0]),
        Probe(what="gather", means="embedding_bag", operand_bytes=GB, row_bytes=32, moved_bytes=2 * GB, times_s=[1.0]),
    ],
)
TWIN = "twin:ogbn-products"


def product(kernel, time_ms, nodes=100, width=8, **beyond):
    """A product of a graph of ten times as many non-zeros as nodes; of a sampled one a tenth is selecting."""
    name, budget = beyond.pop("graph", f"{TWIN}@{nodes / 100_000:g}"), beyond.pop("budget", None)
    kept = {"kept_nnz": 10 * nodes, "kept_pairs": None}
    if budget is not None:
        kept = {"kept_nnz": int(10 * nodes * budget), "kept_pairs": int(nodes * budget), "multiply_s": [0.9 * time_ms / 1e3]}
    of = case(kernel, budget, name, width, suite="growth", **beyond)
    return ok(of, time_ms, nnz=10 * nodes, rows=nodes, columns=nodes, **kept)


def written(tmp_path, records, ceilings=FLAT, system=None):
    file = ResultsFile(tmp_path / "run.jsonl", {"os": {"name": system}})
    file.start_round(Round(index=1, of=1, cases=len(records), started="2026-03-01T10:00:00Z", ceilings=ceilings))
    for record in records:
        file.append(record)
    file.close()
    return file.path


def table_of(tmp_path, records, ceilings=FLAT):
    return read_table([read(written(tmp_path, records, ceilings))]).escaped()


def drawn(tmp_path, records, ceilings=FLAT):
    figure = FIGURE.draw(table_of(tmp_path, records, ceilings))
    return {(trace.name, trace.xaxis): trace for trace in figure.data}


def panels(tmp_path, records, ceilings=FLAT):
    return stored(FIGURE.draw(table_of(tmp_path, records, ceilings)))["panels"]


SIZES = [product("mkl", time_ms, nodes) for nodes, time_ms in ((100, 1), (1000, 20), (10_000, 500))]
WIDTHS = [product("mkl", time_ms, 1000, width) for width, time_ms in ((16, 30), (32, 70))]
SWEEP = [*SIZES, *WIDTHS, product("topk(mkl)", 5, 1000, budget=0.1), product("topk(mkl)", 80, 10_000, budget=0.1)]


def test_time_is_drawn_over_the_non_zeros_and_over_the_width(tmp_path):
    traces = drawn(tmp_path, SWEEP)
    assert (traces["mkl", "x"].x, traces["mkl", "x"].y) == ((1000, 10_000, 100_000), pytest.approx((1, 20, 500)))
    assert (traces["mkl", "x2"].x, traces["mkl", "x2"].y) == ((8, 16, 32), pytest.approx((20, 30, 70)))
    sampled = traces["topk(mkl), C = 0.1", "x"]
    assert (sampled.x, sampled.y) == ((10_000, 100_000), pytest.approx((5, 80)))
    assert (sampled.line.dash, traces["mkl", "x"].line.dash) == ("dash", "solid")
    assert sampled.line.color == colours(["mkl", "topk(mkl)"])["topk(mkl)"]


def test_the_limits_are_the_bytes_of_the_product_at_the_measured_rates(tmp_path):
    traces = drawn(tmp_path, SWEEP)
    # 32 bytes for each non-zero, half a nanosecond a byte; offsets, columns, operand and result, a nanosecond a byte.
    assert traces["gather limit", "x"].y == pytest.approx([nnz * 32 / 2e6 for nnz in (1000, 10_000, 100_000)], rel=1e-4)
    moved = [4 * (nodes + 1) + 4 * 10 * nodes + 2 * 32 * nodes for nodes in (100, 1000, 10_000)]
    assert traces["compulsory limit", "x"].y == pytest.approx([each / 1e6 for each in moved], rel=1e-4)
    assert traces["gather limit", "x2"].y == pytest.approx([10_000 * 4 * width / 2e6 for width in (8, 16, 32)], rel=1e-4)
    # What sampling keeps: a tenth of the rows are gathered.
    assert traces["gather limit, C = 0.1", "x"].y == pytest.approx((1000 * 32 / 2e6, 10_000 * 32 / 2e6), rel=1e-4)
    assert traces["gather limit, C = 0.1", "x"].line.width < traces["gather limit", "x"].line.width


def test_the_last_cache_stands_where_the_dense_operand_leaves_it(tmp_path):
    traces = drawn(tmp_path, SWEEP)
    # 100 kB: 3,125 rows of 32 bytes with ten non-zeros each, and 25 columns of 1,000 rows.
    assert traces["dense operand = last cache (0.1 MB)", "x"].x == pytest.approx((31_250, 31_250))
    assert traces["dense operand = last cache (0.1 MB)", "x2"].x == pytest.approx((25, 25))


@pytest.mark.parametrize(
    ("cache_bytes", "words"),
    [
        (100_000, "is larger than the last cache (0.1 MB) from about 31,200 on."),
        (10, "is larger than the last cache (1e-05 MB) at every size."),
        (GB, "fits the last cache (1e+03 MB)."),
        (None, "the size of the last cache is not known."),
    ],
)
def test_the_note_says_from_where_on_the_operand_is_beyond_the_last_cache(tmp_path, cache_bytes, words):
    ceilings = Ceilings(device="cpu", cache_bytes=cache_bytes, probes=FLAT.probes)
    (panel,) = panels(tmp_path, SIZES, ceilings)
    assert panel["note"].splitlines()[0].endswith(words)
    marked = any("last cache" in name for name, _ in drawn(tmp_path / "again", SIZES, ceilings))
    assert marked == (cache_bytes == 100_000)


def test_the_note_says_from_where_on_results_are_fresh_memory(tmp_path):
    # 32 MiB: results of 8,389 rows of 4,000 bytes.
    wide = [product("mkl", 9, nodes, 1000) for nodes in (1000, 100_000)]
    kept = [product("mkl", 9, nodes, 1000, freed_memory="kept") for nodes in (1000, 100_000)]
    said = "from about 83,900 on the result is above 32 MB, which glibc takes as fresh memory in each call: no limit counts that."
    for place, (records, system, there) in enumerate([(wide, "Linux", True), (wide, "Darwin", False), (kept, "Linux", False)]):
        (tmp_path / str(place)).mkdir()
        table = read_table([read(written(tmp_path / str(place), records, system=system))]).escaped()
        (panel,) = stored(FIGURE.draw(table))["panels"]
        assert panel["note"].splitlines()[0].endswith(said) == there
        assert ("glibc" in panel["note"]) == there


def test_the_note_says_where_each_kernel_is_at_either_end(tmp_path):
    (panel,) = panels(tmp_path, [*SIZES, *SWEEP[-2:], product("fast", 0.004), product("fast", 5, 1000), product("cached", 0.001)])
    lines = panel["note"].splitlines()
    # 0.016 ms of gathering in 1 ms, 1.6 ms in 500; 0.0108 ms of moving in 0.004 ms.
    assert "mkl: 1.6 % of the gather limit at 1,000; 0.32 % of the gather limit at 100,000." in lines
    assert "cached: beyond both limits (gather 1600 %, compulsory 1080 %) at 1,000." in lines
    # 4,004 bytes of offsets, 4,000 of columns, 3,200 of rows and 32,000 of a result, in 4.5 ms.
    sampled = "topk(mkl), C = 0.1: 0.96 % of the compulsory limit at 10,000; 0.6 % of the compulsory limit at 100,000"
    assert f"{sampled}, where selecting is 10 % of the call." in lines
    assert [line.partition(":")[0] for line in lines[1:-1]] == ["cached", "fast", "mkl", "topk(mkl), C = 0.1"]
    assert lines[-1].startswith("cached came to 1,600 % of the gather ceiling and 1 more kernel passed it: ")


def test_a_limit_that_is_passed_is_not_the_nearest(tmp_path):
    # Gathering takes 0.016 ms and moving all once 0.0108.
    (panel,) = panels(tmp_path, [product("mkl", 0.012), product("mkl", 20, 1000), product("near", 0.0155)])
    lines = panel["note"].splitlines()
    assert lines[1].startswith(
        "mkl: 90 % of the compulsory limit and beyond the gather limit (133 %) at 1,000; 0.8 % of the gather"
    )
    assert lines[2] == "near: 103 % of the gather limit at 1,000.", "a few percent beyond are noise"


def test_a_point_says_what_it_is_and_what_it_reached(tmp_path):
    traces = drawn(tmp_path, SWEEP)
    assert traces["mkl", "x"].text[0] == f" at 1,000 non-zeros, d = 8<br>{TWIN}@0.001<br>1.6 % of the gather limit"
    assert traces["topk(mkl), C = 0.1", "x"].text[0].endswith("% of the compulsory limit<br>selecting: 10 % of the call")


@pytest.mark.parametrize(
    ("ceilings", "reason"),
    [
        (None, "the file is older than they are"),
        (Ceilings(device="cpu", missing="MemoryError: <8 GB"), "MemoryError: &lt;8 GB"),
        (Ceilings(device="cuda:0", probes=FLAT.probes), "they are those of cuda:0"),
    ],
)
def test_without_limits_the_times_are_there_and_the_reason(tmp_path, ceilings, reason):
    traces = drawn(tmp_path, SIZES, ceilings)
    assert {name for name, _ in traces} == {"mkl", f"no limits: {reason}"}
    assert traces["mkl", "x"].text[0].endswith("<br>no limit is known")
    (panel,) = panels(tmp_path / "again", SIZES, ceilings)
    assert panel["note"].endswith(f"what the device can reach is not known ({reason.replace('&lt;', '<')}).")


def test_each_width_of_the_family_and_each_graph_of_several_widths_can_be_chosen(tmp_path):
    wide = [product("mkl", 9, nodes, 64) for nodes in (100, 1000)]
    found = panels(tmp_path, [*SIZES, *WIDTHS, *wide])
    chosen = [(panel["where"]["over the non-zeros"], panel["where"]["over the width"]) for panel in found]
    assert chosen == [
        (f"{TWIN}, d = 8", f"{TWIN}@0.01"),
        (f"{TWIN}, d = 8", f"{TWIN}@0.001"),
        (f"{TWIN}, d = 64", f"{TWIN}@0.01"),
        (f"{TWIN}, d = 64", f"{TWIN}@0.001"),
    ]
    assert found[2]["titles"]["xaxis"] == f"non-zeros ({TWIN}, d = 64)"


def test_a_graph_that_is_no_share_of_another_is_of_the_family_of_the_named(tmp_path):
    files = [product("mkl", nodes, nodes, graph=name) for nodes, name in ((100, "mine"), (1000, "yours"))]
    whole = product("mkl", 9, 100_000, graph=TWIN)
    sorted_ = [product("mkl", 9, nodes, reorder="degree") for nodes in (100, 1000)]
    (drawing,) = drawings(table_of(tmp_path, [*SIZES, *files, whole, *sorted_]).growing)
    found = {growth.name: [row["graph"] for row in growth.rows] for growth in drawing.sized}
    assert found == {
        f"{TWIN}, d = 8": [f"{TWIN}@{share}" for share in ("0.001", "0.01", "0.1")] + [TWIN],
        f"{TWIN} (degree), d = 8": [f"{TWIN}@{share} (degree)" for share in ("0.001", "0.01")],
        f"{NAMED}, d = 8": ["mine", "yours"],
    }


def test_where_nothing_grows_each_product_is_a_point(tmp_path):
    traces = drawn(tmp_path, [product("mkl", 3, graph="mine")])
    assert traces["mkl", "x"].x == (1000,)
    (panel,) = panels(tmp_path / "again", [product("mkl", 3, graph="mine")])
    assert panel["note"].splitlines()[1] == "mkl: 0.53 % of the gather limit at 1,000."


@pytest.mark.parametrize(("records", "there"), [(SIZES, "xaxis"), ([SIZES[1], *WIDTHS], "xaxis2")])
def test_one_of_the_two_alone_takes_the_whole_width(tmp_path, records, there):
    layout = FIGURE.draw(table_of(tmp_path, records)).layout
    for axis, y in (("xaxis", "yaxis"), ("xaxis2", "yaxis2")):
        assert layout[axis].visible == layout[y].visible == (axis == there)
        assert (layout[y].title.text is not None) == (axis in {there, "xaxis"})
    assert layout[there].domain == (0, 1)


def test_what_differs_beside_the_size_is_a_line_of_its_own(tmp_path):
    records = [product("mkl", time_ms, nodes, **beyond) for nodes in (100, 1000) for time_ms, beyond in ((2, {}), (1, KEPT))]
    assert {name for name, _ in drawn(tmp_path, records)} >= {"mkl", "mkl, kept memory"}
    budgets = [product("topk(mkl)", 1, nodes, budget=budget) for nodes in (100, 1000) for budget in (0.1, 0.5)]
    traces = drawn(tmp_path / "budgets", budgets)
    assert traces["topk(mkl), C = 0.1", "x"].line.dash != traces["topk(mkl), C = 0.5", "x"].line.dash
    other = [product("mkl", 1, nodes, dtype=dtype) for nodes in (100, 1000) for dtype in ("float32", "bfloat16")]
    assert [panel["where"]["dtype"] for panel in panels(tmp_path / "dtypes", other)] == ["bfloat16", "float32"]


KEPT = {"freed_memory": "kept"}


def test_no_kernel_stands_twice_in_the_legend(tmp_path):
    traces = drawn(tmp_path, SWEEP)
    shown = [name for (name, _), trace in traces.items() if trace.showlegend]
    assert sorted(shown) == sorted({name for name, _ in traces})


def test_names_are_safe_in_plotly_and_as_they_are_in_text(tmp_path):
    records = [product("<b>", 1, 1000, width, graph="<i>") for width in (8, 16)]
    traces = drawn(tmp_path, records)
    assert traces["&lt;b&gt;", "x2"].text[0].split("<br>")[1] == "&lt;i&gt;"
    (panel,) = panels(tmp_path / "again", records)
    assert panel["note"].splitlines()[1].startswith("<b>: ")
    assert panel["titles"]["xaxis2"].endswith("(&lt;i&gt;)")


def test_without_sizes_of_the_operand_nothing_is_said_of_the_cache(tmp_path):
    unknown = [ok(record.case, 3, nnz=1000, rows=None, columns=None) for record in SIZES]
    (drawing,) = drawings(table_of(tmp_path, unknown).growing)
    assert [math.isnan(growth.leaves(100)) for growth in drawing.sized] == [True]


def test_an_operand_that_does_not_grow_with_the_non_zeros_leaves_no_cache(tmp_path):
    sizes = (("dense", 100, 90_000), ("sparse", 10_000, 1000))
    records = [ok(product("mkl", 3, graph=name).case, 3, nnz=nnz, rows=nodes, columns=nodes) for name, nodes, nnz in sizes]
    assert not any("cache" in name for name, _ in drawn(tmp_path, records))
    (panel,) = panels(tmp_path / "again", records)
    assert "does not grow alike, so no size is that of the last cache." in panel["note"]
