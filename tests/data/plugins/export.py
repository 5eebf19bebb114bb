"""Writes the names of the kernels, a line each: a format to be added."""

from rsc_bench.files import MARK
from rsc_bench.reports.exports import Export


def render(results, metrics):
    return "\n".join([f"# {MARK}", *sorted({record.case.kernel for record in results.records})]) + "\n"


EXPORT = Export("mine", "The names of the kernels.", ".names", render)
