import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from made_runs import MACHINE, case, not_ok, ok, start, written

from rsc_bench.harness.records.appending import ResultsFile, log_of
from rsc_bench.harness.records.disk import Disk
from rsc_bench.harness.records.file import ResultsError, read

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path):
    return written(
        tmp_path / "run.jsonl", [ok(case("mkl"), 1.0), not_ok(case("cusparse"), "skipped", "no GPU")], [ok(case("mkl"), 2.0)]
    )


def message(path):
    with pytest.raises(ResultsError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_was_written_reads_back_in_order(path):
    found = read(path)
    assert found.environment == MACHINE
    assert [[record.case.kernel for record in records] for _, records in found.rounds] == [["mkl", "cusparse"], ["mkl"]]
    assert [record.status for record in found.records] == ["ok", "skipped", "ok"]


def test_a_line_is_in_the_file_when_the_call_returns(tmp_path):
    file = ResultsFile(tmp_path / "run.jsonl", MACHINE)
    file.start_round(start())
    file.append(ok(case(), 1.0))
    assert len(read(file.path).records) == 1
    file.close()


def test_carrying_on_knows_what_the_last_round_holds(path):
    file = ResultsFile(path, MACHINE)
    assert len(file.rounds) == 2
    assert file.done() == {case("mkl")}
    file.append(ok(case("torch_reduce"), 3.0))
    file.close()
    assert [len(records) for _, records in read(path).rounds] == [2, 2]


def test_an_environment_that_json_changes_is_still_the_same_machine(tmp_path):
    for _ in range(2):
        ResultsFile(tmp_path / "run.jsonl", {"cores": (0, 1), "bits": {8: True}}).close()


def test_another_environment_is_refused_and_the_differing_fields_are_named(path):
    before = path.read_bytes()
    with pytest.raises(ResultsError, match=r"another environment \(cpu.usable_cores, versions.torch differ\): give a new"):
        ResultsFile(path, {**MACHINE, "cpu": {"model": "Example 9000", "usable_cores": 4}, "versions": {"torch": "2.14.0"}})
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_a_last_line_cut_in_the_middle_is_left_out_and_then_taken_off(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read(path).records) == 2
    file = ResultsFile(path, MACHINE)
    file.append(ok(case("mkl"), 4.0))
    file.close()
    assert [record.measurement.timing.times_s for record in read(path).records if record.measurement] == [[1.0], [4.0]]


def test_an_empty_file_is_refused_and_stays_empty(tmp_path):
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert "this one is empty" in message(path)
    with pytest.raises(ResultsError, match="is empty, and nothing is overwritten: delete it"):
        ResultsFile(path, MACHINE)
    assert path.read_bytes() == b""


def test_a_header_cut_short_is_named_as_that(path):
    path.write_bytes(path.read_bytes()[:30])
    assert "was cut short in its run line" in message(path)
    with pytest.raises(ResultsError, match="cut short"):
        ResultsFile(path, MACHINE)
    assert len(path.read_bytes()) == 30


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"[1, 2, 3]\n",
        b"[" * 100_000 + b"\n",
        b'{"run":' * 100_000 + b"\n",
        bytes(range(256)) * 8 + b"\n",
        b'{"run": "\xff\xfe"}\n',
        b'"run"\n',
        b"null\n",
        b"\n\n\n",
        b'{"run": {}}\n',
        b"no end of line",
        b'{"case": 1}\n',
        b'{"run":{"schema":' + b"9" * 5000 + b"}}\n",
    ],
    ids=[
        "png",
        "list",
        "deep-list",
        "deep-run",
        "binary",
        "not-utf8",
        "string",
        "null",
        "blank",
        "no-schema",
        "no-line-end",
        "other-json",
        "long-number",
    ],
)
def test_a_file_that_is_not_ours_is_refused_in_one_line_and_never_touched(tmp_path, content):
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    assert re.search("not a results file.*give a .jsonl file written by", message(path))
    with pytest.raises(ResultsError, match="not a results file"):
        ResultsFile(path, MACHINE)
    assert path.read_bytes() == content


@pytest.mark.parametrize("schema", ["2", "0", '"1"', "null", "9" * 500, "[1]"])
def test_another_schema_is_named(tmp_path, schema):
    path = tmp_path / "later.jsonl"
    path.write_text(f'{{"run":{{"schema":{schema},"environment":{{}}}}}}\n')
    assert "schema must be 1 (got" in message(path)
    assert len(message(path)) < 300


