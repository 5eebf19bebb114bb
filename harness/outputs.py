"""Writes what commands make, whole or not at all, and never over a results file or another program's."""

from __future__ import annotations

import os
from pathlib import Path

import click

RUN_LINE = b'{"run":{'
PAGE_MARK = b'<meta name="generator" content="RSC Bench">'
MARK = b"written by rsc-bench"
"""Stands near the start of every other file of ours."""


def guard(target: Path, inputs: list[Path]) -> None:
    """Refuse to write over results, and over any file that we did not write."""
    try:
        beginning = _beginning(target)
    except OSError as error:
        raise click.ClickException(unwritable(target, error)) from None
    inside = target.resolve() in [path.resolve() for path in inputs]
    if target.suffix == ".jsonl" or inside or beginning.startswith(RUN_LINE):
        raise click.ClickException(f"{target}: is a results file, and results are never overwritten: give another path")
    if beginning and not _is_ours(beginning):
        raise click.ClickException(f"{target}: was not written by this program, and is not replaced: give another path")


def _beginning(path: Path) -> bytes:
    """The first bytes of a file; empty where there is none."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(1024)


def _is_ours(beginning: bytes) -> bool:
    return PAGE_MARK in beginning or MARK in beginning


def write_whole(target: Path, text: str) -> None:
    """Write the text with its folder; raises one line where it cannot be done."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8", errors="replace")  # a pipe or a device is not to be replaced by a file
        else:
            _replace(target.resolve(), text)
    except OSError as error:
        raise click.ClickException(unwritable(target, error)) from None


def _replace(target: Path, text: str) -> None:
    """Write beside the target and move it there, so that a kill or a full disk leaves no half file."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8", errors="replace")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def unwritable(target: Path, error: OSError) -> str:
    """Return the line that says why `target` cannot be written."""
    from rsc_bench.harness.results import refusal

    return f"{target}: cannot be written ({refusal(target, error)}): give another path"
