"""Turns what a try told into the few lines that an author reads after each save."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from rsc_bench.harness.output.units import ratio, shown
from rsc_bench.suites.trying.running import Told
from rsc_bench.text import bench, clipped

NAMED = 3
"""Trials that are named of those with one reason."""
REASON = 300
"""Letters of a reason."""
BAD = ("crashed", "hung", "failed", "wrong")
"""Verdicts that a kernel must not have, the gravest first."""
_GRAVEST = (*BAD, "skipped")

_WHOLE = 10
"""Percent from which on no decimals are said."""


def lines(told: Told, changes: Iterable[str], when: str | None) -> Iterator[str]:
    """Yield the lines: the contract, the speed, where the time goes, and what has changed since the last try."""
    if (kernel := told.one("kernel")) is not None:
        interpreted = "; no GPU here, so Triton's interpreter runs it (TRITON_INTERPRET=1)" if kernel["interpreted"] else ""
        yield f"{kernel['name']} on {kernel['device']}{interpreted}"
    yield from _contract(told)
    yield from _speed(told)
    for what, label in (("untimed", "speed   "), ("no ceiling", "ceiling "), ("no profile", "profile ")):
        if (found := told.one(what)) is not None:
            yield f"{label} none: {found['reason']}"
    if when is not None:
        found_changes = list(changes)
        yield f"since {when}: " + ("; ".join(found_changes) or "nothing changed")


def failed(told: Told) -> bool:
    """Return whether a kernel is not as it must be."""
    return any(each["status"] in BAD for each in told.of("verdict"))


def _contract(told: Told) -> Iterator[str]:
    verdicts = told.of("verdict")
    counts = {status: sum(each["status"] == status for each in verdicts) for status in ("ok", *BAD, "skipped")}
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    untried = told.one("untried")
    if untried:
        said = f"{said or 'none'}; {untried['count']} not tried for want of time: --seconds 60 tries more"
    if verdicts or untried:
        yield f"contract {said}"
    alike: dict[tuple[str, str | None, str], list[dict[str, Any]]] = defaultdict(list)
    for each in verdicts:
        if each["status"] != "ok":
            alike[each["status"], each["place"], _kind(each["reason"])].append(each)
    for (status, place, _), found in sorted(alike.items(), key=lambda entry: (_GRAVEST.index(entry[0][0]), -len(entry[1]))):
        named = ", ".join(each["trial"] for each in found[:NAMED])
        named += f", ... ({len(found)} in all)" if len(found) > NAMED else ""
        yield f"  {status:8} {f'{place}: ' if place else ''}{clipped(found[0]['reason'], REASON)}\n           in {named}"


def _kind(reason: str) -> str:
    """What reasons have in common that differ in their numbers."""
    return re.sub(r"[\d.]+", "#", reason)[:40]


def _speed(told: Told) -> Iterator[str]:
    speed = told.one("speed")
    if speed is None:
        return
    (time,), (prepare,) = shown([speed["call_s"]], "s"), shown([speed["prepare_s"]], "s")
    found = sorted(speed["ratios"].items(), key=lambda entry: float(entry[1]))
    ratios = ", ".join(f"{ratio(times)} x {name}" for name, times in found) or "no baseline was timed"
    yield f"speed    {ratios} ({speed['graph']}, width {speed['width']}, {speed['rounds']} rounds in turns)"
    if speed["left_out"]:
        yield f"         not timed: {', '.join(speed['left_out'])} (no time was left, or it cannot compute this product)"
    yield f"         a quick number and no record: `{bench()}` measures. {time} a call, prepared in {prepare}"
    if (ceiling := told.one("ceiling")) is not None:
        percent = 100 * ceiling["share"]
        part = f"{percent:.0f}" if percent >= _WHOLE else f"{percent:.2g}"
        yield f"ceiling  {part} % of what random rows are gathered at here ({ceiling['rate'] / 1e9:.1f} GB/s)"
    if (profile := told.one("profile")) is not None:
        yield f"profile  {_parts(profile)}"


def _parts(profile: dict[str, Any]) -> str:
    return ", ".join(f"{100 * share:.0f} % {name}" for name, share in profile["parts"]) or "no operation takes a hundredth"
