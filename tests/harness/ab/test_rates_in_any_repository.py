"""How often `ab` is right about a foreign suite, by made noise: at the rounds that `aa` recommends there."""

import msgspec
import numpy as np
import pytest

pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_documents import document

from rsc_bench.harness.ab import turns
from rsc_bench.harness.ab.pool import pool
from rsc_bench.harness.ab.study import recommended, study
from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.records.pytest_benchmark import foreign
from rsc_bench.harness.records.run import Round, Run

TESTS_S = {"t/test_sort.py::test_few": 2e-4, "t/test_sort.py::test_many": 3e-2, "t/test_io.py::test_read": 1e-3}
SPREAD = 0.012
"""From round to round: half of the variance is luck that the tests of a process share."""
TRIES = 300


def session(draw, rounds, slower=1.0):
    """The results of both sides: rounds of pytest-benchmark's documents, taken in turns."""
    sides = ([], [])
    own, common = draw.normal(0, SPREAD / 2**0.5, (2 * rounds, len(TESTS_S))), draw.normal(0, SPREAD / 2**0.5, (2 * rounds, 1))
    for factors, (index, side) in zip(np.exp(own + common).tolist(), turns(rounds), strict=True):
        change = slower if side else 1.0
        times_s = {name: change * factor * time_s for factor, (name, time_s) in zip(factors, TESTS_S.items(), strict=True)}
        records = foreign.records(msgspec.convert(document(times_s), foreign.Document))
        start = Round(index=index, of=rounds, cases=len(records), started="2026-01-01T00:00:00Z", alternated="one")
        sides[side].append((start, records))
    return [Run(path=name, environment={}, rounds=each) for name, each in zip(("base", "new"), sides, strict=True)]


@pytest.fixture(scope="module")
def setting():
    """What `aa` recommends after twenty rounds of identical code, to catch 10 %."""
    found = recommended(study(pool(*session(np.random.default_rng(5), 20)), threshold=0.05, catch=0.1))
    assert found is not None
    return found


def called_slower(setting, slower):
    """Of many sessions of their own: how many tests of each are called slower."""
    draw = np.random.default_rng(6)
    sessions = (session(draw, setting.rounds, slower) for _ in range(TRIES))
    return [sum(verdict.change == "slower" for verdict in compare(*each, setting.threshold).verdicts) for each in sessions]


def test_identical_code_is_called_slower_in_at_most_one_session_of_a_hundred(setting):
    # Where the chance is 1 %, more than 7 of 300 are seen in one of 100 tries.
    assert sum(map(bool, called_slower(setting, 1.0))) <= 7


def test_an_injected_10_percent_is_caught_in_95_sessions_of_a_hundred(setting):
    found = called_slower(setting, 1.1)
    assert sum(map(bool, found)) >= 0.95 * TRIES
    assert sum(found) >= 0.95 * TRIES * len(TESTS_S), "and in each of the tests"
