"""The tests that pytest has collected, as cases of a sweep: which one a test is, and one of its own for each round."""

from __future__ import annotations

from typing import Any

import pytest

from rsc_bench.suites.measuring.bench import SuiteSetting
from rsc_bench.suites.spmm.contract import Trial

ROUND = pytest.StashKey[int]()
"""The round that a test measures."""


def has_case(item: pytest.Item) -> bool:
    """Return whether a test is a case of a suite."""
    return "bench" in getattr(item, "fixturenames", ())


def setting_of(item: pytest.Item) -> SuiteSetting:
    """Return the case of a test."""
    setting: SuiteSetting = item.callspec.params["setting"]  # type: ignore[attr-defined]
    return setting


def without_cases(item: pytest.Item) -> bool:
    """Return whether a suite got no case, for which pytest makes one test all the same, without a setting."""
    return has_case(item) and not isinstance(setting_of(item), SuiteSetting)


def has_trial(item: pytest.Item) -> bool:
    """Return whether a test is a trial of the contract, which times nothing."""
    return "trial" in getattr(item, "fixturenames", ())


def without_trials(item: pytest.Item) -> bool:
    """Return whether a test is the one that pytest makes where there is no kernel to try."""
    return has_trial(item) and not isinstance(item.callspec.params["trial"], Trial)  # type: ignore[attr-defined]


def in_round(item: Any, index: int) -> pytest.Item:
    """Return a test of its own for a case in one round, of the same name: what was measured last week is found under it."""
    parts = {"callspec": item.callspec, "callobj": item.obj, "fixtureinfo": item._fixtureinfo, "originalname": item.originalname}
    made: pytest.Item = type(item).from_parent(item.parent, name=item.name, **parts)
    made.stash[ROUND] = index
    return made
