"""What the page shows of kernels of every kind: each class of precision beside its own, approximations with what samples."""

import pytest
from synthetic_results import case, ok, write_results

from rsc_bench.harness.records.file import read
from rsc_bench.plugins import load
from rsc_bench.reports.page.cases import columns
from rsc_bench.reports.page.headline import headlines
from rsc_bench.reports.page.render import render
from rsc_bench.reports.page.unknown import unknown
from rsc_bench.reports.tables.table import VS_FLOAT32, read_table

FIGURES = load("figure")
RECORDS = [
    ok(case("mkl"), 20, rel_error=2e-7),
    ok(case("rows_numba"), 12, rel_error=1e-7),
    ok(case("tensor", precision="tf32"), 6, rel_error=4e-4),
    ok(case("tensor2", precision="tf32"), 8, rel_error=5e-4),
    ok(case("rows_numba", dtype="float16"), 9, rel_error=3e-4),
    ok(case("topk(tensor)", 0.1, precision="tf32"), 2, rel_error=0.5),
]


def table_of(tmp_path, records):
    return read_table([read(write_results(tmp_path / "run.jsonl", [records]))])


@pytest.fixture
def table(tmp_path):
    return table_of(tmp_path, RECORDS)


def test_a_speedup_is_within_the_class_and_beside_it_against_float32(table):
    rows = {(row["kernel"], row["precision"], row["dtype"]): row for row in table.products}
    tensor = rows["tensor2", "tf32", "float32"]
    assert (tensor["speedup"], tensor["speedup against"]) == (0.75, "tensor")
    assert (tensor[VS_FLOAT32], tensor[f"{VS_FLOAT32} against"]) == (1.5, "rows_numba")
    sampled = rows["topk(tensor)", "tf32", "float32"]
    assert (sampled["speedup"], sampled[VS_FLOAT32]) == (3.0, 6.0)
    half = rows["rows_numba", "float16", "float16"]
    assert (half["speedup"], half[VS_FLOAT32]) == (1.0, pytest.approx(12 / 9))
    assert {name for _, name, _ in rows} == {"float32", "tf32", "float16"}


def test_all_classes_stand_in_one_figure_with_their_error(table):
    figure = FIGURES["exact_error"].draw(table)
    dots = {trace.name: (trace.x[0], trace.y[0]) for trace in figure.data}
    assert dots == {
        "mkl (float32)": (2e-7, 0.6),
        "rows_numba (float32)": (1e-7, 1.0),
        "rows_numba (float16)": (3e-4, pytest.approx(12 / 9)),
        "tensor (tf32, stored in float32)": (4e-4, 2.0),
        "tensor2 (tf32, stored in float32)": (5e-4, 1.5),
    }
    assert figure.layout.meta["panels"][0]["note"] == "1× is the fastest exact kernel of float32, rows_numba."


def test_the_exact_kernels_are_multiples_of_the_fastest_of_their_class(table):
    figure = FIGURES["exact_kernels"].draw(table)
    dots = {
        (trace.name, place): (x, text) for trace in figure.data for x, place, text in zip(trace.x, trace.y, trace.text, strict=True)
    }
    assert dots["tensor2", "ring, d = 64, tf32"] == (pytest.approx(8 / 6), "8 ms, error 0.0005")
    assert dots["mkl", "ring, d = 64, float32"] == (pytest.approx(20 / 12), "20 ms, error 2e-07")


def test_the_headline_says_what_a_kernel_computes_in(table):
    (headline,) = headlines(table)
    assert headline.setting == "float32 · computes in tf32 · cpu · timing mode host · sum aggregation"
    assert (headline.lead.speedup, headline.lead.float32, headline.lead.float32_name) == (3.0, 6.0, "rows_numba")
    page = " ".join(render(table).split())
    assert "the fastest exact kernel of its precision (6.00× against <b>rows_numba</b> in float32)" in page
    assert '<th scope="col" class="n">vs float32</th>' in page


def test_the_table_has_a_column_for_it_only_where_a_kernel_declares_one(table, tmp_path):
    column = next(each for each in columns(table) if each["name"] == "precision")
    assert column["texts"] == ["float16", "float32", "tf32"]
    (tmp_path / "run.jsonl").unlink()
    assert "precision" not in [each["name"] for each in columns(table_of(tmp_path, RECORDS[:2]))]


def test_where_no_float32_was_measured_it_is_said(tmp_path):
    table = table_of(tmp_path, RECORDS[2:4])
    why = "no exact kernel of float32 was measured on the same product: `--dtype float32` measures them, too"
    assert unknown(table) == [f"speedup vs float32 is not known of 2 cases (tensor, tensor2): {why}"]
    note = FIGURES["exact_error"].draw(table).layout.meta["panels"][0]["note"]
    assert note.endswith("the fastest here: no exact kernel of float32 was measured (--dtype float32 measures them).")


OWN = [
    *RECORDS[:2],
    ok(case("topk(mkl)", 0.1), 3, rel_error=0.5),
    ok(case("topk(rows_numba)", 0.1), 2, rel_error=0.5),
    ok(case("edges", suite="sampled"), 4, rel_error=0.8, kept_nnz=250),
    ok(case("cached_edges", suite="sampled"), 3, rel_error=0.8, kept_nnz=250),
    ok(case("mystery", suite="sampled"), 1, rel_error=0.9, kept_nnz=None),
]


def test_an_approximation_of_its_own_is_drawn_with_what_samples_at_the_budget_that_it_spent(tmp_path):
    table = table_of(tmp_path, OWN)
    for name, place in (("error_speedup", (0.8, 3.0)), ("speedup_budget", (0.25, 3.0))):
        meta = FIGURES[name].draw(table).layout.meta
        names = [trace["name"] for trace in meta["traces"]]
        drawn = {panel["where"]["multiply with"]: {names[at] for at in panel["traces"]} for panel in meta["panels"]}
        assert {"topk(mkl)", "edges", "cached_edges"} <= drawn["mkl"]
        assert {"topk(rows_numba)", "edges", "cached_edges"} <= drawn["the fastest for each"]
        trace = meta["traces"][names.index("edges")]
        assert (trace["x"][0], trace["y"][0]) == place
    for name in ("exact_kernels", "exact_error"):
        assert {trace.name.partition(" ")[0] for trace in FIGURES[name].draw(table).data} == {"mkl", "rows_numba"}
    assert {best.kernel for each in headlines(table) for best in each.best} == {"topk(rows_numba)"}


def test_one_that_does_not_say_what_it_multiplies_is_in_the_table_and_said_so(tmp_path):
    table = table_of(tmp_path, OWN)
    (row,) = [row for row in table.products if row["kernel"] == "mystery"]
    assert (row["speedup"], row["speedup against"], row["error"]) == (12.0, "rows_numba", 0.9)
    why = "the kernel does not say what it multiplies (`kept`), so its budget is not known and its result is held to nothing"
    assert unknown(table) == [f"kept is not known of 1 case (mystery): {why}"]
    budgets = next(each for each in columns(table) if each["name"] == "budget")["values"]
    assert budgets == [None, None, 0.1, 0.1, 0.25, 0.25, None]
