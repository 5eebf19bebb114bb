"""Tests of the method use kernels that have tests of their own, with any number of threads: here one is enough."""

import importlib.util

import pytest


@pytest.fixture(autouse=True, scope="module")
def _one_thread_of_numba():
    if importlib.util.find_spec("numba") is None:
        yield
        return
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)
