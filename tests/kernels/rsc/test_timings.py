"""Where the seconds of a part go on a GPU: on one that is made up."""

import pytest
import torch

from rsc_bench.kernels.rsc.timings import Timings


class Event:
    """Recorded at the time of the stream that it is given."""

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self, stream):
        self.at_ms = stream.now_ms

    def synchronize(self):
        pass

    def elapsed_time(self, end):
        return end.at_ms - self.at_ms


class Stream:
    now_ms = 0.0


def test_a_part_is_timed_on_the_stream_of_its_device_not_of_the_current_one(monkeypatch):
    streams = {0: Stream(), 1: Stream()}
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: streams[device.index])
    timings = Timings()
    with timings.of("backward", torch.device("cuda:1")):
        streams[1].now_ms += 3.0
    assert timings.seconds()["backward"] == pytest.approx(3e-3)
