"""Turns what was given of each option, on a command line or in a file, into the options of a run."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.suites.options import CASE_TIMEOUT_S, Options, OptionsError, numbers, path, share
from rsc_bench.suites.training.models import named

T = TypeVar("T", int, float)
Usual = TypeVar("Usual", int, float, None)
Given = Callable[[str], Any]
"""From an option, ``--graph``, to what was given of it: all texts of one that may be repeated, text or None, or whether it was."""


def options(given: Given, suites: Collection[str], asked: list[str] | None = None) -> Options:
    """Return the options of a run; raises `OptionsError` or `ModelError` for a value that is none of its kind.

    Args:
        given: what was given of each option.
        suites: the suites that were named.
        asked: all that decides what is measured, as it was written; None: not known.
    """
    return Options(
        benchmark=given("--benchmark"),
        graphs=tuple(given("--graph")),
        kernels=tuple(given("--kernel")),
        budgets=numbers("--budget", given("--budget"), float),
        widths=numbers("--width", given("--width"), int),
        dtypes=tuple(given("--dtype")),
        reduces=tuple(given("--reduce")),
        clocks=tuple(given("--clock")),
        reorders=tuple(given("--reorder")),
        rounds=_number(given, "--rounds", int, None),
        slow_down=share("--slow-down", given("--slow-down")),
        results=path("--results", given("--results")),
        device=given("--device"),
        data_root=path("--data-root", given("--data-root")),
        models=tuple(map(named, given("--model"))),
        layers=_number(given, "--layers", int, None),
        epochs=_number(given, "--epochs", int, None),
        seeds=_number(given, "--seeds", int, None),
        ablation=given("--ablation"),
        controls=given("--controls"),
        warmup=given("--warmup"),
        interval=_number(given, "--interval", int, None),
        switch_at=share("--switch-at", given("--switch-at")),
        allocation=given("--allocation"),
        selections=tuple(given("--selection")),
        recipes=tuple(given("--recipe")),
        amp=_amp(given("--amp")),
        memory=tuple(given("--memory")),
        trainings_named="training" in suites,
        growth_named="growth" in suites,
        harness_named="harness" in suites,
        minmax_named="minmax" in suites,
        sddmm_named="sddmm" in suites,
        max_nnz=_number(given, "--max-nnz", float, None),
        plugins=(*given("--plugin"), *(model for model in given("--model") if model.endswith(".py"))),
        in_process=given("--in-process"),
        case_timeout_s=_number(given, "--case-timeout", float, CASE_TIMEOUT_S),
        limits=Limits(
            precision=share("--precision", given("--precision")) or Limits.precision,
            time_s=_number(given, "--max-time", float, Limits.time_s),
            fewest=_number(given, "--min-samples", int, Limits.fewest),
        ),
        no_cache=given("--no-cache"),
        asked=asked,
    )


def _amp(given: str | None) -> bool:
    if given not in (None, "bf16"):
        raise OptionsError(f"--amp must be bf16 (got {given!r}): leave it out to train in float32")
    return given is not None


def _number(given: Given, option: str, kind: type[T], usual: Usual) -> T | Usual:
    """Return the number that an option was given, or what is usual."""
    text = given(option)
    return usual if text is None else numbers(option, [text], kind)[0]
