import dataclasses
import math

import pytest

from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact import mkl
from rsc_bench.suites.catalog import Catalog, catalog
from rsc_bench.suites.graphs.synthetic.twin_table import TWINS
from rsc_bench.suites.options import Options, OptionsError
from rsc_bench.suites.spmm.cases.growth import FAMILY, SHARES, WIDTHS, growth_settings, nnz_of

CATALOG = catalog()
NAMED = Options(benchmark=True, growth_named=True, device="cpu")
MEAN_DEGREE = TWINS[FAMILY].edges / TWINS[FAMILY].nodes


def sweep(catalog=CATALOG, **options):
    return growth_settings(dataclasses.replace(NAMED, **options), catalog)


def made_up(*roles, device="cpu"):
    kernels = [Kernel(role, device, "Made up.", mkl.prepare, role) for role in roles]
    return Catalog({kernel.name: kernel for kernel in kernels}, CATALOG.selections)


def sizes(found):
    """The widths of each graph."""
    widths = {}
    for setting in found:
        widths.setdefault(setting.graph, set()).add(setting.width)
    return widths


def test_the_graphs_have_round_numbers_of_non_zeros_at_most():
    rounds = (1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8)
    assert all(0.98 * most < nnz_of(share) <= most for share, most in zip(SHARES, rounds, strict=True))


def test_the_graphs_of_the_family_have_one_mean_degree():
    degrees = [nnz_of(share) / round(TWINS[FAMILY].nodes * share) for share in SHARES]
    assert degrees == pytest.approx([MEAN_DEGREE] * len(SHARES), rel=0.001)


def test_where_a_run_measures_and_does_not_name_the_suite_there_is_none_of_it():
    assert sweep(growth_named=False) == []
    assert growth_settings(Options(device="cpu"), CATALOG)


def test_a_family_grows_at_two_widths_and_one_graph_of_it_over_all_widths():
    *others, widened, last = sizes(sweep()).items()
    assert [widths for _, widths in (*others, last)] == [{64, 256}] * 4
    assert widened == ("twin:ogbn-products@0.024", set(WIDTHS))
    assert last[0] == "twin:ogbn-products@0.08"


def test_a_gpu_is_given_ten_times_as_much():
    gpu = sizes(sweep(made_up("ours", device="cuda"), device="cuda:0"))
    assert list(gpu) == [f"twin:ogbn-products@{share:g}" for share in SHARES]
    assert gpu["twin:ogbn-products@0.08"] == set(WIDTHS)


@pytest.mark.parametrize(
    ("most", "last", "widened"),
    [(1e8, "0.8", "0.024"), (math.inf, "0.8", "0.024"), (1e6, "0.008", "0.008"), (nnz_of(SHARES[0]), "0.0008", "0.0008")],
)
def test_the_largest_graph_is_the_one_that_max_nnz_allows(most, last, widened):
    found = sizes(sweep(max_nnz=most))
    assert list(found)[-1] == f"twin:ogbn-products@{last}"
    assert [graph for graph, widths in found.items() if widths == set(WIDTHS)] == [f"twin:ogbn-products@{widened}"]


def test_graphs_that_are_named_are_measured_at_every_width_and_all_at_widths_that_are():
    every = {*WIDTHS}
    assert sizes(sweep(graphs=("small:hub", "small:random"))) == {"small:hub": every, "small:random": every}
    assert {frozenset(widths) for widths in sizes(sweep(widths=(32, 8))).values()} == {frozenset({32, 8})}
    assert sizes(sweep(graphs=("small:hub",), widths=(8,))) == {"small:hub": {8}}


def test_ours_and_the_vendors_are_measured_and_topk_in_front_of_ours():
    found = {(s.choice.name, s.budget) for s in sweep(made_up("ours", "vendor", "other"))}
    assert found == {("ours", None), ("vendor", None), ("topk(ours)", 0.1), ("cached_topk(ours)", 0.1)}


def test_what_is_named_is_measured_beside_them_and_in_the_place_of_topk():
    known = made_up("ours", "vendor", "other")
    assert {s.choice.name for s in sweep(known, kernels=("other",))} == {"ours", "vendor", "other"}
    assert {s.choice.name for s in sweep(known, kernels=("topk(other)",))} == {"ours", "vendor", "other", "topk(other)"}
    assert {s.budget for s in sweep(known, budgets=(0.3, 0.5)) if s.budget} == {0.3, 0.5}


def test_a_kernel_file_is_measured_with_its_topk(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from rsc_bench.kernels import Kernel\nfrom rsc_bench.kernels.exact.mkl import prepare\n")
    path.write_text(path.read_text() + 'KERNEL = Kernel("mine", "cpu", "Mine.", prepare)\n')
    found = {s.choice.name for s in sweep(catalog([str(path)]), kernels=(str(path),), widths=(8,)) if s.choice.exact == "mine"}
    assert found == {"mine", "topk(mine)", "cached_topk(mine)"}


def test_where_ours_is_not_there_what_could_not_be_loaded_is_recorded():
    lacking = dataclasses.replace(made_up("vendor"), missing={"ours": "numba is not installed: pip install numba"})
    assert {s.choice.name for s in sweep(lacking)} == {"vendor", "ours"}
    whole = dataclasses.replace(made_up("ours"), missing={"another": "it is not installed"})
    assert "another" not in {s.choice.name for s in sweep(whole)}


def test_dtypes_aggregations_orders_and_clocks_are_chosen_as_in_other_suites():
    found = sweep(dtypes=("bfloat16",), reduces=("mean",), reorders=("none", "degree"), max_nnz=1e5, widths=(8,), kernels=("mkl",))
    assert {(s.dtype, s.reduce, s.reorder) for s in found} == {("bfloat16", "mean", None), ("bfloat16", "mean", "degree")}
    gpu = sweep(made_up("ours", device="cuda"), device="cuda:0", clocks=("cuda_hot",))
    assert {s.clock for s in gpu} == {"cuda_hot"}


def test_every_case_is_of_this_suite_once_graph_by_graph():
    found = sweep(kernels=("mkl", "mkl"), widths=(8, 8))
    assert len({s.case() for s in found}) == len({str(s) for s in found}) == len(found)
    assert {s.case().suite for s in found} == {"growth"}
    assert [s.graph for s in found] == sorted((s.graph for s in found), key=list(sizes(found)).index)


def test_checking_is_of_a_few_small_cases():
    found = growth_settings(Options(device="cpu"), made_up("ours", "vendor"))
    assert sizes(found) == {"small:random": {16, 256}, "small:hub": {16, 256}}
    assert len(found) == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_nnz": 98_973}, "--max-nnz must be at least 98974, the non-zeros of the smallest graph (got 98973)"),
        ({"max_nnz": math.nan}, "--max-nnz must be at least 98974, the non-zeros of the smallest graph (got nan)"),
        (
            {"max_nnz": 1e8, "graphs": ("small:hub",)},
            "--max-nnz must go without --graph: it chooses among the graphs of the suite, or name those you want",
        ),
        (
            {"max_nnz": 1e8, "growth_named": False},
            "--max-nnz must go with the suite growth where it measures: write `rsc-bench bench growth`",
        ),
        (
            {"max_nnz": 1e8, "benchmark": False},
            "--max-nnz must go with the suite growth where it measures: write `rsc-bench bench growth`",
        ),
    ],
)
def test_a_size_that_chooses_nothing_is_refused_in_one_line(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionsError) as caught:
        sweep(**options)
    assert str(caught.value) == message
