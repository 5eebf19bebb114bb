"""Simulated devices with a virtual clock: a real sweep shares work out to them and writes what they answer; nothing is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from time import process_time
from typing import Any

import msgspec

from rsc_bench.harness.records.lines import RecordLine, from_line, to_line
from rsc_bench.harness.records.measurement import measured
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.measuring.serving import Job
from rsc_bench.suites.sweeping.devices import Answer, Back, Lost, Reach, State
from rsc_bench.suites.sweeping.machines.nature import Nature
from rsc_bench.suites.sweeping.machines.shared_disk import SharedDisk
from rsc_bench.suites.sweeping.place import Facts
from rsc_bench.suites.sweeping.planning import Plan, Planned

SAMPLES = 40
"""Of a simulated record, so that its line is about as long as a real one."""
LOOK_S = 2.0
"""Between two looks of the driver while a device is idle: real ones are nearer to one another, which would make it slow."""
_decode = msgspec.json.Decoder(RecordLine).decode


class Clock:
    """Virtual seconds since the beginning."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class _Device:
    name: str
    node: str
    speed: float
    noise: Random
    fate: Random
    """When it is lost, and whether it comes back: apart from its noise, so that runs with and without can be compared."""
    ready: float
    fails: float
    slow_from: float
    number: int = 0
    """Of what it was asked for last."""
    planned: Planned | None = None
    begun: float = 0.0


@dataclass
class Account:
    """What became of the time of the devices and of the driver; seconds of all devices together."""

    measured_s: float = 0.0
    """In cases that were answered, whether they counted or not."""
    lost_s: float = 0.0
    """In cases that a device was lost at."""
    losses: int = 0
    waited_s: float = 0.0
    """For graphs."""
    driver_s: float = 0.0
    """CPU of the driver, for answers and for what it hands out then."""
    answers: int = 0


@dataclass
class _Node:
    """A machine: graphs that it has, and who waits for those that it reads."""

    graphs: set[str] = field(default_factory=set)
    waiting: dict[str, list[tuple[_Device, int]]] = field(default_factory=dict)


