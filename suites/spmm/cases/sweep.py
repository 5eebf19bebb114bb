"""Turns the options of a run into its SpMM cases, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from rsc_bench import allocator
from rsc_bench.harness.records.case import FLOAT32, KEPT, MINMAX, SDDMM, Case
from rsc_bench.kernels import Reduce, contract
from rsc_bench.kernels.contract import EXTREMA, SUMS, Operation
from rsc_bench.kinds import ALL_BASELINES
from rsc_bench.suites import devices, graphs
from rsc_bench.suites.catalog import Catalog, Choice
from rsc_bench.suites.options import DTYPES, Options
from rsc_bench.suites.spmm.cases.choosing import asked, choices, extremal, names_dots_alone, on

Suite = Literal["exact", "sampled", "minmax", "sddmm", "growth"]

CHECKED_GRAPHS = ("small:random", "small:hub", "small:empty-rows", "small:directed")
CHECKED_WIDTHS = (1, 41, 64)
CHECKED_BUDGETS = (0.1, 0.5, 1.0)
MEASURED_WIDTHS = (64, 256)
MEASURED_BUDGETS = (0.1, 0.3, 0.5)


@dataclass(frozen=True)
class Setting:
    """One case of a sweep, before it has been prepared."""

    suite: Suite
    graph: str
    """As `rsc_bench.suites.graphs.load` takes it: a name or a path."""
    label: str
    """As records keep it."""
    width: int
    choice: Choice
    budget: float | None
    dtype: str
    reduce: Reduce
    device: str
    clock: str = "host"
    reorder: str | None = None
    """Order that the graph's nodes are put in; None: the source's own."""
    precision: str | None = None
    """What its kernel computes in, where that is not what it stores, see `Catalog.precision`."""
    keeps_memory: bool = False
    """Whether main memory that is freed stays in the process, which is then one of its own."""

    def __str__(self) -> str:
        """The id of its test: readable, and unique in a sweep."""
        parts = [self.label, f"d{self.width}", self.choice.name, f"C{self.budget:g}" if self.budget else ""]
        parts += [self.dtype * (self.dtype != "float32"), self.reduce * (self.reduce != "sum"), self.reorder or ""]
        parts += [self.clock * (self.clock != "host"), KEPT * self.keeps_memory]
        return "-".join(part for part in parts if part)

    @property
    def operation(self) -> Operation:
        """What a kernel must compute to be measured here."""
        return contract.SDDMM if self.suite == SDDMM else contract.SPMM

    def case(self) -> Case:
        """Return the identity that its record gets."""
        return Case(
            suite=self.suite,
            kernel=self.choice.name,
            graph=self.label,
            width=self.width,
            budget=self.budget,
            dtype=self.dtype,
            device=self.device,
            clock=self.clock,
            reduce=self.reduce,
            reorder=self.reorder,
            freed_memory=KEPT if self.keeps_memory else None,
            precision=self.precision,
        )


def settings(options: Options, catalog: Catalog, largest_kept_bytes: int = allocator.LARGEST_KEPT_BYTES) -> list[Setting]:
    """Return every case of the sweep: graph by graph, width by width, exact kernels before what samples in front of them.

    On a CPU a product whose result is larger than `largest_kept_bytes` is there twice, where nothing else was asked for: with fresh
    memory and with kept memory, which for smaller ones are the same thing.
    """
    if names_dots_alone(options, catalog):
        return []
    device = options.device or devices.HERE.default()
    exact, sampled = choices(options, catalog, device)
    labels = {graph: graphs.check(graph, options.data_root, not options.no_cache) for graph in usual_graphs(options, device)}
    nodes = _nodes(options, device) if not _settled(options, device) and _why_not_kept(options) is None else {}
    every = []
    for (turn, graph), order, dtype, reduce, (step, width) in product(
        enumerate(labels), options.orders, usual_dtypes(options, catalog), _reduces(options), enumerate(usual_widths(options))
    ):
        chosen: list[tuple[Suite, Choice, float | None]] = [("exact", choice, None) for choice in exact]
        behind = [choice for choice in sampled if _compared_at(width, choice, options)]
        chosen += [("sampled", choice, None) for choice in behind if choice.selection is None]
        given = [choice for choice in behind if choice.selection is not None]
        chosen += [("sampled", choice, budget) for budget in _budgets(options, turn + step) for choice in given]
        if reduce in EXTREMA:
            chosen = [("minmax", choice, None) for choice in extremal(reduce, options, catalog, device)]
        for suite, choice, budget in chosen:
            place = (suite, graph, labels[graph], width, choice, budget, dtype, reduce, device)
            large = _result_bytes(nodes.get(graph), width, dtype) > largest_kept_bytes
            every += timed(Setting(*place, reorder=order), options, catalog, large)
    return list(dict.fromkeys(every))  # a value that was given twice is one case, or a round would have it twice


def fresh_alone(options: Options, largest_kept_bytes: int = allocator.LARGEST_KEPT_BYTES) -> Iterator[str]:
    """Yield a sentence for each reason why `settings` has products with fresh memory alone that should be there with both."""
    device = options.device or devices.HERE.default()
    if _settled(options, device):
        return
    nodes = _nodes(options, device)
    unknown = [graph for graph, count in nodes.items() if count is None]
    largest = max(_result_bytes(*each) for each in product(nodes.values(), usual_widths(options), usual_dtypes(options)))
    why = _why_not_kept(options)
    if why is None:
        reason = "for its size is not known before it is made: --memory fresh --memory kept measures both"
        yield from (f"graph {graph}: its products are measured with fresh memory alone, {reason}" for graph in unknown)
    elif unknown or largest > largest_kept_bytes:
        yield f"results above 32 MB are measured with fresh memory alone, not with kept memory: {why}"


def baselines_left_out(options: Options, catalog: Catalog, suites: set[Suite]) -> Iterator[str]:
    """Yield a note that names the baselines that could be measured on the device, and are not: nobody named them.

    The suites ``minmax`` and ``sddmm`` have all kernels.
    """
    if suites <= {MINMAX, SDDMM}:
        return
    device = options.device or devices.HERE.default()
    named = {choice.exact for choice in asked(options, catalog, device)}
    left = [name for name in catalog.baselines(device) if name not in named and catalog.why_not(Choice(name)) is None]
    if left:
        remedy = f"--kernel {ALL_BASELINES} measures all, --kernel NAME one"
        yield f"note:    baselines that are not measured: {', '.join(left)}: {remedy}"


def selections_left_out(options: Options, catalog: Catalog, suites: set[Suite]) -> Iterator[str]:
    """Yield a note that names the selections of edges, which are measured where one is named alone, see `choices`."""
    of_edges = [name for name, selection in catalog.selections.items() if selection.edges is not None]
    if of_edges and "sampled" in suites and not options.kernels:
        example = f"--kernel '{of_edges[0]}(KERNEL)'"
        yield f"note:    selections of edges that are not measured: {', '.join(of_edges)}: {example} measures one"


def _settled(options: Options, device: str) -> bool:
    """Whether fresh or kept memory is no question: it was answered, nothing is timed, or results are not in main memory."""
    return bool(options.memory) or not options.benchmark or device != "cpu"


def _why_not_kept(options: Options) -> str | None:
    """Return why no product of a run can be measured in a process that keeps memory; None where it can."""
    return "it needs a process of its own (--in-process)" if options.in_process else allocator.why_not()


def _nodes(options: Options, device: str) -> dict[str, int | None]:
    return {graph: graphs.nodes(graph, options.data_root, not options.no_cache) for graph in usual_graphs(options, device)}


def _result_bytes(nodes: int | None, width: int, dtype: str) -> int:
    """Return the size of a result; 0 where it is not known."""
    return (nodes or 0) * width * DTYPES[dtype].itemsize


def _keeps(options: Options, choice: Choice, catalog: Catalog, device: str, large: bool) -> tuple[bool, ...]:
    """Return whether freed memory is kept in the settings of a case, one after the other; one will do where nothing is timed."""
    if device != "cpu":
        return (False,)
    keeps = options.keeps or ((False, True) if large else (False,))
    return keeps if catalog.why_not(choice) is None else keeps[:1]


def timed(setting: Setting, options: Options, catalog: Catalog, large: bool = False) -> list[Setting]:
    """Return a case on the device of its kernel, once for each clock, and with fresh and kept memory where its result is `large`.

    One will do where nothing is timed.
    """
    device = _device_of(setting.choice, catalog, setting.device)
    setting = replace(setting, precision=catalog.precision(setting.choice, DTYPES[setting.dtype]))
    clocks = devices.clocks(device, options.clocks)
    some = clocks if options.benchmark and catalog.why_not(setting.choice) is None else clocks[:1]
    keeps = _keeps(options, setting.choice, catalog, device, large)
    # One right after the other, so that what the machine does meanwhile is the same for both.
    return [replace(setting, device=device, clock=clock, keeps_memory=kept) for clock in some for kept in keeps]


def _compared_at(width: int, choice: Choice, options: Options) -> bool:
    """Whether a selection is measured at a width: where neither is named, those beside top-k at the largest, as on the page."""
    usual = options.benchmark and not options.kernels and not options.widths
    return choice.selection in ("topk", None) or not usual or width == max(MEASURED_WIDTHS)


def _device_of(choice: Choice, catalog: Catalog, device: str) -> str:
    kernel = catalog.every.get(choice.exact)
    return device if kernel is None or on(kernel.device, device) else kernel.device


def usual_graphs(options: Options, device: str) -> tuple[str, ...]:
    """Return the graphs of a sweep: those that are named, or the usual ones."""
    if options.graphs:
        return tuple(dict.fromkeys(options.graphs))
    return _measured_graphs(device) if options.benchmark else CHECKED_GRAPHS


def _measured_graphs(device: str) -> tuple[str, ...]:
    """A dense social graph and a sparser co-purchase graph, whole on a GPU, in part where minutes matter."""
    if device != "cpu":
        return ("twin:reddit2", "twin:ogbn-products@0.2")
    return ("twin:reddit2@0.1", "twin:ogbn-products@0.01")


def usual_widths(options: Options) -> tuple[int, ...]:
    """Return the widths of a sweep: those that are named, or the usual ones."""
    return options.widths or (MEASURED_WIDTHS if options.benchmark else CHECKED_WIDTHS)


def _budgets(options: Options, turn: int) -> tuple[float, ...]:
    """Return the budgets of a product; where nobody asked for any and nothing is timed, one in turn.

    Over the graphs and widths each then meets each budget, as the dtypes and kernels do, in a third of the cases.
    """
    if options.budgets or options.benchmark:
        return options.budgets or MEASURED_BUDGETS
    return (CHECKED_BUDGETS[turn % len(CHECKED_BUDGETS)],)


def usual_dtypes(options: Options, catalog: Catalog | None = None) -> tuple[str, ...]:
    """Return the dtypes of the operands; where none is named, also those of named kernels that do not take float32."""
    if options.dtypes or not options.benchmark:
        return options.dtypes or tuple(DTYPES)
    if catalog is None:
        return (FLOAT32,)
    names = {each for name in options.kernels for each in catalog.from_files.get(name, (name,))}
    stored = [kernel.stores for name, kernel in catalog.every.items() if name in names and kernel.stores]
    return tuple(dict.fromkeys([FLOAT32, *(each for some in stored if FLOAT32 not in some for each in some if each in DTYPES)]))


def _reduces(options: Options) -> tuple[Reduce, ...]:
    if options.reduces or not options.benchmark:
        return options.reduces or SUMS + EXTREMA
    return ("sum", "max") if options.minmax_named else ("sum",)
