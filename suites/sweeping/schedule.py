"""Decides which device measures what next: no clock, no device and no file of its own, so that a simulation runs the same code."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf
from statistics import median

MOST_LOSSES = 3
"""Devices that a part of a sweep may be lost with before its cases are given up: it may be what they are lost by."""
OVERDUE = 2.0
"""Times as long as estimated, in seconds of these devices, after which a part is begun on an idle device as well: who is through
first counts."""
OVERDUE_KNOWN = 1.5
"""The same where another round of its group was measured, so that not only its size is known."""
URGENT = 2.0
"""In the last round a part goes before what a device has at hand if so many times its length are more than each device has left."""
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


class _Level:
    """The parts that wait in one round of one stage, by the graph that they need; each is found in logarithmic time."""

    def __init__(self, parts: Iterable[Part], had: Counter[str]) -> None:
        """Take the parts; `had` counts the devices that have a graph at hand, as it is whenever it is looked at."""
        self._had = had
        self._homes: dict[str, deque[Part]] = defaultdict(deque)
        for part in sorted(parts, key=lambda part: (-part.estimate_s, part.index)):
            self._homes[part.home].append(part)
        self._order = [self._key(home) for home in self._homes]
        heapify(self._order)
        self._longest = [(key[1], key[2], key[3]) for key in self._order]
        heapify(self._longest)

    def __bool__(self) -> bool:
        return bool(self._homes)

    def _key(self, home: str) -> tuple[int, float, int, str]:
        part = self._homes[home][0]
        return self._had[home], -part.estimate_s, part.index, home

    def moved(self, home: str) -> None:
        """Take that another number of devices has a graph, or that it has another first part."""
        if home in self._homes:
            heappush(self._order, self._key(home))

    def pop(self, home: str | None, urgent_s: float) -> Part:
        """Return the longest part of a graph; where none is left, one of the graph that fewest devices have, the longest again.

        A part that is estimated at `urgent_s` or more goes before both.
        """
        home = home if home in self._homes else None
        urgent = self._urgent(urgent_s, 0.0 if home is None else self._homes[home][0].estimate_s)
        home = urgent if urgent is not None else home if home is not None else self._farthest()
        parts = self._homes[home]
        part = parts.popleft()
        if parts:
            heappush(self._longest, (-parts[0].estimate_s, parts[0].index, home))
        else:
            del self._homes[home]
        self.moved(home)
        return part

    def _urgent(self, urgent_s: float, own_s: float) -> str | None:
        """The graph of the longest part of all, if that is so long, and longer than what is at hand."""
        while True:
            estimate, index, home = self._longest[0]
            if home in self._homes and self._homes[home][0].index == index:
                return home if -estimate >= urgent_s and -estimate > own_s else None
            heappop(self._longest)

    def _farthest(self) -> str:
        while True:  # what has changed since it was put in is in there again, as it is now
            key = heappop(self._order)
            if key[3] in self._homes and key == self._key(key[3]):
                return key[3]


class Schedule:
    """The parts of a sweep on the devices of one kind: who measures which, in the order of their rounds."""

    def __init__(self, parts: Iterable[Part]) -> None:
        """Begin with all parts waiting."""
        self._coming: dict[tuple[int, int], list[Part]] = defaultdict(list)
        self._left: set[int] = set()
        self._left_estimate_s = 0.0
        for part in parts:
            self._coming[part.stage, part.round].append(part)
            self._left.add(part.index)
            self._left_estimate_s += part.estimate_s
        self._order = deque(sorted(self._coming))
        self._had: Counter[str] = Counter()
        self._level = _Level((), self._had)
        self._first: deque[Part] = deque()
        """Those that were given back, which come first."""
        self._working: dict[str, _Work] = {}
        self._devices_at: Counter[int] = Counter()
        self._homes: dict[str, str] = {}
        self._lost_with: defaultdict[int, list[str]] = defaultdict(list)
        self._ratios: deque[float] = deque(maxlen=_KNOWN)
        self._ratio = 1.0
        self._known_ratios: dict[str, float] = {}
        """Of each group: the lowest, as a device may have been slow."""
        self._calm_until = -inf
        """Before that nothing can be overdue, as far as it is known."""

    @property
    def done(self) -> bool:
        """Whether every part is finished or given up."""
        return not self._left

    @property
    def left_s(self) -> float:
        """About how many seconds of one device are left, those of what is being measured included."""
        return max(0.0, self._left_estimate_s) * self._ratio if self._left else 0.0

    def take(self, device: str, now: float) -> Part | None:
        """Return the part that a device is to measure next; None: there is nothing for it now, which may change.

        What was lost with another device goes first. Then a lower round, so that all of what there is has been measured once soon;
        then what the device has at hand; then the longest. Where nothing waits an idle device measures what it has lost itself, or
        what another has been at for `OVERDUE` times as long as expected.
        """
        part = self._given_back(device) or self._next(device) or (self._first.popleft() if self._first else self._overdue(now))
        if part is not None:
            self._working[device] = _Work(part, now)
            self._devices_at[part.index] += 1
            self._calm_until = min(self._calm_until, now + (self._limit_s(part) or inf))
            self._settle(device, part.home)
        return part

    def is_wanted(self, device: str) -> bool:
        """Return whether what a device is at is not finished by another one yet."""
        return self._working[device].part.index in self._left

    def drop(self, device: str) -> None:
        """Take that a device has stopped what another one has finished."""
        self._stop(device)

    def finish(self, device: str, now: float) -> bool:
        """Take that a device is through with its part; return whether it is the first one that is, so that it counts."""
        work = self._stop(device)
        assert work is not None
        counts = work.part.index in self._left
        self._cross_off(work.part)
        if counts and work.part.estimate_s > 0:
            self._ratios.append((now - work.since) / work.part.estimate_s)
            self._ratio = median(self._ratios)
            known = self._known_ratios.get(work.part.group, inf)
            self._known_ratios[work.part.group] = min(known, self._ratios[-1])
        return counts

    def lose(self, device: str) -> Part | None:
        """Take that a device is gone: its part is measured again, from its beginning, by the next one that is free.

        Return the part where it is given up instead, as `MOST_LOSSES` devices were lost with it.
        """
        work = self._stop(device)
        self._settle(device, None)
        if work is None or work.part.index not in self._left:
            return None
        lost = self._lost_with[work.part.index]
        lost.append(device)
        if self._devices_at[work.part.index]:  # another one is at it still, and will be through with it or be lost as well
            return None
        if len(lost) < MOST_LOSSES:
            self._first.append(work.part)
            return None
        self._cross_off(work.part)
        return work.part

    def _stop(self, device: str) -> _Work | None:
        work = self._working.pop(device, None)
        if work is not None:
            self._devices_at[work.part.index] -= 1
        self._calm_until = -inf
        return work

    def _cross_off(self, part: Part) -> None:
        if part.index in self._left:
            self._left.discard(part.index)
            self._left_estimate_s -= part.estimate_s

    def _settle(self, device: str, home: str | None) -> None:
        """Take which graph a device has at hand now; None: it is gone."""
        before = self._homes.pop(device, None)
        if home is not None:
            self._homes[device] = home
        for each, more in ((before, -1), (home, 1)):
            if each is not None and before != home:
                self._had[each] += more
                self._level.moved(each)

    def _given_back(self, device: str) -> Part | None:
        """The first part that was lost, but not with this device: it may be the device that is broken, and not the part."""
        part = next((each for each in self._first if device not in self._lost_with[each.index]), None)
        if part is not None:
            self._first.remove(part)
        return part

    def _next(self, device: str) -> Part | None:
        while not self._level:
            if not self._order:
                return None
            self._level = _Level(self._coming.pop(self._order.popleft()), self._had)
        return self._level.pop(self._homes.get(device), self._urgent_s())

    def _urgent_s(self) -> float:
        """From how long on a part should not wait, as it may be what all others wait for at the end."""
        return inf if self._order else self._left_estimate_s / max(1, len(self._homes)) / URGENT

    def _overdue(self, now: float) -> Part | None:
        """The part that is overdue by most, and that one device alone is at; those of single records are not measured twice."""
        if now <= self._calm_until:
            return None
        limits = [(work, limit_s) for work in self._working.values() if (limit_s := self._limit_s(work.part)) > 0]
        self._calm_until = min((work.since + limit_s for work, limit_s in limits), default=inf)
        work, limit_s = max(limits, key=lambda each: (now - each[0].since) / each[1], default=(None, 0.0))
        return work.part if work is not None and now - work.since > limit_s else None

    def _limit_s(self, part: Part) -> float:
        """Seconds after which a part that is measured is overdue; 0: never, as it is finished or is measured twice by now."""
        if not part.paired or part.index not in self._left or self._devices_at[part.index] > 1:
            return 0.0
        known = self._known_ratios.get(part.group)
        return max(LEAST_OVERDUE_S, part.estimate_s * (self._ratio * OVERDUE if known is None else known * OVERDUE_KNOWN))
