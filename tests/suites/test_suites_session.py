import pytest

from rsc_bench.harness.records.file import ResultsFile, read
from rsc_bench.harness.records.measurement import measured
from rsc_bench.harness.records.run import Record, Round
from rsc_bench.suites import session as sessions
from rsc_bench.suites.options import Options
from rsc_bench.suites.session import NEW_FILE_ROUNDS, Rounds, Session

NOWHERE = {"cpu": {"model": "Example 9000"}}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(sessions.environment, "read", lambda: NOWHERE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


def asked(path, rounds=None, widths=(3, 5)):
    return Session(
        Options(benchmark=True, graphs=("small:hub",), widths=widths, kernels=("mkl",), device="cpu", results=path, rounds=rounds)
    )


def held(path, *counts, of, session=None):
    """A file whose rounds, planned up to `of`, hold the first so many cases of the sweep."""
    session = session or asked(path)
    cases = [setting.case() for setting in session.settings]
    file = ResultsFile(path, NOWHERE)
    for index, count in enumerate(counts, 1):
        file.start_round(Round(index=index, of=of, cases=len(cases), started="2026-01-01T00:00:00Z"))
        for case in cases[: len(cases) if count is None else count]:
            file.append(Record(case=case, status="failed", reason="made up"))
    file.close()


def indices(path, rounds=None, **options):
    found = Rounds(asked(path, rounds, **options))
    found.close()
    return found.indices


def test_a_new_file_gets_as_many_rounds_as_compare_wants(path):
    assert indices(path) == list(range(1, NEW_FILE_ROUNDS + 1))


def test_a_new_file_gets_the_rounds_that_were_asked_for(path):
    assert indices(path, 5) == [1, 2, 3, 4, 5]


def test_a_file_that_was_killed_before_its_first_round_begins_with_it(path):
    ResultsFile(path, NOWHERE).close()
    assert indices(path, 2) == [1, 2]


@pytest.mark.parametrize(("rounds", "expected"), [(None, [3]), (2, [3, 4])])
def test_a_finished_file_gets_one_round_more_or_those_that_were_asked_for(path, rounds, expected):
    held(path, None, None, of=2)
    assert indices(path, rounds) == expected


@pytest.mark.parametrize("rounds", [None, 3, 7])
def test_a_run_killed_within_a_round_finishes_the_planned_ones(path, rounds):
    held(path, None, 1, of=3)
    assert indices(path, rounds) == [2, 3]


@pytest.mark.parametrize("rounds", [None, 3, 7])
def test_a_run_killed_between_two_rounds_finishes_the_planned_ones(path, rounds):
    held(path, None, None, of=3)
    assert indices(path, rounds) == [3]


def test_a_round_that_was_cut_short_is_finished_not_begun_again(path):
    held(path, None, 1, of=2)
    session = asked(path)
    rounds = Rounds(session)
    left = [setting for setting in session.settings if not rounds.is_done(setting, 2)]
    assert left == session.settings[1:]
    for setting in left:
        rounds.append(Record(case=setting.case(), status="failed", reason="made up"), 2)
    rounds.close()
    assert [len(records) for _, records in read(path).rounds] == [len(session.settings)] * 2


def test_only_the_round_that_was_cut_short_has_cases_done(path):
    held(path, None, 1, of=3)
    session = asked(path)
    rounds = Rounds(session)
    rounds.close()
    assert [rounds.is_done(session.settings[0], index) for index in rounds.indices] == [True, False]


def test_another_sweep_on_a_finished_file_gets_a_round_of_its_own(path):
    held(path, None, None, of=2)
    assert indices(path, widths=(3, 5, 7)) == [3]


def test_a_part_of_a_sweep_that_was_done_before_the_kill_gets_a_round_of_its_own(path):
    session = asked(path)
    held(path, len(session.settings) - 1, of=1)
    assert indices(path, widths=(3,)) == [2]


def test_the_samples_of_a_case_are_those_of_all_rounds_in_order(path):

    parts = {"select_s": None, "prepare_s": 1.0, "rel_error": 0.0, "nnz": 9, "kept_nnz": 9, "peak_bytes": None}
    session = asked(path)
    rounds, case = Rounds(session), session.settings[0].case()
    for index, times_s in [(1, [1.0, 2.0]), (2, [0.5])]:
        rounds.append(Record(case=case, status="ok", measurement=measured(times_s=times_s, **parts)), index)
    rounds.append(Record(case=session.settings[1].case(), status="failed", reason="made up"), 2)
    rounds.close()
    assert rounds.samples(case) == [1.0, 2.0, 0.5]
