import dataclasses
from itertools import product

import pytest

from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact import mkl
from rsc_bench.suites.catalog import Catalog, catalog
from rsc_bench.suites.options import DTYPES, Options
from rsc_bench.suites.spmm.cases.sweep import (
    CHECKED_BUDGETS,
    CHECKED_GRAPHS,
    CHECKED_WIDTHS,
    baselines_left_out,
    selections_left_out,
    settings,
)

CATALOG = catalog()
ONE = Options(benchmark=True, graphs=("small:hub",), widths=(8,), budgets=(0.1, 0.5), device="cpu")


MINE = """
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.mkl import prepare
KERNEL = Kernel("mine", "cpu", "Mine.", prepare)
"""


def sweep(catalog=CATALOG, **options):
    return settings(dataclasses.replace(ONE, **options), catalog)


def on_a_gpu():
    """One CPU and one GPU kernel, both of which can run."""
    gpu = Kernel("gpu", "cuda", "On a GPU.", mkl.prepare)
    return Catalog({"mkl": mkl.KERNEL, "gpu": gpu}, CATALOG.selections)


@pytest.mark.parametrize("options", [Options(), Options(benchmark=True), ONE], ids=["check", "benchmark", "one"])
def test_the_id_and_the_case_of_each_setting_are_unique(options):
    found = settings(dataclasses.replace(options, device="cpu"), CATALOG)
    assert len({(setting.suite, str(setting)) for setting in found}) == len({s.case() for s in found}) == len(found) > 0


def test_exact_kernels_come_before_what_samples_in_front_of_them():
    suites = [(setting.width, setting.suite) for setting in sweep(widths=(8, 16))]
    assert list(dict.fromkeys(suites)) == [(8, "exact"), (8, "sampled"), (16, "exact"), (16, "sampled")]


def test_a_named_kernel_is_measured_beside_every_exact_one_of_its_device():
    found = sweep(kernels=("topk(mkl)",))
    here = [name for name, kernel in CATALOG.exact.items() if kernel.device == "cpu" and kernel.role != "baseline"]
    assert [setting.choice.name for setting in found if setting.suite == "exact"] == here
    assert [(s.choice.name, s.budget) for s in found if s.suite == "sampled"] == [("topk(mkl)", 0.1), ("topk(mkl)", 0.5)]


def test_an_exact_kernel_has_no_budget():
    assert {setting.budget for setting in sweep() if setting.suite == "exact"} == {None}


def test_a_named_kernel_that_is_there_anyway_is_measured_once():
    names = [setting.choice.name for setting in sweep(kernels=("mkl", "mkl"))]
    assert names.count("mkl") == 1


def test_a_sampled_kernel_that_is_named_twice_is_measured_once():
    found = sweep(kernels=("topk(mkl)", "topk(mkl)"))
    assert len({str(setting) for setting in found}) == len(found)


@pytest.mark.parametrize("option", [{"budgets": (0.1, 0.1)}, {"widths": (8, 8)}, {"dtypes": ("float32",) * 2}])
def test_a_value_that_is_given_twice_is_measured_once(option):
    found = sweep(**option)
    assert len({str(setting) for setting in found}) == len(found)


def test_a_kernel_of_another_device_keeps_its_own():
    found = {s.choice.name: s.device for s in sweep(on_a_gpu(), kernels=("gpu", "topk(gpu)", "topk(mkl)"))}
    assert found == {"mkl": "cpu", "gpu": "cuda", "topk(gpu)": "cuda", "topk(mkl)": "cpu"}


def test_a_gpu_is_measured_with_a_cold_and_with_a_hot_cache():
    found = sweep(on_a_gpu(), device="cuda:0")
    assert [(s.choice.name, s.clock) for s in found[:2]] == [("gpu", "cuda_cold"), ("gpu", "cuda_hot")]
    assert {s.case().clock for s in found} == {"cuda_cold", "cuda_hot"}
    assert {s.clock for s in sweep(on_a_gpu(), device="cpu")} == {"host"}


def test_a_named_clock_takes_the_place_of_the_usual_ones():
    found = sweep(on_a_gpu(), device="cuda:0", clocks=("cuda_graph", "host", "host"))
    assert [s.clock for s in found if s.suite == "exact"] == ["cuda_graph", "host"]


def test_a_clock_times_only_kernels_of_devices_that_it_can_time():
    found = {s.choice.name: s.clock for s in sweep(on_a_gpu(), device="cuda:0", kernels=("mkl", "gpu"), clocks=("cuda_hot",))}
    assert found == {"gpu": "cuda_hot", "mkl": "host"}


