"""Keeps what a test loads of plug-ins to the test: files of a study stay loaded for the process that plans it."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from rsc_bench.plugins import REGISTRY


@contextmanager
def plugins_as_they_were() -> Iterator[None]:
    """Have the plug-ins be those of before when the block ends."""
    before = {name: copy(value) for name, value in vars(REGISTRY).items()}
    yield
    vars(REGISTRY).clear()
    vars(REGISTRY).update(before)
