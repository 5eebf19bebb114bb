import dataclasses

import pytest

from rsc_bench.kernels import Kernel
from rsc_bench.kernels.contract import SDDMM
from rsc_bench.kernels.exact import mkl, sddmm_gather
from rsc_bench.suites.catalog import Catalog, Choice, KernelError, catalog
from rsc_bench.suites.options import DTYPES, Options, OptionsError
from rsc_bench.suites.spmm.cases.growth import growth_settings
from rsc_bench.suites.spmm.cases.sddmm import sddmm_settings
from rsc_bench.suites.spmm.cases.sweep import CHECKED_GRAPHS, CHECKED_WIDTHS, baselines_left_out, settings
from rsc_bench.suites.training.sweep import training_settings

CATALOG = catalog()
ONE = Options(benchmark=True, graphs=("small:hub",), widths=(8,), device="cpu")
HERE = {name for name, kernel in CATALOG.sddmm.items() if kernel.device == "cpu"}
MINE = """
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.mkl import prepare
from rsc_bench.kernels.exact.sddmm_gather import prepare as dots
KERNELS = (Kernel("mine", "cpu", "Mine.", dots, operation="sddmm"), {others})
"""


def sweep(known=CATALOG, **options):
    return sddmm_settings(dataclasses.replace(ONE, **options), known)


@pytest.fixture
def mine(tmp_path):
    """Writes a file with a kernel of SDDMM, and others where it is told to; returns its path and the catalog with it."""

    def write(others=""):
        path = tmp_path / f"mine{len(others)}.py"
        path.write_text(MINE.format(others=others))
        return str(path), catalog([str(path)])

    return write


def test_the_suite_has_every_kernel_of_the_device_whichever_role_it_has_and_no_budget():
    found = sweep(sddmm_named=True)
    assert {"sddmm_numba", "sddmm_torch", "sddmm_gather", "sddmm_dgl"} <= HERE
    assert [s.choice.name for s in found] == [*filter(HERE.__contains__, CATALOG.sddmm)]
    assert {(s.suite, s.budget, s.reduce, s.operation, s.case().apart) for s in found} == {("sddmm", None, "sum", SDDMM, "sddmm")}
    assert len({str(s) for s in found}) == len({s.case() for s in found}) == len(found)


def test_where_a_run_measures_and_names_neither_the_suite_nor_a_kernel_of_it_there_is_none():
    assert sweep() == sweep(kernels=("mkl",)) == []
    assert {s.choice.name for s in sweep(kernels=("sddmm_torch",))} == HERE, "beside the others, or its speed were of nothing"


def test_where_nothing_is_measured_all_are_checked_with_every_dtype():
    found = sddmm_settings(Options(device="cpu"), CATALOG)
    assert len(found) == len(CHECKED_GRAPHS) * len(CHECKED_WIDTHS) * len(DTYPES) * len(HERE)


def test_products_are_what_they_were_and_have_no_kernel_of_dot_products():
    assert {s.choice.exact for s in settings(ONE, CATALOG)} & {*CATALOG.sddmm} == set()
    both = dataclasses.replace(ONE, kernels=("scipy", "sddmm_torch"))
    assert settings(both, CATALOG) == settings(dataclasses.replace(ONE, kernels=("scipy",)), CATALOG)


def test_where_only_kernels_of_dot_products_are_named_there_is_no_product():
    for options in (ONE, Options(device="cpu"), dataclasses.replace(ONE, growth_named=True)):
        named = dataclasses.replace(options, kernels=("sddmm_torch", "sddmm_gather"))
        assert settings(named, CATALOG) == growth_settings(named, CATALOG) == []
        assert sddmm_settings(named, CATALOG)


