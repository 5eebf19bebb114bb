"""Says that every call takes a millisecond: a clock to be added."""

from rsc_bench.harness.measure.clocks import Clock, Opened, Sample


def open_for(timed):
    def take():
        for _ in range(timed.calls):
            timed.call()
        return Sample(1e-3 * timed.calls)

    return Opened(take)


CLOCK = Clock("mine", "A millisecond, always.", open_for, devices=("cpu",))
