"""Turns a comparison into text, one output a file; here is what the outputs share."""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare import FAILING, Comparison, Verdict

RATIO = "new time / base time: above 1 is slower"


def headline(comparison: Comparison) -> str:
    """Return the verdict on the whole in one sentence."""
    limit = f"(threshold {100 * comparison.threshold:g} %)"
    failing = [f"{count} {change}" for change, count in comparison.counts.items() if change in FAILING and count]
    if failing:
        return f"FAIL: {', '.join(failing)} {limit}"
    if not comparison.common:
        return "CANNOT BE JUDGED: the two runs have no case in common"
    if comparison.exit_status:
        return f"CANNOT BE JUDGED: {comparison.counts['unclear']} of {comparison.common} common cases are unclear {limit}"
    return f"PASS: nothing is slower {limit}"


def tally(comparison: Comparison) -> str:
    """Return how many cases came out which way."""
    parts = [f"{count} {change}" for change, count in comparison.counts.items() if count]
    if comparison.not_judged:
        parts.append(f"{comparison.not_judged} not judged (no time on either side)")
    return ", ".join(parts) or "no cases"


def remarks(comparison: Comparison) -> Iterator[str]:
    """Yield what a reader must know about the two machines, one line each."""
    pair = comparison.differences
    if comparison.machines:
        yield "the machines differ: " + "; ".join(f"{name} {pair[name][0]} -> {pair[name][1]}" for name in comparison.machines)
        if any("machines differ" in (verdict.reason or "") for verdict in comparison.verdicts):
            yield "times of two machines are judged only with --across-machines"
    others = [f"{name} {old} -> {new}" for name, (old, new) in pair.items() if name not in comparison.machines]
    if others:
        yield "also different: " + "; ".join(others)


def by_weight(comparison: Comparison) -> list[Verdict]:
    """Return the verdicts, what fails first, and of one kind the largest change first."""
    order = {change: place for place, change in enumerate(comparison.counts)}
    return sorted(comparison.verdicts, key=lambda verdict: (order[verdict.change], -abs((verdict.ratio or 1) - 1)))


def numbers(verdict: Verdict) -> tuple[str, str, str]:
    """Return ratio, interval and rounds as printed; empty where absent."""
    ratio = "" if verdict.ratio is None else f"{verdict.ratio:.3f}"
    interval = "" if verdict.interval is None else f"{verdict.interval[0]:.3f} to {verdict.interval[1]:.3f}"
    return ratio, interval, f"{verdict.rounds[0]}, {verdict.rounds[1]}"


def plain(text: str) -> str:
    """Return text from a file as one line without control characters: a name must not move the cursor or end a row."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
