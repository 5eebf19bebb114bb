import itertools

import pytest

from rsc_bench.harness.machine.nvml import NvmlError
from rsc_bench.harness.measure.gpu.throttling import MOST_REPEATS, Marked, repeated
from rsc_bench.harness.measure.sampling import Limits

LIMITS = Limits(time_s=10, fewest=5)
POWER_CAP, IDLE = 0x4, 0x1


def taken(*reasons):
    """Samples 1, 2, 3 ... seconds long are all precise; the reasons are read once before the first and after each."""
    given = itertools.chain(reasons, itertools.repeat(0))
    marked = Marked(lambda: 1.0 + marked.count * 1e-6, lambda: next(given))
    times_s, stop = repeated(marked, LIMITS)
    return [round((time_s - 1) * 1e6) for time_s in times_s], marked.throttled, stop


def test_a_gpu_that_is_not_slowed_has_no_spoilt_samples():
    assert taken(0, IDLE, 0) == ([0, 1, 2, 3, 4, 5], [], "precise")


def test_a_sample_is_spoilt_by_a_reason_on_either_side_of_it_and_is_repeated_and_kept():
    order, spoilt, _ = taken(0, 0, POWER_CAP)
    assert spoilt == [1, 2]
    assert order == [0, 1, 2, 3, 4, 5, 6, 7], "two more, at the end"


def test_a_repeat_that_is_spoilt_too_is_repeated_again():
    order, spoilt, _ = taken(*[0] * 6, POWER_CAP, POWER_CAP)  # from the sixth sample to the eighth
    assert spoilt == [5, 6, 7]
    assert len(order) == 9


def test_a_gpu_that_stays_slow_is_not_repeated_for_ever():
    order, spoilt, _ = taken(*[POWER_CAP] * 1000)
    assert len(order) == 6 + MOST_REPEATS
    assert spoilt == order


def test_repeating_ends_when_the_time_of_sampling_has_passed_again():
    marked = Marked(lambda: 1.0, lambda: POWER_CAP)
    times_s, _ = repeated(marked, Limits(time_s=0, fewest=5))
    assert len(times_s) == 5


def test_reasons_that_cannot_be_read_are_no_reason_to_stop_and_not_asked_for_again():
    asked = []

    def refuse():
        asked.append(1)
        raise NvmlError("GPU is lost")

    marked = Marked(lambda: 1.0, refuse)
    times_s, _ = repeated(marked, LIMITS)
    assert (len(times_s), marked.throttled, marked.failure, len(asked)) == (6, [], "GPU is lost", 1)


@pytest.mark.parametrize("reasons", [0x8, 0x20, 0x40, 0x80, 0x84])
def test_heat_and_power_and_the_board_slow_down(reasons):
    assert taken(reasons)[1] == [0]
