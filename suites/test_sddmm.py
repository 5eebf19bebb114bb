"""SDDMM: every kernel that computes a dot product for each non-zero on every graph and width, measured where it is named."""

from rsc_bench.suites.measuring.runner import Runner

SUITE = "sddmm"


def test_sddmm(bench: Runner) -> None:
    bench()
