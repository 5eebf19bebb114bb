"""Turns a study into the tree that ``--json`` writes."""

from __future__ import annotations

from typing import Any

import msgspec
from rsc_bench.harness.aa.study import Study, recommended


def as_tree(study: Study) -> dict[str, Any]:
    """Return all that was found."""
    best = recommended(study) if study.pool.injected is None else None
    return {
        "rounds": study.pool.rounds,
        "round_s": study.pool.round_s,
        "injected": study.pool.injected,
        "files": [str(side.path) for side in (study.pool.sides.base, study.pool.sides.new)],
        "whole": {
            "threshold": study.threshold,
            "exit_status": study.whole.exit_status,
            "counts": study.whole.counts,
            "cases": [
                {"case": str(verdict.case), "change": verdict.change, "ratio": verdict.ratio, "interval": verdict.interval}
                for verdict in study.whole.verdicts
            ],
        },
        "trials": [{**_trial(trial), "apart": study.pool.apart(trial.rounds)} for trial in study.trials],
        "catch": study.catch,
        "recommended": None if best is None else {"rounds": best.rounds, "threshold": best.threshold},
    }


def _trial(trial: Any) -> dict[str, Any]:
    caught = [{"change": change, "share": share} for change, share in trial.caught.items()]
    return {**msgspec.to_builtins(trial), "caught": caught, "smallest": trial.smallest}
