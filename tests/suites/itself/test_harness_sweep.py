"""Which cases the suite of the harness itself has, and when."""

import pytest

from rsc_bench.suites.itself.sweep import harness_settings
from rsc_bench.suites.measuring.session import Session
from rsc_bench.suites.options import Options, names_suite


def ids(**options):
    return [str(setting) for setting in harness_settings(Options(device="cpu", **options))]


def test_where_it_is_named_it_measures_a_graph_of_1e8_edges_a_large_collection_and_a_small_sweep():
    assert ids(benchmark=True, harness_named=True) == [
        "twin:reddit-graph_made",
        "twin:reddit-graph_cached",
        "5000 cases-collect",
        "sweep of twin:reddit2@0.05-d256-sweep",
    ]


def test_graphs_are_chosen_by_their_option():
    found = ids(benchmark=True, harness_named=True, graphs=("small:hub", "small:hub"))
    assert found[:2] == ["small:hub-graph_made", "small:hub-graph_cached"]
    assert len(found) == 4


def test_no_sweep_gets_longer_by_it():
    assert ids(benchmark=True) == []
    session = Session(Options(benchmark=True, device="cpu"))
    assert "harness" not in {setting.suite for setting in session.settings}


@pytest.mark.parametrize("about", [{"graphs": ("small:hub",)}, {"kernels": ("mkl",)}, {"widths": (3,)}])
def test_it_is_checked_in_small_where_nothing_is_chosen_or_it_is_named(about):
    assert ids()[0] == "twin:reddit2@0.01-graph_made"
    assert all(setting.quick for setting in harness_settings(Options(device="cpu")))
    assert ids(**about) == []
    assert len(ids(harness_named=True, **about)) == 4


def test_it_is_named_by_its_module():
    assert names_suite(["suites/test_harness.py"], "harness")
    assert not names_suite(["suites/test_exact.py"], "harness")


def test_a_case_names_what_was_done_and_multiplies_nothing():
    made, *_, sweep = [setting.case() for setting in harness_settings(Options(benchmark=True, harness_named=True))]
    assert str(made) == "harness twin:reddit any cpu host graph_made"
    assert (sweep.graph, sweep.kernel, sweep.budget) == ("sweep of twin:reddit2@0.05", "sweep", None)
