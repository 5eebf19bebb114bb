"""Writes a comparison as Markdown, for a pull request's comment or a job's summary."""

from __future__ import annotations

import re

from harness.compare import Comparison, Verdict
from harness.verdicts import MARK, RATIO, Notes, by_weight, headline, numbers, plain, remarks, tally

# Everything that Markdown or the HTML inside it could read as more than a letter (CommonMark, 2.4: all may be escaped).
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&@:^$-])")


def text(comparison: Comparison) -> str:
    """Return the whole comparison; cases that are the same are counted, not listed."""
    files = f"{escaped(str(comparison.base))} → {escaped(str(comparison.new))}"
    lines = [f"## {headline(comparison)}", "", f"<!-- {MARK} -->", "", files, ""]
    shown = [verdict for verdict in by_weight(comparison) if verdict.change != "same"]
    if shown:
        lines += ["| change | ratio | 95 % interval | rounds | case | why |", "| --- | ---: | ---: | ---: | --- | --- |"]
        notes = Notes.of(shown)
        lines += [_row(verdict, notes.why(verdict)) for verdict in shown]
        lines += ["", f"ratio = {RATIO}"]
        lines += [line for note in notes.lines() for line in ("", escaped(note))]
    lines += ["", escaped(tally(comparison))]
    lines += [line for remark in remarks(comparison) for line in ("", escaped(remark))]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return text from a file so that Markdown shows it letter by letter."""
    return _SPECIAL.sub(r"\\\1", plain(text))


def _row(verdict: Verdict, why: str) -> str:
    cells = [verdict.change, *numbers(verdict), escaped(str(verdict.case)), escaped(why)]
    return f"| {' | '.join(cells)} |"
