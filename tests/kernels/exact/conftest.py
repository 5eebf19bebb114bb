"""Gives a test each exact kernel that is found, and each with a selection in front of it; one that cannot run here is skipped."""

import pytest

from rsc_bench.kernels.sampled.compose import Sampling, compose
from rsc_bench.plugins import find, load

FOUND = load("kernel")
PRODUCTS = [name for name, kernel in FOUND.items() if kernel.operation == "spmm"]
"""Kernels of dot products have tests of their own."""


def param(name, kernel, label=None):
    reason = FOUND.missing.get(name) or FOUND[name].missing()
    marks = [pytest.mark.skip(reason=reason)] if reason else []
    return pytest.param(kernel, id=label or name, marks=marks)


def sampled():
    """``topk(NAME)``, which keeps everything, so that its product is the exact one."""
    for name in PRODUCTS:
        made = compose(find("selection", "topk"), FOUND[name], Sampling(1.0))
        yield param(name, made, made.name)


EXACT = [param(name, FOUND.get(name)) for name in (*PRODUCTS, *FOUND.missing)]


@pytest.fixture(params=EXACT)
def kernel(request):
    return request.param


@pytest.fixture(params=[*EXACT, *sampled()])
def any_kernel(request):
    return request.param
