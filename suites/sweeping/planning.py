"""Turns the blocks of a study into cases, and cases into the parts that devices measure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from rsc_bench.harness.records.case import Case
from rsc_bench.suites.itself.sweep import HarnessSetting
from rsc_bench.suites.measuring.bench import AnySetting
from rsc_bench.suites.measuring.serving import Job, job_of
from rsc_bench.suites.measuring.session import NEW_FILE_ROUNDS, TRAINING_ROUNDS, Session
from rsc_bench.suites.options import DTYPES
from rsc_bench.suites.sweeping.estimates import seconds, size
from rsc_bench.suites.sweeping.schedule import Part
from rsc_bench.suites.sweeping.study import Block
from rsc_bench.suites.training.baselines import BASELINES
from rsc_bench.suites.training.sweep import TrainingSetting

SKIPPED_S = 0.02
"""Of a case whose kernel this machine lacks: its record says so."""


@dataclass(frozen=True)
class Planned:
    """One case of a block, as a device is asked for it; it crosses from process to process."""

    job: Job
    case: Case
    group: str
    """What it is compared by: the cases of one group are measured by one device, one after the other."""
    home: str
    """The graph that it needs, as made as it is."""
    rounds: int
    """The last round that it is measured in."""
    estimate_s: float
    row_bytes: int
    """Of its dense operand; 0 of a training."""

    @property
    def trains(self) -> bool:
        """Whether it is a training, which takes minutes and is compared with others by its seeds."""
        return self.case.model is not None


def planned(block: Block, session: Session, cores: int) -> list[Planned]:
    """Return the cases of a block on the device of a session, in the order in which one process would measure them."""
    options = session.options
    rounds = options.rounds or (TRAINING_ROUNDS if options.trains else NEW_FILE_ROUNDS)
    beside = TRAINING_ROUNDS if not options.trains else rounds
    sized = cache(lambda graph: size(graph, options))
    runs = cache(lambda choice: choice.exact in BASELINES or session.catalog.why_not(choice) is None)
    return [
        Planned(
            job=job_of(setting),
            case=setting.case(),
            group=_group(setting),
            home=f"{setting.label} {setting.reorder or ''}".strip(),
            rounds=min(rounds, beside) if isinstance(setting, TrainingSetting) else rounds,
            estimate_s=seconds(setting, options, cores, sized(setting.graph)) if runs(setting.choice) else SKIPPED_S,
            row_bytes=0 if isinstance(setting, TrainingSetting) else setting.width * DTYPES[setting.dtype].itemsize,
        )
        for setting in session.settings
        if not isinstance(setting, HarnessSetting) and block.wants(setting.suite, str(setting))
    ]


def _group(setting: AnySetting) -> str:
    """The name of all that is compared with a case: products of one graph and width, trainings of one model and seed."""
    if isinstance(setting, TrainingSetting):
        also = f"bf16 {setting.seed}" if setting.amp else str(setting.seed)
        return f"{setting.label} {setting.reorder or ''} {setting.model.name} {setting.layers} {setting.width} seed {also}"
    return f"{setting.case().apart} {setting.label} {setting.reorder or ''} {setting.width} {setting.reduce} {setting.clock}"


@dataclass(frozen=True)
class Plan:
    """The cases of one block on one kind of machine, and how they are shared out."""

    block: Block
    cases: tuple[Planned, ...]

    @property
    def rounds(self) -> int:
        """The last round."""
        return max((case.rounds for case in self.cases), default=0)

    def of_round(self, index: int) -> list[Planned]:
        """Return the cases of a round."""
        return [case for case in self.cases if case.rounds >= index]

    def groups(self) -> dict[str, list[Planned]]:
        """Return the cases by what they are compared by."""
        found: dict[str, list[Planned]] = {}
        for case in self.cases:
            found.setdefault(case.group, []).append(case)
        return found


def part_of(plans: Iterable[Plan], index: int, parts: int) -> list[Plan]:
    """Return one of so many parts of some plans, from 1: every `parts`-th group, whatever of it is done, from the `index`-th on.

    All parts together are the plans, and each group is in one of them: a part is the same whenever it is asked for.
    """
    found, before = [], 0
    for plan in plans:
        groups = plan.groups()
        mine = {group for place, group in enumerate(groups, start=before) if place % parts == index - 1}
        before += len(groups)
        found.append(Plan(plan.block, tuple(case for case in plan.cases if case.group in mine)))
    return found


def loads_s(plans: Iterable[Plan], parts: int) -> list[float]:
    """Return about how long each of so many parts takes, see `part_of`."""
    found = [0.0] * parts
    for place, cases in enumerate(cases for plan in plans for cases in plan.groups().values()):
        found[place % parts] += sum(case.estimate_s * case.rounds for case in cases)
    return found


@dataclass(frozen=True)
class Task:
    """A part, and what it consists of."""

    part: Part
    plan: Plan
    cases: tuple[Planned, ...]


def tasks(plans: Iterable[Plan], done: Mapping[str, set[tuple[Case, int]]], known_s: Mapping[Case, float]) -> list[Task]:
    """Return what is left to measure, block by block, as parts of a schedule.

    Args:
        plans: the plans of the blocks, on one kind of machine.
        done: for each block the cases that its file has, each with the round.
        known_s: how long cases took that were measured before; others are estimated.
    """
    found: list[Task] = []
    for stage, plan in enumerate(plans):
        there = done.get(plan.block.name, set())
        for group, cases in plan.groups().items():
            for index in range(1, max(each.rounds for each in cases) + 1):
                left = [each for each in cases if each.rounds >= index and (each.case, index) not in there]
                if not left:
                    continue
                estimate = sum(known_s.get(each.case, each.estimate_s) for each in left)
                paired = not left[0].trains
                name = f"{plan.block.name}: {group}"
                part = Part(len(found), index, name, estimate, stage, paired, left[0].home)
                found.append(Task(part, plan, tuple(left)))
    return found
