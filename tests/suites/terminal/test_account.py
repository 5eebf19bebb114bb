"""The sentence at the end of a run about where its time went."""

from made_runs import case, not_ok, ok

from rsc_bench.suites.terminal.account import CEILINGS, Account

IN_KERNELS = "in kernels (tuning, preparing and every call, timed or not)"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def line_of(*taken, seconds, ceilings=0.0):
    """The line of a run that took so long, of some records with the seconds that each took."""
    clock = Clock()
    account = Account(clock)
    with account.on(CEILINGS):
        clock.now += ceilings
    for record, its_seconds in taken:
        account.add(record, its_seconds)
    clock.now = seconds
    return account.line()


def spent(**parts):
    return ok(case(), 1.0, spent_s=parts), sum(parts.values())


def test_the_share_in_kernels_and_the_parts_outside_that_took_most():
    line = line_of(spent(kernel=50.0, check=6.0, reference=3.0), spent(kernel=25.0, probe=4.0), seconds=100, ceilings=2.0)
    assert line == (
        f"time:    1:40, 75 % of it {IN_KERNELS}; "
        "outside: 6 % checks, 4 % looks between calls, 3 % references in float64, 2 % starting and ceilings, 10 % the rest"
    )


def test_a_case_without_a_time_took_time_all_the_same():
    line = line_of(spent(kernel=10.0), (not_ok(case(), "wrong", "row 3"), 10.0), seconds=20)
    assert line == f"time:    0:20, 50 % of it {IN_KERNELS}; outside: 50 % cases without a time"


def test_trainings_and_the_harness_itself_are_left_out():
    training = ok(case("mkl", suite="training", model="GCN"), 500.0)
    failed = not_ok(case("mkl", suite="training", model="GCN"), "failed", "no loss")
    sweep = ok(case("sweep", suite="harness"), 300.0, spent_s={"kernel": 1.0, "processes": 299.0})
    line = line_of(spent(kernel=9.0, check=1.0), (training, 600.0), (failed, 5.0), (sweep, 305.0), seconds=920)
    assert line == f"time:    0:10, 90 % of it {IN_KERNELS}; outside: 10 % checks"


def test_where_no_kernel_was_measured_nothing_is_said():
    assert line_of((not_ok(case(), "skipped", "no CUDA device"), 1.0), seconds=2) is None
