"""Adds ``.. suite-options::``, the options that the suites add to pytest, read from where the suites define them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from command_texts import as_literals
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rsc_bench.suites import conftest

PROGRAM = "rsc-bench bench"


@dataclass
class Recorder:
    """Stands in for pytest's parser, and notes the options that are added to it."""

    options: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def getgroup(self, name: str, description: str = "") -> Recorder:
        """Return itself: all options of the suites are in one group."""
        del name, description
        return self

    def addoption(self, name: str, **settings: Any) -> None:
        """Note an option."""
        self.options.append((name, settings))


class SuiteOptions(SphinxDirective):
    """Lists the options with their help, each as something that other pages can link to."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        recorder = Recorder()
        conftest.pytest_addoption(cast("pytest.Parser", recorder))
        entries = [_entry(name, settings) for name, settings in recorder.options]
        return self.parse_text_to_nodes("\n\n".join([f".. program:: {PROGRAM}", *entries]))


def _entry(name: str, settings: dict[str, Any]) -> str:
    metavar = settings.get("metavar")
    usage = f"{name} <{metavar}>" if metavar else name
    text = as_literals(str(settings.get("help", "")))
    return f".. option:: {usage}\n\n   {text[:1].upper()}{text[1:]}."


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("suite-options", SuiteOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
