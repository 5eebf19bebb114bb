"""``doctor``: the machine, what makes its numbers noisy, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.cli._options import guard_shown, json_option, show

if TYPE_CHECKING:
    from rsc_bench.harness.machine.doctor import Finding


@click.command("doctor")
@json_option
def doctor(as_json: Path | None) -> int:
    """Show what makes numbers noisy here, and what is missing.

    Each finding says what to do about it.

    Exit status: 0, or 1 where something required is missing.
    """
    from rsc_bench.harness.machine.doctor import examine

    guard_shown(as_json)
    return show_findings(examine(), as_json)


def show_findings(findings: list[Finding], as_json: Path | None) -> int:
    """Show what was found, and return the exit status."""
    from rsc_bench.harness.machine.doctor import as_text, as_tree, exit_status

    show(lambda: as_text(findings) + "\n", lambda: as_tree(findings), as_json)
    return exit_status(findings)


COMMAND = doctor
