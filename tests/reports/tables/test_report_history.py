import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

from synthetic_results import ENVIRONMENT, bad, case, ok
from synthetic_trainings import training

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.measurement import measured
from rsc_bench.harness.records.run import Record, Round
from rsc_bench.reports.drawing.stored import stored
from rsc_bench.reports.figures.history import FIGURE, OVERVIEW
from rsc_bench.reports.tables.histories import histories
from rsc_bench.reports.tables.runs import latest, runs
from rsc_bench.reports.tables.table import read_table

COMMITS = [f"{place:02d}abcdef" for place in range(40)]
WOBBLE = (1.0, 1.004, 0.997, 1.002, 0.995, 1.003)


def written(folder, place, records, started=None, **beyond):
    """A file of one run: its place is in its commit, and in the day it was measured."""
    checkout = {"commit": COMMITS[place], "dirty": False} | beyond.pop("checkout", {})
    file = ResultsFile(folder / f"run{place}.jsonl", ENVIRONMENT | {"checkout": checkout} | beyond)
    file.start_round(
        Round(index=1, of=1, cases=len(records), started=started or f"2026-{3 + place // 28:02d}-{place % 28 + 1:02d}T10:00:00Z")
    )
    for record in records:
        file.append(record)
    file.close()
    return file.path


def ran(folder, *cases, count=12):
    """A file for each run; each case is given with its milliseconds from run to run."""
    for place in range(count):
        written(folder, place, [ok(of, times_ms(place) * WOBBLE[place % 6]) for of, times_ms in cases])
    return folder


def steady(time_ms=10.0):
    return lambda place: time_ms


def step(at, ratio, time_ms=10.0):
    return lambda place: time_ms * (ratio if place >= at else 1)


def table_of(folder):
    return read_table([read(path) for path in sorted(folder.iterdir())])


def history_of(folder):
    (found,) = histories(table_of(folder).escaped())
    return found


def drawing_of(folder):
    figure = FIGURE.draw(table_of(folder).escaped())
    return figure and stored(figure)


def choices(drawing):
    return [panel["where"].get("case", drawing["fixed"].get("case")) for panel in drawing["panels"]]


def test_two_files_are_no_history_and_three_are(tmp_path):
    assert drawing_of(ran(tmp_path, (case(), steady()), count=2)) is None
    written(tmp_path, 2, [ok(case(), 10.0)])
    assert drawing_of(tmp_path) is not None


def test_three_files_of_three_machines_are_no_history(tmp_path):
    for place in range(3):
        written(tmp_path, place, [ok(case(), 10.0)], cpu={"model": f"CPU {place}"})
    assert drawing_of(tmp_path) is None


def test_a_run_is_named_by_its_commit_and_its_day(tmp_path):
    written(tmp_path, 0, [ok(case(), 10.0)])
    written(tmp_path, 1, [ok(case(), 10.0)], checkout={"dirty": True})
    written(tmp_path, 2, [ok(case(), 10.0)], checkout={"commit": None})
    assert [stop.label for stop in history_of(tmp_path).stops] == ["00abcde 03-01", "01abcde+ 03-02", "run2.jsonl"]


def test_two_runs_of_one_commit_on_one_day_are_numbered(tmp_path):
    for place in range(3):
        written(tmp_path, place, [ok(case(), 10.0)], "2026-03-01T10:00:00Z", checkout={"commit": COMMITS[0]})
    assert [stop.label for stop in history_of(tmp_path).stops] == [f"00abcde 03-01 ({number})" for number in (1, 2, 3)]


def test_runs_stand_in_the_order_of_their_commits_where_these_are_dated(tmp_path):
    # An older commit that was measured last: as when a history is filled in afterwards.
    for place, committed in enumerate(("2026-01-02T10:00:00+01:00", "2026-01-03T00:00:00+00:00", "2026-01-02T09:30:00Z")):
        written(tmp_path, place, [ok(case(), 10.0)], checkout={"committed": committed})
    assert [stop.label[:2] for stop in history_of(tmp_path).stops] == ["00", "02", "01"]


def test_without_those_dates_they_stand_in_the_order_in_which_they_ran(tmp_path):
    for place, day in enumerate((3, 1, 2)):
        checkout = {"committed": "2026-01-01T00:00:00Z"} if place else {}
        written(tmp_path, place, [ok(case(), 10.0)], f"2026-03-0{day}T10:00:00Z", checkout=checkout)
    assert [stop.label[:2] for stop in history_of(tmp_path).stops] == ["01", "02", "00"]


def test_a_step_is_marked_at_its_run_and_its_case_comes_first(tmp_path):
    cases = ((case("mkl"), steady()), (case("rows_numba"), step(7, 1.2)), (case("torch_reduce"), step(6, 0.5)))
    drawing = drawing_of(ran(tmp_path, *cases))
    assert choices(drawing) == [
        OVERVIEW,
        "1.2× at 07abcde 03-08: rows_numba ring d=64 float32 cpu host",  # slower before faster, though it is less
        "0.5× at 06abcde 03-07: torch_reduce ring d=64 float32 cpu host",
        "mkl ring d=64 float32 cpu host",
    ]
    line, mark = (drawing["traces"][place] for place in drawing["panels"][1]["traces"])
    assert line["y"][6:8] == [10.0, 12.05]  # wobbles by 1.000 and 1.004
    assert (mark["x"], mark["y"], mark["text"]) == (["07abcde 03-08"], [12.05], ["1.2×"])


