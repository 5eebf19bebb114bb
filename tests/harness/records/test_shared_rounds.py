"""Files of sweeps that several devices shared: a round goes on after another one has begun."""

import json

import msgspec
import pytest
from made_runs import case, ok

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.file import read, scan
from rsc_bench.harness.records.run import Round

ENVIRONMENT = {"cpu": {"model": "one"}}
ONE, TWO, THREE = (case(width=width) for width in (1, 2, 3))


def start(index, **more):
    return Round(index=index, of=2, cases=3, started="2026-01-01T00:00:00Z", **more)


def on(node, *record):
    return msgspec.structs.replace(ok(*record), node=node)


@pytest.fixture
def path(tmp_path):
    """Two devices: the slow one ends its part of round 1 when round 2 is half done."""
    file = ResultsFile(tmp_path / "shared.jsonl", ENVIRONMENT)
    file.start_round(start(1, nodes={"a": {}, "b": {"gpus.0.uuid": "GPU-b"}}))
    file.append(on("a", ONE, 1.0))
    file.append(on("a", TWO, 1.0))
    file.start_round(start(2))
    file.append(on("a", ONE, 2.0))
    file.start_round(start(1))
    file.append(on("b", THREE, 1.0))
    file.start_round(start(2, nodes={"c": {}}))
    file.append(on("c", TWO, 2.0))
    file.close()
    return tmp_path / "shared.jsonl"


def shape(run):
    return [(start.index, [(record.case.width, record.node) for record in records]) for start, records in run.rounds]


SHAPE = [(1, [(1, "a"), (2, "a"), (3, "b")]), (2, [(1, "a"), (2, "c")])]


def test_the_records_of_a_round_are_read_together_wherever_they_stand(path):
    run = read(path)
    assert shape(run) == SHAPE
    assert run.unfinished == ["round 2 stopped after 2 of 3 cases"]


def test_a_round_names_the_nodes_of_all_of_its_parts(path):
    first, second = (start.nodes for start, _ in read(path).rounds)
    assert first == {"a": {}, "b": {"gpus.0.uuid": "GPU-b"}}
    assert second == {"c": {}}


def test_each_start_is_one_thing_and_a_second_pass_is_like_the_first(path):
    with scan(path) as stored:
        for _ in range(2):
            starts = [start for start, record in stored.entries() if record is None]
            assert [start.index for start in starts] == [1, 2]
            assert len({id(start) for start, _ in stored.entries()}) == 2


def test_who_goes_on_writes_into_the_round_of_the_last_line_and_into_no_other(path):
    file = ResultsFile(path, ENVIRONMENT)
    assert file.open_index == 2
    file.append(on("a", THREE, 2.0))
    file.start_round(start(1))
    assert [(each.index, len(records)) for each, records in file.rounds] == [(1, 3), (2, 3)]
    file.close()
    assert [len(records) for _, records in read(path).rounds] == [3, 3]


def test_a_half_line_at_the_end_is_left_out_here_too(path):
    whole = read(path)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"round":{"index":1')
    assert shape(read(path)) == shape(whole)


def test_a_damaged_line_is_named_by_its_number(path):
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace('"status":"ok"', '"status":"okay"')
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(Exception, match="line 4 is damaged"):
        read(path)


def test_a_record_of_one_device_names_none(tmp_path):
    file = ResultsFile(tmp_path / "one.jsonl", ENVIRONMENT)
    file.start_round(start(1))
    file.append(ok(ONE, 1.0))
    file.close()
    *_, line = (tmp_path / "one.jsonl").read_text().splitlines()
    assert "node" not in json.loads(line)["record"]
