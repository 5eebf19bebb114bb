"""Turns what a user accepts, in the command or in a committed file, into verdicts that no longer fail, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import msgspec

from rsc_bench.harness.compare.comparison import Comparison
from rsc_bench.harness.compare.verdict import Verdict

Acceptable = Literal["slower", "missing"]
ACCEPTABLE: tuple[Acceptable, ...] = ("slower", "missing")
"""What can be intended. A wrong result, or a case that fails, is a fault whatever was intended."""
_WORDS: dict[str, Acceptable] = {"slower": "slower", "worse": "slower", "missing": "missing"}
"""How the outputs call them, and what they are."""
_NEVER = ("broken", "wrong", "failed", "skipped", "unclear")


class AcceptanceError(ValueError):
    """An acceptance that cannot be used; the message says where it stands, the rule and the remedy."""


@dataclass(frozen=True)
class Acceptance:
    """Cases that may be slower or missing, and why."""

    pattern: str
    """Words that a case must have, as outputs show them: ``topk(mkl) C=0.1``; ``*`` stands for any letters."""
    reason: str
    """Why, for the reader of the comment."""
    source: str
    """Where it stands: ``--accept``, or the file."""
    changes: tuple[Acceptable, ...] = ACCEPTABLE
    """What is accepted of them."""
    _words: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", tuple(_letters(word) for word in self.pattern.split()))

    def covers(self, words: str) -> bool:
        """Return whether it is about a case that has those words, which stand a line each."""
        return all(each.search(words) for each in self._words)


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    case: str
    reason: str
    change: Acceptable | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    accept: list[_Entry] = []


def from_text(text: str) -> Acceptance:
    """Return the acceptance in a value of ``--accept``; raises `AcceptanceError` where it is none."""
    pattern, colon, reason = text.partition(": ")
    if not colon:
        raise AcceptanceError(f"--accept must be 'PATTERN: REASON' (got {text!r}): write 'slower topk(mkl): checked twice now'")
    first, _, rest = pattern.strip().partition(" ")
    if first in _NEVER:
        raise AcceptanceError(f"--accept: only slower and missing can be accepted (got {first!r}): mend the case, or leave it out")
    named = first in _WORDS
    return _checked(rest if named else pattern, reason, "--accept", _WORDS.get(first))


def from_file(path: Path) -> tuple[Acceptance, ...]:
    """Return the acceptances in a TOML file, a table ``[[accept]]`` each; raises `AcceptanceError` where it cannot be used."""
    try:
        entries = msgspec.toml.decode(path.read_bytes(), type=_File).accept
    except OSError as error:
        raise AcceptanceError(f"{path}: cannot be read ({error.strerror}): give the path of a file with [[accept]]") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        form = 'write [[accept]] with case = "...", reason = "..." and, to accept only that, change = "slower" or "missing"'
        raise AcceptanceError(f"{path}: {error}: {form}") from None
    return tuple(_checked(entry.case, entry.reason, str(path), entry.change) for entry in entries)


def _checked(pattern: str, reason: str, source: str, change: Acceptable | None) -> Acceptance:
    pattern, reason = " ".join(pattern.split()), " ".join(reason.split())
    if not pattern:
        raise AcceptanceError(
            f"{source}: must name a case (got none before {reason!r}): write a kernel's name, or * for every case"
        )
    if not reason:
        raise AcceptanceError(f"{source}: must give a reason (got none behind {pattern!r}): readers of the comment see it")
    return Acceptance(pattern, reason, source, ACCEPTABLE if change is None else (change,))


def accepted(comparison: Comparison, acceptances: Sequence[Acceptance]) -> Comparison:
    """Return the comparison with what is accepted marked, and a note on each acceptance that there was no use for.

    Only what is slower or missing is ever marked; where several acceptances cover a case, the first gives the reason.
    """
    names = {str(verdict.case) for verdict in comparison.verdicts} if acceptances else set()
    uses = [_Use(each, each.pattern in names) for each in acceptances]
    verdicts = tuple(_marked(verdict, uses) for verdict in comparison.verdicts) if uses else comparison.verdicts
    return replace(comparison, verdicts=verdicts, notes=(*comparison.notes, *(note for use in uses for note in use.notes())))


@dataclass
class _Use:
    """What an acceptance was good for."""

    of: Acceptance
    whole: bool
    """Whether it is the whole name of a case, and so about that one alone."""
    cases: int = 0
    """Verdicts on cases that it covers."""
    accepted: int = 0

    def notes(self) -> Iterator[str]:
        said = f"{self.of.source} accepts {self.of.pattern!r} ({self.of.reason})"
        if not self.cases:
            yield f"{said}, which matches no case: its words must be those of a case as --all shows it"
        elif not self.accepted:
            what = " or ".join(self.of.changes)
            yield f"{said}, but of the {self.cases} cases that it matches none is {what}: leave it out if that is settled"


def _marked(verdict: Verdict, uses: Sequence[_Use]) -> Verdict:
    name, words = str(verdict.case), _words_of(verdict)
    reasons = []
    for use in uses:
        if name == use.of.pattern if use.whole else use.of.covers(words):
            use.cases += 1
            if verdict.change in use.of.changes:
                use.accepted += 1
                reasons.append(use.of.reason)
    return replace(verdict, accepted=reasons[0]) if reasons else verdict


def _words_of(verdict: Verdict) -> str:
    """The words by which a case can be named, a line each: those that outputs show, and each field as ``field=value``."""
    fields = msgspec.structs.asdict(verdict.case).items()
    named = (f"{name}={value}" for name, value in fields if value is not None)
    return "\n".join((*str(verdict.case).split(), f"metric={verdict.metric}", *named))


def _letters(word: str) -> re.Pattern[str]:
    # Not fnmatch: names hold brackets, which would be a set of letters there.
    return re.compile(f"^{'.*'.join(re.escape(part) for part in word.split('*'))}$", re.MULTILINE)
