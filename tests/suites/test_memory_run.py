"""What a run leaves behind that measures products with fresh and with kept memory, each in a process of its own."""

import re
from itertools import pairwise
from types import SimpleNamespace

import pytest
from running_pytest import SMALL

from rsc_bench import allocator
from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.records.file import read

pytestmark = pytest.mark.skipif(allocator.why_not() is not None, reason="this process's allocator cannot be told to keep memory")
RESULT_BYTES = 1_785 * 6_000 * 4
"""43 MB: new memory in each call of a plain process."""
LARGE = ("--graph", "twin:flickr@0.02", "--width", "6000", "--budget", "0.1", "--device", "cpu", "--max-time", "0.05")


def run_of(warm_suites, folder, *options):
    path = folder / "run.jsonl"
    ended = warm_suites("--benchmark", *options, "--results", path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return SimpleNamespace(output=ended.stdout, path=path, results=read(path))


@pytest.fixture(scope="module")
def large(tmp_path_factory, warm_suites):
    """Two rounds of an exact and a cached kernel whose results are above 32 MB; nothing is said of memory."""
    kernels = ("--kernel", "torch_reduce", "--kernel", "cached_topk(torch_reduce)", "-k", "torch_reduce")
    return run_of(warm_suites, tmp_path_factory.mktemp("large"), *LARGE, *kernels, "--rounds", "2")


def test_each_case_in_kept_memory_follows_the_same_one_in_fresh_memory(large):
    for _, records in large.results.rounds:
        assert [(record.case.kernel, record.case.freed_memory) for record in records] == [
            (kernel, memory) for kernel in ("torch_reduce", "cached_topk(torch_reduce)") for memory in (None, "kept")
        ]
    assert {record.status for record in large.results.records} == {"ok"}


def test_the_lines_of_the_run_and_its_tables_tell_them_apart(large):
    lines = [line for line in large.output.splitlines() if " d=6000 torch_reduce" in line and "samples" in line]
    assert [" with freed memory kept  " in line for line in lines] == [False, True] * 2
    groups = re.findall(r"benchmark '(.*)': 2 tests", large.output)
    assert sorted(groups) == [
        "twin:flickr@0.02 d=6000 float32 cpu",
        "twin:flickr@0.02 d=6000 float32 cpu freed_memory=kept",
    ]
    assert "with fresh memory alone" not in large.output


def test_a_product_in_kept_memory_has_the_peak_and_the_workspace_of_the_same_one_in_fresh_memory(large):
    for _, records in large.results.rounds:
        for fresh, kept in list(pairwise(records))[::2]:
            one, other = fresh.measurement.memory, kept.measurement.memory
            assert other.peak_bytes == pytest.approx(one.peak_bytes, rel=0.03, abs=1e6)
            assert other.workspace_bytes == pytest.approx(one.workspace_bytes, abs=0.03 * RESULT_BYTES)
            assert one.peak_bytes >= RESULT_BYTES


def test_in_kept_memory_nothing_is_timed_before_calls_find_what_others_have_left(large):
    calls = {}
    for record in large.results.records:
        calls.setdefault((record.case.kernel, record.case.freed_memory), []).append(record.measurement.timing.warmup_calls)
    # One that is checked, a period that is weighed, and of those that warm up as many as a period has, three at least.
    assert min(calls["torch_reduce", "kept"]) >= 1 + 1 + 3
    assert min(calls["cached_topk(torch_reduce)", "kept"]) >= 1 + 10 + 10


def test_the_page_draws_them_apart_and_says_of_which_memory_a_number_is(large, tmp_path):
    pytest.importorskip("plotly", reason="the page needs plotly: pip install plotly")
    from rsc_bench.reports.page.headline import headlines
    from rsc_bench.reports.tables.table import read_table

    found = headlines(read_table([large.results]))
    assert [headline.memory for headline in found] == ["fresh memory", "kept memory"]
    assert found[0].kept.startswith("The fastest exact kernel takes ")
    assert " ms with fresh memory (torch_reduce) and " in found[0].kept


def test_a_file_of_both_is_compared_within_each(large):
    found = compare(large.results, large.results)
    assert [verdict.case.freed_memory for verdict in found.verdicts] == [None, "kept"] * 2


def test_a_run_that_asks_for_one_has_that_one_and_no_trainings(tmp_path, warm_suites):
    found = run_of(warm_suites, tmp_path, *SMALL, "--memory", "kept", "-k", "mkl", "--kernel", "mkl", "--rounds", "1")
    assert [(record.case.kernel, record.case.freed_memory) for record in found.results.records] == [("mkl", "kept")]
    assert found.results.rounds[0][0].options[-6:-2] == ["--memory", "kept", "-k", "mkl"]
