"""What pytest repeats of a case that has its line is left out, and at the end each kernel has one line."""

import pytest

from rsc_bench.suites.terminal import summary


def report(kernel, test, outcome="passed", reason="", status=None):
    """What pytest knows of a test when it has run."""
    skipped = outcome == "skipped"
    properties = [("kernel", kernel)] if kernel else []
    return pytest.TestReport(
        nodeid=test,
        location=("suites/test_exact.py", 1, test),
        keywords={},
        outcome=outcome,
        longrepr=("runner.py", 1, f"Skipped: {reason}") if skipped else reason or None,
        when="setup" if "/setup" in test else "call",
        user_properties=properties + [("status", status)] * (status is not None),
    )


def lines(*reports, measured=False):
    counted = {}
    for each in reports:
        counted.setdefault(each.outcome, []).append(each)
    return list(summary.lines(summary.outcomes(counted | {"deselected": ["an item"]}), measured))


def test_what_was_checked_of_a_kernel_and_what_was_not_and_why_is_one_line():
    found = lines(
        report("mine", "a"),
        report("mine", "a/setup"),
        report("mine", "b"),
        report("mine", "c", "skipped", "mine multiplies float32"),
        report("mine", "d", "skipped", "mine multiplies float32"),
        report("mine", "e", "skipped", "no GPU"),
        report("mkl", "f"),
        report(None, "a test of something else"),
    )
    assert found == ["mine: 2 checked, 3 skipped (mine multiplies float32; 1 other reason)", "mkl: 1 checked"]


def test_a_kernel_that_is_wrong_says_so_with_its_first_reason():
    wrong = [report("mine", test, "failed", f"{test}: wrong: by {test}", "wrong") for test in "abc"]
    assert lines(*wrong) == ["mine: 0 checked, 3 wrong (a: wrong: by a; 2 other reasons)"]


def test_where_cases_were_measured_only_trouble_is_said_once_for_all_rounds():
    crashed = [report("mine", "a", "failed", "its process was ended by SIGSEGV", "failed")] * 2
    assert lines(
        *crashed, report("mine", "b"), report("mkl", "c"), report("cusparse", "d", "skipped", "no GPU"), measured=True
    ) == ["mine: 1 measured, 1 failed (its process was ended by SIGSEGV)"]


def test_a_long_reason_and_one_that_steers_the_terminal_are_cut():
    (line,) = lines(report("mine", "a", "failed", f"\x1b[2J{'x' * 5000}"))
    assert line.isprintable()
    assert len(line) < 300


@pytest.mark.parametrize(
    ("given", "counted_as"),
    [
        (report("mine", "a"), "passed"),
        (report("mine", "a", "skipped", "no GPU"), "skipped"),
        (report("mine", "a", "failed", "wrong by much", "wrong"), "recorded as wrong"),
        (report("mine", "a", "failed", "a bug of the suites"), "failed"),
    ],
)
def test_only_what_a_record_says_is_not_repeated(given, counted_as):
    assert summary.category(given) == counted_as
