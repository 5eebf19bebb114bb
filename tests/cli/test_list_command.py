import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench import allocator
from rsc_bench.cli.list import CONTROLS, MEMORY, SECTIONS, Entry, Section, as_text, as_tree, entries
from rsc_bench.fields import Plugin
from rsc_bench.plugins import Plugins
from rsc_bench.suites.catalog import INTERVAL

KERNELS = Section("kernels", "kernel")


class Thing(Plugin, SimpleNamespace):
    """A plug-in with whatever fields a test gives it."""


def loads(*plugins, missing=None):
    """Loads these plug-ins, whatever is in the folders."""
    found = Plugins({plugin.name: plugin for plugin in plugins}, missing or {})
    return lambda kind: found


def test_a_plugin_is_available_or_says_why_not():
    here = Thing(name="mkl", summary="Vendor's.", missing=lambda: None)
    absent = Thing(name="cusparse", summary="Vendor's.", missing=lambda: "no GPU")
    loaded = loads(here, absent, missing={"rows_triton": "triton is not installed: pip install triton"})
    assert entries(KERNELS, loaded) == [
        Entry("mkl", "Vendor's.", None),
        Entry("cusparse", "Vendor's.", "no GPU"),
        Entry("rows_triton", "", "triton is not installed: pip install triton"),
    ]
    assert "  + mkl          Vendor's.\n  - cusparse     not available: no GPU\n" in as_text((KERNELS,), loaded)


def test_baselines_have_a_section_of_their_own_that_says_how_they_are_measured_and_installed():
    ours = Thing(name="mine", summary="Mine.", role="ours")
    theirs = Thing(name="dgl", summary="DGL's.", role="baseline", missing=lambda: "dgl is not installed: pip install it")
    loaded = loads(ours, theirs, missing={"torch_sparse": "torch_sparse is not installed"})
    kernels, baselines, dots = (section for section in SECTIONS if section.kind == "kernel")
    assert [entry.name for entry in entries(kernels, loaded)] == ["mine", "torch_sparse"]
    assert entries(baselines, loaded) == [Entry("dgl", "DGL's.", "dgl is not installed: pip install it")]
    assert entries(dots, loaded) == []
    assert "--kernel baselines" in baselines.note
    assert 'pip install "rsc-bench[baselines]"' in baselines.note


def test_kernels_of_sddmm_have_a_section_with_their_baselines_and_are_in_no_other():
    ours = Thing(name="mine", summary="Mine.", role="ours", operation="sddmm")
    theirs = Thing(name="theirs", summary="Theirs.", role="baseline", operation="sddmm", missing=lambda: "theirs is not installed")
    loaded = loads(ours, theirs)
    kernels, baselines, dots = (section for section in SECTIONS if section.kind == "kernel")
    assert entries(kernels, loaded) == entries(baselines, loaded) == []
    assert entries(dots, loaded) == [Entry("mine", "Mine.", None), Entry("theirs", "Theirs.", "theirs is not installed")]
    assert "suite sddmm" in dots.note


def test_a_selection_is_listed_fresh_and_cached_in_front_of_any_kernel():
    loaded = loads(Thing(name="topk", summary="Largest scores."))
    assert entries(Section("selections", "selection"), loaded) == [
        Entry("topk(KERNEL)", "Largest scores.", None),
        Entry("cached_topk(KERNEL)", f"Largest scores; selected once and kept for {INTERVAL} calls.", None),
    ]


def test_an_approximation_is_listed_by_the_names_that_it_is_asked_for_by():
    one, other = (Thing(name=name, summary="Leaves some out.", exact=False, selects=name == "one") for name in ("one", "other"))
    assert entries(KERNELS, loads(one, other)) == [
        Entry("one", "Leaves some out.", None),
        Entry("cached_one", f"Leaves some out; selected once and kept for {INTERVAL} calls.", None),
        Entry("other", "Leaves some out.", None),
    ]


def test_a_source_is_listed_by_the_graphs_it_knows_or_by_an_example_of_a_path():
    loaded = loads(
        Thing(name="twins", summary="Made.", names=("twin:yelp", "twin:flickr")),
        Thing(name="files", summary="Read.", names=()),
    )
    names = [entry.name for entry in entries(Section("graphs", "source"), loaded)]
    assert names == ["twin:yelp", "twin:flickr", "path/to/graph.mtx"]


def test_a_figure_says_its_title():
    loaded = loads(Thing(name="error_speedup", title="Error against speedup"))
    assert entries(Section("figures", "figure"), loaded) == [Entry("error_speedup", "Error against speedup", None)]


def test_an_empty_folder_says_so():
    assert as_text((KERNELS,), loads()) == "kernels\n  none\n"
    assert as_tree((KERNELS,), loads()) == {"kernels": []}


def test_the_note_stands_beside_the_title():
    assert as_text((Section("orders", "order", "--reorder"),), loads()).startswith("orders - --reorder\n")


def test_the_tree_is_for_a_program():
    loaded = loads(Thing(name="mkl", summary="Vendor's."))
    assert as_tree((KERNELS,), loaded) == {"kernels": [{"name": "mkl", "summary": "Vendor's.", "available": True, "reason": None}]}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_every_kind_that_is_built_in_can_be_listed(section):
    found = entries(section)
    names = [entry.name for entry in found]
    assert len(names) == len(set(names)) > 0
    assert all(entry.summary or entry.missing for entry in found)


@pytest.mark.parametrize("reason", [None, "memory can be kept where glibc allocates it"])
def test_the_memory_that_results_are_written_to_is_listed_and_kept_memory_says_why_it_is_not_there(monkeypatch, reason):
    monkeypatch.setattr(allocator, "why_not", lambda: reason)
    fresh, kept = entries(MEMORY)
    assert (fresh.name, fresh.missing, kept.name, kept.missing) == ("fresh", None, "kept", reason)
    assert [entry["name"] for entry in as_tree((MEMORY,))["memory"]] == ["fresh", "kept"]
    assert as_text((MEMORY,)).startswith("memory - --memory: what becomes of freed memory on a CPU; ")


def test_every_kind_of_plugin_but_commands_has_its_section():
    from rsc_bench.plugins import KINDS

    assert {section.kind for section in SECTIONS} == KINDS.keys() - {"command"}


@pytest.mark.parametrize("found", [None, "found"])
def test_controls_are_listed_and_what_makes_clusters_says_why_it_is_not_there(monkeypatch, found):
    monkeypatch.setattr("rsc_bench.suites.training.controls.cluster.find_spec", lambda name: found)
    listed = {entry.name: entry.missing for entry in entries(CONTROLS)}
    assert {"random-edges", "degree-edges", "few-neighbours", "saint-batches", "cluster-batches"} < listed.keys()
    assert listed["cluster-batches"] is None
    assert (listed["cluster-batches,metis"] is None) == (found is not None)
    assert ('not available: pymetis is not installed: pip install "rsc-bench[orders]"' in as_text((CONTROLS,))) == (found is None)


def test_without_torch_controls_are_not_there_with_the_reason(monkeypatch):
    monkeypatch.delitem(sys.modules, "rsc_bench.suites.training.controls")
    monkeypatch.setitem(sys.modules, "rsc_bench.suites.training.controls.cluster", None)
    monkeypatch.setattr("rsc_bench.cli.list.why_missing", lambda error: "torch is not installed")
    (entry,) = entries(CONTROLS)
    assert entry.missing == "torch is not installed"
