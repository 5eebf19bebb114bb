"""A round is any command in a checkout: what it is made of, and what of its output is a time."""

import json
import sys
from pathlib import Path

import pytest
from made_documents import document
from made_runs import case, ok, written

from rsc_bench.harness.ab import FILE, AlternatingError, Command, Side
from rsc_bench.harness.ab.commands import is_program, is_pytest, of_program, of_suites
from rsc_bench.harness.ab.one_round import set_up, take
from rsc_bench.harness.records.appending import log_of


@pytest.fixture
def taken(tmp_path):
    """Takes a round of a command in a folder with some files."""

    def round_of(*words, within=Path(), **files):
        folder = tmp_path / "checkout"
        (folder / within).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / within / name).write_text(text)
        side = Side("new (HEAD)", folder, tmp_path / "new.jsonl", of_program(words, lambda _: False), within)
        return take(side, tmp_path)

    return round_of


def times_of(run):
    return {record.case.kernel: record.measurement.timing.times_s for record in run.records}


@pytest.mark.parametrize(
    ("given", "program"),
    [
        ((), False),
        (("--graph", "small:hub"), False),
        (("suites/test_exact.py", "--width", "8"), False),
        (("suites",), False),
        (("pytest", "benchmarks"), True),
        (("./time.sh",), True),
        (("python", "-m", "pytest", "suites"), True),
    ],
)
def test_options_and_suites_are_ours_and_everything_else_is_a_program(given, program):
    assert is_program(given) == program


@pytest.mark.parametrize("words", ["pytest", "/usr/bin/pytest -q", "python -m pytest benchmarks", "uv run pytest -k sort"])
def test_pytest_is_told_where_its_times_go(words):
    assert is_pytest(words.split())
    command = of_program(words.split(), lambda _: False)
    assert command.words == (*words.split(), f"--benchmark-json={FILE}")
    assert command.name == words


@pytest.mark.parametrize("words", ["./pytest.sh", "make bench", "python time.py pytest", f"pytest --benchmark-json {FILE}"])
def test_nothing_is_added_to_what_is_not_pytest_or_says_so_itself(words):
    assert of_program(words.split(), lambda _: False).words == tuple(words.split())


def test_json_that_would_go_past_us_is_refused():
    with pytest.raises(AlternatingError, match=r"^--benchmark-json must name \{file\}, which stands for the file of a round: "):
        of_program(["pytest", "--benchmark-json=mine.json"], lambda _: False)


def test_a_path_that_no_checkout_has_is_where_it_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    command = of_program([".venv/bin/python", "time.py"], lambda path: ".venv" in path.parts)
    assert command.words == (f"{tmp_path}/.venv/bin/python", "time.py")


def test_our_suites_are_a_command_like_any_other():
    command = of_suites(("suites", "--width", "8"))
    assert isinstance(command, Command)
    assert command.words[0] == sys.executable
    assert command.words[-5:] == ("--results", FILE, "suites", "--width", "8")


@pytest.mark.parametrize(
    ("line", "time_s"),
    [("12.3 ms", 0.0123), ("7us", 7e-6), ("3.5e2 ns", 3.5e-7), ("2 min", 120.0), ("1 s", 1.0), ("9 µs", 9e-6)],
)
def test_a_time_in_the_last_line_is_the_round(taken, line, time_s):
    run = taken("sh", "time.sh", **{"time.sh": f"echo 'sorting: 3 ms'; echo '{line}'; echo warned >&2"})
    assert times_of(run) == {"sh time.sh": [pytest.approx(time_s)]}
    assert str(run.records[0].case) == "command time any cpu its own sh time.sh"
    assert run.environment["cpu"]["logical_cores"]
    assert "versions" not in run.environment, "of our Python: the program may run in another one"


def test_json_of_pytest_benchmark_is_taken_from_the_file_and_from_the_output(taken):
    text = json.dumps(document({"a.py::test_a": 0.5, "a.py::test_b": 0.5}))
    for script in (f"echo 1 ms; cat json > {FILE}", "cat json > $RSC_BENCH_FILE", "cat json"):
        assert times_of(taken("sh", "-c", script, json=text)) == {"test_a": [0.5], "test_b": [0.5]}


