"""Decides which device measures what next: no clock, no device and no file of its own, so that a simulation runs the same code."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
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
"""A part goes before what a device has at hand, and before an earlier round but the first, if so many times its length are more
than each device has left: else all others would wait for it at the end."""
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
        self._longest = [(-waiting[0].estimate_s, waiting[0].index, home) for home, waiting in self._homes.items()]
        heapify(self._longest)
        self._order: list[tuple[int, float, int, str]] | None = None

    def __bool__(self) -> bool:
        return bool(self._homes)

    def _key(self, home: str) -> tuple[int, float, int, str]:
        part = self._homes[home][0]
        return self._had[home], -part.estimate_s, part.index, home

    def moved(self, home: str) -> None:
        """Take that another number of devices has a graph, or that it has another first part."""
        if self._order is not None and home in self._homes:
            heappush(self._order, self._key(home))

    def of(self, home: str | None) -> Part | None:
        """Return the longest part of a graph."""
        return self._homes[home][0] if home is not None and home in self._homes else None

    def longest(self) -> Part:
        """Return the longest part of all."""
        while True:
            _, index, home = self._longest[0]
            part = self.of(home)
            if part is not None and part.index == index:
                return part
            heappop(self._longest)

    def farthest(self) -> Part:
        """Return the longest part of the graph that fewest devices have, of those the one with the longest."""
        if self._order is None:
            self._order = [self._key(home) for home in self._homes]
            heapify(self._order)
        while True:  # what has changed since it was put in is in there again, as it is now
            key = self._order[0]
            if key[3] in self._homes and key == self._key(key[3]):
                return self._homes[key[3]][0]
            heappop(self._order)

    def remove(self, part: Part) -> None:
        """Take away the longest part of a graph."""
        waiting = self._homes[part.home]
        waiting.popleft()
        if waiting:
            heappush(self._longest, (-waiting[0].estimate_s, waiting[0].index, part.home))
        else:
            del self._homes[part.home]
        self.moved(part.home)


class Schedule:
    """The parts of a sweep on the devices of one kind: who measures which, in the order of their rounds."""

    def __init__(self, parts: Iterable[Part], hosts: Mapping[str, str] | None = None) -> None:
        """Begin with all parts waiting.

        `hosts` are the machines of the devices, by their names, for devices are lost with their machine; None: each has its own.
        """
        self._hosts = dict(hosts or {})
        self._gone: set[str] = set()
        stages: dict[int, dict[int, list[Part]]] = defaultdict(lambda: defaultdict(list))
        self._left: set[int] = set()
        self._left_estimate_s = 0.0
        for part in parts:
            stages[part.stage][part.round].append(part)
            self._left.add(part.index)
            self._left_estimate_s += part.estimate_s
        self._stages = deque(stages[stage] for stage in sorted(stages))
        self._had: Counter[str] = Counter()
        self._levels: list[_Level] = []
        """The rounds of a stage that have parts to begin."""
        self._opening: _Level | None = None
        """The first of them that the stage had."""
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

        What was lost with another device goes first. Then the first round, so that all of what there is has been measured once;
        then a part that all others would wait for at the end; then a lower round, and in it what the device has at hand; then the
        longest. Where nothing waits an idle device measures what it has lost itself, or what another has been at for too long, see
        `OVERDUE`.
        """
        self._gone.discard(device)
        part = self._given_back(device) or self._next(device) or self._last_resort() or self._overdue(now)
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

        Return the part where it is given up instead: lost `MOST_LOSSES` times, with as many machines, or all that there are.
        """
        work = self._stop(device)
        self._settle(device, None)
        self._gone.add(device)
        if work is None or work.part.index not in self._left:
            return None
        lost = self._lost_with[work.part.index]
        lost.append(self._host(device))
        if self._devices_at[work.part.index]:  # another one is at it still, and will be through with it or be lost as well
            return None
        machines = len({*self._hosts.values()}) or 1  # not known: any device may be the broken one
        if len(lost) < MOST_LOSSES or len({*lost}) < min(MOST_LOSSES, machines):
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
                for level in self._levels:
                    level.moved(each)

    def _given_back(self, device: str) -> Part | None:
        """The first part that was lost, but not with this machine: it may be the machine that is broken, and not the part."""
        return self._taken_off(next((each for each in self._first if self._host(device) not in self._lost_with[each.index]), None))

    def _last_resort(self) -> Part | None:
        """The first part that was lost with every machine that is left."""
        left = {self._host(device) for device in {*self._hosts, *self._homes} - self._gone}
        return self._taken_off(next((each for each in self._first if left <= {*self._lost_with[each.index]}), None))

    def _taken_off(self, part: Part | None) -> Part | None:
        if part is not None:
            self._first.remove(part)
        return part

    def _host(self, device: str) -> str:
        return self._hosts.get(device, device)

    def repeats(self, device: str) -> bool:
        """Return whether another device is at its part."""
        return self._devices_at[self._working[device].part.index] > 1

    def _next(self, device: str) -> Part | None:
        while not self._levels:
            if not self._stages:
                return None
            rounds = self._stages.popleft()
            self._levels = [_Level(rounds[index], self._had) for index in sorted(rounds)]
            self._opening = self._levels[0]
        own = self._levels[0].of(self._homes.get(device))
        level, part = self._urgent(own)
        if part is None:
            level, part = self._levels[0], own or self._levels[0].farthest()
        level.remove(part)
        self._levels = self._levels if level else [each for each in self._levels if each]
        return part

    def _urgent(self, own: Part | None) -> tuple[_Level, Part | None]:
        """The longest part, if all others may wait for it at the end, and its level; of any round but the first of the stage."""
        one = self._levels[0] is self._opening or len(self._homes) < 2  # one device alone has nobody who would wait
        levels = self._levels[:1] if one else self._levels
        level, part = max(((each, each.longest()) for each in levels), key=lambda each: each[1].estimate_s)
        enough = self._left_estimate_s / max(1, len(self._homes)) / URGENT
        return level, part if part.estimate_s >= enough and (own is None or part.estimate_s > own.estimate_s) else None

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
