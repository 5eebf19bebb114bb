"""Turns the options of a run into the cases of the suite ``sddmm``: every kernel that computes dot products, and those named."""

from __future__ import annotations

from itertools import product, takewhile

from rsc_bench.harness.records.case import SDDMM
from rsc_bench.suites import devices, graphs
from rsc_bench.suites.catalog import Catalog, Choice
from rsc_bench.suites.options import Options, OptionsError
from rsc_bench.suites.spmm.cases.choosing import every_asked, on
from rsc_bench.suites.spmm.cases.sweep import Setting, timed, usual_dtypes, usual_graphs, usual_widths
from rsc_bench.text import SUITES, bench


def sddmm_settings(options: Options, catalog: Catalog) -> list[Setting]:
    """Return every case of the suite, graph by graph, width by width; raises `OptionsError` for an aggregation.

    Where a run measures there is none unless it names the suite or a kernel of it. Results above 32 MB are measured with fresh
    memory alone where nothing else is asked for: their size, that of the matrix, is known only when that is made.
    """
    named = every_asked(options, catalog)
    own = [choice for choice in named if choice.exact in catalog.sddmm]
    if options.benchmark and not (options.sddmm_named or own):
        return []
    _check(options, catalog, bool(own))
    device = options.device or devices.HERE.default()
    here = [Choice(name) for name, kernel in catalog.sddmm.items() if on(kernel.device, device)]
    # A kernel of another operation that is named with the suite is there to say so.
    others = [choice for choice in named if options.sddmm_named and choice.selection is None and not choice.cached]
    chosen = dict.fromkeys([*here, *own, *others])
    labels = {graph: graphs.check(graph, options.data_root, not options.no_cache) for graph in usual_graphs(options, device)}
    dtypes = usual_dtypes(options, catalog)
    every = []
    for graph, order, dtype, width in product(labels, options.orders, dtypes, usual_widths(options)):
        for choice in chosen:
            setting = Setting(SDDMM, graph, labels[graph], width, choice, None, dtype, "sum", device, reorder=order)
            every += timed(setting, options, catalog)
    return list(dict.fromkeys(every))


def _check(options: Options, catalog: Catalog, own: bool) -> None:
    """Raise `OptionsError` for an aggregation of the suite, and for kernels of it that are named with other suites alone."""
    if options.sddmm_named and options.reduces:
        rule = "--reduce must go without the suite sddmm, which aggregates nothing"
        raise OptionsError(f"{rule} (got {options.reduces[0]}): leave it out")
    suites = [*takewhile(SUITES.__contains__, options.asked or ())]
    if own and suites and not options.sddmm_named:
        given = next(name for name in options.kernels if {*catalog.from_files.get(name, (name,))} & {*catalog.sddmm})
        rule = f"--kernel {given} computes SDDMM, and must go with the suite sddmm"
        raise OptionsError(f"{rule} (got {' '.join(suites)}): write `{bench(f'--kernel {given}', SDDMM)}`")
