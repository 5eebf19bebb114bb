"""Keeps the tests apart from the user's cache, and short: what is collected is looked through once, the longest come first."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from running_pytest import CACHE

HERE = Path(__file__).parent
FIRST = (
    "kernels/test_interpreter.py",
    "test_adding_a_plugin.py",
    "test_package.py",
    "test_examples.py",
    "suites/training/test_training_run.py",
    "suites/training/test_training_suite.py",
    "suites/test_benchmark_run.py",
    "suites/test_memory_run.py",
    "suites/test_ab_of_products.py",
    "suites/test_plugin_option.py",
    "fuzz/test_mutated_results.py",
    "fuzz/test_mutated_graphs.py",
    "suites/measuring/test_workers.py",
    "suites/measuring/test_pytest_benchmark_options.py",
    "cli/test_ab_command.py",
    "cli/test_command_line.py",
    "harness/measure/test_worker.py",
)
"""Files of few tests that take long, most of them because they start processes, the longest first."""


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist take files in the order below: by itself it begins with those that have most tests, and ends with these."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, or one worker still has such a file when the others have nothing left."""
    places = {HERE / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(FIRST)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the garbage collector leave out what is there now, which stays to the end: thousands of tests, and torch.

    Many tests collect garbage, before they read memory say: that takes half a second each with all of it, and next to nothing
    without. At the exit it is freed after all: Triton's bindings list on the terminal what is not.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user() -> None:
    """Keep graphs of tests apart from those of the user."""
    os.environ["RSC_BENCH_CACHE"] = CACHE.name


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line: exit status, stdout, stderr."""
    from rsc_bench.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run
