import pytest

from rsc_bench.suites import clocks


@pytest.mark.parametrize(
    ("device", "asked", "expected"),
    [
        ("cpu", (), ("host",)),
        ("cuda:1", (), ("cuda_cold", "cuda_hot")),
        ("cuda", ("cuda_graph", "host"), ("cuda_graph", "host")),
        ("cpu", ("cuda_graph", "host"), ("host",)),
        ("cpu", ("cuda_graph",), ("host",)),
        ("cuda", ("host", "host"), ("host",)),
    ],
)
def test_a_case_is_timed_by_what_was_asked_for_where_that_can_time_its_device(device, asked, expected):
    assert clocks.of(device, asked) == expected


def test_a_clock_that_nobody_knows_is_refused_with_those_there_are():
    assert list(clocks.refusals(("sundial",), "cpu")) == [
        "--clock must be one of cuda_cold, cuda_graph, cuda_hot, host (got sundial)"
    ]


def test_a_clock_of_another_device_is_refused_with_those_of_the_device():
    assert list(clocks.refusals(("cuda_cold",), "cpu")) == [
        "--clock cuda_cold must time the run's device, cpu (it times cuda): use host"
    ]
    assert list(clocks.refusals(("cuda_cold", "host"), "cuda:0")) == []


def test_trainings_have_a_clock_that_every_device_can_be_timed_with():
    assert {"cpu", "cuda"} <= set(clocks.CLOCKS[clocks.TRAINING].devices)
