"""Puts a study and devices together: kinds of machine, plans, files, and what is to be said of them before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from rsc_bench.harness.records.environments import differences
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.plugins import PluginError
from rsc_bench.suites.catalog import KernelError
from rsc_bench.suites.devices import ELSEWHERE
from rsc_bench.suites.graphs import GraphError
from rsc_bench.suites.measuring.session import Session, load_plugins
from rsc_bench.suites.options import OptionsError
from rsc_bench.suites.sweeping.devices import Devices, Here
from rsc_bench.suites.sweeping.kinds import Kind, check, kinds
from rsc_bench.suites.sweeping.lines import StudyError
from rsc_bench.suites.sweeping.place import Facts, Place
from rsc_bench.suites.sweeping.planning import Plan, part_of
from rsc_bench.suites.sweeping.study import LEAVE_OUT, SUITE, Block, Study
from rsc_bench.suites.sweeping.sweep import Share
from rsc_bench.suites.sweeping.writing import changes, other_array, path_of
from rsc_bench.suites.training.models import ModelError
from rsc_bench.text import hours, plain

USERS = (OptionsError, KernelError, ModelError, GraphError, PluginError, ResultsError)
"""What the options of a study can be wrong with, each in one line."""
WORST = 12
"""Groups of cases that a plan names."""


@dataclass(frozen=True)
class Prepared:
    """A study on its devices, before anything is measured."""

    facts: Mapping[str, Facts]
    shares: tuple[Share, ...]
    part: tuple[int, int] = (1, 1)

    @property
    def bad(self) -> int:
        """Records of earlier sessions that are wrong or failed, of cases that the study has."""
        found = 0
        for share in self.shares:
            for plan in share.plans:
                planned = {(case.case, index) for case in plan.cases for index in range(1, case.rounds + 1)}
                found += len(share.known[plan.block.name].bad & planned)
        return found

    @property
    def left(self) -> int:
        """Measurements to come."""
        return sum(len(task.cases) for share in self.shares for task in share.tasks)

    @property
    def files(self) -> list[Path]:
        """The results files that there are by now."""
        return [path for share in self.shares for block, path in _open_paths(share).items() if path.exists()]


def _open_paths(share: Share) -> dict[str, Path]:
    """The file of each block: where it was moved while it was written to, the copy that is gone on with."""
    return {block: share.results[block].path if block in share.results else path for block, path in share.paths.items()}


def prepared(study: Study, devices: Devices, part: tuple[int, int] = (1, 1)) -> Prepared:
    """Return what each kind of device is to measure; raises `StudyError` or `ClusterError` in one line for what cannot be.

    Args:
        study: the blocks.
        devices: what measures.
        part: which of how many shares of the groups, of an array of jobs.
    """
    facts = _facts(study, devices)
    alone = isinstance(devices, Here)
    if not alone:
        check(facts, Place(study.blocks, Path("unused.log")).facts(plans=False))
    found = [Kind("", next(iter(facts.values())).environment, tuple(facts))] if alone else kinds(facts)
    gpus = any(each.device != "cpu" for each in facts.values())
    number = None if part[1] == 1 else f"part-{part[0]}-of-{part[1]}"
    shares: list[Share] = []
    every: list[Plan] = []
    for kind in found:
        first = kind.devices[0]
        blocks = [block for block in study.blocks if alone or block.fits(facts[first].device, gpus)]
        plans = [_plan(study, devices, first, block.name) for block in blocks]
        paths = {block.name: path_of(study.results, block.name, kind.name or None, number) for block in blocks}
        begins = {block.name: dict(kind.environment) | facts[first].runs.get(block.name, {}) for block in blocks}
        every += plans
        mine = [plan for plan in part_of(plans, *part) if plan.cases]
        hosts = {device: facts[device].host for device in kind.devices}
        shares.append(Share(kind, mine, paths, begins, hosts=hosts))
        shares[-1].look()
    check_cases(study, every)
    _check_whole(shares, part[1])
    if part[1] > 1:
        _check_part(shares, part[1])
    return Prepared(facts, tuple(shares), part)


def _check_whole(shares: Sequence[Share], parts: int) -> None:
    """Raise `StudyError` where the whole of a study would be measured beside parts of it, or parts beside the whole."""
    for path in (path for share in shares for path in share.paths.values()):
        whole = path.name.partition(".part-")[0].removesuffix(".jsonl")
        found = [path.with_name(f"{whole}.jsonl")] if parts > 1 else sorted(path.parent.glob(f"{whole}.part-*-of-*.jsonl"))
        other = next((each for each in found if each.exists()), None)
        if other is not None:
            what = "all of the study" if parts > 1 else "a part of the study"
            raise StudyError(f"{other}: has {what}, which would be measured twice: give another --results folder")


def _check_part(shares: Sequence[Share], parts: int) -> None:
    """Raise `StudyError` where another study, or another number of parts, has shared the cases out: some would be in no part."""
    remedy = "give another --results folder"
    for share in shares:
        for plan in share.plans:
            path = share.paths[plan.block.name]
            other = other_array(path, parts)
            if other is not None:
                raise StudyError(f"{other}: is not one of {parts} parts, which share the cases out otherwise: {remedy}")
            for what in changes(path, share.known[plan.block.name], plan):
                raise StudyError(f"{what}: an array of jobs has to have one study, {remedy}")


def _facts(study: Study, devices: Devices) -> Mapping[str, Facts]:
    """Ask the devices what they are, for which they look the options of all blocks up."""
    try:
        return devices.facts()
    except USERS:
        for block in study.blocks:  # whose it is: what is wrong with a value is so on this machine as well, but for its devices
            try:
                load_plugins(block.options)
                Session(block.options, ELSEWHERE)
            except USERS as error:
                raise study.error(block.name, str(error)) from None
        raise


def check_cases(study: Study, plans: Sequence[Plan]) -> None:
    """Raise `StudyError` for a block that no device has a case of: its line of the study asks for nothing."""
    planned = {plan.block.name for plan in plans if plan.cases}
    looked_at = {plan.block.name for plan in plans}
    for block in study.blocks:
        if block.name not in looked_at:
            what = f"--device must be one that there is (got {block.options.device}): no device of the cluster is"
            raise study.error(block.name, what)
        if block.name not in planned:
            raise study.error(block.name, _empty(block))


def _empty(block: Block) -> str:
    """Why a block has no case."""
    if block.leave_out:
        words = ", ".join(map(repr, block.leave_out))
        return f"--{LEAVE_OUT} must leave a case of the block (got {words}, which leaves none): take a word away"
    if block.suites:
        return f"--{SUITE} must have a case with these options (got {', '.join(block.suites)}, which has none): change one of them"
    return "must have a case (got none with these options): `bench --check` of the same options says what there is"


def _plan(study: Study, devices: Devices, device: str, block: str) -> Plan:
    try:
        return devices.plan(device, block)
    except USERS as error:
        raise study.error(block, str(error)) from None


def said(prepared: Prepared, study: Study, now_left_s: Callable[[float], str] = hours) -> str:
    """Return the plan in words: cases, rounds, about how long on what, and what is done already."""
    part = f", part {prepared.part[0]} of {prepared.part[1]}" if prepared.part[1] > 1 else ""
    lines = [f"study {study.name}: {_count(len(study.blocks), 'block')}{part}, results in {study.results}"]
    lines += [*_hints(prepared.facts), *_apart(prepared.shares)]
    for share in prepared.shares:
        if share.kind.name:
            lines.append(f"on {share.kind.name}: {_count(len(share.kind.devices), 'device')} ({', '.join(share.kind.devices)})")
        lines += [f"  {line}" for plan in share.plans for line in _of_block(share, plan, now_left_s)]
        for plan in share.plans:
            known = share.known[plan.block.name]
            lines += [f"  note:    {what}" for what in changes(share.paths[plan.block.name], known, plan)]
        left = sum(task.part.estimate_s for task in share.tasks)
        about = now_left_s(left / max(1, len(share.kind.devices)))
        lines.append(f"  in all about {about}" if left else "  all is done")
    return "\n".join(map(plain, lines))


def _hints(facts: Mapping[str, Facts]) -> list[str]:
    """What is not as it should be on some devices, and how to get it."""
    behind = [name for name, each in facts.items() if each.niceness > 0]
    if not behind or Here.NAME in facts:
        return []
    remedy = "begin Ray there by `RAY_worker_niceness=0 ray start ...`"
    return [f"note:    other programs come before what is measured on {_count(len(behind), 'device')} ({behind[0]}, ...): {remedy}"]


def _apart(shares: Sequence[Share]) -> list[str]:
    """Why machines of one name are two kinds, each of which measures all of the study."""
    found = []
    for one, other in combinations(shares, 2):
        first, second = (share.kind.name.removesuffix(f"-{share.kind.name.rpartition('-')[2]}") for share in (one, other))
        if second in (first, one.kind.name):
            fields = ", ".join(differences(dict(one.kind.environment), dict(other.kind.environment)))
            found.append(
                f"note:    {one.kind.name} and {other.kind.name} are two kinds, and each measures all of it: {fields} differ"
            )
    return found


def _of_block(share: Share, plan: Plan, duration: Callable[[float], str]) -> list[str]:
    block = plan.block.name
    every = sum(case.rounds for case in plan.cases)
    mine = [task for task in share.tasks if task.plan is plan]
    left = sum(len(task.cases) for task in mine)
    seconds = sum(task.part.estimate_s for task in mine)
    rounds = _count(plan.rounds, "round")
    stand = f"{every - left:,} of {every:,} done, {left:,} left, about {duration(seconds)}"
    head = f"[{block}] {_count(len(plan.cases), 'case')}, {rounds}: {stand}"
    by_group: dict[str, tuple[int, float]] = {}
    for task in mine:
        cases, taken = by_group.get(task.part.home, (0, 0.0))
        by_group[task.part.home] = cases + len(task.cases), taken + task.part.estimate_s
    longest = sorted(by_group.items(), key=lambda each: -each[1][1])
    named = [f"  {home}: {_count(cases, 'measurement')}, about {duration(taken)}" for home, (cases, taken) in longest[:WORST]]
    more = [f"  {_count(len(longest) - WORST, 'graph')} more"] if len(longest) > WORST else []
    return [head, *named, *more, f"  into {share.paths[block]}"]


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


__all__ = ["USERS", "Prepared", "StudyError", "check_cases", "prepared", "said"]
