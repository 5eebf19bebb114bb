"""Turns the kernels that a run names, or all, into those that its sweep has: exact ones, and what does not multiply all."""

from __future__ import annotations

from rsc_bench.kernels import Reduce
from rsc_bench.suites.catalog import Catalog, Choice
from rsc_bench.suites.options import Options


def choices(options: Options, catalog: Catalog, device: str) -> tuple[list[Choice], list[Choice]]:
    """Return the exact kernels of a sweep, and those that do not multiply all: by a selection, or approximations of their own.

    Kernels that are named are measured beside every exact kernel of its device that is no baseline: without them a speedup would be
    against nothing. A check, which times nothing, is of every exact kernel.
    """
    usual = {name: kernel for name, kernel in catalog.exact.items() if kernel.exact and kernel.role != "baseline"}
    here = [Choice(name) for name, kernel in usual.items() if on(kernel.device, device)]
    runnable = [choice for choice in here if catalog.why_not(choice) is None]
    if not options.benchmark:
        here += map(Choice, catalog.baselines(device))
    absent = [Choice(name) for name, kernel in usual.items() if not on(kernel.device, device) and kernel.why_not()]
    absent += [Choice(name) for name in catalog.missing]
    if not options.kernels:
        own = [choice for choice in catalog.approximations() if on(catalog.exact[choice.exact].device, device)]
        return [*here, *absent], [*own, *_default_sampled(options, catalog, runnable)]
    chosen, own = asked(options, catalog, device), catalog.approximations()
    others = [choice for choice in chosen if choice.selection is not None or choice in own]
    # What samples in front of a baseline has that beside it, as it has the others.
    baselines = catalog.baselines(device)
    beside = [c for c in chosen if c not in own and (c.selection is None or c.exact in baselines)]
    return list(dict.fromkeys([*here, *(Choice(choice.exact) for choice in beside)])), others


def named(name: str, catalog: Catalog, device: str) -> list[Choice]:
    """Return the choices of a ``--kernel`` value; of a file all of its kernels, with top-k in front of exact products.

    And its selections in front of ours; all that choose fresh and cached.
    """
    if name not in catalog.from_files:
        return [catalog.find(name)]
    own = [choice for choice in catalog.approximations() if choice.exact in catalog.from_files[name]]
    exact = [each for each in catalog.from_files[name] if catalog.every[each].exact]
    ours = [each for each, kernel in catalog.exact.items() if kernel.role == "ours" and on(kernel.device, device)]
    found = [choice for each in exact for choice in (Choice(each), *_topk(catalog, each))] + own
    found = [choice for choice in found if choice.selection is None or choice.exact in catalog.exact]
    chosen = catalog.selections_of[name]
    return found + [Choice(each, selection, cached) for each in ours for selection in chosen for cached in (False, True)]


def asked(options: Options, catalog: Catalog, device: str) -> list[Choice]:
    """Return the choices of all ``--kernel`` values that are of products, or not known to be of anything else."""
    found = [choice for name in options.kernels for choice in named(name, catalog, device)]
    return [choice for choice in found if choice.exact not in catalog.sddmm]


def every_asked(options: Options, catalog: Catalog) -> list[Choice]:
    """Return the choices of all ``--kernel`` values, of any operation, without what is put in front of the kernels of files."""
    return [
        choice
        for name in options.kernels
        for choice in (map(Choice, catalog.from_files[name]) if name in catalog.from_files else [catalog.find(name)])
    ]


def names_dots_alone(options: Options, catalog: Catalog) -> bool:
    """Whether all kernels that are named compute dot products, so that no product was asked for."""
    found = every_asked(options, catalog)
    return bool(found) and all(choice.exact in catalog.sddmm for choice in found)


def _default_sampled(options: Options, catalog: Catalog, runnable: list[Choice]) -> list[Choice]:
    """Return every selection in front of every kernel when checking, of edges in front of ours; measuring, what `Kernel.role` says.

    Selections of edges have one way to build what is left, for whichever kernel: one in front of which they are checked will do.
    They are measured where they are named, as they would take a third of the usual sweep's time.
    """
    every = [sampled for choice in runnable for sampled in catalog.sampled(choice.exact)]
    roles = {choice.exact: catalog.exact[choice.exact].role for choice in runnable}
    if not options.benchmark:
        return [c for c in every if roles[c.exact] == "ours" or catalog.selections[str(c.selection)].edges is None]
    of_pairs = [c for c in every if catalog.selections[str(c.selection)].edges is None]
    ablated = [c for c in of_pairs if roles[c.exact] == "ours" and not c.cached]
    return [c for c in every if c in ablated or (c.selection == "topk" and roles[c.exact] in ("ours", "vendor"))]


def extremal(reduce: Reduce, options: Options, catalog: Catalog, device: str) -> list[Choice]:
    """Return the kernels of a device that compute an extremum, baselines too; and what is absent or named: a record says why not.

    Nothing samples in front of them.
    """
    able = [name for name, kernel in catalog.exact.items() if reduce in kernel.reduces and on(kernel.device, device)]
    own = catalog.approximations()
    found = [choice for choice in asked(options, catalog, device) if choice.selection is None and choice not in own]
    return list(dict.fromkeys([*map(Choice, [*able, *catalog.missing]), *found]))


def _topk(catalog: Catalog, exact: str) -> list[Choice]:
    return [choice for choice in catalog.sampled(exact) if choice.selection == "topk"]


def on(kind: str, device: str) -> bool:
    """Whether a device is of the kind of a kernel's."""
    return kind == device.partition(":")[0]
