"""Two sides are measured in turns, each round a process of its own, into a results file each."""

import pytest
from stand_in_checkout import write_suites

from rsc_bench.harness.ab import AlternatingError, Side, turns
from rsc_bench.harness.ab.commands import of_suites
from rsc_bench.harness.ab.options import for_a_round
from rsc_bench.harness.ab.session import Plan, measure
from rsc_bench.harness.records.appending import log_of
from rsc_bench.harness.records.file import read


@pytest.fixture(autouse=True)
def quick_pytest(monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def sides(tmp_path, *options):
    found = []
    for name, own in (("base", ()), ("new", options)):
        folder = tmp_path / name
        folder.mkdir()
        write_suites(folder, 1.0)
        found.append(Side(name, folder, tmp_path / f"{name}.jsonl", of_suites((*own, "suites"))))
    return tuple(found)


def test_the_side_that_comes_first_alternates():
    assert turns(3) == [(1, 0), (1, 1), (2, 1), (2, 0), (3, 0), (3, 1)]


def test_a_steady_drift_hits_both_sides_alike():
    # Of an even number of pairs: the places in time of one side add up to those of the other.
    places = [[place for place, (_, side) in enumerate(turns(4)) if side == wanted] for wanted in (0, 1)]
    assert sum(places[0]) == sum(places[1])


def test_each_side_gets_its_rounds_into_a_file_that_says_they_were_taken_in_turns(tmp_path):
    plan, said = Plan(sides(tmp_path), 2), []
    measure(plan, said.append)
    base, new = (read(side.results) for side in plan.sides)
    assert [[start.index for start, _ in run.rounds] for run in (base, new)] == [[1, 2], [1, 2]]
    assert len({start.alternated for run in (base, new) for start, _ in run.rounds} - {None}) == 1
    assert [run.environment["checkout"]["folder"] for run in (base, new)] == ["base", "new"]
    assert [len(run.records) for run in (base, new)] == [4, 4]
    assert [line.partition(":")[0] for line in said] == [
        f"round {i} of {s}" for i, s in (("1/2", "base"), ("1/2", "new"), ("2/2", "new"), ("2/2", "base"))
    ]
    assert all(" left" in line for line in said)


def test_rounds_of_two_sessions_make_no_pairs(tmp_path):
    names = set()
    for session in ("first", "second"):
        (tmp_path / session).mkdir()
        plan = Plan(sides(tmp_path / session), 1)
        measure(plan, lambda _: None)
        names |= {read(plan.sides[0].results).rounds[0][0].alternated}
    assert len(names) == 2


def test_options_of_one_side_reach_that_side_alone(tmp_path):
    plan = Plan(sides(tmp_path, "--slow-down", "0.5"), 1)
    measure(plan, lambda _: None)
    assert [read(side.results).environment.get("slow_down") for side in plan.sides] == [None, 0.5]


def test_what_was_measured_before_a_failure_is_kept(tmp_path):
    plan = Plan(sides(tmp_path, "--no-such-option"), 1)
    with pytest.raises(AlternatingError) as error:
        measure(plan, lambda _: None)
    assert str(error.value).startswith("new: the suites ended with status 4: ")
    assert "--no-such-option" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(read(plan.sides[0].results).rounds) == 1
    assert not plan.sides[1].results.exists()


def test_a_bad_option_of_the_suites_is_named_in_their_words(tmp_path):
    found = sides(tmp_path)
    conftest = found[0].folder / "suites/conftest.py"
    ends = "pytest.exit('--width must be at least 1 (got 0)', returncode=2)"
    conftest.write_text(f"{conftest.read_text()}\ndef pytest_configure(config):\n    import pytest\n    {ends}\n")
    with pytest.raises(AlternatingError, match=r"^base: the suites ended with status 2: --width must be at least 1 \(got 0\)$"):
        measure(Plan(found, 1), lambda _: None)


def test_the_log_of_each_round_is_kept_beside_the_results_of_its_side(tmp_path):
    found = sides(tmp_path)
    for side, suffix in zip(found, (".log", ".jsonl.log"), strict=True):  # the base may be older than the name
        path = f"pathlib.Path(sys.argv[sys.argv.index('--results') + 1]).with_suffix('{suffix}')"
        writes = f"import pathlib, sys\n{path}.write_text('logged\\n')"
        (side.folder / "suites/test_nothing.py").write_text(f"{writes}\ndef test_nothing():\n    pass\n")
    measure(Plan(found, 2), lambda _: None)
    assert [log_of(side.results).read_text() for side in found] == ["logged\n" * 2] * 2


def test_suites_that_measure_nothing_are_an_error_not_an_empty_file(tmp_path):
    found = sides(tmp_path)
    (found[0].folder / "suites/conftest.py").write_text(
        (found[0].folder / "suites/conftest.py").read_text().replace('("ours", "theirs")', "()")
    )
    with pytest.raises(AlternatingError, match="base: the suites measured no case with these options"):
        measure(Plan(found, 1), lambda _: None)


def test_an_environment_that_changes_between_two_rounds_is_named(tmp_path):
    found = sides(tmp_path)
    conftest = found[0].folder / "suites/conftest.py"
    conftest.write_text(conftest.read_text().replace("pathlib.Path.cwd().name", "random.random()"))
    with pytest.raises(AlternatingError, match=r"base: the environment changed between two rounds \(checkout.folder\)"):
        measure(Plan(found, 2), lambda _: None)


def test_cases_that_fail_are_a_round_all_the_same(tmp_path):
    found = sides(tmp_path)
    for side in found:
        (side.folder / "suites/test_nothing.py").write_text("def test_wrong():\n    assert False\n")
    measure(Plan(found, 1), lambda _: None)
    assert all(len(read(side.results).records) == 2 for side in found)


def own(*paths):
    return lambda path: str(path) in paths


def test_all_suites_are_measured_unless_some_are_named():
    assert for_a_round(("--graph", "small:hub"), own()) == ("suites", "--graph", "small:hub")
    assert for_a_round(("suites/test_exact.py::test_exact",), own()) == ("suites/test_exact.py::test_exact",)


@pytest.mark.parametrize("option", ["--results", "--results=run.jsonl", "--rounds", "--rounds=3", "--collect-only"])
def test_what_a_round_is_cannot_be_said_behind_the_dashes(option):
    with pytest.raises(AlternatingError, match=f"^{option.partition('=')[0]} cannot be given to the suites here: "):
        for_a_round((option,), own())


def test_a_file_of_the_users_is_found_from_any_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.npz").touch()
    assert for_a_round(("--graph", "mine.npz", "--kernel=mine.npz"), own())[2:] == (
        str(tmp_path / "mine.npz"),
        f"--kernel={tmp_path}/mine.npz",
    )


def test_a_file_of_the_checkout_is_each_sides_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernels").mkdir()
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/test_new.py").touch()
    assert for_a_round(("kernels", "suites/test_new.py"), own("kernels")) == ("kernels", "suites/test_new.py")
