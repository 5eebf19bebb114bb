from types import SimpleNamespace

import pytest

from rsc_bench.cli import listing
from rsc_bench.cli.listing import SECTIONS, Entry, Section
from rsc_bench.plugins import Plugins
from rsc_bench.suites.catalog import INTERVAL


@pytest.fixture
def found(monkeypatch):
    """Lets a test say what the folders hold."""

    def put(*plugins, missing=None):
        made = Plugins({plugin.name: plugin for plugin in plugins}, missing or {})
        monkeypatch.setattr(listing, "load", lambda package, constant: made)

    return put


KERNELS = Section("kernels", "rsc_bench.kernels.exact", "KERNEL")
SELECTIONS = Section("selections", "rsc_bench.kernels.sampled", "SELECTION")


def test_a_plugin_is_available_or_says_why_not(found):
    here = SimpleNamespace(name="mkl", summary="Vendor's.", missing=lambda: None)
    absent = SimpleNamespace(name="cusparse", summary="Vendor's.", missing=lambda: "no GPU")
    found(here, absent, missing={"rows_triton": "triton is not installed: pip install triton"})
    assert listing.entries(KERNELS) == [
        Entry("mkl", "Vendor's.", None),
        Entry("cusparse", "Vendor's.", "no GPU"),
        Entry("rows_triton", "", "triton is not installed: pip install triton"),
    ]
    assert "  + mkl          Vendor's.\n  - cusparse     not available: no GPU\n" in listing.as_text((KERNELS,))


def test_a_selection_is_listed_fresh_and_cached_in_front_of_any_kernel(found):
    found(SimpleNamespace(name="topk", summary="Largest scores."))
    assert listing.entries(SELECTIONS) == [
        Entry("topk(KERNEL)", "Largest scores.", None),
        Entry("cached_topk(KERNEL)", "Largest scores; selected once and kept for 10 calls.", None),
    ]


def test_a_cached_selection_is_kept_for_as_many_calls_as_the_suites_keep_it():
    assert listing.CACHED_CALLS == INTERVAL


def test_a_source_is_listed_by_the_graphs_it_knows_or_by_an_example_of_a_path(found):
    found(
        SimpleNamespace(name="twins", summary="Made.", names=("twin:yelp", "twin:flickr")),
        SimpleNamespace(name="files", summary="Read.", names=()),
    )
    names = [entry.name for entry in listing.entries(Section("graphs", "rsc_bench.suites.graphs", "SOURCE"))]
    assert names == ["twin:yelp", "twin:flickr", "path/to/graph.mtx"]


def test_a_figure_says_its_title(found):
    found(SimpleNamespace(name="error_speedup", title="Error against speedup"))
    assert listing.entries(Section("figures", "rsc_bench.reports.figures", "FIGURE")) == [
        Entry("error_speedup", "Error against speedup", None)
    ]


def test_an_empty_folder_is_told(found):
    found()
    assert listing.as_text((KERNELS,)) == "kernels\n  none\n"
    assert listing.as_tree((KERNELS,)) == {"kernels": []}


def test_the_tree_is_for_a_program(found):
    found(SimpleNamespace(name="mkl", summary="Vendor's."))
    assert listing.as_tree((KERNELS,)) == {"kernels": [{"name": "mkl", "summary": "Vendor's.", "available": True, "reason": None}]}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_what_the_house_holds_can_be_listed(section):
    names = [entry.name for entry in listing.entries(section)]
    assert len(names) == len(set(names))
