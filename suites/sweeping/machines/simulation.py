"""Runs a sweep on simulated devices, and says how long it would take; its results files are of no use and are removed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rsc_bench.harness.records.case import Case
from rsc_bench.suites.measuring.serving import Job
from rsc_bench.suites.options import Options
from rsc_bench.suites.sweeping.kinds import kinds
from rsc_bench.suites.sweeping.machines.nature import Nature
from rsc_bench.suites.sweeping.machines.simulated import Account, Clock, Simulated
from rsc_bench.suites.sweeping.planning import Plan, Planned
from rsc_bench.suites.sweeping.schedule import Schedule
from rsc_bench.suites.sweeping.study import Block
from rsc_bench.suites.sweeping.sweep import Share, Sweep
from rsc_bench.suites.terminal.devices import Board
from rsc_bench.text import minutes

WORD = "simulated: "
"""What every line begins with."""
SMOOTH = Nature()
FAILING = Nature(lost_every_s=100 * 3600.0, stragglers=0.01)
"""What is assumed where failures are: a device is lost once in 100 hours, and one in a hundred becomes slow."""
PARTS = (8, 4, 2, 1)
"""Of the devices that are asked about, which are simulated as well."""


@dataclass(frozen=True)
class Outcome:
    """How a simulated sweep went; times are virtual seconds but for the driver's."""

    devices: int
    took_s: float
    cases: int
    """Records that were written."""
    done: bool
    bad: int
    """Records that say that a case failed."""
    account: Account
    file_bytes: int

    @property
    def driver_s(self) -> float:
        """Seconds of the driver's CPU for each answer."""
        return self.account.driver_s / max(1, self.account.answers)

    @property
    def busy(self) -> float:
        """Share of the devices' time that they measured in."""
        return self.account.measured_s / (self.devices * self.took_s) if self.took_s else 0.0


def simulate(
    plans: Sequence[Plan],
    nature: Nature,
    folder: Path,
    say: Callable[[str], None] | None = None,
    share_of: Callable[[Share], None] | None = None,
) -> Outcome:
    """Run plans on simulated devices, into results files in a folder; return how it went.

    Args:
        plans: what is to be measured.
        nature: of the devices.
        folder: where the results files are made.
        say: takes the lines that a real sweep would print, each marked; None: they are made and dropped.
        share_of: is given the work, before it begins; None: all that the plans have is measured.
    """
    clock = Clock()
    devices = Simulated(nature, plans, clock)
    facts = devices.facts()
    (kind,) = kinds(facts)
    blocks = [plan.block.name for plan in plans]
    share = Share(kind, plans, {block: folder / f"{block}.jsonl" for block in blocks}, dict.fromkeys(blocks, kind.environment))
    (share_of or Share.look)(share)
    cases = sum(len(task.cases) for task in share.tasks)
    board = Board(list(facts), cases, lambda line: say(f"{WORD}{line}") if say is not None else None, now=clock)
    sweep = Sweep(devices, [share], board, clock)
    done = sweep.run(facts)
    written = sum(results.records for results in share.results.values())
    size = sum(path.stat().st_size for path in share.paths.values() if path.exists())
    return Outcome(nature.devices, clock.now, written, done, sweep.bad, devices.account, size)


def alike(groups: int, cases: int, rounds: int = 1, case_s: float = 2.0, graphs: int | None = None) -> Plan:
    """Return a made-up plan of equal cases.

    Args:
        groups: what is compared, each with so many `cases`.
        cases: of each group.
        rounds: of all of them.
        case_s: seconds of each case.
        graphs: that groups share evenly; None: one graph each.
    """
    made = [
        Planned(
            job=Job(digest=True),
            case=Case(
                suite="exact", kernel=f"kernel-{case}", graph=f"graph-{group}", width=64, budget=None, dtype="float32",
                device="cpu", clock="host",
            ),
            group=f"group {group}",
            home=f"graph {group % (graphs or groups)}",
            rounds=rounds,
            estimate_s=case_s,
            row_bytes=256,
        )
        for group in range(groups)
        for case in range(cases)
    ]  # fmt: skip
    return Plan(Block("simulated", Options()), tuple(made))


def forecast(shares: Sequence[Share], devices: int) -> Iterator[str]:
    """Yield lines that say how long what is left of a study would take on more and more devices, up to so many."""
    yield f"{WORD}nothing is measured; devices of the kind of this machine; failures: {_said(FAILING)}"
    for share in shares:
        for number in sorted({1, *(max(1, round(devices / part)) for part in PARTS)}):
            smooth, failing = (_of(share, replace(nature, devices=number)) for nature in (SMOOTH, FAILING))
            ends = f"about {minutes(failing.took_s)}" if failing.done else f"all are lost after {minutes(failing.took_s)}"
            times = f"about {minutes(smooth.took_s)}, with failures {ends}"
            yield f"{WORD}{number:,} device{'s' * (number != 1)}: {times}; they measure for {smooth.busy:.0%} of it"
    longest = max((task.part.estimate_s for share in shares for task in share.tasks), default=0.0)
    yield f"{WORD}no number of devices is through before the longest part, which is of one device: about {minutes(longest)}"


def _said(nature: Nature) -> str:
    lost = f"each device is lost once in {nature.lost_every_s / 3600:g} hours, {nature.comes_back:.0%} come back"
    return f"{lost}; {nature.stragglers:.0%} become {nature.slowed:g} times slower"


def _of(share: Share, nature: Nature) -> Outcome:
    """Simulate what is left of a share."""

    def left(other: Share) -> None:
        other.tasks = list(share.tasks)
        other.schedule = Schedule(task.part for task in share.tasks)

    with tempfile.TemporaryDirectory(prefix="rsc-bench-simulated-") as folder:
        return simulate(share.plans, nature, Path(folder), share_of=left)