def test_a_results_file_of_ours_is_a_round_as_well(taken, tmp_path):
    made = written(tmp_path / "made.jsonl", [ok(case("k"), 1.5)])
    text = made.read_text()
    assert times_of(taken("cp", "ours", FILE, ours=text)) == {"k": [1.5]}
    with pytest.raises(AlternatingError, match="wrote 2 rounds: let it measure one each time"):
        taken("cp", "ours", FILE, ours=text + text.partition("\n")[2].replace('"index":1', '"index":2'))


def test_it_runs_in_the_same_folder_of_the_checkout_and_python_imports_from_there(taken, tmp_path):
    (tmp_path / "checkout/src").mkdir(parents=True)
    run = taken("sh", "-c", "pwd; echo $PYTHONPATH; echo 1 s", within=Path("deep/er"))
    assert run.records
    where, imports, _ = (tmp_path / "output.txt").read_text().splitlines()
    checkout = tmp_path / "checkout"
    assert where == f"{checkout}/deep/er"
    assert imports.split(":")[:3] == [f"{checkout}/deep/er", f"{checkout}", f"{checkout}/src"]


def test_what_a_command_has_said_is_kept_beside_the_results(taken, tmp_path):
    for _ in range(2):
        taken("sh", "-c", "echo said; echo warned >&2; echo 1 s")
    assert log_of(tmp_path / "new.jsonl").read_text() == "said\n1 s\nwarned\n" * 2


@pytest.mark.parametrize(
    ("script", "summary"),
    [
        ("exit 3", "ended with status 3: it said nothing"),
        ("echo 1 ms; echo 'no such graph' >&2; exit 1", "ended with status 1: no such graph"),
        ("echo 'FAILED a.py::test_a - assert 1'; echo '1 failed in 0.1s'; exit 1", "status 1: FAILED a.py::test_a - assert 1"),
        (
            "for i in 1 2 3 4 5; do echo FAILED t.py::t$i; done; exit 1",
            "FAILED t.py::t1; FAILED t.py::t2; FAILED t.py::t3; and 2 more",
        ),
        ("no-such-program", "ended with status 127: "),
        ("echo done", "wrote no benchmark and printed no time (done): let its last line be one such as 12.3 ms, or write"),
        ("true", "wrote no benchmark and printed no time (it said nothing)"),
        ("echo 12.3", "printed no time (12.3)"),
        ("echo 0 ms", "printed '0 ms', and a time is above 0"),
        ("echo '{}'", "left no results ({})"),
        ('echo \'{"benchmarks": [], "datetime": "now", "version": "5"}\'', "measured no case with these options"),
        ("echo '{' > {file}", "left no results (it said nothing): what it left is no JSON: give a file of"),
    ],
)
def test_a_command_that_leaves_no_round_is_one_line_with_the_side_and_the_command(taken, script, summary):
    with pytest.raises(AlternatingError) as error:
        taken("sh", "-c", script)
    assert str(error.value).startswith("new (HEAD): sh -c ")
    assert summary in str(error.value)


def test_a_program_that_is_not_there_is_named(taken):
    with pytest.raises(AlternatingError, match=r"status 127: no-such: cannot be run \(No such file or directory\)$"):
        taken("no-such")


def test_a_set_up_that_fails_is_one_line(tmp_path):
    side = Side("base (main)", tmp_path, tmp_path / "base.jsonl", of_program(["true"], lambda _: False))
    set_up(side, ("sh", "-c", "echo built"), tmp_path)
    with pytest.raises(AlternatingError, match=r"^base \(main\): the set-up sh ended with status 2: no compiler$"):
        set_up(side, ("sh", "-c", "echo no compiler >&2; exit 2"), tmp_path)
    assert log_of(side.results).read_text() == "built\nno compiler\n"


def test_suites_that_leave_no_file_are_not_asked_for_a_time(tmp_path):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/test_it.py").write_text("def test_it(): pass")
    side = Side("base (main)", tmp_path, tmp_path / "base.jsonl", of_suites(("suites", "--help")))
    with pytest.raises(AlternatingError, match=r"^base \(main\): the suites left no results \(.*\): what it left cannot be "):
        take(side, tmp_path)
