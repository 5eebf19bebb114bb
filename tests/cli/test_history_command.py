"""`history`: files of one machine over time, and an exit status that says whether a case has become slower."""

import json

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

import msgspec
from made_documents import document
from made_runs import MACHINE, case, ok

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.run import Round

WOBBLE = (1.0, 1.004, 0.997, 1.002, 0.995, 1.003)


def level(*levels):
    """The time in seconds of each of 12 runs: of so many levels in a row."""
    return [levels[place * len(levels) // 12] * WOBBLE[place % 6] for place in range(12)]


@pytest.fixture
def ran(tmp_path):
    """Writes a results file for each run, the last one first; each kernel with its seconds run by run."""

    def files(machine=MACHINE, **times_s):
        paths = []
        for place in reversed(range(len(next(iter(times_s.values()))))):
            checkout = {"commit": f"{place:02d}abcdef", "committed": f"2026-03-{place + 1:02d}T10:00:00+00:00", "dirty": False}
            file = ResultsFile(tmp_path / f"{place}{len(times_s)}.jsonl", {**machine, "checkout": checkout})
            file.start_round(Round(index=1, of=1, cases=len(times_s), started=f"2026-04-{place + 1:02d}T10:00:00Z"))
            for kernel, each in times_s.items():
                file.append(ok(case(kernel), each[place]))
            file.close()
            paths.append(file.path)
        return paths

    return files


def test_a_slowdown_that_stays_fails_and_is_named_with_its_commit(call, ran):
    status, out, err = call("history", *ran(mkl=level(1.0, 1.2), ours=level(1.0)))
    assert (status, err) == (1, "")
    assert out.startswith("FAIL: the newest change point is a slowdown in 1 of 2 cases\n")
    assert "Example 9000, 2 cores: 12 runs, 00abcde 04-01 to 11abcde 04-12" in out
    (row,) = [line for line in out.splitlines() if "mkl" in line]
    assert row.split()[:3] == ["1.2", "06abcde", "04-07"]


def test_what_became_fast_again_passes(call, ran):
    status, out, _ = call("history", *ran(mkl=level(1.0, 1.2, 0.9)))
    assert status == 0
    assert "PASS: the newest change point is a slowdown in 0 of 1 case\n" in out
    assert "1.2 at 04abcde 04-05" in out


def test_nothing_changed_passes(call, ran):
    status, out, _ = call("history", *ran(mkl=level(1.0)))
    assert status == 0
    assert "no change point; a new level shows from its 3rd run on" in out


def test_only_the_newest_runs_count_where_it_is_asked(call, ran):
    files = ran(mkl=level(1.0, 1.2))
    assert call("history", *files, "--within", 6)[0] == 1
    status, out, _ = call("history", *files, "--within", 5)
    assert status == 0
    assert "the newest change point among the newest 5 runs is a slowdown in 0 of 1 case" in out


def test_too_few_runs_are_not_judged(call, ran):
    status, out, _ = call("history", *ran(mkl=level(1.0, 2.0)[:5]))
    assert status == 3
    rule = "a change point takes 6 runs of a case on one machine, and no case has them (got 5)"
    assert out.startswith(f"CANNOT BE JUDGED: {rule}: measure more, each run into a file of its own, and give all files\n")


def test_files_of_a_machine_that_has_no_history_are_named(call, ran):
    files = ran(mkl=level(1.0)) + ran(machine={"cpu": {"model": "Other"}}, a=[1.0, 1.0], b=[1.0, 1.0])
    status, out, _ = call("history", *files)
    assert status == 0
    assert "02.jsonl: a history takes 3 files of one machine (got 2 of Other): give more of its runs\n" in out


def test_the_tree_has_every_case_with_its_times_and_change_points(call, ran):
    status, out, _ = call("history", *ran(mkl=level(1.0, 1.2), ours=level(1.0)), "--json")
    tree = json.loads(out)
    assert (status, tree["exit_status"], tree["within"]) == (1, 1, None)
    (machine,) = tree["machines"]
    first, second = machine["cases"]
    assert (first["slower"], second["slower"], first["judged"]) == (True, False, True)
    assert first["change_points"] == [{"run": "06abcde 04-07", "place": 6, "ratio": pytest.approx(1.2, abs=0.01)}]
    assert len(second["times"]) == len(machine["runs"]) == 12


def test_json_of_pytest_benchmark_and_folders_of_it_are_runs(call, tmp_path):
    paths = []
    for place, time_s in enumerate(level(1.0, 1.3)):
        (tmp_path / f"{place:02d}").mkdir()
        for again in range(1 + place % 2):
            made = document({"t.py::test_a": time_s}, 2 * place + again)
            path = tmp_path / f"{place:02d}/{again}.json"
            path.write_text(json.dumps(made))
        paths.append(path.parent if place % 2 else path)
    status, out, _ = call("history", *paths)
    assert status == 1
    assert "test_a t.py" in out


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        ([], "Missing argument 'FILES...'"),
        (["none.jsonl"], "none.jsonl: cannot be read"),
        (["none.jsonl", "--within", "0"], "--within"),
    ],
)
def test_bad_usage_is_one_line(call, arguments, summary):
    status, out, err = call("history", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert summary in err


def test_an_approximation_whose_share_differs_from_run_to_run_is_one_case(call, tmp_path):
    paths = []
    for place, time_s in enumerate(level(1.0, 2.0)):
        file = ResultsFile(tmp_path / f"{place}.jsonl", MACHINE)
        file.start_round(Round(index=1, of=1, cases=1, started=f"2026-04-{place + 1:02d}T10:00:00Z"))
        of = msgspec.structs.replace(case("mine"), suite="sampled", budget=None)
        file.append(ok(of, time_s, nnz=10_000, kept_nnz=3000 + 7 * place))
        file.close()
        paths.append(file.path)
    status, out, _ = call("history", *paths)
    assert status == 1
    assert "a slowdown in 1 of 1 case" in out
