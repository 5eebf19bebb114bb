"""What simulated devices are like: their speeds, what slows them down, how they are lost, and how their graphs come to them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from random import Random

from rsc_bench.suites.sweeping.planning import Planned


@dataclass(frozen=True)
class Nature:
    """The assumptions of a simulation; all seconds are virtual."""

    devices: int = 4
    per_node: int = 8
    """Devices of a machine, which share its graphs."""
    spread: float = 0.03
    """Of the devices' speeds, and of each case's time, as a share: a standard deviation."""
    misjudged: float = 0.3
    """How far the planned seconds of a case are off, alike in each round: a standard deviation of their logarithm."""
    stragglers: float = 0.0
    """Share of the devices that become slow, at some moment of the time that all of it would take at best."""
    slowed: float = 4.0
    """Times as long as a straggler takes from then on."""
    lost_every_s: float = inf
    """Mean time until a device is lost, of an exponential distribution."""
    comes_back: float = 0.8
    """Share of the losses after which the device is there again; after the others it never is."""
    back_s: float = 300.0
    """Until it is, without its start."""
    start_s: float = 20.0
    """Until a process of a device can measure: Python, torch and the first kernels are loaded."""
    ceilings_s: float = 0.0
    """Once a block, of the device that measures what it can reach."""
    graph_bytes: float = 0.0
    """Of each graph, which a machine reads when its first device needs it."""
    disk_bytes_per_s: float = 5e9
    """Of the shared file system, all readers together."""
    link_bytes_per_s: float = 1.2e9
    """Of one machine's network."""
    driver_s: float | None = None
    """Of the driver's CPU for each answer; None: as long as this machine takes for it really."""
    ray_s: float = 0.0
    """More for each answer, of what is not run in a simulation: what Ray does for it."""
    seed: int = 0

    def chance(self, *of: object) -> Random:
        """Return the generator of one thing, the same in each run whatever else is drawn."""
        return Random(f"{self.seed} {of}")  # noqa: S311  (no secrets)

    def true_s(self, planned: Planned) -> float:
        """Return how long a case takes on a device of speed 1; the mean over cases is what was planned."""
        of = self.chance(planned.group, planned.case)
        return planned.estimate_s * of.lognormvariate(-(self.misjudged**2) / 2, self.misjudged)
