"""Writes a comparison as Markdown, for a pull request's comment or a job's summary."""

from __future__ import annotations

import re

from harness.compare import Comparison, Verdict
from harness.verdicts import RATIO, by_weight, headline, numbers, plain, remarks, tally

# Everything that Markdown or the HTML inside it could read as more than a letter (CommonMark, 2.4: all may be escaped).
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&@:^$-])")


def text(comparison: Comparison) -> str:
    """Return the whole comparison; cases that are the same are counted, not listed."""
    lines = [f"## {headline(comparison)}", "", f"{escaped(str(comparison.base))} → {escaped(str(comparison.new))}", ""]
    shown = [verdict for verdict in by_weight(comparison) if verdict.change != "same"]
    if shown:
        lines += ["| change | ratio | 95 % interval | rounds | case | why |", "| --- | ---: | ---: | ---: | --- | --- |"]
        lines += [_row(verdict) for verdict in shown]
        lines += ["", f"ratio = {RATIO}"]
    lines += ["", escaped(tally(comparison))]
    lines += [line for remark in remarks(comparison) for line in ("", escaped(remark))]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return text from a file so that Markdown shows it letter by letter."""
    return _SPECIAL.sub(r"\\\1", plain(text))


def _row(verdict: Verdict) -> str:
    cells = [verdict.change, *numbers(verdict), escaped(str(verdict.case)), escaped(verdict.reason or "")]
    return f"| {' | '.join(cells)} |"
