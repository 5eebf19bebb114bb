"""Devices that answer at once, or are lost where a test says so: what a sweep makes of them is then plain."""

from collections import deque
from pathlib import Path

import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.suites.measuring.serving import Job
from rsc_bench.suites.options import Options
from rsc_bench.suites.sweeping.devices import Answer, Back, Lost, Reach
from rsc_bench.suites.sweeping.kinds import Kind
from rsc_bench.suites.sweeping.place import Facts
from rsc_bench.suites.sweeping.planning import Plan, Planned
from rsc_bench.suites.sweeping.study import Block
from rsc_bench.suites.sweeping.sweep import Share

ENVIRONMENT = {"cpu": {"model": "made"}}


def planned(case: Case, group: str, rounds: int = 1, row_bytes: int = 0):
    # A job of a training holds any values: here those of the case, for `MadeDevices` to make a record of.
    return Planned(Job(training=msgspec.to_builtins(case)), case, group, case.graph, rounds, 1.0, row_bytes)


def share(folder: Path, cases, devices=("one",), environment=ENVIRONMENT, hosts=None):
    plan = Plan(Block("products", Options(benchmark=True)), tuple(cases))
    path = {"products": folder / "products.jsonl"}
    made = Share(Kind("", environment, tuple(devices)), [plan], path, {"products": environment}, hosts=hosts or {})
    made.look()
    return made


class Watch:
    """Keeps what it is told."""

    def __init__(self):
        self.lines, self.ended, self.repeated = [], [], 0

    def begins(self, device, case, round_index):
        pass

    def ends(self, device, record, round_index, left_s):
        self.ended.append((device, record.case.width, round_index))

    def state(self, device, state):
        pass

    def idle(self, device):
        pass

    def again(self, cases):
        self.repeated += cases

    def say(self, line):
        self.lines.append(line)


class MadeDevices:
    """Devices in the same process: in each turn every one that was asked answers, in the order of their names."""

    def __init__(self, names, record_of, lost_at=(), comes_back=False):
        """Begin.

        Args:
            names: of the devices.
            record_of: from a case to its record.
            lost_at: pairs of a device and how many cases it answers before it is lost.
            comes_back: whether a lost device is there again a turn later.
        """
        self._record_of, self._comes_back = record_of, comes_back
        self._left = {name: dict(lost_at).get(name) for name in names}
        self._asked: dict[str, object] = {}
        self._back: deque[str] = deque()
        self.reached = []

    def facts(self):
        return {name: Facts(host=name, device="cpu", cores=(0,), environment=ENVIRONMENT) for name in self._left}

    def ask(self, device, block, job):
        self._asked[device] = job

    def ask_reach(self, device, block, row_bytes):
        self.reached.append((device, frozenset(row_bytes)))
        self._asked[device] = None

    def answers(self):
        while self._back:
            yield Answer(self._back.popleft(), Back())
        asked, self._asked = dict(sorted(self._asked.items())), {}
        for device, job in asked.items():
            if job is None:
                yield Answer(device, Reach(None))
            elif self._left[device] == 0:
                self._left[device] = None
                yield Answer(device, Lost("its process is gone"))
            else:
                self._left[device] = None if self._left[device] is None else self._left[device] - 1
                yield Answer(device, self._record_of(msgspec.convert(job.training, Case)))

    def states(self):
        return {}

    def revive(self, device):
        if self._comes_back:
            self._back.append(device)

    @property
    def awaited(self):
        return bool(self._back)

    def close(self):
        pass
