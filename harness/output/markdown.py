"""Writes a comparison as Markdown: a comment that a reviewer reads in ten seconds, with the verdict first and the rest folded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rsc_bench.harness.compare.comparison import Comparison
from rsc_bench.harness.compare.verdict import Change, Verdict
from rsc_bench.harness.output import Output
from rsc_bench.harness.output.wording import (
    MARK,
    Notes,
    by_weight,
    change_text,
    counts_line,
    headline,
    name,
    numbers,
    remarks,
    sides,
    why_text,
)
from rsc_bench.harness.records.environments import flat
from rsc_bench.text import plain

LIMIT = 65_536
"""Characters that a comment on GitHub may have; on GitLab it may have more."""
OPEN_ROWS = 15
"""Rows that are not folded: more are no longer read in ten seconds."""
CELL = 300
"""Characters of a text from the files: a reason may be as long as a traceback."""
LINE = 2000
"""Characters of a remark: environments may differ in many fields."""

CHANGED: tuple[Change, ...] = ("slower", "broken", "missing", "faster")
HEAD = ("| change | base | new | new / base | 95 % interval | case |", "| --- | ---: | ---: | ---: | ---: | --- |")
OPEN_HEAD = (
    "| rounds | base | new | new / base | 95 % interval | would settle it | case |",
    "| ---: | ---: | ---: | ---: | ---: | ---: | --- |",
)
# What CommonMark, GitHub and GitLab would read as more than a letter, only where they would: people read comments as text, too.
_SPECIAL = re.compile(
    r"""[\\`*\[\]<|~$@]                # anywhere
    | (?<!\w)_+ | _+(?!\w)           # not within a word
    | [#!^&](?=[\w\#\[])             # an issue, a merge request, an alert, an epic, an entity, an image
    | :(?=//|[\w+-]+:)               # an address, an emoji
    | \{(?=[+-])                     # GitLab's changed words
    | \A[-+=>#]                      # at the start of a line: a list, a heading, a quotation
    | \A\d+[.)](?=\s|\Z)            # a numbered list
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Part:
    """A table or a list, cut at its end where there is no room for all of it."""

    title: str
    """What it is folded under; empty: it stands open."""
    head: tuple[str, ...]
    rows: Sequence[str]
    foot: tuple[str, ...] = ()

    def fitting(self, room: int) -> list[str]:
        """Return the rows that fit into so many characters, line ends counted."""
        rows = []
        for row in self.rows:
            room -= len(row) + 1
            if room < 0:
                break
            rows.append(row)
        return rows

    def text(self, rows: Sequence[str]) -> str:
        """Return it with these of its rows, and a line that says how many are missing."""
        cut = len(self.rows) - len(rows)
        more = f"{cut} more are left out, because a comment holds {LIMIT:,} characters; the file of --json has them."
        lines = ["", *self.head, *rows, *self.foot, *(["", more] if cut else [])]
        folded = ["", f"<details><summary>{self.title}</summary>", *lines, "", "</details>"]
        return "\n".join(folded if self.title else lines) + "\n"

    @property
    def frame(self) -> int:
        """Characters of everything but the rows."""
        return len(self.text(())) + 1


def text(comparison: Comparison) -> str:
    """Return the comment, of at most `LIMIT` characters: what is cut first is what stayed the same."""
    parts = list(_parts(comparison))
    start = "\n".join(_start(comparison)) + "\n"
    room = LIMIT - len(start) - sum(part.frame for part in parts)
    texts = [start]
    for part in parts:
        rows = part.fitting(room)
        room -= sum(len(row) + 1 for row in rows)
        texts.append(part.text(rows))
    return "".join(texts)


def escaped(text: str, longest: int = CELL) -> str:
    """Return text from a file so that Markdown shows it letter by letter, cut where it is very long."""
    text = plain(text)
    return _SPECIAL.sub(_harmless, text if len(text) <= longest else text[:longest] + "…")


def _harmless(special: re.Match[str]) -> str:
    return "".join(letter if letter.isalnum() else f"\\{letter}" for letter in special[0])


def _start(comparison: Comparison) -> Iterator[str]:
    yield f"## {headline(comparison)}"
    yield f"<!-- {MARK} -->"
    yield f"\n{escaped(counts_line(comparison))}."
    yield f"{_against(comparison)}. {_measured_on(comparison)}."


def _against(comparison: Comparison) -> str:
    """What was compared with what, and how often it was measured."""
    names = _revisions(comparison)
    said = f"New is {escaped(names[1])}, base is {escaped(names[0])}"
    measured = Counter((*verdict.rounds, verdict.unit, verdict.paired) for verdict in comparison.verdicts if verdict.ratio)
    if measured:
        base, new, unit, paired = measured.most_common(1)[0][0]
        often = f"{new} {unit} of each" if base == new else f"{new} {unit} of new, {base} of base"
        said += f"; {often}" + (", taken in turns" if paired else "")
    return said


def _revisions(comparison: Comparison) -> list[str]:
    """Base and new by what they are called, by their commits, or by their files where these are no different."""
    if comparison.titles is not None:
        return list(comparison.titles)
    commit = flat(comparison.environment).get("checkout.commit")
    commits = comparison.differences.get("checkout.commit", (commit, commit))
    changes = comparison.differences.get("checkout.changes", (None, None))
    sides = list(zip(commits, changes, strict=True))
    if not all(commits) or sides[0] == sides[1]:
        files = (comparison.base, comparison.new)
        alike = files[0].name == files[1].name
        return [f"{file.parent.name}/{file.name}" if alike else file.name for file in files]
    return [str(commit)[:8] + (" with uncommitted changes" if changed else "") for commit, changed in sides]


def _parts(comparison: Comparison) -> Iterator[Part]:
    weighed = by_weight(comparison)
    changed = [verdict for verdict in weighed if verdict.change in CHANGED]
    notes = Notes.from_verdicts(changed)
    rows = [_row(verdict, notes.why(verdict)) for verdict in changed]
    foot = tuple(f"\n{escaped(note)}" for note in notes.lines())
    if rows:
        yield Part("", HEAD, rows[:OPEN_ROWS], foot)
    yield _remarks(comparison)
    if rows[OPEN_ROWS:]:
        yield Part(f"{len(rows) - OPEN_ROWS} more that changed", HEAD, rows[OPEN_ROWS:])
    unclear = [verdict for verdict in weighed if verdict.change == "unclear"]
    if unclear:
        yield _unclear(unclear)
    for change in ("still broken", "new", "same"):
        rest = [_row(verdict, why_text(verdict)) for verdict in weighed if verdict.change == change]
        if rest:
            yield Part(f"{len(rest)} {change}", HEAD, rest)


def _row(verdict: Verdict, why: str) -> str:
    ratio, interval, _ = numbers(verdict)
    change = f"**{change_text(verdict)}**" if verdict.change in CHANGED else verdict.change
    base, new = _values(verdict)
    return f"| {change} | {base} | {new} | {ratio} | {interval} | {_case(verdict, why)} |"


def _values(verdict: Verdict) -> tuple[str, str]:
    """Base's value and new's; a narrow table breaks no line between a number and its unit."""
    base, new = (side.replace(" ", "&nbsp;") for side in sides(verdict))
    return base, new


def _case(verdict: Verdict, why: str) -> str:
    """The case, and below it why it is so, or beside it the number of the note that says why."""
    better = " (higher is better)" if verdict.higher_is_better else ""
    gap = "" if not why else "<br>" if why == why_text(verdict) else " "
    return f"{escaped(name(verdict))}{better}{gap}{escaped(why)}"


def _unclear(verdicts: Sequence[Verdict]) -> Part:
    """The unclear ones, with what would settle each: the rounds where they would, and otherwise the reason."""
    notes = Notes.from_verdicts([verdict for verdict in verdicts if verdict.rounds_needed is None])
    rows = []
    for verdict in verdicts:
        ratio, interval, rounds = numbers(verdict)
        settles = f"{verdict.rounds_needed} {verdict.unit}" if verdict.rounds_needed else ""
        why = "" if settles else notes.why(verdict)
        base, new = _values(verdict)
        rows.append(f"| {rounds} | {base} | {new} | {ratio} | {interval} | {settles} | {_case(verdict, why)} |")
    return Part(f"{len(rows)} unclear", OPEN_HEAD, rows, tuple(f"\n{escaped(note)}" for note in notes.lines()))


def _measured_on(comparison: Comparison) -> str:
    """GPU or CPU of the new run, and what of its software decides times."""
    said = flat(comparison.environment)
    on_gpu = any(verdict.case.device.startswith("cuda") for verdict in comparison.verdicts)
    machine = said.get("gpus.0.name") if on_gpu else None
    versions = {each: said.get(f"versions.{each}") for each in ("torch", "triton")} | {"Python": said.get("python")}
    parts = [
        machine or said.get("cpu.model") or "a machine that is not named",
        *(f"{each} {of}" for each, of in versions.items() if of),
    ]
    return f"Measured on {escaped(', '.join(map(str, parts)))}"


def _remarks(comparison: Comparison) -> Part:
    """What else a reader must know: folded, unless it is why nothing could be judged."""
    lines = [f"base: {comparison.base}", f"new: {comparison.new}", *remarks(comparison)]
    title = "" if comparison.exit_status == 3 else "Files, and what else differs"
    return Part(title, (), [f"- {escaped(line, LINE)}" for line in lines])


OUTPUT = Output("markdown", "As Markdown, a comment of at most 65,536 characters.", lambda comparison, _: text(comparison))
