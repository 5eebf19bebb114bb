import gc
from datetime import UTC, datetime

import pytest
from synthetic_results import Sweep, case, ok, sweep, write_results

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.run import Round
from rsc_bench.reports.page.follow import POLL_S, Page, Time, follow, line
from rsc_bench.reports.page.render import Again, render
from rsc_bench.reports.tables.sources import Current, Source
from rsc_bench.reports.tables.table import read_files

NOW = datetime(2026, 3, 2, 10, 0, 0, tzinfo=UTC)
LAST = Again("2026-03-02 10:00:00 UTC", None)


def source(records=3, current=None):
    return Source("run.jsonl", "a machine", "", 1, records, (), (), None, current)


class Machine:
    """A clock that goes on when somebody waits, what happens while he does, and a page that takes its time to be drawn."""

    def __init__(self, *happenings, takes_s=0.0):
        self.now_s, self.takes_s = 0.0, takes_s
        self.happenings = [*happenings, self.interrupt]
        self.drawn, self.said = [], []
        self.paths = []

    @property
    def time(self):
        return Time(lambda: self.now_s, lambda: NOW, self.sleep)

    def sleep(self, seconds):
        assert seconds > 0
        self.now_s += seconds
        self.happenings.pop(0)()

    def draw(self, paths, again):
        self.drawn.append((self.now_s, paths, again))
        self.now_s += self.takes_s
        return [source()] * len(paths)

    def interrupt(self):
        raise KeyboardInterrupt

    def follow(self, every_s=5.0):
        follow(lambda: list(self.paths), self.draw, every_s, self.said.append, self.time)
        return self.drawn


def nothing():
    pass


def grows(path):
    return lambda: path.write_text(path.read_text() + "more\n")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text("a line\n")
    return path


def test_it_draws_at_once_and_again_when_a_file_has_grown_and_for_good_at_the_end(file):
    machine = Machine(grows(file), nothing)
    machine.paths = [file]
    again = Again("2026-03-02 10:00:00 UTC", 5.0)
    assert machine.follow() == [(0, [file], again), (5, [file], again), (10 + POLL_S, [file], LAST)]
    assert machine.said == [*["10:00:00 UTC: 3 records"] * 2, "10:00:00 UTC: 3 records, for the last time"]


def test_nothing_is_drawn_while_nothing_changes(file):
    machine = Machine(*[nothing] * 50)
    machine.paths = [file]
    assert [again == LAST for _, _, again in machine.follow()] == [False, True]


def test_a_file_that_comes_is_drawn_and_one_that_goes_is_left_out(file):
    other = file.with_name("other.jsonl")
    other.write_text("a line\n")
    machine = Machine()
    machine.paths = [file]
    machine.happenings[:0] = [lambda: machine.paths.append(other), lambda: machine.paths.remove(file)]
    assert [paths for _, paths, _ in machine.follow()] == [[file], [file, other], [other], [other]]


def test_it_waits_for_the_first_file(file):
    machine = Machine()
    machine.happenings[:0] = [nothing, lambda: machine.paths.append(file)]
    assert [(at_s, again == LAST) for at_s, _, again in machine.follow()] == [(2 * POLL_S, False), (2 * POLL_S + 5, True)]


def test_without_any_file_nothing_is_drawn_at_the_end(file):
    assert Machine(nothing).follow() == []


def test_drawing_takes_at_most_half_of_the_time(file):
    machine = Machine(*[grows(file)] * 3, takes_s=8.0)
    machine.paths = [file]
    drawn = machine.follow()
    assert [at_s for at_s, _, _ in drawn] == [0, 16, 32, 48, 64]
    assert [again.reload_s for _, _, again in drawn] == [5, 16, 16, 16, None], "the browser looks as often as that"


def test_a_file_that_grows_while_it_is_drawn_is_drawn_again(file):
    machine = Machine(nothing, nothing)
    machine.paths = [file]
    draw, machine.draw = machine.draw, lambda paths, again: (len(machine.drawn) == 0 and grows(file)(), draw(paths, again))[1]
    assert [again == LAST for _, _, again in machine.follow()] == [False, False, True]


def test_a_page_takes_half_a_second_where_it_may(file):
    machine = Machine(grows(file), grows(file))
    machine.paths = [file]
    assert [at_s for at_s, _, _ in machine.follow(every_s=0.5)] == [0, 0.5, 1.0, 1.5]