class Simulated:
    """Devices that answer after virtual seconds; see `rsc_bench.suites.sweeping.devices.Devices`."""

    def __init__(
        self, nature: Nature, plans: Sequence[Plan], clock: Clock, cpu: Callable[[], float] = process_time, kind: str = "cpu"
    ) -> None:
        """Make the devices.

        Args:
            nature: what they are like.
            plans: the blocks that they are asked for.
            clock: that of the sweep, too.
            cpu: reads the seconds of CPU that the driver has had.
            kind: of the devices, as cases name it.
        """
        self._nature, self._clock, self._cpu, self._kind = nature, clock, cpu, kind
        self.account = Account()
        self._plans = {plan.block.name: plan for plan in plans}
        self._of_job = {id(each.job): each for plan in plans for each in plan.cases}
        self._true_s = {id(each.job): nature.true_s(each) for plan in plans for each in plan.cases}
        best_s = sum(self._true_s[id(each.job)] * each.rounds for plan in plans for each in plan.cases) / nature.devices
        self._devices = {each.name: each for each in (self._made(index, best_s) for index in range(nature.devices))}
        self._nodes = {each.node: _Node() for each in self._devices.values()}
        self._disk = SharedDisk(nature.disk_bytes_per_s, nature.link_bytes_per_s)
        self._events: list[tuple[float, int, str, int, str]] = []
        self._order = count()
        self._asked, self._idle, self._coming = 0, nature.devices, 0
        self._since: float | None = None
        self._samples = nature.chance("samples")

    def _made(self, index: int, best_s: float) -> _Device:
        nature = self._nature
        noise, fate, slowness = (nature.chance(what, index) for what in ("noise", "fate", "slowness"))
        slow = slowness.uniform(0.0, best_s) if slowness.random() < nature.stragglers else inf
        speed = noise.lognormvariate(0.0, nature.spread)
        name, node = f"simulated-{index + 1}", f"simulated-node-{index // nature.per_node + 1}"
        return _Device(name, node, speed, noise, fate, nature.start_s, self._fails(fate, 0.0), slow)

    def _fails(self, fate: Random, now: float) -> float:
        return now + fate.expovariate(1.0 / self._nature.lost_every_s) if self._nature.lost_every_s < inf else inf

    def facts(self) -> Mapping[str, Facts]:
        """Return devices that all are alike, and say that they are simulated."""
        environment: dict[str, Any] = {"simulated": True, "cpu": {"model": "simulated"}, "gpus": []}
        return {each.name: Facts(each.node, self._kind, (), environment, {}) for each in self._devices.values()}

    def plan(self, device: str, block: str) -> Plan:  # noqa: ARG002
        """Return the plan that was given."""
        return self._plans[block]

    def ask(self, device: str, block: str, job: Job) -> None:  # noqa: ARG002
        """Begin a case, when the device is there and its machine has the graph."""
        self._charge()
        each, node = self._devices[device], self._nodes[self._devices[device].node]
        self._asked, self._idle = self._asked + 1, self._idle - 1
        each.number, each.planned, each.begun = self._asked, self._of_job[id(job)], self._clock.now
        self._push(max(each.fails, self._clock.now), each, "lost")
        home = each.planned.home
        if not self._nature.graph_bytes or home in node.graphs:
            self._begin(each, self._clock.now)
        elif home in node.waiting:
            node.waiting[home].append((each, each.number))
        else:
            node.waiting[home] = [(each, each.number)]
            self._disk.read(f"{each.node}\n{home}", self._nature.graph_bytes)
        self._since = self._cpu()

    def ask_reach(self, device: str, block: str, row_bytes: Iterable[int]) -> None:  # noqa: ARG002
        """Begin to measure what a device can reach, of which nothing is known in the end."""
        self._charge()
        each = self._devices[device]
        self._asked, self._idle = self._asked + 1, self._idle - 1
        each.number, each.planned, each.begun = self._asked, None, self._clock.now
        self._push(max(each.fails, self._clock.now), each, "lost")
        self._push(max(each.ready, self._clock.now) + self._nature.ceilings_s, each, "reached")
        self._since = self._cpu()

    def _push(self, at: float, device: _Device, what: str) -> None:
        if at < inf:
            heappush(self._events, (at, next(self._order), device.name, device.number, what))

    def _begin(self, device: _Device, now: float) -> None:
        assert device.planned is not None
        begin = max(now, device.ready)
        noise = device.noise.lognormvariate(0.0, self._nature.spread)
        end = begin + self._true_s[id(device.planned.job)] * noise / device.speed
        slow = max(begin, device.slow_from)
        end = slow + (end - slow) * self._nature.slowed if slow < end else end
        device.begun = begin
        self._push(end, device, "measured")

    def _advance(self, until: float) -> None:
        """Let the time go on; graphs that have come by then let their devices begin."""
        for at, reader in self._disk.advance(until):
            name, home = reader.split("\n")
            node = self._nodes[name]
            node.graphs.add(home)
            for device, number in node.waiting.pop(home):
                if device.number == number and device.planned is not None:
                    self.account.waited_s += at - device.begun
                    self._begin(device, at)
        self._clock.now = until

    def answers(self) -> Iterator[Answer]:
        """Yield what has come, one after the other, each when the driver is through with the one before; else wait."""
        self._charge()
        due = self._due() or self._waited()
        for device, what in due:
            answer = self._answer(device, what)
            self.account.answers += 1
            self._clock_after(self._nature.ray_s + (self._nature.driver_s or 0.0))
            self._since = self._cpu()
            yield Answer(device.name, from_line(_decode(answer)) if isinstance(answer, bytes) else answer)
            self._charge()
        self._since = self._cpu()

    def _waited(self) -> list[tuple[_Device, str]]:
        """Let time go on until the next answer; while a device is idle the driver looks now and then what it could do."""
        until = self._clock.now + LOOK_S if self._idle else inf
        while not (due := self._due()):
            coming = min(self._disk.next_end(), self._events[0][0] if self._events else inf)
            if min(coming, until) == inf or coming > until:
                self._advance(until if until < inf else self._clock.now)
                return []
            self._advance(coming)
        return due

    def _due(self) -> list[tuple[_Device, str]]:
        found = []
        while self._events and self._events[0][0] <= self._clock.now:
            at, _, name, number, what = heappop(self._events)
            device = self._devices[name]
            if device.number != number:  # it is through with that
                continue
            self._account(device, at, what)
            found.append((device, what))
            device.number = -1  # of nothing, until it is asked again or is back
        return found

    def _account(self, device: _Device, at: float, what: str) -> None:
        taken = 0.0 if what in ("reached", "back") else max(0.0, at - device.begun)
        if what == "lost":
            self.account.losses += 1
            self.account.lost_s += taken
        else:
            self.account.measured_s += taken

    def _answer(self, device: _Device, what: str) -> bytes | Lost | Reach | Back:
        planned, device.planned = device.planned, None
        self._idle += 1
        if what == "back":
            self._coming -= 1
            return Back()
        if what == "lost":
            return Lost("simulated: it failed")
        return Reach(None) if planned is None else msgspec.json.encode(to_line(_record(planned, self._samples)))

    def _charge(self) -> None:
        """Let as much time go by as the driver has computed since it was left alone."""
        if self._since is None:
            return
        spent, self._since = self._cpu() - self._since, None
        self.account.driver_s += spent
        if self._nature.driver_s is None:
            self._clock_after(spent)

    def _clock_after(self, seconds: float) -> None:
        if seconds > 0:
            self._advance(self._clock.now + seconds)

    def states(self) -> Mapping[str, State]:
        """Return nothing."""
        return {}

    def revive(self, device: str) -> None:
        """Let a device come back, or not."""
        nature, each = self._nature, self._devices[device]
        self._idle -= 1
        if each.fate.random() >= nature.comes_back:
            return
        self._coming += 1
        each.ready = self._clock.now + nature.back_s + nature.start_s
        each.fails = self._fails(each.fate, each.ready)
        self._push(each.ready, each, "back")

    @property
    def awaited(self) -> bool:
        """Whether a device may still come back."""
        return self._coming > 0

    def close(self) -> None:
        """End nothing: there is nothing."""


def _record(planned: Planned, chance: Random) -> Record:
    """A record as long as a real one; its numbers mean nothing."""
    times = [planned.estimate_s / SAMPLES * chance.uniform(1.0, 1.1) for _ in range(SAMPLES)]
    spent = dict.fromkeys(("rest", "state", "graph", "operands", "reference", "kernel", "memory", "check", "probe"), 0.01)
    found = measured(
        times_s=times, select_s=None, prepare_s=0.007, rel_error=1.7e-07, nnz=232138, kept_nnz=232138, peak_bytes=3407872,
        warmup_calls=23, stop="time", spent_s=spent, rows=2330, columns=2330, value_bytes=0, graph_digest="0" * 16,
        check_error=1.7e-07, workspace_bytes=624128,
    )  # fmt: skip
    return Record(case=msgspec.structs.replace(planned.case, graph_digest="0" * 16), status="ok", measurement=found)