def test_what_is_not_timed_is_one_case_whatever_the_clocks():
    assert {s.clock for s in settings(Options(device="cuda:0"), on_a_gpu())} == {"cuda_cold"}, "checking"
    absent = Kernel("absent", "cuda", "On a GPU that is not there.", mkl.prepare, missing=lambda: "no CUDA device")
    found = sweep(Catalog({"absent": absent}, CATALOG.selections), device="cuda:0")
    assert [(s.choice.name, s.clock) for s in found] == [("absent", "cuda_cold")], "one record says why"


def test_the_default_sweep_is_of_the_kernels_of_the_device():
    assert {s.choice.exact for s in sweep(on_a_gpu(), device="cuda:0")} == {"gpu"}
    assert {s.choice.exact for s in sweep(on_a_gpu(), device="cpu")} == {"mkl"}


def test_a_kernel_that_is_missing_here_has_its_cases_too():
    known = Catalog({"mkl": mkl.KERNEL}, CATALOG.selections, {"absent": "absent is not installed: get it"})
    found = [setting for setting in sweep(known) if setting.choice.exact == "absent"]
    assert [(setting.suite, setting.device) for setting in found] == [("exact", "cpu")]


def test_checking_is_of_every_selection_of_pairs_before_every_kernel_that_runs_and_of_edges_before_ours():
    found = settings(Options(device="cpu"), CATALOG)
    here = {name: kernel for name, kernel in CATALOG.exact.items() if kernel.device == "cpu" and kernel.missing() is None}
    runnable = [name for name, kernel in here.items() if kernel.role != "baseline"]
    every = [choice for name in runnable for choice in CATALOG.sampled(name)]
    edges = {name for name, selection in CATALOG.selections.items() if selection.edges}
    expected = {choice.name for choice in every if choice.exact == "rows_numba" or choice.selection not in edges}
    assert {setting.choice.name for setting in found if setting.suite == "sampled"} == expected
    assert {s.label for s in found} == set(CHECKED_GRAPHS)
    assert {s.width for s in found} == set(CHECKED_WIDTHS)
    sampled = [s for s in found if s.suite == "sampled"]
    for of, values in (("label", CHECKED_GRAPHS), ("width", CHECKED_WIDTHS), ("dtype", DTYPES), ("reduce", ("sum", "mean"))):
        met = {(s.choice, getattr(s, of), s.budget) for s in sampled}
        assert met == set(product({s.choice for s in sampled}, values, CHECKED_BUDGETS))


def test_budgets_that_are_named_are_all_checked_everywhere():
    found = [s for s in settings(Options(device="cpu", budgets=(0.2, 0.4)), CATALOG) if s.suite == "sampled"]
    assert len({(s.label, s.width, s.dtype, s.reduce, s.choice, s.budget) for s in found}) == len(found)
    assert sum(s.budget == 0.2 for s in found) == sum(s.budget == 0.4 for s in found) == len(found) / 2


def test_measuring_samples_in_front_of_ours_and_the_vendors_and_ablates_in_front_of_ours():
    kernels = [Kernel(role, "cpu", "Made up.", mkl.prepare, role) for role in ("ours", "vendor", "other")]
    known = Catalog({kernel.name: kernel for kernel in kernels}, CATALOG.selections)
    found = {s.choice.name for s in sweep(known) if s.suite == "sampled"}
    topk = {"topk(ours)", "cached_topk(ours)", "topk(vendor)", "cached_topk(vendor)"}
    assert found == topk | {f"{name}(ours)" for name, selection in CATALOG.selections.items() if selection.edges is None}


def test_a_baseline_is_measured_where_it_is_named_and_checked_always():
    assert BASELINES
    assert not exact_names(sweep()) & BASELINES
    assert exact_names(sweep(kernels=("scipy", "topk(mkl)"))) & BASELINES == {"scipy"}
    assert exact_names(sweep(kernels=("topk(scipy)",))) & BASELINES == {"scipy"}
    assert exact_names(sweep(kernels=CATALOG.expanded(("baselines",), "cpu"))) >= BASELINES
    assert exact_names(sweep(benchmark=False)) >= BASELINES


def exact_names(found):
    return {setting.choice.name for setting in found if setting.suite == "exact"}


BASELINES = {name for name, kernel in CATALOG.exact.items() if kernel.device == "cpu" and kernel.role == "baseline"}


def test_the_word_for_all_baselines_is_those_of_the_device_also_what_is_missing():
    made = [Kernel(name, device, "Made up.", mkl.prepare, role) for name, device, role in THREE]
    absent = dataclasses.replace(made[0], name="absent", missing=lambda: "not here")
    known = Catalog({kernel.name: kernel for kernel in (*made, absent)}, CATALOG.selections)
    assert known.expanded(("mine", "baselines"), "cpu") == ("mine", "theirs", "absent")
    assert known.expanded(("baselines",), "cuda:1") == ("on_a_gpu",)