@pytest.mark.parametrize(
    "damage",
    [
        b"{",
        b"",
        b"[" * 100_000,
        b'{"record": {"case": "\xff"}}',
        b'{"round": {"index": "one"}}',
        b'{"record": {"case": {}, "status": "fine"}}',
        b"{}",
        b"\x00\x00\x00\x00",
    ],
)
def test_a_damaged_line_in_the_middle_is_named_by_its_number(path, damage):
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:2], damage, *lines[3:]]))
    assert "line 3 is " in message(path)


def test_a_record_before_the_first_round_is_refused(path):
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], *lines[2:]]))
    assert "line 2 is a record before the first round" in message(path)


def test_numbers_that_cannot_be_are_refused_when_reading(path):
    path.write_text(path.read_text().replace('"times_s":[1.0]', '"times_s":[0.0]'))
    assert "line 3 is damaged (times_s must be positive" in message(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read: Linux has one")
def test_a_file_that_opens_and_cannot_be_read_is_named():
    assert "/proc/self/mem: cannot be read (Input/output error)" in message("/proc/self/mem")


def test_a_directory_a_missing_file_and_a_device_are_named(tmp_path):
    assert "cannot be read (Is a directory)" in message(tmp_path)
    assert "cannot be read (No such file or directory)" in message(tmp_path / "none.jsonl")
    assert "this is a device" in message(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a_file/run.jsonl", r"\S*/a_file is a file, not a folder"),
        ("a_file/new/run.jsonl", r"\S*/a_file is a file, not a folder"),
        (".", "it is a folder, not a file"),
        ("x" * 300, "File name too long"),
        ("circle", "Too many levels of symbolic links"),
        ("/proc/run.jsonl", "no file can be made in its folder"),
    ],
)
def test_a_path_that_cannot_be_written_is_one_line_that_says_why(tmp_path, path, why):
    (tmp_path / "a_file").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(ResultsError, match=rf"cannot be written \({why}\): give another --results path"):
        ResultsFile(tmp_path / path, MACHINE)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a_file", "circle"]


def test_a_device_is_no_results_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/null"), tmp_path / "pipe"):
        with pytest.raises(ResultsError, match="a results file is a regular file"):
            ResultsFile(path, MACHINE)


@pytest.mark.parametrize("folder", ["", "new/"])
def test_a_link_to_a_file_that_is_not_there_yet_stays_a_link_and_its_target_is_written(tmp_path, folder):
    link, target = tmp_path / "link.jsonl", tmp_path / f"{folder}there.jsonl"
    link.symlink_to(target)
    written(link, [ok(case(), 1.0)])
    assert link.is_symlink()
    assert len(read(target).records) == 1


def test_a_second_run_on_a_file_that_is_being_written_is_refused_and_touches_nothing(tmp_path):
    path = written(tmp_path / "run.jsonl", [ok(case(), 1.0)])
    first = ResultsFile(path, MACHINE)
    # A line that the first run is in the middle of writing: the second must not take it for one that was killed.
    with path.open("ab") as file:
        file.write(b'{"record"')
    with pytest.raises(ResultsError, match=r"jsonl: another run is writing to it: wait for it, or give another --results file"):
        ResultsFile(path, MACHINE)
    assert path.read_bytes().endswith(b'{"record"')
    first.close()
    ResultsFile(path, MACHINE).close()
    assert path.read_bytes().endswith(b"}\n")


def test_a_file_that_was_refused_is_not_kept_locked(path):
    with pytest.raises(ResultsError, match="another environment"):
        ResultsFile(path, {})
    ResultsFile(path, MACHINE).close()


# What two runs do that begin one file at the same moment: each has seen that there is none, one is first.
@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
def test_of_two_runs_that_begin_a_file_at_once_the_first_keeps_it(tmp_path, links):
    path, first = tmp_path / "run.jsonl", []

    class Late(Disk):
        def link(self, draft, target):
            first.append(ResultsFile(path, MACHINE))
            first[0].start_round(start())
            if not links:
                raise PermissionError(1, "Operation not permitted")
            super().link(draft, target)

    with pytest.raises(ResultsError, match="another run is writing to it"):
        ResultsFile(path, MACHINE, Late())
    first[0].append(ok(case(), 1.0))
    first[0].close()
    assert len(read(path).records) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["run.jsonl"]


