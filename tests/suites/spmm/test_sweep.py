import dataclasses

import pytest
import torch

from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact import mkl
from rsc_bench.suites.catalog import Catalog, catalog
from rsc_bench.suites.graphs import GraphError
from rsc_bench.suites.options import Options, OptionsError, check, numbers
from rsc_bench.suites.spmm.sweep import CHECKED_BUDGETS, CHECKED_GRAPHS, CHECKED_WIDTHS, settings

HOUSE = catalog()
ONE = Options(benchmark=True, graphs=("small:hub",), widths=(8,), budgets=(0.1, 0.5), device="cpu")


def sweep(of=HOUSE, **asked):
    return settings(dataclasses.replace(ONE, **asked), of)


def on_a_gpu():
    """A house with one CPU and one GPU kernel, both of which can run."""
    gpu = Kernel("gpu", "cuda", "On a GPU.", mkl.prepare)
    return Catalog({"mkl": mkl.KERNEL, "gpu": gpu}, HOUSE.selections)


@pytest.mark.parametrize("asked", [Options(), Options(benchmark=True), ONE], ids=["check", "benchmark", "one"])
def test_the_id_and_the_case_of_each_setting_are_unique(asked):
    found = settings(dataclasses.replace(asked, device="cpu"), HOUSE)
    assert len({(setting.suite, str(setting)) for setting in found}) == len({s.case() for s in found}) == len(found) > 0


def test_exact_kernels_come_before_what_samples_in_front_of_them():
    suites = [(setting.width, setting.suite) for setting in sweep(widths=(8, 16))]
    assert list(dict.fromkeys(suites)) == [(8, "exact"), (8, "sampled"), (16, "exact"), (16, "sampled")]


def test_a_named_kernel_is_measured_beside_every_exact_one_of_its_device():
    found = sweep(kernels=("topk(mkl)",))
    here = [name for name, kernel in HOUSE.exact.items() if kernel.device == "cpu"]
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


def test_a_clock_that_cannot_time_a_kernel_of_another_device_is_not_asked_to():
    found = {s.choice.name: s.clock for s in sweep(on_a_gpu(), device="cuda:0", kernels=("mkl", "gpu"), clocks=("cuda_hot",))}
    assert found == {"gpu": "cuda_hot", "mkl": "host"}


def test_what_is_not_timed_is_one_case_whatever_the_clocks():
    assert {s.clock for s in settings(Options(device="cuda:0"), on_a_gpu())} == {"cuda_cold"}, "checking"
    absent = Kernel("absent", "cuda", "On a GPU that is not there.", mkl.prepare, missing=lambda: "no CUDA device")
    found = sweep(Catalog({"absent": absent}, HOUSE.selections), device="cuda:0")
    assert [(s.choice.name, s.clock) for s in found] == [("absent", "cuda_cold")], "one record says why"


def test_the_default_sweep_is_of_the_kernels_of_the_device():
    assert {s.choice.exact for s in sweep(on_a_gpu(), device="cuda:0")} == {"gpu"}
    assert {s.choice.exact for s in sweep(on_a_gpu(), device="cpu")} == {"mkl"}


def test_a_kernel_that_is_missing_here_has_its_cases_too():
    house = Catalog({"mkl": mkl.KERNEL}, HOUSE.selections, {"absent": "absent is not installed: get it"})
    found = [setting for setting in sweep(house) if setting.choice.exact == "absent"]
    assert [(setting.suite, setting.device) for setting in found] == [("exact", "cpu")]


def test_checking_is_of_every_selection_before_every_kernel_that_runs():
    found = settings(Options(device="cpu"), HOUSE)
    runnable = [name for name, kernel in HOUSE.exact.items() if kernel.device == "cpu" and kernel.missing() is None]
    expected = {choice.name for name in runnable for choice in HOUSE.sampled(name)}
    assert {setting.choice.name for setting in found if setting.suite == "sampled"} == expected
    assert {s.label for s in found} == set(CHECKED_GRAPHS)
    assert {s.width for s in found} == set(CHECKED_WIDTHS)
    assert {s.budget for s in found if s.suite == "sampled"} == set(CHECKED_BUDGETS)


