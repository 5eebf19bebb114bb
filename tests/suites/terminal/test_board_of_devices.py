"""What somebody sees who looks on at a sweep: lines, and now and then where each device is."""

from io import StringIO

import pytest
from made_runs import case, not_ok, ok

pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from rsc_bench.suites.sweeping.devices import State
from rsc_bench.suites.terminal.devices import MOST_ROWS, Board
from rsc_bench.suites.terminal.progress import Epoch


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def board(*devices, cases=4):
    lines, clock = [], Clock()
    return Board(devices, cases, lines.append, None, clock), lines, clock


def table(of):
    from rich.console import Console

    console = Console(width=110, record=True, file=StringIO())
    console.print(of.table())
    return console.export_text()


def test_each_case_is_a_line_that_names_its_device_where_there_are_several():
    made, lines, _ = board("one", "two")
    made.begins("two", case(), 1)
    made.ends("two", ok(case(), 0.002), 1, 75.0)
    assert lines == ["[1/4] round 1, 1:15 left  two  twin:flickr d=8 mkl  2.000 ms (1 samples, None), error 0"]


def test_one_device_is_not_named():
    made, lines, _ = board("here")
    made.ends("here", not_ok(case(), "skipped", "no GPU"), 2, 5.0)
    assert lines == ["[1/4] round 2, 0:05 left  twin:flickr d=8 mkl  skipped: no GPU"]


def test_what_is_measured_again_is_counted_so_that_no_line_is_beyond_all():
    made, lines, _ = board("one", cases=1)
    made.again(1)
    for left in (5.0, 0.0):
        made.ends("one", ok(case(), 0.002), 1, left)
    assert [line.partition(" ")[0] for line in lines] == ["[1/2]", "[2/2]"]


def test_a_log_has_a_line_a_device_each_minute_and_no_more():
    made, lines, clock = board("one", "two")
    made.begins("one", case(), 1)
    for clock.now in (10.0, 61.0, 62.0):
        made.state("one", State(clock.now))
    assert lines == [
        "  one: 1:01 at exact twin:flickr d=8 float32 cpu host mkl in round 1, 0 cases, 0 an hour",
        "  two: idle, 0 cases, 0 an hour",
    ]


def test_the_table_has_the_epoch_of_a_training_and_how_many_cases_an_hour():
    made, _, clock = board("one", "two")
    made.ends("two", ok(case(), 0.002), 1, 60.0)
    made.begins("one", case(model="GCN", seed=0), 1)
    clock.now = 360.0
    made.state("one", State(360.0, Epoch(34, 400, 1.2, 0.7, "accuracy")))
    text = table(made)
    assert "epoch 34/400" in text
    assert "1 case, 10 an hour" in text
    assert "1 of 4 measured, 6:00 so far, about 1:00 left" in text


def test_of_many_devices_those_are_named_that_are_at_theirs_for_longest():
    names = [f"d{index}" for index in range(1000)]
    made, _, clock = board(*names)
    for clock.now, name in enumerate(reversed(names[:600])):
        made.begins(name, case(), 1)
    text = table(made)
    assert "d599" in text
    assert "d0 " not in text
    assert f"{1000 - MOST_ROWS + 1} more" in text
    assert f"{600 - MOST_ROWS + 1} at work, 400 idle" in text