def test_the_overview_counts_what_stepped_and_says_what_else_was_new(tmp_path):
    both = (case("mkl"), case("rows_numba"))
    for place in range(12):
        versions = {"torch": "2.13.0" if place < 7 else "2.14.0"}
        written(tmp_path, place, [ok(of, step(7, 1.2)(place) * WOBBLE[place % 6]) for of in both], versions=versions)
    slower, faster = (drawing_of(tmp_path)["traces"][place] for place in (0, 1))
    assert (slower["y"], faster["y"]) == ([0] * 7 + [2] + [0] * 4, [0] * 12)
    assert slower["customdata"][7] == (
        "2 slower<br>1.2× mkl ring d=64 float32 cpu host<br>1.2× rows_numba ring d=64 float32 cpu host<br>"
        "also different: versions.torch 2.13.0 → 2.14.0"
    )


def test_a_run_without_a_case_is_a_gap_and_marks_keep_their_places(tmp_path):
    folder = ran(tmp_path, (case(), step(8, 1.3)))
    for place in (2, 3):
        (folder / f"run{place}.jsonl").unlink()
        written(folder, place, [bad(case(), "failed", "out of memory"), ok(case("mkl"), 1.0)])
    found = {series.kernel: series for series in history_of(folder).series}
    assert found["rows_numba"].times[1:5] == (pytest.approx(10.04), None, None, pytest.approx(9.95))
    assert [mark.place for mark in found["rows_numba"].steps] == [8]


def test_a_training_is_drawn_in_seconds(tmp_path):
    of = training(seed=3)
    trained = {"epoch_s": [1.0, 2.0], "select_s": None, "prepare_s": 0.1, "rel_error": None, "peak_bytes": None}
    measurement = measured(times_s=[3.0], nnz=10, kept_nnz=10, **trained)
    for place in range(3):
        written(tmp_path, place, [Record(case=of, status="ok", measurement=measurement), ok(case(), 10.0)])
    (series,) = (series for series in history_of(tmp_path).series if series.unit == "s")
    assert series.times == (3.0, 3.0, 3.0)
    assert series.case == "rows_numba Cornell5 d=256 float32 cpu host model=gcn layers=3 epochs=40 seed=3"


def test_names_are_safe_in_plotly(tmp_path):
    drawing = drawing_of(ran(tmp_path, (case("<b>", graph="<i>"), step(6, 2.0)), (case(graph="<i>"), step(6, 2.0))))
    assert any("<b> <i>" in choice for choice in choices(drawing))  # shown as text, not by plotly
    assert "&lt;b&gt; &lt;i&gt;" in drawing["traces"][0]["customdata"][6]


def test_other_figures_are_of_the_last_run_and_of_what_no_later_one_measured(tmp_path):
    written(tmp_path, 0, [ok(case("mkl"), 10.0), ok(case("mkl", graph="old"), 10.0)])
    for place in (1, 2):
        written(tmp_path, place, [ok(case("mkl"), 10.0 + place)])
    kept = latest(table_of(tmp_path)).cases
    assert list(zip(kept["file"], kept["graph"], kept["latency"], strict=True)) == [
        ("run0.jsonl", "old", 10.0),
        ("run2.jsonl", "ring", 12.0),
    ]


def test_a_product_of_growth_is_another_than_the_same_of_another_suite(tmp_path):
    for place, suite in enumerate(("exact", "exact", "growth")):
        written(tmp_path, place, [ok(case("mkl", suite=suite), 10.0 + place)])
    kept = latest(table_of(tmp_path)).cases
    assert list(zip(kept["file"], kept["suite"], strict=True)) == [("run1.jsonl", "exact"), ("run2.jsonl", "growth")]
    both = ran(tmp_path / "both", (case("mkl"), steady()), (case("mkl", suite="growth"), steady()))
    assert sorted(series.case for series in history_of(both).series) == [
        "mkl ring d=64 float32 cpu host",
        "mkl ring d=64 float32 cpu host growth",
    ]


def test_dot_products_are_another_than_the_product_of_the_same_graph_and_width(tmp_path):
    for place, suite in enumerate(("exact", "exact", "sddmm")):
        written(tmp_path, place, [ok(case("mkl" if suite == "exact" else "sddmm_torch", suite=suite), 10.0 + place)])
    kept = latest(table_of(tmp_path)).cases
    assert list(zip(kept["file"], kept["suite"], strict=True)) == [("run1.jsonl", "exact"), ("run2.jsonl", "sddmm")]


def test_files_without_a_history_are_all_drawn(tmp_path):
    table = table_of(ran(tmp_path, (case(), steady()), count=2))
    assert runs(table.sources) == {}
    assert latest(table) is table
