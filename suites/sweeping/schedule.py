"""Decides which device measures what next: no clock, no device and no file of its own, so that a simulation runs the same code."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

MOST_LOSSES = 3
"""Devices that a part of a sweep may be lost with before its cases are given up: it may be what they are lost by."""
OVERDUE = 3.0
"""Times as long as parts like it, after which a part is begun on an idle device as well: who is through first counts."""
LEAST_OVERDUE_S = 60.0
"""Seconds that a part may take in any case: a device may have to start a process, and to make a graph."""
_KNOWN = 20
"""Of the last parts, from which is known how estimates and seconds go together."""


@dataclass(frozen=True)
class Part:
    """What one device measures at a stretch: all cases that are compared with one another, in one round."""

    index: int
    """Place in the plan."""
    round: int
    """From 1."""
    group: str
    """The cases, whichever round: what they are compared by, as graph and width."""
    estimate_s: float
    """About how long it takes."""
    stage: int = 0
    """The block of the study: all rounds of one are begun before those of the next."""
    paired: bool = True
    """Whether its cases are compared within the round, so that all of them have to be of one device, one after the other."""
    home: str = ""
    """What is expensive to have at hand, the graph: a device that had it last is better than one that has not."""


@dataclass
class _Work:
    part: Part
    since: float


class Schedule:
    """The parts of a sweep on the devices of one kind: who measures which, in the order of their rounds."""

    def __init__(self, parts: Iterable[Part]) -> None:
        """Begin with all parts waiting."""
        self._waiting: dict[tuple[int, int], dict[str, deque[Part]]] = defaultdict(lambda: defaultdict(deque))
        self._first: deque[Part] = deque()
        """Those that were given back, which come first."""
        self._left: set[int] = set()
        for part in sorted(parts, key=lambda part: (-part.estimate_s, part.index)):
            self._waiting[part.stage, part.round][part.home].append(part)
            self._left.add(part.index)
        self._working: dict[str, _Work] = {}
        self._homes: dict[str, str] = {}
        self._losses: defaultdict[int, int] = defaultdict(int)
        self._ratios: deque[float] = deque(maxlen=_KNOWN)
        self._taken_s: dict[str, float] = {}

    @property
    def done(self) -> bool:
        """Whether every part is finished or given up."""
        return not self._left

    @property
    def left_s(self) -> float:
        """About how many seconds of one device are left, those of what is being measured included."""
        waiting = sum(part.estimate_s for homes in self._waiting.values() for parts in homes.values() for part in parts)
        waiting += sum(part.estimate_s for part in self._first)
        return (waiting + sum(work.part.estimate_s for work in self._working.values())) * self._ratio()

    def take(self, device: str, now: float) -> Part | None:
        """Return the part that a device is to measure next; None: there is nothing for it now, which may change.

        A lower round goes first, so that all of what there is has been measured once soon; then what the device has at hand; then
        the longest. Where nothing waits an idle device measures what another has been at for `OVERDUE` times as long as expected.
        """
        part = self._first.popleft() if self._first else self._next(device)
        if part is None:
            part = self._overdue(now)
        if part is not None:
            self._working[device] = _Work(part, now)
            self._homes[device] = part.home
        return part

    def is_wanted(self, device: str) -> bool:
        """Return whether what a device is at is not finished by another one yet."""
        return self._working[device].part.index in self._left

    def drop(self, device: str) -> None:
        """Take that a device has stopped what another one has finished."""
        del self._working[device]

    def finish(self, device: str, now: float) -> bool:
        """Take that a device is through with its part; return whether it is the first one that is, so that it counts."""
        work = self._working.pop(device)
        counts = work.part.index in self._left
        self._left.discard(work.part.index)
        if counts and work.part.estimate_s > 0:
            self._ratios.append((now - work.since) / work.part.estimate_s)
            self._taken_s[work.part.group] = now - work.since
        return counts

    def lose(self, device: str) -> Part | None:
        """Take that a device is gone: its part is measured again, from its beginning, by the next one that is free.

        Return the part where it is given up instead, as `MOST_LOSSES` devices were lost with it.
        """
        work = self._working.pop(device, None)
        self._homes.pop(device, None)
        if work is None or work.part.index not in self._left or self._is_measured(work.part):
            return None
        self._losses[work.part.index] += 1
        if self._losses[work.part.index] < MOST_LOSSES:
            self._first.append(work.part)
            return None
        self._left.discard(work.part.index)
        return work.part

    def _is_measured(self, part: Part) -> bool:
        return any(work.part is part for work in self._working.values())

    def _next(self, device: str) -> Part | None:
        while self._waiting:
            lowest = min(self._waiting)
            homes = self._waiting[lowest]
            if homes:
                home = self._homes.get(device, "")
                home = home if home in homes else self._farthest(homes)
                part = homes[home].popleft()
                if not homes[home]:
                    del homes[home]
                return part
            del self._waiting[lowest]
        return None

    def _farthest(self, homes: dict[str, deque[Part]]) -> str:
        """The home that fewest devices have, of those the one with the longest part."""
        had = Counter(self._homes.values())
        return min(homes, key=lambda home: (had[home], -homes[home][0].estimate_s))

    def _overdue(self, now: float) -> Part | None:
        """The part that is overdue by most, and that one device alone is at; those of single records are not measured twice."""
        parts = [work.part.index for work in self._working.values()]
        late = [
            ((now - work.since) / expected, work.part)
            for work in self._working.values()
            if self._may_be_repeated(work, now)
            and parts.count(work.part.index) == 1
            and (expected := self._expected_s(work.part)) > 0
        ]
        most, part = max(late, key=lambda each: each[0], default=(0.0, None))
        return part if most > OVERDUE else None

    def _may_be_repeated(self, work: _Work, now: float) -> bool:
        return work.part.paired and work.part.index in self._left and now - work.since > LEAST_OVERDUE_S

    def _expected_s(self, part: Part) -> float:
        return self._taken_s.get(part.group) or part.estimate_s * self._ratio()

    def _ratio(self) -> float:
        return median(self._ratios) if self._ratios else 1.0


def total_s(parts: Sequence[Part]) -> float:
    """Return about how long parts take on one device."""
    return sum(part.estimate_s for part in parts)
