"""Which products are measured with fresh memory, with kept memory or with both, and what is said where it is not both."""

import dataclasses

import pytest
from fake_gpus import FakeGpus

from rsc_bench import allocator
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact import mkl
from rsc_bench.plugins import Registry
from rsc_bench.suites import devices, graphs
from rsc_bench.suites.catalog import Catalog, catalog
from rsc_bench.suites.options import Options
from rsc_bench.suites.spmm.cases.sweep import fresh_alone, settings

CATALOG = catalog()
HUB_NODES = 300
ONE = Options(benchmark=True, graphs=("small:hub",), widths=(8,), budgets=(0.1,), kernels=("topk(mkl)",), device="cpu")
KEPT_OF_HUB = HUB_NODES * 8 * 4
"""Bytes of a result: larger ones are new memory in each call."""
JEMALLOC = "memory can be kept where glibc allocates it (this process has jemalloc): nothing was changed; MALLOC_CONF"
SOURCE = """
from rsc_bench.suites.graphs import load as made
from rsc_bench.suites.graphs.source import Source
SOURCE = Source("mine", "A graph of mine.", ["mine:hub"], lambda name, root: made("small:hub"))
"""


@pytest.fixture(autouse=True)
def _glibc(monkeypatch):
    monkeypatch.setattr(allocator, "why_not", lambda: None)


def sweep(largest=KEPT_OF_HUB - 1, known=CATALOG, **options):
    return settings(dataclasses.replace(ONE, **options), known, largest)


def notes(largest=KEPT_OF_HUB - 1, **options):
    return list(fresh_alone(dataclasses.replace(ONE, **options), largest))


def memories(found):
    return [setting.case().freed_memory for setting in found]


def test_a_result_that_is_fresh_memory_in_each_call_is_measured_in_kept_memory_right_behind():
    found = sweep()
    assert memories(found) == [None, "kept"] * (len(found) // 2)
    assert [dataclasses.replace(setting, keeps_memory=False) for setting in found[1::2]] == found[::2] == sweep(KEPT_OF_HUB)
    assert {setting.suite for setting in found} == {"exact", "sampled"}, "every kernel and baseline has both"
    assert notes() == []


def test_a_result_that_a_plain_process_keeps_too_is_measured_once():
    assert {*memories(sweep(KEPT_OF_HUB))} == {None}
    assert notes(KEPT_OF_HUB) == []


@pytest.mark.parametrize("option", [{"dtypes": ("float32", "bfloat16")}, {"widths": (8, 4)}], ids=lambda option: next(iter(option)))
def test_the_size_of_the_result_decides_of_each_product(option):
    found = sweep(**option)
    kept = {(setting.dtype, setting.width) for setting in found if setting.keeps_memory}
    assert kept == {("float32", 8)}
    assert len({(setting.dtype, setting.width) for setting in found}) == 2


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [(("fresh",), [None]), (("kept",), ["kept"]), (("kept", "fresh"), [None, "kept"]), (("kept",) * 2, ["kept"])],
)
def test_what_is_asked_for_is_measured_whatever_the_size_of_the_result(asked, wanted):
    for largest in (0, KEPT_OF_HUB):
        found = memories(sweep(largest, memory=asked))
        assert found == wanted * (len(found) // len(wanted))
    assert notes(memory=asked) == []


def test_what_is_only_checked_is_checked_once():
    assert {*memories(sweep(benchmark=False))} == {None}


def test_what_cannot_run_here_is_skipped_once():
    absent = Kernel("absent", "cpu", "Not here.", mkl.prepare, missing=lambda: "absent is not installed")
    found = sweep(known=Catalog({"mkl": mkl.KERNEL, "absent": absent}, CATALOG.selections), kernels=("mkl",))
    assert [(setting.choice.name, setting.keeps_memory) for setting in found] == [("mkl", False), ("mkl", True), ("absent", False)]


def test_on_a_gpu_there_is_no_such_choice(monkeypatch):
    monkeypatch.setattr(devices, "HERE", devices.Devices(FakeGpus(1)))
    gpu = Kernel("gpu", "cuda", "On a GPU.", mkl.prepare)
    known = Catalog({"mkl": mkl.KERNEL, "gpu": gpu}, CATALOG.selections)
    assert {*memories(sweep(known=known, device="cuda:0", kernels=()))} == {None}
    assert notes(device="cuda:0") == []


def test_where_memory_cannot_be_kept_products_are_in_fresh_memory_and_it_is_said_once_why(monkeypatch):
    monkeypatch.setattr(allocator, "why_not", lambda: JEMALLOC)
    assert {*memories(sweep())} == {None}
    line = f"results above 32 MB are measured with fresh memory alone, not with kept memory: {JEMALLOC}"
    assert notes() == notes(graphs=("small:hub", "small:random")) == [line]
    assert notes(KEPT_OF_HUB) == [], "no result is that large"


def test_in_this_process_products_are_in_fresh_memory_and_it_is_said_why():
    assert {*memories(sweep(in_process=True))} == {None}
    (line,) = notes(in_process=True)
    assert line.endswith("not with kept memory: it needs a process of its own (--in-process)")


def test_where_it_is_not_known_how_many_nodes_a_graph_has_products_are_in_fresh_memory_and_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("rsc_bench.plugins.REGISTRY", registry := Registry())
    (tmp_path / "mine.py").write_text(SOURCE)
    registry.add_file(tmp_path / "mine.py")
    assert graphs.nodes("mine:hub") is None
    assert {*memories(sweep(graphs=("mine:hub",)))} == {None}
    (line,) = notes(graphs=("mine:hub", "small:hub"))
    why = "for its size is not known before it is made: --memory fresh --memory kept measures both"
    assert line == f"graph mine:hub: its products are measured with fresh memory alone, {why}"
    assert {*memories(sweep(graphs=("mine:hub",), memory=("fresh", "kept")))} == {None, "kept"}


def test_the_usual_sweep_of_a_cpu_has_results_that_a_plain_process_keeps():
    assert {*memories(settings(Options(benchmark=True, device="cpu"), CATALOG))} == {None}
    large = Options(benchmark=True, device="cpu", graphs=("twin:reddit2",), widths=(64,))
    assert {*memories(settings(large, CATALOG))} == {None, "kept"}, "232,965 nodes x 64 x 4 bytes are 60 MB"