THREE = [("theirs", "cpu", "baseline"), ("on_a_gpu", "cuda", "baseline"), ("mine", "cpu", "other")]


ABLE = {name for name, kernel in CATALOG.exact.items() if kernel.device == "cpu" and "max" in kernel.reduces}


def test_extrema_are_a_suite_of_their_own_of_every_kernel_that_computes_them():
    assert {"torch_reduce", "dgl", "pyg_gather_scatter"} <= ABLE
    found = sweep(minmax_named=True)
    extrema = [setting for setting in found if setting.suite == "minmax"]
    assert {(s.reduce, s.budget) for s in extrema} == {("max", None)}
    assert {s.choice.name for s in extrema} == ABLE | set(CATALOG.missing)
    assert [setting for setting in found if setting.suite != "minmax"] == sweep()
    assert {s.reduce for s in settings(Options(device="cpu"), CATALOG) if s.suite == "minmax"} == {"max", "min"}


def test_where_a_run_measures_and_does_not_name_extrema_there_are_none():
    assert "minmax" not in {setting.suite for setting in sweep()}
    assert {(setting.suite, setting.reduce) for setting in sweep(reduces=("min",))} == {("minmax", "min")}


def test_a_kernel_that_is_named_and_computes_no_extremum_is_there_to_say_so():
    assert {s.choice.name for s in sweep(reduces=("max",), kernels=("mkl", "topk(mkl)"))} == ABLE | set(CATALOG.missing) | {"mkl"}


def test_which_baselines_could_be_measured_and_are_not_is_said_with_the_way_to_measure_them():
    made = [Kernel(name, "cpu", "Made up.", mkl.prepare, "baseline") for name in ("one", "two", "absent")]
    made[2] = dataclasses.replace(made[2], missing=lambda: "not here")
    known = Catalog({kernel.name: kernel for kernel in made}, CATALOG.selections)
    (said,) = baselines_left_out(ONE, known, {"exact", "minmax"})
    assert said == "note:    baselines that are not measured: one, two: --kernel baselines measures all, --kernel NAME one"
    (said,) = baselines_left_out(dataclasses.replace(ONE, kernels=("topk(one)",)), known, {"exact"})
    assert said.startswith("note:    baselines that are not measured: two: ")
    assert not [*baselines_left_out(dataclasses.replace(ONE, kernels=("one", "two")), known, {"exact"})]
    assert not [*baselines_left_out(ONE, known, {"minmax"})]  # which has all of them


def test_the_selections_beside_topk_are_measured_at_the_largest_width_where_none_is_named():
    found = [s for s in settings(Options(benchmark=True, device="cpu"), CATALOG) if s.suite == "sampled"]
    assert {s.width for s in found if s.choice.selection == "topk"} == {64, 256}
    assert {(s.choice.selection, s.width) for s in found if s.choice.selection != "topk"} == {("importance", 256), ("random", 256)}
    named = [s for s in settings(Options(benchmark=True, device="cpu", widths=(8, 16)), CATALOG) if s.choice.selection == "random"]
    assert {s.width for s in named} == {8, 16}


def test_a_kernel_file_brings_its_fresh_and_cached_topk(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    found = sweep(catalog([str(path)]), kernels=(str(path),), budgets=(0.1,))
    assert [s.choice.name for s in found if s.choice.exact == "mine"] == ["mine", "topk(mine)", "cached_topk(mine)"]
    assert "mkl" in {s.choice.name for s in found}


def test_each_order_of_the_nodes_is_a_case_of_its_own_and_none_is_the_source_s():
    found = sweep(reorders=("none", "degree"), budgets=(0.1,), kernels=("mkl",))
    assert list(dict.fromkeys(setting.reorder for setting in found)) == [None, "degree"]
    assert [s for s in found if s.reorder is None] == sweep(budgets=(0.1,), kernels=("mkl",))
    assert {s.case().reorder for s in found if str(s).endswith("-degree")} == {"degree"}


def test_selections_of_edges_that_nobody_named_are_named():
    options = Options(device="cpu", benchmark=True)
    (said,) = selections_left_out(options, CATALOG, {"exact", "sampled"})
    assert said.startswith("note:    selections of edges that are not measured: edges_")
    assert said.endswith("(KERNEL)' measures one")
    assert not [*selections_left_out(options, CATALOG, {"exact"})]
    assert not [*selections_left_out(dataclasses.replace(options, kernels=("topk(mkl)",)), CATALOG, {"sampled"})]