def test_a_kernel_of_a_file_is_measured_beside_the_others_and_nothing_selects_in_front_of_it(mine):
    path, known = mine()
    assert [s.choice.name for s in sweep(known, kernels=(path,))][-1] == "mine"
    assert settings(dataclasses.replace(ONE, kernels=(path,)), known) == []
    path, known = mine("Kernel('other', 'cpu', 'Other.', prepare),")
    assert {s.choice.name for s in sweep(known, kernels=(path,))} == {*HERE, "mine"}
    products = settings(dataclasses.replace(ONE, kernels=(path,), budgets=(0.1,)), known)
    assert {"other", "topk(other)", "cached_topk(other)"} <= {s.choice.name for s in products}
    assert {s.choice.exact for s in products} & {"mine", *CATALOG.sddmm} == set()


def test_a_kernel_of_products_that_is_named_with_the_suite_is_there_to_say_so():
    assert {s.choice.name for s in sweep(sddmm_named=True, kernels=("mkl", "topk(mkl)"))} == HERE | {"mkl"}


def test_an_aggregation_is_refused_where_the_suite_is_named():
    rule = r"^--reduce must go without the suite sddmm, which aggregates nothing \(got max\): leave it out$"
    with pytest.raises(OptionsError, match=rule):
        sweep(sddmm_named=True, reduces=("max",))
    assert sweep(reduces=("max",)) == []


def test_a_kernel_of_it_named_with_other_suites_alone_is_refused_with_the_way_to_measure_it():
    with pytest.raises(OptionsError) as caught:
        sweep(kernels=("sddmm_torch",), asked=["exact", "--kernel", "sddmm_torch"])
    rule = "--kernel sddmm_torch computes SDDMM, and must go with the suite sddmm (got exact): write `"
    assert str(caught.value).startswith(rule)
    assert "sddmm" in str(caught.value).removeprefix(rule)


def test_a_selection_in_front_of_one_is_refused():
    with pytest.raises(KernelError, match=r"sddmm_torch\)': sddmm_torch computes SDDMM: a selection is in front of a product"):
        CATALOG.find("topk(sddmm_torch)")


def test_a_training_with_one_is_there_to_say_so():
    options = dataclasses.replace(ONE, kernels=("sddmm_torch",), trainings_named=True, widths=(), epochs=3)
    found = {setting.choice.name: setting for setting in training_settings(options, CATALOG)}
    assert found["sddmm_torch"].why_not(CATALOG) == "sddmm_torch computes sddmm: a training multiplies"


def test_clocks_memory_and_orders_multiply_the_cases_as_they_do_of_products():
    found = sweep(sddmm_named=True, memory=("fresh", "kept"), reorders=("none", "degree"))
    one = [(s.reorder, s.keeps_memory) for s in found if s.choice.name == "sddmm_torch"]
    assert one == [(None, False), (None, True), ("degree", False), ("degree", True)]


def test_a_kernel_for_a_gpu_is_one_of_a_gpus_sweep():
    on_gpu = Kernel("gpu", "cuda", "On a GPU.", sddmm_gather.prepare, operation=SDDMM)
    known = Catalog({"mkl": mkl.KERNEL}, CATALOG.selections, sddmm={"gpu": on_gpu, **CATALOG.sddmm})
    found = sweep(known, sddmm_named=True, device="cuda:0")
    assert {s.choice.name for s in found} == {"gpu", "sddmm_torch_cuda", "sddmm_gather_cuda"}
    assert {s.device for s in found} == {"cuda:0"}


def test_no_baseline_is_said_to_be_left_out_where_all_are_there():
    assert not [*baselines_left_out(ONE, CATALOG, {"sddmm", "minmax"})]


def test_the_catalog_keeps_the_two_operations_apart_and_knows_both_by_name():
    assert {*CATALOG.exact} & {*CATALOG.sddmm} == set()
    assert CATALOG.every == CATALOG.exact | CATALOG.sddmm
    assert CATALOG.find("sddmm_torch") == Choice("sddmm_torch")
    assert {*CATALOG.sddmm} <= {*CATALOG.names()}
    assert not {name for name in CATALOG.names() if "(sddmm_" in name}
    assert CATALOG.build(Choice("sddmm_torch"), None) is CATALOG.sddmm["sddmm_torch"]
