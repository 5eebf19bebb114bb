from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import measured
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.terminal.progress import Epoch, Progress, one_line

TRAINING = Case(
    suite="training",
    kernel="cached_topk(mkl)",
    graph="twin:flickr",
    width=64,
    budget=0.1,
    dtype="float32",
    device="cpu",
    clock="host",
    model="GCN",
    layers=3,
    seed=2,
    epochs=4,
    variant="no-switch",
)

ENDED = "7.0 s, test accuracy 0.7000 (epoch 2 of 3)"


class Clock:
    """A time that a test moves on."""

    now_s = 100.0

    def __call__(self):
        return self.now_s


def epoch(index):
    return Epoch(index, epochs=4, loss=0.5, val_metric=0.875, metric_name="accuracy")


def trained():
    parts = {"select_s": None, "prepare_s": 1.0, "rel_error": None, "nnz": 9, "kept_nnz": 9, "peak_bytes": None}
    seen = {"epoch_s": [2.0, 2.0, 3.0], "val_metric": [0.5, 0.9, 0.8], "test_metric": [0.4, 0.7, 0.8], "metric_name": "accuracy"}
    return Record(case=TRAINING, status="ok", measurement=measured(times_s=[7.0], **parts, **seen))


def test_a_training_at_work_shows_its_epoch_loss_metric_and_the_time_left():
    clock, states = Clock(), []
    progress = Progress(2, print, states.append, clock)
    clock.now_s += 30
    progress.follow(TRAINING, epoch(1))
    line = "[1/2] GCN cached_topk(mkl) C=0.1 no-switch seed 2: epoch 1/4, loss 0.5000, accuracy 0.8750, 1:30 left, sweep 3:30"
    assert states == [line]  # 30 s an epoch: 3 more, and then another training of 120 s


def test_the_line_is_not_written_more_often_than_twice_a_second():
    clock, states = Clock(), []
    progress = Progress(2, print, states.append, clock)
    for index in (1, 2, 3):
        progress.follow(TRAINING, epoch(index))
        clock.now_s += 0.3
    assert len(states) == 2


def test_where_nobody_watches_nothing_is_written_while_a_training_runs():
    lines = []
    progress = Progress(2, lines.append)
    progress.follow(TRAINING, epoch(1))
    progress.flush()
    assert lines == []


def test_the_line_makes_room_for_the_one_that_stays():
    written = []
    progress = Progress(1, written.append, written.append)
    progress.follow(TRAINING, epoch(4))
    progress.note(trained(), 1, 1)
    progress.flush()
    assert written[1:] == [
        "",
        "[1/1] round 1/1, 0:00 left  twin:flickr GCN cached_topk(mkl) C=0.1 no-switch seed 2  " + ENDED,
    ]


def test_a_state_takes_the_place_of_the_line_and_is_cut_to_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "8")
    assert one_line("abc") == "\rabc    \r"
    assert one_line("abcdefghij") == "\rabcdefg\r"
