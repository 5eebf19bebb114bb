import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import measured
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.terminal.progress import Progress

TWIN = Case(suite="exact", kernel="mkl", graph="twin:flickr", width=64, budget=None, dtype="float32", device="cpu", clock="host")
SAMPLED = Case(
    suite="sampled",
    kernel="topk(mkl)",
    graph="twin:flickr",
    width=64,
    budget=0.1,
    dtype="bfloat16",
    device="cpu",
    clock="host",
    reduce="mean",
)


def ok(case, *times_s, rel_error=0.0):
    parts = {"select_s": None, "prepare_s": 1.0, "nnz": 9, "kept_nnz": 9, "peak_bytes": None, "stop": "precise"}
    return Record(case=case, status="ok", measurement=measured(times_s=list(times_s), rel_error=rel_error, **parts))


def lines_of(*records, cases=20):
    """The lines for some records, 10 s apart, the first of so many cases in 2 rounds."""
    now, lines = [0.0], []
    progress = Progress(cases, lines.append, now=lambda: now[0])
    for record in records:
        now[0] += 10
        progress.note(record, 1, 2)
        progress.flush()
    return lines


def test_a_case_is_one_line_with_how_far_the_sweep_is_and_how_long_it_takes():
    assert lines_of(ok(TWIN, 0.003, 0.001, 0.002, rel_error=2.1e-7)) == [
        "[ 1/20] round 1/2, 3:10 left  twin:flickr d=64 mkl  1.000 ms (3 samples, precise), error 2.1e-07"
    ]


def test_the_time_left_is_not_shown_from_the_first_few_of_many_cases():
    first, second = lines_of(ok(TWIN, 1.0), ok(TWIN, 1.0), cases=40)
    assert "left" not in first
    assert "6:20 left" in second


def test_the_time_left_is_that_of_the_cases_so_far():
    assert "round 1/2, 2:50 left" in lines_of(*[ok(TWIN, 1.0)] * 3)[2]


def test_a_case_in_kept_memory_says_so():
    kept = msgspec.structs.replace(TWIN, freed_memory="kept")
    assert "twin:flickr d=64 mkl with freed memory kept  1.000 ms" in lines_of(ok(kept, 0.001))[0]


def test_a_sampled_case_shows_its_budget_and_its_error():
    assert lines_of(ok(SAMPLED, 0.5, rel_error=0.254))[0].endswith(
        "twin:flickr d=64 bfloat16 mean topk(mkl) C=0.1  500.000 ms (1 samples, precise), error 0.25"
    )


def test_a_budget_that_was_not_spent_is_said_beside_the_error():
    few = {"nnz": 1000, "kept_nnz": 8, "select_s": None, "prepare_s": 1.0, "peak_bytes": None, "stop": "time"}
    record = Record(case=SAMPLED, status="ok", measurement=measured(times_s=[0.5], rel_error=0.9, **few))
    assert lines_of(record)[0].endswith("(1 samples, time), error 0.90, spent 0.8 % of a budget of 10 %")


def test_what_the_harness_does_shows_its_seconds_its_memory_and_how_much_of_it_was_no_kernels():
    parts = {"suite": "harness", "graph": "twin:reddit", "dtype": "any"}
    made = msgspec.structs.replace(TWIN, kernel="graph_made", width=0, **parts)
    few = {"nnz": 9, "kept_nnz": 9, "rel_error": None, "select_s": None, "prepare_s": 1.0}
    record = Record(case=made, status="ok", measurement=measured(times_s=[27.25, 30.0], peak_bytes=3_210_000_000, **few))
    assert lines_of(record)[0].endswith("  twin:reddit graph_made  27.25 s, 3.21 GB")
    spent_s = {"kernel": 30.0, "check": 10.0}
    sweep = measured(times_s=[40.0], peak_bytes=None, spent_s=spent_s, **few)
    record = Record(case=msgspec.structs.replace(made, kernel="sweep", width=64), status="ok", measurement=sweep)
    assert lines_of(record)[0].endswith("  twin:reddit d=64 sweep  40.00 s, 25 % of it outside of kernels")


def test_what_was_not_measured_shows_why():
    assert lines_of(Record(case=TWIN, status="skipped", reason="no CUDA device"))[0].endswith("mkl  skipped: no CUDA device")


def test_what_somebodys_code_says_steers_no_terminal_and_is_no_page_long():
    (line,) = lines_of(Record(case=TWIN, status="failed", reason=f"\x1b[2J{'x' * 100_000}"))
    assert line.isprintable()
    assert line.endswith("x…")
    assert len(line) < 2200


def test_a_line_waits_for_the_terminal_and_is_written_once():
    lines = []
    progress = Progress(1, lines.append)
    progress.flush()
    progress.note(ok(TWIN, 1.0), 1, 1)
    assert lines == []
    progress.flush()
    progress.flush()
    assert len(lines) == 1


def test_a_case_that_runs_is_named_on_a_terminal_and_in_a_log_where_it_is_long():
    states, lines = [], []
    case = TWIN
    watched = Progress(2, print, states.append)
    for seconds in (0.5, 1.0):
        watched.wait(case, seconds)
    assert states == [f"[1/2] 0:00 at {case}", f"[1/2] 0:01 at {case}"]
    logged = Progress(2, print, say=lines.append)
    for seconds in (0.5, 9.5, 10.0, 10.5, 19.5, 20.0, 39.5, 40.0):
        logged.wait(case, seconds)
    assert lines == [f"[1/2] {time} at {case}" for time in ("0:10", "0:20", "0:40")]


def test_what_a_case_waits_for_is_said_while_it_waits_where_that_can_be():
    written, said, states = [], [], []
    live = Progress(2, written.append, states.append, say=said.append)
    live.wait(TWIN, 12.0)
    live.tell("waiting")
    assert (said, states[-1]) == (["waiting"], ""), "the line that is rewritten makes way"
    later = Progress(2, written.append)
    later.tell("waiting")
    assert written == []
    later.flush()
    assert written == ["waiting"]
