"""Adds ``.. suite-options::``, the options that the suites add to pytest, read from where the suites define them."""

from __future__ import annotations

from command_texts import as_literals
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rsc_bench.cli.bench import suite_options

PROGRAM = "rsc-bench bench"


class SuiteOptions(SphinxDirective):
    """Lists the options with their help, each as something that other pages can link to."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        entries = [_entry(usage, summary) for usage, summary in suite_options()]
        return self.parse_text_to_nodes("\n\n".join([f".. program:: {PROGRAM}", *entries]))


def _entry(usage: str, summary: str) -> str:
    name, _, metavar = usage.partition(" ")
    text = as_literals(summary)
    return f".. option:: {name}{f' <{metavar}>' if metavar else ''}\n\n   {text[:1].upper()}{text[1:]}."


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("suite-options", SuiteOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
