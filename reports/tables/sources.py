"""Turns the head of each run into what the page says about its file: a short name, the machine, the flat environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.environments import flat
from rsc_bench.harness.records.run import Records
from rsc_bench.reports.tables.gathering import Overview


@dataclass(frozen=True)
class Head:
    """What is left of a results file when its records were gone through."""

    path: Path
    environment: Mapping[str, Any]
    unfinished: Sequence[str]
    """Each round that stopped before its last case, in words."""

    @classmethod
    def of(cls, run: Records) -> Head:
        """Return that of a run which was gone through."""
        return cls(run.path, run.environment, run.unfinished)


@dataclass(frozen=True)
class Current:
    """How far the round is that started last."""

    index: int
    of: int
    """The last round that is planned."""
    done: int
    """Cases that have a record."""
    cases: int
    """Cases that are planned."""

    @property
    def words(self) -> str:
        """For a reader: ``round 2 of 9: 34 of 120 cases``."""
        return f"round {self.index} of {self.of}: {self.done:,} of {self.cases:,} cases"


@dataclass(frozen=True)
class Source:
    """One results file as the page names it."""

    name: str
    """The file's name, with as many folders before it as make it differ from the others."""
    machine: str
    """The GPU, or else the CPU, that the file was measured on; the name again where its environment has neither."""
    started: str
    """When its first round started, UTC, to the minute; empty where it has none."""
    rounds: int
    """Rounds that have a record."""
    records: int
    """Records in all rounds."""
    unfinished: tuple[str, ...]
    """Each round that stopped before its last case, in words."""
    environment: tuple[tuple[str, str], ...]
    """Dotted name and value of every entry."""
    ceilings: Ceilings | None = None
    """What its device reached when its last session began; None where that was not measured."""
    current: Current | None = None
    """How far its last round is; None where it has none."""

    def reached(self, device: str) -> Ceilings:
        """Return what a device reached; without probes, and with the reason, where that is not known."""
        if self.ceilings is None:
            return Ceilings(device=device, missing="the file is older than they are")
        if self.ceilings.device != device:
            return Ceilings(device=device, missing=f"they are those of {self.ceilings.device}")
        return self.ceilings


def sources(heads: Sequence[Head], overviews: Sequence[Overview]) -> tuple[Source, ...]:
    """Return what the page says about each file, in the same order, of which one pass found the `overviews`."""
    return tuple(map(_source, heads, overviews, short_names([head.path for head in heads])))


def _source(head: Head, found: Overview, name: str) -> Source:
    nodes = {each: {"records": found.by_node[each], **found.nodes.get(each, {})} for each in sorted({*found.nodes, *found.by_node})}
    leaves = flat({**head.environment, "nodes": nodes} if nodes else head.environment)
    environment = tuple((key, "none" if value is None else str(value)) for key, value in leaves.items())
    started = found.started[:16].replace("T", " ")
    label = machine(leaves, found.devices) or name
    unfinished = tuple(head.unfinished)
    return Source(name, label, started, found.rounds, found.records, unfinished, environment, found.ceilings, _current(found))


def _current(found: Overview) -> Current | None:
    start = found.current
    return None if start is None else Current(start.index, start.of, found.done, start.cases)


def machine(environment: Mapping[str, Any], devices: Iterable[str]) -> str | None:
    """Return the GPU where a case ran on one, else the CPU and its cores; None where the environment names neither."""
    gpu, cpu, cores = (environment.get(key) for key in ("gpus.0.name", "cpu.model", "cpu.usable_cores"))
    if gpu and any(device.startswith("cuda") for device in devices):
        return str(gpu)
    return f"{cpu}, {cores} cores" if cpu and cores else str(cpu) if cpu else None


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest endings of `paths` that differ; a path given twice is numbered."""
    parts = [path.absolute().parts for path in paths]
    depth = 1
    longest = max((len(each) for each in parts), default=0)
    while depth < longest and len({each[-depth:] for each in parts}) < len({*parts}):
        depth += 1
    names = ["/".join(each[-depth:]).replace("//", "/") for each in parts]
    return [name if names.count(name) == 1 else f"{name} ({names[: place + 1].count(name)})" for place, name in enumerate(names)]
