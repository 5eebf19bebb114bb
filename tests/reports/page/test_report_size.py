"""How large a page may get: ten thousand records, one half a wide sweep and one half the history of another machine."""

import json
import re

import pytest

pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

from synthetic_results import ENVIRONMENT, Sweep, case, ok, sweep, write_results

from rsc_bench.reports.page.render import write

RUNS, KERNELS = 40, 128
GRAPHS, WIDTHS = 24, (64, 128, 256, 512)
# 3 exact and 4 x 3 x 4 sampled kernels on each graph and width.
SWEPT = GRAPHS * len(WIDTHS) * 51


def run_of(place):
    """One run of the history: each kernel takes 20 % longer from the run in the middle on."""
    slower = 1.2 if place >= RUNS // 2 else 1.0
    return [ok(case(f"kernel_{number}"), 10.0 * slower * (1 + 0.002 * (place % 3))) for number in range(KERNELS)]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    graphs = tuple(f"twin:some-graph-{place}@0.1" for place in range(GRAPHS))
    files = [write_results(folder / "sweep.jsonl", sweep(Sweep(graphs=graphs, widths=WIDTHS, rounds=1)))]
    for place in range(RUNS):
        checkout = {"cpu": {"model": "Another CPU"}, "checkout": {"commit": f"{place:02d}abcdef", "dirty": False}}
        files.append(write_results(folder / f"run{place}.jsonl", [run_of(place)], ENVIRONMENT | checkout))
    write(files, folder / "page.html")
    return (folder / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_ten_thousand_records_stay_under_eight_megabytes(page, data):
    assert SWEPT + RUNS * KERNELS > 10_000
    assert len(data["columns"][0]["codes"]) == SWEPT + RUNS * KERNELS
    assert len(page.encode()) < 8e6


def test_a_wide_sweep_has_a_panel_for_each_graph_and_width(data):
    shown = {(panel["where"]["graph"], panel["where"]["width"]) for panel in data["figures"]["error_speedup"]["panels"]}
    assert len(shown) == GRAPHS * len(WIDTHS)


def test_a_long_history_has_a_panel_for_each_of_its_cases_and_one_for_all(data):
    assert len(data["figures"]["history"]["panels"]) == KERNELS + 1
