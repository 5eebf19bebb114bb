from pathlib import Path

import pytest

from rsc_bench.harness.machine import doctor
from rsc_bench.harness.machine.findings.kept import cache


def test_the_cache_is_shown_with_its_place_its_size_and_its_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("RSC_BENCH_CACHE_GB", "2.5")
    (tmp_path / "graphs" / "one").mkdir(parents=True)
    (tmp_path / "graphs" / "one" / "col.npy").write_bytes(bytes(3_000_000))
    found = cache()
    assert found.state == "ok"
    assert f"take 0.003 GB of at most 2.5 GB in {tmp_path / 'graphs'}" in found.summary


def test_a_cache_that_cannot_be_written_is_a_hint_with_the_variable_to_set(tmp_path):
    (tmp_path / "file").write_text("")
    found = cache(tmp_path / "file" / "graphs")
    assert (found.state, found.remedy.startswith("set RSC_BENCH_CACHE to a folder")) == ("hint", True)
    assert "cannot be written" in found.summary


def test_a_limit_that_is_no_number_is_a_hint(tmp_path, monkeypatch):
    monkeypatch.setenv("RSC_BENCH_CACHE_GB", "much")
    found = cache(Path(tmp_path))
    assert found.state == "hint"
    assert found.summary.startswith("RSC_BENCH_CACHE_GB must be a number of gigabytes, 0 for no cache (got 'much')")


def test_the_doctor_looks_at_it(tmp_path):
    found = doctor.examine(tmp_path)
    if doctor.exit_status(found):
        pytest.skip("something required is not installed, and the doctor says only that")
    assert "cache" in [finding.name for finding in found]
