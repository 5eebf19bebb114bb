import pytest

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.file import ResultsError, read
from rsc_bench.harness.records.measurement import measured
from rsc_bench.harness.records.run import Record, Round
from rsc_bench.plugins import Registry
from rsc_bench.suites.measuring import session as sessions
from rsc_bench.suites.measuring.contents import Contents
from rsc_bench.suites.measuring.session import NEW_FILE_ROUNDS, ReplayTimer, Rounds, Session
from rsc_bench.suites.options import Options

NOWHERE = {"cpu": {"model": "Example 9000"}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


def session_of(path, rounds=None, widths=(3, 5), **options):
    every = {"graphs": ("small:hub",), "widths": widths, "kernels": ("mkl",), "device": "cpu"} | options
    return Session(Options(benchmark=True, results=path, rounds=rounds, **every))


def rounds_of(session):
    rounds = Rounds(session, NOWHERE)
    rounds.plan(session.settings)
    return rounds


def write(path, *counts, of):
    """Write a file whose rounds, planned up to `of`, have the first so many cases of the sweep; None: all."""
    cases = [setting.case() for setting in session_of(path).settings]
    file = ResultsFile(path, NOWHERE)
    for index, count in enumerate(counts, 1):
        file.start_round(Round(index=index, of=of, cases=len(cases), started="2026-01-01T00:00:00Z"))
        for case in cases[: len(cases) if count is None else count]:
            file.append(Record(case=case, status="failed", reason="made up"))
    file.close()


def begun(path, **options):
    """Begin the file of a run, with its first record."""
    session = session_of(path, **options)
    rounds = rounds_of(session)
    rounds.append(Record(case=session.settings[0].case(), status="failed", reason="made up"), 1)
    rounds.close()


def indices(path, rounds=None, **options):
    found = rounds_of(session_of(path, rounds, **options))
    found.close()
    return found.indices


def test_a_new_file_gets_as_many_rounds_as_compare_wants(path):
    assert indices(path) == list(range(1, NEW_FILE_ROUNDS + 1))


def test_a_training_beside_products_is_in_the_first_round_alone_and_each_round_counts_its_own_cases(path):
    session = Session(Options(benchmark=True, results=path, device="cpu"))
    found = rounds_of(session)
    product, training = session.settings[0], session.settings[-1]
    assert [found.has(product, index) for index in found.indices] == [True, True, True]
    assert [found.has(training, index) for index in found.indices] == [True, False, False]
    assert (found.last_of(product), found.last_of(training)) == (3, 1)
    for index in (1, 2):
        found.append(Record(case=product.case(), status="failed", reason="made up"), index)
    found.close()
    trainings = sum(setting.suite == "training" for setting in session.settings)
    counts = [start.cases for start, _ in read(path).rounds]
    assert counts == [len(session.settings), len(session.settings) - trainings]


def test_a_sweep_of_trainings_has_them_in_every_round(path):
    session = session_of(path, rounds=2, models=("GCN",), graphs=("small:random",))
    found = rounds_of(session)
    assert found.has(session.settings[-1], 2)
    found.close()


def test_the_usual_sweep_is_carried_on_in_a_later_round_without_its_trainings(path):
    session = Session(Options(benchmark=True, results=path, device="cpu"))
    products = [setting for setting in session.settings if setting.suite != "training"]
    file = ResultsFile(path, NOWHERE)
    for index, settings in ((1, session.settings), (2, products)):
        file.start_round(Round(index=index, of=3, cases=len(settings), started="2026-01-01T00:00:00Z"))
        for setting in settings[: None if index == 1 else 5]:
            file.append(Record(case=setting.case(), status="failed", reason="made up"))
    file.close()
    found = rounds_of(Session(Options(benchmark=True, results=path, device="cpu")))
    assert (found.indices, found.note) == ([2, 3], None)
    assert [found.is_done(setting, 2) for setting in products[:7]] == [True] * 5 + [False] * 2
    found.close()


def test_a_new_file_gets_the_rounds_that_are_named(path):
    assert indices(path, 5) == [1, 2, 3, 4, 5]


def test_a_file_that_was_killed_before_its_first_round_begins_with_it(path):
    ResultsFile(path, NOWHERE).close()
    assert indices(path, 2) == [1, 2]


@pytest.mark.parametrize(("rounds", "expected"), [(None, [3]), (2, [3, 4])])
def test_a_finished_file_gets_one_round_more_or_those_that_are_named(path, rounds, expected):
    write(path, None, None, of=2)
    assert indices(path, rounds) == expected


@pytest.mark.parametrize(("rounds", "expected"), [(None, [2, 3]), (3, [2, 3]), (7, [2, 3, 4, 5, 6, 7]), (1, [2])])
def test_a_run_killed_within_a_round_finishes_it_and_gets_so_many_in_all(path, rounds, expected):
    write(path, None, 1, of=3)
    assert indices(path, rounds) == expected


@pytest.mark.parametrize(("rounds", "expected"), [(None, [3]), (3, [3]), (7, [3, 4, 5, 6, 7]), (2, [3])])
def test_a_run_killed_between_two_rounds_gets_so_many_in_all(path, rounds, expected):
    write(path, None, None, of=3)
    assert indices(path, rounds) == expected


def note(path, rounds=None, **options):
    found = rounds_of(session_of(path, rounds, **options))
    found.close()
    return found.note


def test_other_rounds_than_were_planned_are_said(path):
    write(path, None, 1, of=3)
    assert note(path) is note(path, 3) is None
    assert note(path, 7) == f"{path}: was planned for 3 rounds, and gets 7 by --rounds 7"


@pytest.mark.parametrize("other", [{"widths": (7,)}, {"widths": (3,)}, {"widths": (3, 5, 7)}, {"kernels": ("mkl", "topk(mkl)")}])
def test_another_sweep_on_an_unfinished_file_finishes_no_round_of_it_and_says_so(path, other):
    write(path, None, 1, of=3)
    cases = len(session_of(path).settings)
    assert indices(path, **other) == [3]
    assert indices(path, 2, **other) == [3, 4]
    done = f"1 of {cases} cases"
    assert note(path, **other) == f"{path}: round 2 of another sweep stays unfinished ({done}): this one gets its own"


def test_another_sweep_behind_a_kill_between_two_rounds_says_so_too(path):
    write(path, None, of=3)
    assert indices(path, widths=(7,)) == [2]
    assert note(path, widths=(7,)) == f"{path}: another sweep stays at round 1 of 3: this one gets rounds of its own"


def test_a_round_that_was_cut_short_is_finished_not_begun_again(path):
    write(path, None, 1, of=2)
    session = session_of(path)
    rounds = rounds_of(session)
    left = [setting for setting in session.settings if not rounds.is_done(setting, 2)]
    assert left == session.settings[1:]
    for setting in left:
        rounds.append(Record(case=setting.case(), status="failed", reason="made up"), 2)
    rounds.close()
    assert [len(records) for _, records in read(path).rounds] == [len(session.settings)] * 2


def test_only_the_round_that_was_cut_short_has_cases_done(path):
    write(path, None, 1, of=3)
    session = session_of(path)
    rounds = rounds_of(session)
    rounds.close()
    assert [rounds.is_done(session.settings[0], index) for index in rounds.indices] == [True, False]


def test_another_sweep_on_a_finished_file_gets_a_round_of_its_own(path):
    write(path, None, None, of=2)
    assert indices(path, widths=(3, 5, 7)) == [3]
    assert note(path, widths=(3, 5, 7)) is None


def test_a_part_of_a_sweep_that_was_done_before_the_kill_gets_a_round_of_its_own(path):
    session = session_of(path)
    write(path, len(session.settings) - 1, of=1)
    assert indices(path, widths=(3,)) == [2]


def test_the_samples_of_a_case_are_those_of_all_rounds_in_order(path):
    parts = {"select_s": None, "prepare_s": 1.0, "rel_error": 0.0, "nnz": 9, "kept_nnz": 9, "peak_bytes": None}
    session = session_of(path)
    rounds, case = rounds_of(session), session.settings[0].case()
    for index, times_s in [(1, [1.0, 2.0]), (2, [0.5])]:
        rounds.append(Record(case=case, status="ok", measurement=measured(times_s=times_s, **parts)), index)
    rounds.append(Record(case=session.settings[1].case(), status="failed", reason="made up"), 2)
    rounds.close()
    assert rounds.samples(case) == [1.0, 2.0, 0.5]


def test_a_slowed_run_says_so_and_shares_no_file_with_an_honest_one(path):
    begun(path, slow_down=0.05)
    assert read(path).environment["slow_down"] == 0.05
    with pytest.raises(ResultsError, match=r"another environment \(slow_down differ\)"):
        rounds_of(session_of(path))


KERNEL = """
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.mkl import prepare
KERNEL = Kernel("mine", "cpu", "Mine.", prepare)
"""


@pytest.mark.parametrize(("option", "name"), [("kernels", "kernel_files"), ("plugins", "plugin_files")])
def test_the_files_of_a_user_are_in_the_environment_with_a_digest_of_what_is_in_them(path, tmp_path, monkeypatch, option, name):
    file = tmp_path / "mine.py"
    file.write_text(KERNEL)
    monkeypatch.setattr(sessions, "REGISTRY", registry := Registry())
    if option == "plugins":
        registry.add_file(file)
    begun(path, **{option: (str(file),)})
    assert list(read(path).environment[name]) == [str(file)]
    rounds_of(session_of(path, **{option: (str(file),)})).close()
    file.write_text(f"{KERNEL}# faster\n")
    with pytest.raises(ResultsError, match=rf"another environment \({name}\."):
        rounds_of(session_of(path, **{option: (str(file),)}))


def test_a_run_without_files_of_a_user_names_none(path):
    begun(path)
    assert read(path).environment == NOWHERE


class Pedantic:
    """Reads its timer before and after each call, as pytest-benchmark's fixture does."""

    def __init__(self, timer):
        self._timer, self.seen = timer, []

    def pedantic(self, call, setup, rounds, iterations):
        assert iterations == 1
        for _ in range(rounds):
            setup()
            start = self._timer()
            call()
            self.seen.append(self._timer() - start)


def test_the_samples_are_seen_in_order_and_to_the_bit():
    timer, samples = ReplayTimer(), [0.1, 1e-9, 123.456, 0.1 + 1e-17, 3e-7]
    fixture = Pedantic(timer)
    timer.show(fixture, samples)
    assert fixture.seen == samples


def test_a_timer_shows_one_case_after_another():
    timer, fixture = ReplayTimer(), None
    for samples in ([1.0, 2.0], [3.0]):
        fixture = Pedantic(timer)
        timer.show(fixture, samples)
        assert fixture.seen == samples


def test_the_samples_stay_with_who_gave_them():
    samples = [1.0, 2.0]
    timer = ReplayTimer()
    timer.show(Pedantic(timer), samples)
    assert samples == [1.0, 2.0]


MATRIX = "%%MatrixMarket matrix coordinate pattern symmetric\n4 4 {}\n2 1\n3 2\n4 3\n{}"


def changing_graph(tmp_path):
    """A graph file, and what changes its contents."""
    path = tmp_path / "g.mtx"
    path.write_text(MATRIX.format(3, ""))
    return path, lambda: path.write_text(MATRIX.format(4, "4 1\n"))


def contents_of(session):
    return Contents(session.settings, session.bench.digest)


def test_what_was_measured_is_what_a_case_is_of(path):
    session = session_of(path)
    case, contents = session.settings[0].case(), contents_of(session)
    seen = measured(times_s=[1.0], select_s=None, prepare_s=0, rel_error=0, nnz=1, kept_nnz=1, peak_bytes=1, graph_digest="seen")
    assert contents.identified(Record(case=case, status="ok", measurement=seen)).case.graph_digest == "seen"
    assert contents.identified(Record(case=case, status="failed", reason="made up")).case.graph_digest == "seen"


def test_the_identity_of_a_case_has_the_digest_of_what_its_suite_sees_of_the_graph(path):
    session = session_of(path, models=("GCN",), epochs=1)
    by_suite = {setting.suite: setting for setting in session.settings}
    graph = session.bench.store.graph("small:hub")
    contents = contents_of(session)
    assert contents.digest(by_suite["exact"].case()) == graph.digest
    assert contents.digest(by_suite["training"].case()) == graph.task_digest


def test_a_case_whose_graph_cannot_be_loaded_has_an_identity_without_it(path, tmp_path):
    graph, _ = changing_graph(tmp_path)
    session = session_of(path, graphs=(str(graph),))
    graph.unlink()
    failed = Record(case=session.settings[0].case(), status="failed", reason="made up")
    assert contents_of(session).identified(failed) == failed


def cut_short_after(path, session, count):
    """Write a round of which the first so many cases were done."""
    file = ResultsFile(path, NOWHERE)
    file.start_round(Round(index=1, of=1, cases=len(session.settings), started="2026-01-01T00:00:00Z"))
    for setting in session.settings[:count]:
        file.append(contents_of(session).identified(Record(case=setting.case(), status="failed", reason="made up")))
    file.close()


def test_a_round_that_was_cut_short_is_finished_on_the_same_graph(path, tmp_path):
    graph, _ = changing_graph(tmp_path)
    session = session_of(path, graphs=(str(graph),))
    cut_short_after(path, session, 2)
    rounds = rounds_of(session_of(path, graphs=(str(graph),), in_process=True))
    assert [rounds.is_done(setting, 1) for setting in session.settings[:3]] == [True, True, False]


def test_what_was_done_on_a_graph_that_has_changed_is_another_case(path, tmp_path):
    graph, change = changing_graph(tmp_path)
    cut_short_after(path, session_of(path, graphs=(str(graph),)), 2)
    change()
    session = session_of(path, graphs=(str(graph),), in_process=True)
    rounds = rounds_of(session)
    assert not any(rounds.is_done(setting, 1) for setting in session.settings)


def test_without_the_cache_a_session_has_no_trouble_with_it(path, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    with_it, without = (session_of(path, graphs=("twin:flickr@0.005",), no_cache=off).bench.store for off in (False, True))
    assert with_it.graph("twin:flickr@0.005").digest == without.graph("twin:flickr@0.005").digest
    assert (with_it.trouble is None, without.trouble) == (False, None)