class Plain(Disk):
    """Has neither links nor locks."""

    def link(self, draft, path):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    def lock(self, fd):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def test_where_the_file_system_has_neither_links_nor_locks_a_file_is_made_all_the_same(tmp_path):
    file = ResultsFile(tmp_path / "run.jsonl", MACHINE, Plain())
    file.start_round(start())
    file.append(ok(case(), 1.0))
    file.close()
    assert len(read(file.path).records) == 1


class Broken(Disk):
    """Fails where another one would only lack links."""

    def link(self, draft, path):
        raise OSError(errno.EIO, "Input/output error")


def test_a_disk_that_fails_is_named_and_leaves_nothing(tmp_path):
    with pytest.raises(ResultsError, match=r"cannot be written \(Input/output error\)"):
        ResultsFile(tmp_path / "run.jsonl", MACHINE, Broken())
    assert list(tmp_path.iterdir()) == []


class Full(Disk):
    """Takes the first ten bytes of what is written."""

    def write(self, fd, data):
        return super().write(fd, data[:10])


def test_a_full_disk_leaves_whole_lines_and_is_named(path):
    file = ResultsFile(path, MACHINE, Full())
    with pytest.raises(ResultsError, match="cannot be written"):
        file.append(ok(case(), 5.0))
    file.close()
    assert path.read_bytes().endswith(b"}\n")
    assert len(read(path).records) == 3


def test_a_new_file_appears_with_its_run_line_and_leaves_no_draft(tmp_path):
    ResultsFile(tmp_path / "new" / "run.jsonl", MACHINE).close()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["run.jsonl"]
    assert json.loads((tmp_path / "new" / "run.jsonl").read_text()) == {"run": {"schema": 1, "environment": MACHINE}}


APPEND = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from made_runs import MACHINE, case, ok, start
from rsc_bench.harness.records.appending import ResultsFile, log_of
file = ResultsFile(Path(sys.argv[1]), MACHINE)
count = sum(len(records) for _, records in file.rounds)
if not file.rounds:
    file.start_round(start())
while True:
    file.append(ok(case(width=count + 1), *([1.0] * 500)))
    count += 1
    print(count, flush=True)
