"""Says in one line what went wrong in pytest itself or in our hooks, and ends with the status that stands for it."""

from __future__ import annotations

from typing import Any

import pytest

from rsc_bench import files
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.plugins import REGISTRY, PluginError
from rsc_bench.suites.measuring.workers import CannotStart

OURS = 4
"""The exit status where it is neither the user's nor an answer; pytest's own for it, 3, means something else here."""


class InternalErrors:
    """A plug-in of pytest that has one line printed in place of a traceback."""

    status: int | None = None
    """The exit status of the run; None: no such error was met."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Put the line in the place of the traceback, which is kept in a file."""
        error = excinfo.value
        line = str(error) if isinstance(error, CannotStart | PluginError | ResultsError) else REGISTRY.blame(error)
        self.status = OURS if line is None else 2
        said = files.keep_traceback(error) if line is None else line
        excrepr.toterminal = lambda terminal: terminal.line(said)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Set the exit status."""
        if self.status is not None:
            session.exitstatus = self.status


def installed(config: pytest.Config) -> None:
    """Give a run the plug-in, unless who started it has."""
    if not any(isinstance(plugin, InternalErrors) for plugin in config.pluginmanager.get_plugins()):
        config.pluginmanager.register(InternalErrors())