def test_measuring_samples_in_front_of_ours_and_the_vendors_and_ablates_in_front_of_ours():
    kernels = [Kernel(role, "cpu", "Made up.", mkl.prepare, role) for role in ("ours", "vendor", "other")]
    house = Catalog({kernel.name: kernel for kernel in kernels}, HOUSE.selections)
    found = {s.choice.name for s in sweep(house) if s.suite == "sampled"}
    topk = {"topk(ours)", "cached_topk(ours)", "topk(vendor)", "cached_topk(vendor)"}
    assert found == topk | {f"{selection}(ours)" for selection in HOUSE.selections}


def test_a_kernel_file_brings_its_fresh_and_cached_topk(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        'from rsc_bench.kernels.exact.mkl import prepare\nfrom kernels import Kernel\nKERNEL = Kernel("mine", "cpu", "Mine.", prepare)\n'
    )
    found = sweep(catalog([str(path)]), kernels=(str(path),), budgets=(0.1,))
    assert [s.choice.name for s in found if s.choice.exact == "mine"] == ["mine", "topk(mine)", "cached_topk(mine)"]
    assert "mkl" in {s.choice.name for s in found}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"budgets": (0.0,)}, r"--budget must lie in \(0, 1\], a share of the exact FLOPs \(got 0.0\)"),
        ({"budgets": (0.5, 1.5)}, r"--budget must lie in .* \(got 1.5\)"),
        ({"budgets": (float("nan"),)}, r"--budget must lie in .* \(got nan\)"),
        ({"widths": (0,)}, r"--width must be at least 1, the columns of the dense operand \(got 0\)"),
        ({"rounds": 0}, r"--rounds must be at least 1 \(got 0\)"),
        ({"dtypes": ("float16",)}, r"--dtype must be one of float32, bfloat16 \(got float16\)"),
        ({"reduces": ("max",)}, r"--reduce must be sum or mean \(got max\)"),
        ({"device": "banana"}, r"--device must be cpu, cuda or cuda:NUMBER \(got banana\)"),
    ],
)
def test_what_no_run_can_use_is_refused_with_the_option_the_rule_and_the_value(option, message):
    with pytest.raises(OptionsError, match=message):
        check(dataclasses.replace(ONE, **option))


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptionsError, match="--device cuda needs an NVIDIA GPU that torch sees"):
        check(dataclasses.replace(ONE, device="cuda"))


def test_a_gpu_past_the_last_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    check(dataclasses.replace(ONE, device="cuda:0"))
    with pytest.raises(OptionsError, match="--device cuda:1 must be one of the 1 GPUs of this machine"):
        check(dataclasses.replace(ONE, device="cuda:1"))


def test_an_unknown_graph_is_refused_with_the_nearest_names():
    with pytest.raises(GraphError, match="graph 'small:hubs' is not known: nearest are small:hub"):
        check(dataclasses.replace(ONE, graphs=("small:hubs",)))


def test_two_graphs_of_one_name_are_refused(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.csv").write_text("source,target\n0,1\n1,0\n")
    paths = tuple(str(tmp_path / folder / "net.csv") for folder in ("one", "two"))
    with pytest.raises(OptionsError, match="--graph must not name two graphs that are called the same"):
        check(dataclasses.replace(ONE, graphs=paths))


@pytest.mark.parametrize(("kind", "what"), [(int, "a whole number"), (float, "a number")])
def test_a_value_that_is_no_number_is_refused(kind, what):
    with pytest.raises(OptionsError, match=rf"--width must be {what} \(got 'abc'\)"):
        numbers("--width", ["1", "abc"], kind)


def test_each_order_of_the_nodes_is_a_case_of_its_own_and_none_is_the_source_s():
    found = sweep(reorders=("none", "degree"), budgets=(0.1,), kernels=("mkl",))
    assert list(dict.fromkeys(setting.reorder for setting in found)) == [None, "degree"]
    assert [s for s in found if s.reorder is None] == sweep(budgets=(0.1,), kernels=("mkl",))
    assert {s.case().reorder for s in found if str(s).endswith("-degree")} == {"degree"}
