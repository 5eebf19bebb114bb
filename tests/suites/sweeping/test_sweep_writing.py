"""What is in a results file of a sweep already, what is written into it, and how files of a study are called."""

import msgspec
import pytest
from made_devices import planned
from made_runs import case, not_ok, ok, written

from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.file import ResultsError, read
from rsc_bench.suites.options import Options
from rsc_bench.suites.sweeping.planning import Plan
from rsc_bench.suites.sweeping.study import Block
from rsc_bench.suites.sweeping.writing import Results, There, changes, named, other_array, path_of, there

ONE, TWO = case(width=1), case(width=2)
ENVIRONMENT = {"cpu": {"model": "made"}}


def plan(*cases, asked=None, rounds=2):
    return Plan(Block("products", Options(benchmark=True, asked=asked)), tuple(planned(each, "g", rounds) for each in cases))


def results(path, of=None, say=print):
    return Results(path, of or plan(ONE, TWO), ENVIRONMENT, say)


def on_graph(of, digest):
    return msgspec.structs.replace(of, graph_digest=digest)


def test_nothing_is_there_before_there_is_a_file(tmp_path):
    assert there(tmp_path / "none.jsonl") == There()


def test_what_is_there_is_each_case_as_it_was_planned_with_its_round_and_how_long_it_took(tmp_path):
    first = ok(on_graph(ONE, "d1"), 1.0).with_spent({"kernel": 2.0})
    path = written(tmp_path / "a.jsonl", [first, not_ok(TWO, "failed", "broke")], [not_ok(ONE, "skipped", "no room")])
    found = there(path)
    assert found.done == {(ONE, 1), (TWO, 1), (ONE, 2)}
    assert found.known_s == {ONE: 2.0}
    assert found.bad == {(TWO, 1)}
    assert found.asked is None


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text("notes\n")
    with pytest.raises(ResultsError):
        there(tmp_path / "a.jsonl")


def test_a_case_as_it_was_planned_has_no_digest():
    assert named(on_graph(ONE, "d1")) == ONE


def test_records_are_written_at_once_and_a_round_begins_with_what_was_asked(tmp_path):
    path = tmp_path / "folder" / "a.jsonl"
    file = results(path, plan(ONE, TWO, asked=["exact", "--width", "1"]))
    file.append([ok(ONE, 1.0)], 1)
    assert [len(records) for _, records in read(path).rounds] == [1]
    file.append([ok(TWO, 1.0)], 1)
    file.append([ok(ONE, 1.0)], 2)
    file.close()
    assert file.records == 3
    (first, _), (second, _) = read(path).rounds
    assert (first.index, first.of, first.cases, first.options) == (1, 2, 2, ["exact", "--width", "1"])
    assert (second.index, second.of, second.cases) == (2, 2, 2)
    assert there(path).asked == ("exact", "--width", "1")


def test_a_round_that_another_one_came_between_goes_on(tmp_path):
    file = results(tmp_path / "a.jsonl")
    for of, index in ((ONE, 1), (ONE, 2), (TWO, 1)):
        file.append([ok(of, 1.0)], index)
    file.close()
    assert [[record.case for record in records] for _, records in read(file.path).rounds] == [[ONE, TWO], [ONE]]


def test_what_is_known_of_devices_is_written_once_before_the_next_record(tmp_path):
    file = results(tmp_path / "a.jsonl")
    ceilings = Ceilings(device="cpu")
    file.append([ok(ONE, 1.0)], 1)
    file.know(ceilings, {"node-1": {"host": "a"}})
    file.append([ok(TWO, 1.0)], 1)
    file.append([ok(ONE, 1.0)], 2)
    file.close()
    (first, _), (second, _) = read(file.path).rounds
    assert (first.ceilings, second.ceilings) == (ceilings, None)
    assert (first.nodes, second.nodes) == ({"node-1": {"host": "a"}}, None)
    assert file.path.read_bytes().count(b'"nodes":{"node-1"') == 1


def test_a_file_is_gone_on_with_and_refused_in_another_environment(tmp_path):
    for index in (1, 2):
        file = results(tmp_path / "a.jsonl")
        file.append([ok(ONE, 1.0)], index)
        file.close()
    assert [start.index for start, _ in read(tmp_path / "a.jsonl").rounds] == [1, 2]
    with pytest.raises(ResultsError, match=r"holds a run of another environment \(cpu.model differ\): give a new --results file"):
        Results(tmp_path / "a.jsonl", plan(ONE), {"cpu": {"model": "another"}}, print)


def test_a_file_that_was_moved_goes_on_in_a_copy_and_says_so(tmp_path):
    said = []
    file = results(tmp_path / "a.jsonl", say=said.append)
    file.append([ok(ONE, 1.0)], 1)
    (tmp_path / "a.jsonl").rename(tmp_path / "moved.jsonl")
    file.append([ok(TWO, 1.0)], 1)
    file.close()
    assert len(said) == 1
    assert file.path != tmp_path / "a.jsonl"
    assert len(read(file.path).records) == 2


@pytest.mark.parametrize(("parts", "name"), [
    (("products", None), "products.jsonl"),
    (("products", "nvidia-h200"), "products.nvidia-h200.jsonl"),
    (("products", None, "part-3-of-8"), "products.part-3-of-8.jsonl"),
])  # fmt: skip
def test_a_file_is_called_by_its_block_the_kind_of_machine_and_the_share(tmp_path, parts, name):
    assert path_of(tmp_path, *parts) == tmp_path / name


def test_files_of_another_number_of_shares_are_found(tmp_path):
    for name in ("a.part-1-of-3.jsonl", "b.part-1-of-4.jsonl", "a.jsonl", "a.part-2-of-3.jsonl.log"):
        (tmp_path / name).touch()
    mine = tmp_path / "a.part-2-of-3.jsonl"
    assert other_array(mine, 3) is None
    assert other_array(tmp_path / "a.part-2-of-13.jsonl", 13) == tmp_path / "a.part-1-of-3.jsonl"


def test_a_file_of_the_same_study_has_no_changes(tmp_path):
    path = written(tmp_path / "a.jsonl", [ok(on_graph(ONE, "d"), 1.0)])
    assert list(changes(path, there(path), plan(ONE, TWO))) == []
    asked = ["exact", "--max-time", "2", "--width", "1"]
    more = There(frozenset({(ONE, 1)}), None, frozenset(), tuple(asked))
    assert list(changes(path, more, plan(ONE, TWO, asked=[*asked, "--width", "2"]))) == [], "a new width has cases of its own"


def test_cases_and_ways_of_measuring_of_another_study_are_named(tmp_path):
    path = tmp_path / "a.jsonl"
    known = There(frozenset({(ONE, 1), (ONE, 2), (TWO, 1)}), None, frozenset(), ("--max-time", "2", "--precision", "0.01"))
    lines = list(changes(path, known, plan(TWO, asked=["--max-time", "2"])))
    assert lines == [
        f"{path}: has cases that are no part of the study now, 1 in all ({ONE}, ...): they stay in it",
        f"{path}: was measured with --precision 0.01 where the study has nothing now: what is done stays as it is",
    ]
