"""Turns the options of a run into the cases of the suite ``harness``, and says what is observed of one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from rsc_bench.harness.records.case import HARNESS, Case
from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import Choice
from rsc_bench.suites.options import Options

Task = Literal["graph_made", "graph_cached", "collect", "sweep"]

MEASURED_GRAPHS = ("twin:reddit",)
"""1.1e8 edges."""
CHECKED_GRAPHS = ("twin:reddit2@0.01",)
"""Large enough to be kept on disk."""
COLLECTED, COLLECTED_TO_CHECK = 5000, 50
"""Cases that are collected, at least."""
COLLECTED_OF = "small:random"
"""Their graph, which none of them loads: they have as many widths as it takes."""
SWEPT, SWEPT_WIDTH = "twin:reddit2@0.05", 256
"""What a small sweep is of."""
SWEPT_TO_CHECK, SWEPT_WIDTH_TO_CHECK = "small:random", 8


@dataclass(frozen=True)
class HarnessSetting:
    """One thing that the harness does, before it has been done."""

    task: Task
    graph: str
    """As `rsc_bench.suites.graphs.load` takes it."""
    label: str
    """As records keep it."""
    width: int = 0
    """Columns of the operands of a sweep; 0: there are none."""
    size: int = 0
    """Cases to be collected at least."""
    quick: bool = False
    """Whether it is done but not measured, so that few samples will do."""
    suite: Literal["harness"] = field(default=HARNESS, init=False)
    device: Literal["cpu"] = field(default="cpu", init=False)

    def __str__(self) -> str:
        """The id of its test."""
        return "-".join([self.label, *[f"d{self.width}"] * bool(self.width), self.task])

    @property
    def choice(self) -> Choice:
        """What stands in the place of a kernel."""
        return Choice(self.task)

    def case(self) -> Case:
        """Return the identity that its record gets."""
        return Case(
            suite=self.suite,
            kernel=self.task,
            graph=self.label,
            width=self.width,
            budget=None,
            dtype="any",
            device=self.device,
            clock="host",
        )


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What was observed of a case: what its process answers."""

    times_s: list[float]
    prepare_s: float
    """Seconds for what is needed and not timed."""
    peak_bytes: int | None = None
    """Highest memory of the process above that before; None where it cannot be read, or others do the work."""
    nnz: int = 0
    nodes: int = 0
    contents: str | None = None
    """Digest of what came of it, where it is to be checked."""
    spent_s: dict[str, float] | None = None
    """Of a sweep, see `rsc_bench.harness.records.measurement.Timing`."""


def harness_settings(options: Options) -> list[HarnessSetting]:
    """Return every case of the suite.

    Where a run measures and does not name it there is none, for it takes minutes; nor where what is checked is something else.
    """
    if not options.harness_named and (options.benchmark or not options.plain):
        return []
    every = []
    for name in dict.fromkeys(options.graphs or (MEASURED_GRAPHS if options.benchmark else CHECKED_GRAPHS)):
        label = graphs.check(name, options.data_root, not options.no_cache)
        # In an order in which the second finds on disk what the first has left there.
        every += [HarnessSetting("graph_made", name, label), HarnessSetting("graph_cached", name, label)]
    every += _sweeps(options.benchmark)
    return [replace(setting, quick=not options.benchmark) for setting in every]


def _sweeps(measured: bool) -> list[HarnessSetting]:
    cases = COLLECTED if measured else COLLECTED_TO_CHECK
    graph, width = (SWEPT, SWEPT_WIDTH) if measured else (SWEPT_TO_CHECK, SWEPT_WIDTH_TO_CHECK)
    collect = HarnessSetting("collect", COLLECTED_OF, f"{cases} cases", size=cases)
    return [collect, HarnessSetting("sweep", graph, f"sweep of {graph}", width)]
