from pathlib import Path

import msgspec
import pytest
from synthetic_results import case, ok, write_results

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.run import Round
from rsc_bench.reports.tables.gathering import overview
from rsc_bench.reports.tables.sources import Head, machine, short_names, sources


def test_an_environment_is_shown_leaf_by_leaf_and_absent_values_read_none(tmp_path):
    nested = {"cpu": {"model": "X", "governor": None}, "threads": [{"count": 2}], "dirty": False}
    run = read(write_results(tmp_path / "run.jsonl", [[ok(case(), 4)], []], nested))
    (source,) = sources([Head.of(run)], [overview(run)])
    assert source.environment == (("cpu.model", "X"), ("cpu.governor", "none"), ("threads.0.count", "2"), ("dirty", "False"))
    assert (source.machine, source.started, source.rounds, source.records) == ("X", "2026-03-02 10:00", 1, 1)


@pytest.mark.parametrize(
    ("devices", "label"),
    [({"cpu", "cuda:0"}, "H200"), ({"cpu"}, "X, 2 cores"), (set(), "X, 2 cores")],
)
def test_the_machine_is_its_gpu_where_a_case_ran_on_it_and_else_its_cpu(devices, label):
    assert machine({"cpu.model": "X", "cpu.usable_cores": 2, "gpus.0.name": "H200"}, devices) == label


def test_an_environment_that_names_no_machine_has_none():
    assert machine({"cpu.model": None, "checkout.commit": "0123abc"}, {"cpu"}) is None


def test_names_are_as_long_as_it_takes_for_them_to_differ():
    assert short_names([Path("/x/a.jsonl"), Path("/y/b.jsonl")]) == ["a.jsonl", "b.jsonl"]
    assert short_names([Path("/x/a.jsonl"), Path("/y/a.jsonl")]) == ["x/a.jsonl", "y/a.jsonl"]
    assert short_names([Path("/x/a.jsonl"), Path("/x/a.jsonl")]) == ["a.jsonl (1)", "a.jsonl (2)"]
    assert short_names([]) == []


def test_devices_that_shared_a_sweep_are_named_with_what_each_measured(tmp_path):
    file = ResultsFile(tmp_path / "shared.jsonl", {"cpu": {"model": "X"}})
    nodes = {"node-1 cpu 0": {"host": "left"}, "node-2 cpu 0": {"host": "right"}}
    file.start_round(Round(index=1, of=1, cases=1, started="2026-01-01T00:00:00Z", nodes=nodes))
    file.append(msgspec.structs.replace(ok(case(), 4), node="node-2 cpu 0"))
    file.close()
    run = read(tmp_path / "shared.jsonl")
    (source,) = sources([Head.of(run)], [overview(run)])
    assert dict(source.environment) == {
        "cpu.model": "X",
        "nodes.node-1 cpu 0.records": "0",
        "nodes.node-1 cpu 0.host": "left",
        "nodes.node-2 cpu 0.records": "1",
        "nodes.node-2 cpu 0.host": "right",
    }
