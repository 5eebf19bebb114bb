"""Runs a study to its end: hands its parts to devices, writes what they answer, and gives the parts of lost devices to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.sweeping.devices import Answer, Back, Devices, Lost, Reach, State
from rsc_bench.suites.sweeping.kinds import Kind, own
from rsc_bench.suites.sweeping.place import Facts
from rsc_bench.suites.sweeping.planning import Plan, Planned, Task, tasks
from rsc_bench.suites.sweeping.schedule import MOST_LOSSES, Schedule
from rsc_bench.suites.sweeping.writing import Results, There, there


class Watch(Protocol):
    """Is told what happens, for whoever looks on."""

    def begins(self, device: str, case: Case, round_index: int) -> None:
        """Take that a device begins a case."""
        ...

    def ends(self, device: str, record: Record, round_index: int, left_s: float) -> None:
        """Take the record of a case, and about how many seconds are left in all."""
        ...

    def state(self, device: str, state: State) -> None:
        """Take how far a device is."""
        ...

    def idle(self, device: str) -> None:
        """Take that a device has nothing to do."""
        ...

    def again(self, cases: int) -> None:
        """Take that so many cases are measured once more than was planned."""
        ...

    def say(self, line: str) -> None:
        """Take a line that is worth reading."""
        ...


@dataclass
class _Holding:
    """What a device is at: the cases of its part that are left, and the records that wait for the others."""

    task: Task
    left: list[Planned]
    records: list[Record] = field(default_factory=list)
    reach: set[int] = field(default_factory=set)
    """Bytes of rows for which it has to find out what the device can reach, before its first case."""


@dataclass
class Share:
    """The work of the devices of one kind: plans, files, and who measures which part."""

    kind: Kind
    plans: Sequence[Plan]
    paths: Mapping[str, Path]
    """Of each block."""
    environments: Mapping[str, Mapping[str, Any]]
    """What the file of each block begins with."""
    tasks: list[Task] = field(default_factory=list)
    schedule: Schedule = field(default_factory=lambda: Schedule(()))
    results: dict[str, Results] = field(default_factory=dict)
    """Files that are open, by block."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """The machine of each device."""
    reach: dict[str, set[int]] = field(default_factory=dict)
    """For each of them the bytes of rows of which the next device has to find out what it can reach."""
    known: dict[str, There] = field(default_factory=dict)
    """What the file of each block had when it was looked at."""

    def look(self) -> None:
        """Read what is there already, and share out what is left."""
        self.known = {block: there(path, self.environments[block]) for block, path in self.paths.items()}
        taken_s = {case: taken for each in self.known.values() for case, taken in (each.known_s or {}).items()}
        self.tasks = tasks(self.plans, {block: set(each.done) for block, each in self.known.items()}, taken_s)
        self.schedule = Schedule((task.part for task in self.tasks), self.hosts)


class Sweep:
    """One session of a study."""

    def __init__(self, devices: Devices, shares: Sequence[Share], watch: Watch, now: Callable[[], float] = monotonic) -> None:
        """Begin nothing yet.

        Args:
            devices: what measures.
            shares: the work of each kind of them, looked at.
            watch: is told what happens.
            now: reads the time in seconds.
        """
        self._devices, self._watch, self._now = devices, watch, now
        self._shares = {device: share for share in shares for device in share.kind.devices}
        self._by_index = {share.kind.name: {task.part.index: task for task in share.tasks} for share in shares}
        self._holding: dict[str, _Holding] = {}
        self._idle: set[str] = set()
        self._nodes: dict[str, dict[str, Any]] = {}
        self.bad = 0
        """Records of this session that are wrong or failed."""

    def run(self, facts: Mapping[str, Facts]) -> bool:
        """Measure all that is left; return whether all of it is done."""
        for device, share in self._shares.items():
            self._nodes[device] = own(facts[device], share.kind)
        try:
            self._idle = set(self._shares)
            self._hand_out()
            # What a slow device is still at, and another one has finished, is not waited for.
            while (self._holding or self._devices.awaited) and not self._done:
                for answer in self._devices.answers():
                    self._take(answer)
                for device, state in self._devices.states().items():
                    self._watch.state(device, state)
                self._hand_out()
        finally:
            for share in self._all():
                for results in share.results.values():
                    results.close()
        return self._done

    @property
    def _done(self) -> bool:
        return all(share.schedule.done for share in self._all())

    def _all(self) -> list[Share]:
        return list({id(share): share for share in self._shares.values()}.values())

    def _hand_out(self) -> None:
        for device in sorted(self._idle):
            share = self._shares[device]
            while (part := share.schedule.take(device, self._now())) is not None:
                if self._begin(device, share, self._by_index[share.kind.name][part.index]):
                    break
            if part is None:
                self._watch.idle(device)

    def _begin(self, device: str, share: Share, task: Task) -> bool:
        """Begin a part on a device; return whether there is anything of it that its file has not got meanwhile."""
        self._open(share, task)
        block, index = task.plan.block.name, task.part.round
        left = [case for case in task.cases if not share.results[block].has(case.case, index)]
        if not left:
            share.schedule.finish(device, self._now())
            return False
        if share.schedule.repeats(device):
            self._watch.again(len(left))
        self._idle.discard(device)
        self._holding[device] = _Holding(task, left, reach=share.reach.pop(block, set()))
        self._ask(device)
        return True

    def _open(self, share: Share, task: Task) -> None:
        """Open the file of a block where it is not, and note for which rows its machines have to find out what they can reach."""
        block = task.plan.block.name
        if block in share.results:
            return
        results = Results(share.paths[block], task.plan, share.environments[block], self._watch.say)
        results.know(None, {name: self._nodes[name] for name in share.kind.devices} if self._shared else {})
        share.results[block] = results
        share.reach[block] = {case.row_bytes for case in task.plan.cases} - {0}

    @property
    def _shared(self) -> bool:
        return len(self._shares) > 1

    def _ask(self, device: str) -> None:
        holding = self._holding[device]
        block, case = holding.task.plan.block.name, holding.left[0]
        if holding.reach:
            self._devices.ask_reach(device, block, holding.reach)
            return
        self._watch.begins(device, case.case, holding.task.part.round)
        self._devices.ask(device, block, case.job)

    def _take(self, answer: Answer) -> None:
        device, content = answer.device, answer.content
        if isinstance(content, Back):
            self._watch.say(f"back:    {device}, in a new process")
            self._idle.add(device)
        elif isinstance(content, Lost):
            self._lose(device, content)
        elif isinstance(content, Reach):
            holding = self._holding[device]
            holding.reach = set()
            self._shares[device].results[holding.task.plan.block.name].know(content.ceilings, {})
            self._ask(device)
        else:
            self._note(device, msgspec.structs.replace(content, node=device) if self._shared else content)

    def _note(self, device: str, record: Record) -> None:
        """Take the record of the case that a device was at, and give it the next one."""
        holding, share = self._holding[device], self._shares[device]
        holding.left.pop(0)
        if self._waits(holding.task):
            holding.records.append(record)
        else:
            self._write(share, holding.task, [record])
        self._watch.ends(device, record, holding.task.part.round, share.schedule.left_s / len(share.kind.devices))
        if not share.schedule.is_wanted(device):
            share.schedule.drop(device)
        elif holding.left:
            self._ask(device)
            return
        elif share.schedule.finish(device, self._now()):
            self._write(share, holding.task, holding.records)
        del self._holding[device]
        self._idle.add(device)

    def _waits(self, task: Task) -> bool:
        """Whether records wait until all of a part is measured: its device may be lost, and another one measures all of it then."""
        return task.part.paired and self._shared

    def _write(self, share: Share, task: Task, records: Sequence[Record]) -> None:
        if records:
            share.results[task.plan.block.name].append(records, task.part.round)
            self.bad += sum(record.status in ("wrong", "failed") for record in records)

    def _lose(self, device: str, lost: Lost) -> None:
        holding, share = self._holding.pop(device), self._shares[device]
        if holding.reach:
            share.reach[holding.task.plan.block.name] = holding.reach
        if not self._waits(holding.task):  # what is written of it stays, and the next device measures what is left
            rest = Task(holding.task.part, holding.task.plan, tuple(holding.left))
            self._by_index[share.kind.name][holding.task.part.index] = rest
        self._watch.say(f"lost:    {device} at {holding.left[0].case}: {lost.how}")
        if share.schedule.lose(device) is not None:
            self._give_up(share, holding, lost.how)
        self._watch.again(len(holding.records))
        self._watch.idle(device)
        self._devices.revive(device)

    def _give_up(self, share: Share, holding: _Holding, how: str) -> None:
        """Write records that say why of all cases that are left of a part: it may be what devices are lost by."""
        cases = holding.task.cases if self._waits(holding.task) else holding.left
        at = holding.left[0].case
        times = f"{MOST_LOSSES} times"
        reasons = [
            f"the device was lost, {times}: {how}" if each.case == at else f"devices were lost at {at}, {times}" for each in cases
        ]
        records = [Record(case=each.case, status="failed", reason=why) for each, why in zip(cases, reasons, strict=True)]
        self._write(share, holding.task, records)
