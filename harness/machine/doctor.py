"""Turns the state of the machine into findings: what is fine, what makes numbers noisy, what is missing and how to get it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rsc_bench.harness.machine import environment
from rsc_bench.harness.machine.findings import Finding, gpus, host, kept
from rsc_bench.harness.machine.findings.installation import installation
from rsc_bench.harness.machine.findings.software import IsPresent, is_present, packages, python
from rsc_bench.text import plain

__all__ = ["Finding", "as_text", "as_tree", "examine", "exit_status", "results_folder"]


def examine(results: Path = Path("results"), present: IsPresent = is_present) -> list[Finding]:
    """Return every finding; takes about a second.

    Args:
        results: folder that results are written to.
        present: says whether a package is installed.
    """
    installed = [python(), installation(), *packages(present)]
    if exit_status(installed):
        return installed  # the rest is read through what is missing
    return [*host.findings(), *gpus.findings(), *installed, results_folder(results), kept.cache()]


def exit_status(findings: list[Finding]) -> int:
    """Return 1 where something required is missing, else 0: a noisy machine still measures."""
    return int(any(finding.state == "missing" for finding in findings))


def as_tree(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings and the environment as JSON types."""
    listed = [{"name": f.name, "state": f.state, "summary": f.summary, "remedy": f.remedy} for f in findings]
    return {"findings": listed, "environment": environment.read()}


def as_text(findings: list[Finding]) -> str:
    """Return the findings for a reader, one line each, the remedy under it."""
    wide = max(len(finding.name) for finding in findings)
    return "\n".join(line for finding in findings for line in _lines(finding, wide))


def _lines(finding: Finding, wide: int) -> Iterator[str]:
    yield plain(f"{finding.state:7}  {finding.name:{wide}}  {finding.summary}")
    if finding.remedy:
        yield plain(f"{'':7}  {'':{wide}}  -> {finding.remedy}")


def results_folder(folder: Path) -> Finding:
    """Return whether results can be written to `folder`, or to where it would be made."""
    place = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        remedy = "make it writable, or measure with --results FILE elsewhere"
        return Finding("results", "missing", f"{folder} cannot be written", remedy)
    return Finding("results", "ok", f"{folder} can be written")