"""


def test_killed_at_any_moment_every_finished_record_reads_and_the_next_run_carries_on(tmp_path):
    path, script = tmp_path / "run.jsonl", APPEND.format(paths=[str(ROOT), str(ROOT / "tests/made")])
    for wait_s in (0.0, 0.003, 0.011, 0.017, 0.029):
        child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        time.sleep(wait_s)
        child.send_signal(signal.SIGKILL)
        printed = [int(line) for line in child.communicate()[0].split("\n")[:-1]]
        widths = [record.case.width for record in read(path).records]
        # Each record once, in order, none lost: the number of a record is printed after it is in the file.
        assert widths == list(range(1, len(widths) + 1))
        assert len(widths) >= max(printed, default=1)


def left_without_its_name(tmp_path, act):
    """A file that something happened to between two appends: the file as it is then, and what was said."""
    said = []
    path = tmp_path / "run.jsonl"
    file = ResultsFile(path, MACHINE, say=said.append)
    file.start_round(start())
    file.append(ok(case("mkl"), 1.0))
    act(path)
    file.append(ok(case("torch_reduce"), 2.0))
    file.append(ok(case("rows_numba"), 3.0))
    file.close()
    return file, said


def moved(path):
    path.rename(path.with_name("elsewhere.jsonl"))


def replaced(path):
    written(path.with_name("other.jsonl"), [ok(case("other"), 9.0)]).replace(path)


@pytest.mark.parametrize(
    ("became", "act"),
    [
        ("was moved", lambda path: path.rename(path.with_name("elsewhere.jsonl"))),
        ("was removed", Path.unlink),
        ("was replaced", replaced),
    ],
)
def test_a_file_that_loses_its_name_under_a_run_is_carried_on_beside_it_with_all_of_its_records(tmp_path, became, act):
    file, said = left_without_its_name(tmp_path, act)
    assert file.path == tmp_path / "run.kept.jsonl"
    assert [record.case.kernel for record in read(file.path).records] == ["mkl", "torch_reduce", "rows_numba"]
    assert said == [
        f"{tmp_path / 'run.jsonl'}: {became} while it was written to: all of its records, and those that follow, are in {file.path}"
    ]


def test_what_replaced_a_file_is_not_written_to(tmp_path):
    left_without_its_name(tmp_path, replaced)
    assert [record.case.kernel for record in read(tmp_path / "run.jsonl").records] == ["other"]


def test_a_folder_that_is_removed_under_a_run_is_made_again(tmp_path):
    (tmp_path / "deep").mkdir()
    file, _ = left_without_its_name(tmp_path / "deep", lambda path: (path.unlink(), path.parent.rmdir()))
    assert len(read(file.path).records) == 3


def test_a_file_that_loses_its_name_twice_overwrites_no_file_beside_it(tmp_path):
    (tmp_path / "run.kept.jsonl").write_text("mine")
    file, _ = left_without_its_name(tmp_path, Path.unlink)
    assert file.path.name == "run.kept2.jsonl"
    assert (tmp_path / "run.kept.jsonl").read_text() == "mine"


def test_what_is_said_of_a_lost_name_is_one_line_on_stderr(tmp_path, capsys):
    file = ResultsFile(tmp_path / "run.jsonl", MACHINE)
    file.path.unlink()
    file.start_round(start())
    file.close()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_link_whose_target_stays_is_written_through(tmp_path):
    (tmp_path / "run.jsonl").symlink_to(written(tmp_path / "real.jsonl", [ok(case("mkl"), 1.0)]))
    file = ResultsFile(tmp_path / "run.jsonl", MACHINE)
    file.append(ok(case("rows_numba"), 1.0))
    file.close()
    assert file.path == tmp_path / "run.jsonl"
    assert len(read(tmp_path / "real.jsonl").records) == 2


def test_a_reason_without_end_is_cut_short(tmp_path):
    (record,) = read(written(tmp_path / "run.jsonl", [not_ok(case(), "failed", "x" * 1_000_000)])).records
    assert record.reason == "x" * 99_999 + "…"


def test_a_measurement_that_could_not_be_read_back_is_kept_as_failed_with_the_reason(tmp_path):
    good = ok(case("mkl"), 1.0)
    impossible = msgspec.structs.replace(good.measurement.timing, prepare_s=-1.0)
    bad = msgspec.structs.replace(good, case=case("odd"), measurement=msgspec.structs.replace(good.measurement, timing=impossible))
    first, second = read(written(tmp_path / "run.jsonl", [bad, good])).records
    assert (first.status, second) == ("failed", good)
    assert first.reason.startswith("its numbers cannot be: Expected `float` >= 0")
    assert "prepare_s" in first.reason


def test_a_pipe_is_read(tmp_path):
    path = written(tmp_path / "run.jsonl", [ok(case("mkl"), 1.0)])
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(["cp", str(path), str(tmp_path / "pipe")])
    assert len(read(tmp_path / "pipe").records) == 1
    assert writer.wait() == 0


# Of each kind of number and text one that cannot be, by the name of its field.
IMPOSSIBLE = {
    "width": "-1",
    "budget": "1.5",
    "times_s": ["[]", "[1e999]", "[1e13]", "[1e-300]"],
    "prepare_s": "-0.1",
    "rel_error": "-0.5",
    "nnz": ["-9", "9223372036854775807", "1.5"],
    "index": "-1",
    "kernel": f'"{"x" * 5000}"',
}


@pytest.mark.parametrize("field", IMPOSSIBLE)
def test_what_no_run_observes_is_refused_where_it_is_read(path, field):
    content = path.read_text()
    values = IMPOSSIBLE[field]
    for value in [values] if isinstance(values, str) else values:
        path.write_text(re.sub(rf'"{field}":(\[[^]]*\]|[^,}}]*)', f'"{field}":{value}', content, count=1))
        assert re.search(r"run.jsonl: line \d is damaged \(.*\): restore the file or measure into a new one$", message(path))


@pytest.mark.parametrize("tree", ['{"a":' * 200 + "1" + "}" * 200, '{"a":"' + "x" * 200_000 + '"}'], ids=["deep", "long"])
def test_an_environment_that_no_machine_has_is_refused(path, tree):
    _, _, rest = path.read_text().partition("\n")
    path.write_text(f'{{"run":{{"schema":1,"environment":{tree}}}}}\n{rest}')
    assert "line 1 is damaged" in message(path)


def test_the_log_is_not_called_what_a_user_redirects_the_terminal_to():
    names = {log_of(Path("results", name)).name for name in ("run.jsonl", "run", "run.json")}
    assert names == {"run.jsonl.log", "run.log", "run.json.log"}
    assert log_of(Path("results/run.jsonl")).parent == Path("results")
