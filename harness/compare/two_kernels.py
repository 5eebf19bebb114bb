"""Turns one results file into two runs, of one kernel and of another, so that they can be compared like two files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Entry, Records
from rsc_bench.text import nearest, nearest_is

_Names = dict[Case, list[Case]]
"""What each case is called in the comparison, once for each that it is set against."""
SESSION = "one file"
"""Name of the session that took the rounds of both: what one round measured of the two is a pair."""


class KernelsError(ValueError):
    """Two kernels that cannot be compared; the message names the kernel and the nearest ones."""


@dataclass(frozen=True)
class TwoKernels:
    """The records of two kernels of one file."""

    base: Records
    new: Records
    """Cases of both have the kernel ``NEW against BASE``, and are equal where they are a pair."""
    titles: tuple[str, str]
    """Names of the two kernels."""
    notes: tuple[str, ...]
    """What a reader must know: which is which, and what has no partner."""


def two_kernels(run: Records, new: str, base: str) -> TwoKernels:
    """Return the two runs of a file's two kernels, both read from it as they are gone through.

    Raises `KernelsError` for a name that is not in it.

    Cases are a pair where all but the kernel is equal. Where one of the two is exact, every budget and variant of the other one is
    set against it: an exact kernel has none.
    """
    kernels: dict[str, dict[Case, None]] = defaultdict(dict)
    for _, record in run.entries():
        if record is not None:
            kernels[record.case.kernel][record.case] = None
    of_base, of_new = (_cases(run, kernels, name) for name in (base, new))
    if new == base:
        raise KernelsError(f"--kernel and --against must name two kernels (got {new!r} twice)")
    pairs = [(one, other) for one, others in _partners(of_base, of_new) for other in others]
    label = f"{new} against {base}"
    names: tuple[_Names, _Names] = defaultdict(list), defaultdict(list)
    for pair in pairs:
        sampled = next((case for case in pair if case.budget is not None), pair[0])
        for side, case in zip(names, pair, strict=True):
            side[case].append(replace(sampled, kernel=label))
    alone = _alone(base, of_base, names[0]), _alone(new, of_new, names[1])
    notes = [f"new is {new}, base is {base}, both of {run.path}", *(note for note in alone if note)]
    return TwoKernels(_Part(run, names[0]), _Part(run, names[1]), (base, new), tuple(notes))


def _cases(run: Records, kernels: Mapping[str, Iterable[Case]], kernel: str) -> list[Case]:
    """The cases of a kernel, each once."""
    if kernel not in kernels:
        near = f"{nearest_is(nearest(kernel, kernels))}" if kernels else "it has no record of any"
        raise KernelsError(f"{run.path}: kernel {kernel!r} is not in it: {near}")
    return list(kernels[kernel])


def _partners(base: list[Case], new: list[Case]) -> Iterator[tuple[Case, list[Case]]]:
    """Each case of base with those of new that it is set against."""
    alike, but_for_budget = _by(new, _all_but_kernel), _by(new, _all_but_budget)
    for case in base:
        near = but_for_budget[_all_but_budget(case)]
        yield case, alike[_all_but_kernel(case)] or [other for other in near if (other.budget is None) != (case.budget is None)]


def _by(cases: list[Case], key: Callable[[Case], Case]) -> dict[Case, list[Case]]:
    found: dict[Case, list[Case]] = defaultdict(list)
    for case in cases:
        found[key(case)].append(case)
    return found


def _all_but_kernel(case: Case) -> Case:
    return replace(case, kernel="", suite=case.apart)


def _all_but_budget(case: Case) -> Case:
    return replace(case, kernel="", suite=case.apart, budget=None, variant=None)


def _alone(kernel: str, cases: list[Case], names: _Names) -> str | None:
    alone = [case for case in cases if case not in names]
    return f"{len(alone)} cases of {kernel} have no partner, and are left out: {alone[0]}, for one" if alone else None


@dataclass(frozen=True)
class _Part:
    """The records of some cases, each under its new names, in rounds that make pairs with those of the other kernel."""

    run: Records
    names: _Names

    @property
    def path(self) -> Path:
        return self.run.path

    @property
    def environment(self) -> dict[str, Any]:
        return self.run.environment

    @property
    def unfinished(self) -> list[str]:
        return []  # a round has what it has of two kernels

    def entries(self) -> Iterator[Entry]:
        place = 0
        for start, record in self.run.entries():
            if record is None:
                part = replace(start, index=place, alternated=SESSION)
                place += 1
                yield part, None
            else:
                yield from ((part, replace(record, case=case)) for case in self.names.get(record.case, ()))
