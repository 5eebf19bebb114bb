"""Turns one results file into two runs, of one kernel and of another, so that they can be compared like two files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Record, Run
from rsc_bench.text import nearest

_Names = dict[Case, list[Case]]
"""What each case is called in the comparison, once for each that it is set against."""
SESSION = "one file"
"""Name of the session that took the rounds of both: what one round measured of the two is a pair."""


class KernelsError(ValueError):
    """Two kernels that cannot be compared; the message names the kernel and the nearest ones."""


@dataclass(frozen=True)
class TwoKernels:
    """The records of two kernels of one file."""

    base: Run
    new: Run
    """Cases of both have the kernel ``NEW against BASE``, and are equal where they are a pair."""
    titles: tuple[str, str]
    """Names of the two kernels."""
    notes: tuple[str, ...]
    """What a reader must know: which is which, and what has no partner."""


def two_kernels(run: Run, new: str, base: str) -> TwoKernels:
    """Return the two runs of a file's two kernels; raises `KernelsError` for a name that is not in it.

    Cases are a pair where all but the kernel is equal. Where one of the two is exact, every budget and variant of the other one is
    set against it: an exact kernel has none.
    """
    of_base, of_new = (_cases(run, name) for name in (base, new))
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
    return TwoKernels(_part(run, names[0]), _part(run, names[1]), (base, new), tuple(notes))


def _cases(run: Run, kernel: str) -> list[Case]:
    """The cases of a kernel, each once."""
    cases = dict.fromkeys(record.case for record in run.records)
    kernels = dict.fromkeys(case.kernel for case in cases)
    if kernel not in kernels:
        near = f"nearest are {', '.join(nearest(kernel, kernels))}" if kernels else "it has no record of any"
        raise KernelsError(f"{run.path}: kernel {kernel!r} is not in it: {near}")
    return [case for case in cases if case.kernel == kernel]


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
    return replace(case, kernel="", suite="")


def _all_but_budget(case: Case) -> Case:
    return replace(case, kernel="", suite="", budget=None, variant=None)


def _alone(kernel: str, cases: list[Case], names: _Names) -> str | None:
    alone = [case for case in cases if case not in names]
    return f"{len(alone)} cases of {kernel} have no partner, and are left out: {alone[0]}, for one" if alone else None


def _part(run: Run, names: _Names) -> Run:
    """The records of some cases, each under its new names, in rounds that make pairs with those of the other kernel."""
    rounds = []
    for place, (start, records) in enumerate(run.rounds):
        own = [renewed for record in records for renewed in _renewed(record, names)]
        rounds.append((replace(start, index=place, alternated=SESSION, cases=len(own)), own))
    return replace(run, rounds=rounds)


def _renewed(record: Record, names: _Names) -> list[Record]:
    return [replace(record, case=case) for case in names.get(record.case, [])]
