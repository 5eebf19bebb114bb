"""Turns a run into what github-action-benchmark reads: its format ``customSmallerIsBetter``."""

from __future__ import annotations

import json

from rsc_bench.files import MARK
from rsc_bench.harness.records.environments import flat
from rsc_bench.harness.records.run import Run
from rsc_bench.harness.records.trackers import Tracked, tracked


def to_github_action(run: Run) -> str:
    """Return JSON, an entry a case: ``name, unit, value, range, extra``, in milliseconds.

    Source: https://github.com/benchmark-action/github-action-benchmark, "Charts for your own benchmarks". Raises ``ValueError``
    where no case of the run has a time.
    """
    machine = flat(run.environment).get("gpus.0.name") or flat(run.environment).get("cpu.model")
    entries = [_entry(name, each, machine) for name, each in tracked(run).items()]
    return json.dumps(entries, indent=1) + "\n"


def _entry(name: str, each: Tracked, machine: object) -> dict[str, object]:
    rounds = f"{each.rounds} round{'s' * (each.rounds != 1)}"
    return {
        "name": name,
        "unit": "ms",
        "value": 1e3 * each.middle_s,
        "range": f"{1e3 * each.low_s:.4g} to {1e3 * each.high_s:.4g}",
        "extra": ", ".join([rounds, *([str(machine)] if machine else []), MARK]),
    }
