"""Simulates sweeps on 1 to 1,000 devices, prints the tables of `many-machines.md`, and draws its figure.

``python docs/how-it-works/many_machines.py docs/how-it-works/many-machines.svg`` takes some minutes; see `--help`.
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import click

from rsc_bench.harness.records.case import Case
from rsc_bench.suites.measuring.serving import Job
from rsc_bench.suites.options import Options
from rsc_bench.suites.sweeping.machines.nature import Nature
from rsc_bench.suites.sweeping.machines.simulation import Outcome, alike, simulate
from rsc_bench.suites.sweeping.planning import Plan, Planned
from rsc_bench.suites.sweeping.study import Block

DEVICES = (1, 4, 16, 64, 128, 256, 512, 1000)
WIDTHS = (16, 64, 256, 1024)
DRIVER_S = 0.0002
"""Of the driver's CPU for each answer, about what `costs` prints; given, so that the curves are the same on each machine."""
RAY_S = 0.0017
"""More, of what Ray takes for each answer with 1,000 of them to come: measured with actors of one machine, Ray 2.60."""
SMOOTH = Nature(driver_s=DRIVER_S, ray_s=RAY_S)
ROUGH = replace(SMOOTH, lost_every_s=100 * 3600.0, stragglers=0.01, graph_bytes=2e9)


@dataclass(frozen=True)
class Study:
    """A made-up study; its graphs differ in size as published ones do."""

    name: str
    graphs: int
    cases: int = 30
    """Of each graph and width, which are compared and are one part in each round."""
    rounds: int = 9
    case_s: float = 10.0
    """On average."""

    def plan(self) -> Plan:
        """Return its cases; the sizes of the graphs spread by a factor of seven around the middle two thirds."""
        chance = Random(self.name)  # noqa: S311  (no secrets)
        sizes = [chance.lognormvariate(0.0, 1.0) for _ in range(self.graphs)]
        share = self.graphs / sum(sizes)
        return Plan(Block("simulated", Options()), tuple(self._cases([size * share for size in sizes])))

    def _cases(self, sizes: Sequence[float]) -> Iterator[Planned]:
        for place, size in enumerate(sizes):
            graph = f"graph-{place}"
            for width in WIDTHS:
                seconds = self.case_s * size * (0.5 + 0.5 * width * len(WIDTHS) / sum(WIDTHS))
                for kernel in range(self.cases):
                    yield Planned(
                        Job(digest=True), _case(graph, width, kernel), f"{graph} {width}", graph, self.rounds, seconds, row_bytes=64
                    )


def _case(graph: str, width: int, kernel: int) -> Case:
    name = f"kernel-{kernel}"
    return Case(suite="exact", kernel=name, graph=graph, width=width, budget=None, dtype="float32", device="cpu", clock="host")


PAPER = Study("a paper", graphs=12)
LARGE = Study("a large study", graphs=100, rounds=3)


@dataclass(frozen=True)
class Point:
    """A study on so many devices, without failures and with them."""

    devices: int
    smooth: Outcome
    rough: Outcome


def on(study: Study, devices: int, nature: Nature) -> Outcome:
    """Return how a study goes on so many devices."""
    with tempfile.TemporaryDirectory() as folder:
        return simulate([study.plan()], replace(nature, devices=devices), Path(folder))


def curve(study: Study, counts: Sequence[int] = DEVICES) -> Iterator[Point]:
    """Yield the points of a study."""
    for count in counts:
        yield Point(count, on(study, count, SMOOTH), on(study, count, ROUGH))


def table(study: Study, points: Sequence[Point]) -> Iterator[str]:
    """Yield the lines of a table of a study in Markdown."""
    groups = study.plan().groups().values()
    parts = study.rounds * len(groups)
    longest = max(sum(case.estimate_s for case in cases) for cases in groups)
    records = study.rounds * sum(map(len, groups))
    yield f"{study.name}: {records:,} records in {parts:,} parts, the longest about {longest:.0f} s"
    names = ("devices", "parts a device", "hours", "times as fast", "measuring, %")
    yield f"| {' | '.join(names)} | with failures: hours | losses | waiting for graphs, % |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    one = points[0].smooth.took_s
    for point in points:
        smooth, rough = point.smooth, point.rough
        waited = rough.account.waited_s / (point.devices * rough.took_s)
        cells = [f"{point.devices:,}", f"{parts / point.devices:.1f}", f"{smooth.took_s / 3600:.2f}", f"{one / smooth.took_s:.1f}"]
        cells += [f"{smooth.busy:.0%}".rstrip("%"), f"{rough.took_s / 3600:.2f}" if rough.done else "all are lost"]
        cells += [f"{rough.account.losses}", f"{waited:.0%}".rstrip("%")]
        yield f"| {' | '.join(cells)} |"


def costs() -> Iterator[str]:
    """Yield the lines of a table of what the driver takes for each record on this machine, measured."""
    yield "| devices | records | driver's CPU for each, ms | bytes of a line | memory of the driver for each, bytes |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for devices, groups in ((4, 100), (100, 400), (1000, 2000)):
        plan, before = alike(groups, 20), _peak_bytes()
        with tempfile.TemporaryDirectory() as folder:
            found = simulate([plan], Nature(devices=devices), Path(folder))
        kept = (_peak_bytes() - before) / found.cases
        yield f"| {devices:,} | {found.cases:,} | {found.driver_s * 1e3:.2f} | {found.file_bytes / found.cases:.0f} | {kept:.0f} |"


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def drawn(curves: dict[str, Sequence[Point]], path: Path) -> None:
    """Draw how many times as fast many devices are."""
    import plotly.graph_objects as go

    figure = go.Figure()
    ends = [DEVICES[0], DEVICES[-1]]
    figure.add_scatter(x=ends, y=ends, mode="lines", name="as many times as fast", line={"color": "#999999", "dash": "dot"})
    for (name, points), colour in zip(curves.items(), ("#1f6fb4", "#c1440e"), strict=True):
        one = points[0].smooth.took_s
        for word, dash, symbol, outcomes in (
            ("", "solid", "circle", [each.smooth for each in points]),
            (", with failures and a shared disk", "dash", "circle-open", [each.rough for each in points]),
        ):
            times = [one / each.took_s if each.done else None for each in outcomes]
            figure.add_scatter(
                x=[each.devices for each in outcomes], y=times, name=f"{name}{word}",
                mode="lines+markers", line={"color": colour, "dash": dash}, marker={"symbol": symbol, "size": 8},
            )  # fmt: skip
    axis = {"type": "log", "tickvals": [1, 4, 16, 64, 256, 1000], "gridcolor": "#e5e5e5", "linecolor": "#444444"}
    figure.update_xaxes(title="devices (simulated)", **axis)
    figure.update_yaxes(title="times as fast as one device", **axis)
    legend = {"x": 0.02, "y": 0.98, "bgcolor": "rgba(255,255,255,0.8)"}
    figure.update_layout(width=760, height=480, template="plotly_white", margin={"l": 70, "r": 20, "t": 20, "b": 60}, legend=legend)
    figure.write_image(path)


@click.command(help=__doc__)
@click.argument("figure", type=click.Path(path_type=Path))
def main(figure: Path) -> None:
    """Print the tables, and draw the figure."""
    for line in costs():
        click.echo(line)
    curves: dict[str, Sequence[Point]] = {}
    for study in (PAPER, LARGE):
        curves[study.name] = list(curve(study))
        for line in table(study, curves[study.name]):
            click.echo(line)
    drawn(curves, figure)


if __name__ == "__main__":
    main()
