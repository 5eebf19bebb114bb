"""Lines for the terminal of a sweep, one a case; and on a terminal that somebody watches, a line a device below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.terminal.progress import case_words, outcome_words
from rsc_bench.text import minutes, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from rsc_bench.suites.sweeping.devices import State

EVERY_S = 60.0
"""Seconds between two lines on all devices, in a log."""
REDRAWS = 2
"""Of the table, each second."""
MOST_ROWS = 16
"""Devices that are named: those that have been at their case for longest."""


@dataclass
class _Device:
    case: Case | None = None
    round_index: int = 0
    since: float = 0.0
    done: int = 0
    state: State | None = None


class Board:
    """What each device of a sweep is at, how far all of them are, and about how long it still takes."""

    def __init__(
        self,
        devices: Sequence[str],
        cases: int,
        write: Callable[[str], None],
        console: Console | None = None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        """Begin to count.

        Args:
            devices: by name.
            cases: measurements to come.
            write: takes a line to stay.
            console: of a terminal that somebody watches, which gets the table; None: lines alone.
            now: reads the time in seconds.
        """
        self._devices = {name: _Device() for name in devices}
        self._cases, self._write, self._now = cases, write, now
        self._start = self._said = now()
        self._done, self._left_s = 0, 0.0
        self._live = self._begun(console)

    def _begun(self, console: Console | None) -> object | None:
        if console is None:
            return None
        from rich.live import Live

        live = Live(console=console, get_renderable=self.table, refresh_per_second=REDRAWS, transient=True)
        live.start()
        self._write = live.console.print
        return live

    def begins(self, device: str, case: Case, round_index: int) -> None:
        """Take that a device begins a case."""
        there = self._devices[device]
        there.case, there.round_index, there.since, there.state = case, round_index, self._now(), None

    def state(self, device: str, state: State) -> None:
        """Take how far a device is with its case."""
        there = self._devices[device]
        there.state = state if state.epoch is not None or there.state is None else there.state
        self._say_now_and_then()

    def idle(self, device: str) -> None:
        """Take that a device has nothing to do."""
        self._devices[device].case = None

    def ends(self, device: str, record: Record, round_index: int, left_s: float) -> None:
        """Take the record of a case, and about how many seconds are left in all."""
        self._done += 1
        self._left_s = left_s
        there = self._devices[device]
        there.done, there.case = there.done + 1, None
        where = f"  {device}" if len(self._devices) > 1 else ""
        left = f", {minutes(left_s)} left" if self._done < self._cases else ""
        place = f"[{self._done:>{len(str(self._cases))}}/{self._cases}] round {round_index}{left}"
        self.say(f"{place}{where}  {case_words(record)}  {outcome_words(record)}")
        self._say_now_and_then()

    def again(self, cases: int) -> None:
        """Take that so many cases are measured once more than was planned."""
        self._cases += cases

    def say(self, line: str) -> None:
        """Write a line that is worth reading."""
        self._write(plain(line))

    def _say_now_and_then(self) -> None:
        """Write where all devices are into a log, where the table is not."""
        now = self._now()
        if self._live is not None or len(self._devices) < 2 or now - self._said < EVERY_S:
            return
        self._said = now
        for row in self._rows():
            self.say(f"  {row[0]}: {', '.join(filter(None, row[1:]))}")

    def _rows(self) -> list[tuple[str, str, str]]:
        """What each device is at and how many cases it has done; of many those that have been at theirs for longest."""
        longest = sorted(self._devices, key=lambda name: (self._devices[name].case is None, self._devices[name].since))
        named = set(longest if len(longest) <= MOST_ROWS else longest[: MOST_ROWS - 1])
        rows = [(name, self._at(there), self._rate(there)) for name, there in self._devices.items() if name in named]
        others = [there for name, there in self._devices.items() if name not in named]
        if others:
            idle = sum(there.case is None for there in others)
            rows.append(
                (
                    f"{len(others)} more",
                    f"{len(others) - idle} at work, {idle} idle",
                    f"{sum(there.done for there in others)} cases",
                )
            )
        return rows

    def _at(self, there: _Device) -> str:
        if there.case is None:
            return "idle"
        epoch = there.state and there.state.epoch
        far = f", epoch {epoch.index}/{epoch.epochs}" if epoch else ""
        return f"{minutes(self._now() - there.since)} at {there.case} in round {there.round_index}{far}"

    def _rate(self, there: _Device) -> str:
        hours = (self._now() - self._start) / 3600
        done = f"{there.done} case{'s' * (there.done != 1)}"
        return f"{done}, {there.done / hours:.0f} an hour" if hours > 0 else done

    def table(self) -> Table:
        """Return the devices as a table for the terminal."""
        from rich.table import Table

        since = minutes(self._now() - self._start)
        title = f"{self._done} of {self._cases} measured, {since} so far, about {minutes(self._left_s)} left"
        found = Table("device", "at", "cases", title=title, title_justify="left", expand=True)
        for row in self._rows():
            found.add_row(*map(plain, row))
        return found

    def close(self) -> None:
        """Take the table away."""
        if self._live is not None:
            self._live.stop()  # type: ignore[attr-defined]
            self._live = None
