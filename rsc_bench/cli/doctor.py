"""``doctor``: the machine, what makes its numbers noisy, and what is missing."""

from __future__ import annotations

from pathlib import Path

import click

from rsc_bench.cli._options import json_option, show


@click.command("doctor")
@json_option
def doctor(as_json: Path | None) -> int:
    """The machine, what makes its numbers noisy, what is missing and how to get it.

    Exit status: 0, or 1 where something required is missing.
    """
    from rsc_bench.harness.machine.doctor import as_text, as_tree, examine, exit_status

    findings = examine()
    show(as_text(findings) + "\n", as_tree(findings), as_json)
    return exit_status(findings)


COMMAND = doctor
