"""Says which trainings may be held against each other: what was trained, and on which machine."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.environments import flat
from rsc_bench.harness.records.run import Run


class Group(NamedTuple):
    """What all settings of a training share."""

    training: Case
    """As `training_of` returns it."""
    machine: str
    """As `machine_of` returns it."""


def training_of(case: Case) -> Case:
    """Return what a case trained, with everything taken out in which the settings of a training differ."""
    return msgspec.structs.replace(case, suite="training", kernel="", budget=None, variant=None, seed=None)


def machine_of(run: Run) -> str:
    """Return in words where a run was measured; empty where it is not known."""
    leaves = flat(run.environment)
    cpu, cores, gpu = (leaves.get(name) for name in ("cpu.model", "cpu.usable_cores", "gpus.0.name"))
    return ", ".join(str(each) for each in (gpu, cpu, f"{cores} cores" if cores else None) if each)
