"""Draws a page again as its results files grow, until it is interrupted, and then once more as a page that stays as it is."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from rsc_bench.harness.records.file import ResultsError
from rsc_bench.reports.page import render
from rsc_bench.reports.page.render import Again
from rsc_bench.reports.tables.sources import Source

POLL_S = 1.0
"""Seconds between two looks at the files, unless they may be drawn more often."""

Found = Callable[[], list[Path]]
Say = Callable[[str], object]
State = dict[Path, tuple[int, ...]]
"""What is seen of each file without opening it, which changes when the file does."""


class Draw(Protocol):
    """Draws files to the page, and returns those that are on it; none where nothing was drawn."""

    def __call__(self, paths: list[Path], again: Again) -> Sequence[Source]:
        """Draw; the last time with no seconds to another page."""


@dataclass(frozen=True)
class Time:
    """The clocks of this machine, and waiting."""

    now_s: Callable[[], float] = time.monotonic
    utc: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], object] = time.sleep


class Page:
    """A page that is drawn again and again; a file that cannot be read is left out, and that is said once."""

    def __init__(self, output: Path, complain: Say) -> None:
        """Name the page.

        Args:
            output: where it is written, whole each time.
            complain: takes a line about what stands in the way.
        """
        self._output, self._complain = output, complain
        self._said: dict[Path, str] = {}

    def draw(self, paths: list[Path], again: Again) -> Sequence[Source]:
        """Draw files; raises nothing for what may be mended by the next time: a damaged file, a disk that is full."""
        refused: dict[Path, str] = {}
        drawn: Sequence[Source] = ()
        try:
            drawn = render.write(paths, self._output, again, lambda path, error: refused.update({path: str(error)}))
        except ResultsError as error:
            refused[self._output] = str(error)
        for path, line in refused.items():
            if self._said.get(path) != line:
                self._complain(line)
        self._said = refused
        gc.collect()  # while a page is drawn nothing is
        return drawn


def follow(
    found: Callable[[], list[Path]], draw: Draw, every_s: float, say: Callable[[str], object], at: Time | None = None
) -> None:
    """Draw files at once and again whenever they have changed, until `KeyboardInterrupt`; then for the last time.

    Drawing takes at most half of the time: after one that took long the next one waits for as long.

    Args:
        found: says which files are there now.
        draw: draws them.
        every_s: seconds from one drawing to the next at least.
        say: takes a line for each drawing.
        at: the clocks; None: those of this machine.
    """
    at = at or Time()
    try:
        _until_interrupted(found, draw, every_s, say, at)
    except KeyboardInterrupt:
        paths, now = found(), at.utc()
        if paths and (drawn := draw(paths, Again(_words(now), None))):
            say(f"{line(drawn, now)}, for the last time")


def _until_interrupted(found: Found, draw: Draw, every_s: float, say: Say, at: Time) -> None:
    seen: State = {}
    apart_s = every_s
    while True:
        began_s, now = at.now_s(), at.utc()
        state = _state(found())
        if not state or state == seen:
            at.sleep(min(POLL_S, every_s))
            continue
        seen = state
        if drawn := draw(list(state), Again(_words(now), apart_s)):
            say(line(drawn, now))
        took_s = at.now_s() - began_s
        apart_s = max(every_s, 2 * took_s)
        at.sleep(apart_s - took_s)


def _words(now: datetime) -> str:
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"


def _state(paths: Sequence[Path]) -> State:
    state: State = {}
    for path in paths:
        with contextlib.suppress(OSError):  # gone since it was found
            found = path.stat()
            state[path] = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return state


def line(sources: Sequence[Source], now: datetime) -> str:
    """Return what was drawn: the time, the records, and how far the current rounds are."""
    several = f" in {len(sources)} files" if len(sources) > 1 else ""
    return f"{now:%H:%M:%S} UTC: {sum(source.records for source in sources):,} records{several}{_progress(sources)}"


def _progress(sources: Sequence[Source]) -> str:
    rounds = [source.current for source in sources if source.current is not None]
    if not rounds:
        return ""
    if len(sources) == 1:
        return f", {rounds[0].words}"
    return f", {sum(each.done for each in rounds):,} of {sum(each.cases for each in rounds):,} cases of their current rounds"
