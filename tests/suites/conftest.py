"""What tests of whole runs share: a process in which pytest and torch are loaded once."""

import pytest
from running_pytest import WarmPytest


@pytest.fixture(scope="session")
def warm_suites():
    """Runs the suites as a user does, one run after the other in one process."""
    running = WarmPytest()
    yield running
    running.close()
