"""Turns the options of a run into the cases of the suite ``growth``: a family of graphs over its size, one graph over the width."""

from __future__ import annotations

from itertools import product

from rsc_bench.suites import devices, graphs
from rsc_bench.suites.catalog import Catalog, Choice
from rsc_bench.suites.graphs import twins
from rsc_bench.suites.graphs.synthetic.twin_table import TWINS
from rsc_bench.suites.options import Options, OptionsError
from rsc_bench.suites.spmm.cases.choosing import choices, named, names_dots_alone
from rsc_bench.suites.spmm.cases.sweep import Setting, timed
from rsc_bench.text import bench

FAMILY = "ogbn-products"
"""The twin that grows: nodes and edges by the same share, so that the mean degree, 50.5, and the shape of the degrees stay."""
SHARES = (0.0008, 0.0024, 0.008, 0.024, 0.08, 0.24, 0.8)
"""Of the published graph: just below 1e5, 3e5, 1e6, 3e6, 1e7, 3e7 and 1e8 non-zeros."""
SIZED_WIDTHS = (64, 256)
"""Widths at which it grows."""
WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
"""Widths of the one graph that does not grow."""
CPU_NNZ, GPU_NNZ = 1e7, 1e8
"""Non-zeros of the largest graph where ``--max-nnz`` says nothing: on a CPU a call beyond takes seconds."""
CPU_WIDENED, GPU_WIDENED = 0.024, 0.08
"""Share of the graph that does not grow, in float32 an operand of 4 to 240 MB on a CPU, and of 13 to 800 MB on a GPU: the last
cache of most, 16 to 128 MB, has the first of them and not the last ones."""
BUDGETS = (0.1,)
OWN = ("ours", "vendor")
"""Roles of the exact kernels that grow without being named."""
CHECKED_GRAPHS = ("small:random", "small:hub")
CHECKED_WIDTHS = (16, 256)


def growth_settings(options: Options, catalog: Catalog) -> list[Setting]:
    """Return every case of the suite, graph by graph, width by width; raises `OptionsError` for a ``--max-nnz`` that says nothing.

    Where a run measures and does not name the suite there is none: it takes minutes, and is no part of the usual sweep.
    """
    _check(options)
    if (options.benchmark and not options.growth_named) or names_dots_alone(options, catalog):
        return []
    device = options.device or devices.HERE.default()
    exact, sampled = _choices(options, catalog, device)
    widths = _widths(options, device)
    labels = {graph: graphs.check(graph, options.data_root, not options.no_cache) for graph in widths}
    budgets = options.budgets or BUDGETS
    chosen = [*product(exact, [None]), *((choice, budget) for budget in budgets for choice in sampled)]
    every = []
    for graph, order, dtype, reduce in product(labels, options.orders, options.dtypes or ("float32",), options.reduces or ("sum",)):
        for width, (choice, budget) in product(widths[graph], chosen):
            place = (graph, labels[graph], width, choice, budget, dtype, reduce, device)
            every += timed(Setting("growth", *place, reorder=order), options, catalog)
    return list(dict.fromkeys(every))


def nnz_of(share: float) -> int:
    """Return the non-zeros of the family's graph of a share."""
    return twins.scaled(_graph(share), TWINS[FAMILY], share)[1]


def _graph(share: float) -> str:
    return f"{twins.PREFIX}{FAMILY}@{share:g}"


def _check(options: Options) -> None:
    """Raise `OptionsError` where ``--max-nnz`` chooses nothing."""
    least = nnz_of(SHARES[0])
    if options.max_nnz is None:
        return
    if not options.max_nnz >= least:  # written so that NaN is refused
        raise OptionsError(f"--max-nnz must be at least {least}, the non-zeros of the smallest graph (got {options.max_nnz:g})")
    if not (options.benchmark and options.growth_named):
        raise OptionsError(f"--max-nnz must go with the suite growth where it measures: write `{bench(suite='growth')}`")
    if options.graphs:
        raise OptionsError("--max-nnz must go without --graph: it chooses among the graphs of the suite, or name those you want")


def _choices(options: Options, catalog: Catalog, device: str) -> tuple[list[Choice], list[Choice]]:
    """Return ours and the vendor's exact kernels, top-k in front of ours, and in the place of top-k what is named.

    A line for each kernel that there is would take hours, and hide what the figure is about. Where ours is not among those of the
    device, what could not be loaded has records that say why.
    """
    exact, sampled = choices(options, catalog, device)
    own = [choice.name for choice in sampled if choice.selection is None]
    if own and options.benchmark and options.kernels:
        rule = "--kernel must name exact kernels and selections in the suite growth"
        raise OptionsError(f"{rule} (got {own[0]}, an approximation of its own): `{bench()}` measures it")
    sampled = [choice for choice in sampled if choice.selection is not None]
    roles = {name: each.role for name, each in catalog.exact.items() if each.device == device.partition(":")[0]}
    chosen = {choice.exact for name in options.kernels for choice in named(name, catalog, device)}
    chosen |= {name for name, role in roles.items() if role in OWN}
    chosen |= set() if "ours" in roles.values() else {*catalog.missing}
    exact = [choice for choice in exact if choice.exact in chosen]
    if options.kernels:
        return exact, sampled
    return exact, [choice for choice in sampled if choice.selection == "topk" and roles[choice.exact] == "ours"]


def _widths(options: Options, device: str) -> dict[str, tuple[int, ...]]:
    """Return the widths of each graph; those that are named are measured at every width, and at named widths all are."""
    if options.graphs or not options.benchmark:
        usual = WIDTHS if options.benchmark else CHECKED_WIDTHS
        return dict.fromkeys(options.graphs or CHECKED_GRAPHS, options.widths or usual)
    most, widened = (CPU_NNZ, CPU_WIDENED) if device == "cpu" else (GPU_NNZ, GPU_WIDENED)
    shares = [share for share in SHARES if nnz_of(share) <= (options.max_nnz or most)]
    widened = min(widened, shares[-1])
    return {_graph(share): options.widths or (WIDTHS if share == widened else SIZED_WIDTHS) for share in shares}
