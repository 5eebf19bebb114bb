"""Tells apart what has one name and other contents: a graph's digest is part of a case, and two graphs of one name are two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

import msgspec

from rsc_bench.harness.records.case import Case

LETTERS = 8
"""Of a digest, in the name that a graph gets where others share its own."""
_Name = tuple[str, str | None, bool]
"""Graph, order, and whether it was trained on: a training sees features, labels and the split too."""


class Namesakes:
    """The graphs of some cases that have one name and different contents."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._digests: dict[_Name, set[str]] = defaultdict(set)
        for case in cases:
            if case.graph_digest is not None:
                self._digests[_name(case)].add(case.graph_digest)

    def called(self, case: Case) -> Case:
        """Return the case with a name for its graph that no other graph has."""
        if case.graph_digest is None or len(self._digests.get(_name(case), ())) < 2:
            return case
        return msgspec.structs.replace(case, graph=f"{case.graph} {_mark(case.graph_digest)}")

    def known(self, case: Case) -> Case:
        """Return the same; a case that does not say what it saw, as in an older file, saw the only graph of its name."""
        digests = self._digests.get(_name(case), set())
        if case.graph_digest is None and len(digests) == 1:
            return _with(case, *digests)
        return self.called(case)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a reader must know of each name that graphs share."""
        several = ((name, sorted(digests)) for name, digests in self._digests.items() if len(digests) > 1)
        return tuple(dict.fromkeys(_sentence(name, digests) for name, digests in several))


def aligned(base: Collection[Case], new: Collection[Case]) -> dict[Case, Case]:
    """Return what cases of `new` are called in `base`, where only their graph's contents tell them apart.

    So they are set side by side; what was measured still says that it was another graph. Where several fit, none is chosen.
    """
    ours, theirs = set(base), set(new)
    left, free = _by_name(ours - theirs), _by_name(theirs - ours)
    return {cases[0]: left[name][0] for name, cases in free.items() if len(cases) == 1 == len(left.get(name, ()))}


def _by_name(cases: Iterable[Case]) -> dict[Case, list[Case]]:
    found: dict[Case, list[Case]] = defaultdict(list)
    for case in cases:
        found[_with(case, None)].append(case)
    return found


def _with(case: Case, digest: str | None) -> Case:
    return msgspec.structs.replace(case, graph_digest=digest)


def _name(case: Case) -> _Name:
    return case.graph, case.reorder, case.model is not None


def _mark(digest: str) -> str:
    return f"[{digest[:LETTERS]}]"


def _sentence(name: _Name, digests: Collection[str]) -> str:
    graph, reorder, _ = name
    called = graph if reorder is None else f"{graph} ({reorder})"
    marks = " and ".join(map(_mark, digests))
    return f"{len(digests)} graphs of different contents are called {called}: {marks} tell them apart, and nothing compares them"
