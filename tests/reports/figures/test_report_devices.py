import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

from synthetic_results import ENVIRONMENT, case, ok

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.ceilings import Ceilings, Probe
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.run import Round
from rsc_bench.reports.drawing.stored import stored
from rsc_bench.reports.figures.devices import FIGURE
from rsc_bench.reports.tables.table import read_table

# 1,000 non-zeros x 64 columns x 4 bytes are gathered in a call: 256,000 bytes, in 1 ms 0.256 GB/s (synthetic_results).
GATHERED = 256_000


def ceilings(gather, copy):
    made = {"means": "made", "operand_bytes": 2**30, "moved_bytes": 1000}
    probes = [
        Probe(what="gather", row_bytes=256, times_s=[1000 / gather], **made),
        Probe(what="copy", times_s=[1000 / copy], **made),
    ]
    return Ceilings(device="cuda:0", probes=probes)


def on(kernel, budget=None, **beyond):
    return case(kernel, budget, device="cuda:0", clock="cuda_cold", **beyond)


def written(path, gpu, records, reached=None, day=1):
    file = ResultsFile(path, ENVIRONMENT | {"gpus": [{"name": gpu}] if gpu else []})
    file.start_round(Round(index=1, of=1, cases=len(records), started=f"2026-03-0{day}T10:00:00Z", ceilings=reached))
    for record in records:
        file.append(record)
    file.close()
    return path


def drawing_of(*paths):
    figure = FIGURE.draw(read_table([read(path) for path in paths]).escaped())
    return figure and stored(figure)


def traces(drawing, **where):
    """The first panel of these choices: each trace by its axis and device, as kernel and text."""
    (panel, *_) = (each for each in drawing["panels"] if where.items() <= each["where"].items())
    drawn = [drawing["traces"][place] | drawing["styles"][drawing["traces"][place]["style"]] for place in panel["traces"]]
    return {(trace.get("xaxis", "x"), trace["name"]): dict(zip(trace["y"], trace["text"], strict=True)) for trace in drawn}


@pytest.fixture
def two(tmp_path):
    """The new device gathers four times as fast; `mkl` follows it, `mine` does not."""
    old = written(tmp_path / "old.jsonl", "OLD", [ok(on("mkl"), 1.0), ok(on("mine"), 1.0)], ceilings(GATHERED * 2000, 1e9))
    new = written(tmp_path / "new.jsonl", "NEW", [ok(on("mkl"), 0.25), ok(on("mine"), 1.0)], ceilings(GATHERED * 8000, 4e9))
    return old, new


def test_shares_stand_beside_times_for_each_device(two):
    drawn = traces(drawing_of(*two), **{"share of": "gather"})
    assert drawn["x", "OLD"] == {"mkl": "50 %", "mine": "50 %"}
    assert drawn["x", "NEW"] == {"mkl": "50 %", "mine": "12.5 %"}
    assert drawn["x2", "OLD"] == {"mkl": "1 ms", "mine": "1 ms"}
    assert drawn["x2", "NEW"] == {"mkl": "0.25 ms", "mine": "1 ms"}


def test_the_share_of_a_copy_can_be_chosen(two):
    drawing = drawing_of(*two)
    assert [panel["where"]["share of"] for panel in drawing["panels"]] == ["gather", "copy"]
    # 404 + 4,000 + 25,600 + 25,600 bytes have to move (traffic.py): 55,604 in 1 ms of 1 GB/s.
    assert traces(drawing, **{"share of": "copy"})["x", "OLD"]["mkl"] == "5.56 %"


def test_the_fastest_kernel_on_any_device_comes_first(two):
    assert list(traces(drawing_of(*two))["x", "OLD"]) == ["mkl", "mine"]


def test_any_number_of_devices_stands_in_one_figure(two, tmp_path):
    third = written(tmp_path / "third.jsonl", "THIRD", [ok(on("mkl"), 0.1)])
    drawn = traces(drawing_of(*two, third))
    assert {device for _, device in drawn} == {"OLD", "NEW", "THIRD"}
    assert drawn["x", "THIRD"] == {"mkl": "not measured"}


def test_a_budget_shows_its_sampled_kernels_beside_the_exact_ones(tmp_path):
    records = [ok(on("mkl"), 1.0), ok(on("topk(mkl)", 0.1), 0.3), ok(on("topk(mkl)", 0.5), 0.7)]
    drawing = drawing_of(*(written(tmp_path / f"{name}.jsonl", name, records) for name in ("A", "B")))
    assert traces(drawing, budget="0.5")["x2", "A"] == {"mkl": "1 ms", "topk(mkl)": "0.7 ms"}


def test_of_two_files_of_a_device_the_newer_counts(two, tmp_path):
    again = written(tmp_path / "again.jsonl", "OLD", [ok(on("mkl"), 0.8)], day=2)
    for order in ((again, *two), (*two, again)):
        assert traces(drawing_of(*order))["x2", "OLD"] == {"mkl": "0.8 ms", "mine": "1 ms"}


def test_one_device_alone_has_no_such_figure(two, tmp_path):
    same = written(tmp_path / "same.jsonl", "OLD", [ok(on("mkl"), 1.0)])
    assert drawing_of(two[0], same) is None


def test_two_clocks_are_never_side_by_side(tmp_path):
    gpu = written(tmp_path / "gpu.jsonl", "GPU", [ok(on("mkl"), 1.0)])
    cpu = written(tmp_path / "cpu.jsonl", None, [ok(case("mkl"), 1.0)])
    assert drawing_of(gpu, cpu) is None


def test_two_cpus_are_two_devices(tmp_path):
    paths = []
    for name in ("one", "two"):
        file = ResultsFile(tmp_path / f"{name}.jsonl", {"cpu": {"model": f"CPU {name}"}})
        file.start_round(Round(index=1, of=1, cases=1, started="2026-03-01T10:00:00Z"))
        file.append(ok(case("mkl"), 1.0))
        file.close()
        paths.append(file.path)
    assert {device for _, device in traces(drawing_of(*paths))} == {"CPU one", "CPU two"}
