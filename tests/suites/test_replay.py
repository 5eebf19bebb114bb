from rsc_bench.suites.replay import ReplayTimer


class Pedantic:
    """Reads its timer before and after each call, as pytest-benchmark's fixture does."""

    def __init__(self, timer):
        self._timer, self.seen = timer, []

    def pedantic(self, call, setup, rounds, iterations):
        assert iterations == 1
        for _ in range(rounds):
            setup()
            start = self._timer()
            call()
            self.seen.append(self._timer() - start)


def test_the_samples_are_seen_in_order_and_to_the_bit():
    timer, samples = ReplayTimer(), [0.1, 1e-9, 123.456, 0.1 + 1e-17, 3e-7]
    fixture = Pedantic(timer)
    timer.show(fixture, samples)
    assert fixture.seen == samples


def test_a_timer_shows_one_case_after_another():
    timer, fixture = ReplayTimer(), None
    for samples in ([1.0, 2.0], [3.0]):
        fixture = Pedantic(timer)
        timer.show(fixture, samples)
        assert fixture.seen == samples


def test_the_samples_stay_with_who_gave_them():
    samples = [1.0, 2.0]
    timer = ReplayTimer()
    timer.show(Pedantic(timer), samples)
    assert samples == [1.0, 2.0]