def test_a_line_says_how_far_the_rounds_are():
    started = source(1200, Current(2, 3, 34, 120))
    assert line([started], NOW) == "10:00:00 UTC: 1,200 records, round 2 of 3: 34 of 120 cases"
    assert line([started, source(4, Current(1, 1, 4, 9)), source(0)], NOW) == (
        "10:00:00 UTC: 1,204 records in 3 files, 38 of 129 cases of their current rounds"
    )
    assert line([source(0)], NOW) == "10:00:00 UTC: 0 records", "no round has started"


def test_the_page_says_that_it_is_redrawn_and_the_last_one_does_not(tmp_path):
    path, output = write_results(tmp_path / "run.jsonl", [[ok(case(), 4)]]), tmp_path / "run.html"
    page = Page(output, pytest.fail)
    assert [found.current for found in page.draw([path], Again("2026-03-02 10:00:00 UTC", 5.0))] == [Current(1, 1, 1, 1)]
    text = output.read_text()
    assert "As of <b>2026-03-02 10:00:00 UTC</b>" in text
    assert "location.reload" in text
    assert "location.reload" not in render(read_files([path])), "a page that nobody follows"
    page.draw([path], LAST)
    assert "As of" not in output.read_text()


def test_a_round_that_is_under_way_has_not_stopped(tmp_path):
    path, output = write_results(tmp_path / "run.jsonl", [[ok(case(), 4)]]), tmp_path / "run.html"
    file = ResultsFile(path, read(path).environment)
    file.start_round(Round(index=2, of=3, cases=120, started="2026-03-02T10:00:00Z"))
    file.append(ok(case(), 4))
    page = Page(output, pytest.fail)
    page.draw([path], Again("now", 5.0))
    assert "run.jsonl: round 2 of 3: 1 of 120 cases so far." in output.read_text()
    page.draw([path], LAST)
    assert "run.jsonl: round 2 stopped after 1 of 120 cases;" in output.read_text()
    file.start_round(Round(index=3, of=3, cases=120, started="2026-03-02T10:00:00Z"))
    page.draw([path], Again("now", 5.0))
    assert "round 2 stopped after 1 of 120 cases;" in output.read_text(), "only the last one is under way"
    assert "round 3 of 3: 0 of 120 cases so far." in output.read_text()
    file.close()


def test_a_damaged_file_is_said_once_and_left_out_until_it_is_mended(tmp_path):
    whole, damaged, output = tmp_path / "whole.jsonl", tmp_path / "damaged.jsonl", tmp_path / "page.html"
    write_results(whole, [[ok(case(), 4)]])
    damaged.write_text(whole.read_text() + "{}\n")
    said = []
    page = Page(output, said.append)
    for _ in range(2):
        assert [found.name for found in page.draw([damaged, whole], Again("now", 5.0))] == ["whole.jsonl"]
    assert said == [f"{damaged}: line 4 is neither a round nor a record: measure into a new file"]
    damaged.write_text(whole.read_text())
    assert len(page.draw([damaged, whole], LAST)) == 2
    assert len(said) == 1


def test_where_no_file_can_be_read_the_page_stays_as_it_was(tmp_path):
    damaged, output = tmp_path / "damaged.jsonl", tmp_path / "page.html"
    damaged.touch()
    output.write_text("as it was")
    said = []
    assert list(Page(output, said.append).draw([damaged], Again("now", 5.0))) == []
    assert (output.read_text(), len(said)) == ("as it was", 1)


def test_a_page_that_cannot_be_written_is_said_and_tried_again(tmp_path):
    path, folder = write_results(tmp_path / "run.jsonl", [[ok(case(), 4)]]), tmp_path / "page.html"
    folder.mkdir()
    said = []
    page = Page(folder, said.append)
    assert list(page.draw([path], Again("now", 5.0))) == []
    assert "cannot be written" in said[0]
    folder.rmdir()
    assert len(page.draw([path], Again("now", 5.0))) == 1


def test_nothing_is_left_in_memory_of_pages_that_were_drawn(tmp_path):
    path = write_results(tmp_path / "run.jsonl", sweep(Sweep(rounds=1)))
    page = Page(tmp_path / "page.html", pytest.fail)

    def objects_after(drawings):
        for _ in range(drawings):
            page.draw([path], Again("now", 5.0))
        return len(gc.get_objects())

    objects_after(2)  # what is loaded and remembered once
    first, later = objects_after(1), objects_after(4)
    assert later - first < 500
