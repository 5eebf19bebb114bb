"""Keeps what the last try of a file found, and says in words what has changed since."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from rsc_bench import caches
from rsc_bench.files import write_whole
from rsc_bench.harness.output.units import ratio, shown
from rsc_bench.suites.trying.running import Told

NAMED = 3
"""Trials that are named of those whose verdict is another one."""


def place(file: Path, kernel: str | None = None) -> Path:
    """Return where the last try of a file is kept, or of one of its kernels."""
    path = hashlib.blake2b(os.fsencode(file.resolve()) + (kernel or "").encode(), digest_size=8).hexdigest()
    return caches.own() / "tries" / f"{file.stem}-{path}.json"


def before(file: Path, kernel: str | None = None) -> dict[str, Any]:
    """Return what the last try of a file found; empty where there was none, or it cannot be read."""
    try:
        found = json.loads(place(file, kernel).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def keep(file: Path, told: Told, kernel: str | None = None) -> None:
    """Keep what this try found; where there is no place for it, the next one has nothing to be compared with."""
    speed = told.one("speed")
    trials = {each["trial"]: each["status"] for each in told.of("verdict")}
    tree = {"when": time.strftime("%H:%M:%S"), "trials": trials, "speed": speed}
    with suppress(OSError):
        write_whole(place(file, kernel), json.dumps(tree))


def changes(old: dict[str, Any], told: Told) -> Iterator[str]:
    """Yield in words what is another verdict, and how the times have changed."""
    trials, new = old.get("trials", {}), {each["trial"]: each["status"] for each in told.of("verdict")}
    became: dict[tuple[str, str], list[str]] = {}
    for trial in trials.keys() & new.keys():
        if trials[trial] != new[trial]:
            became.setdefault((trials[trial], new[trial]), []).append(trial)
    for (was, now), names in sorted(became.items()):
        named = ", ".join(sorted(names)[:NAMED]) + ", ..." * (len(names) > NAMED)
        yield f"{len(names)} {'was' if len(names) == 1 else 'were'} {was}, now {now}: {named}"
    yield from _speed(old.get("speed"), told.one("speed"))


def _speed(old: dict[str, Any] | None, new: dict[str, Any] | None) -> Iterator[str]:
    if new is None:
        return
    if old is None:
        yield "it was not timed then"
    elif (old["graph"], old["width"]) != (new["graph"], new["width"]):
        yield f"another product was timed then ({old['graph']}, width {old['width']})"
    else:
        was, now = shown([old["call_s"], new["call_s"]], "s")
        both = {name: (old["ratios"][name], times) for name, times in new["ratios"].items() if name in old["ratios"]}
        ratios = [f"{ratio(then)} -> {ratio(times)} x {name}" for name, (then, times) in both.items()]
        yield f"a call {was} -> {now}; {', '.join(ratios) or 'no baseline in both'}"
