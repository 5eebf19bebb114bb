"""Holds the options of a run as typed values, and refuses those that no run can use in one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import torch

from rsc_bench import allocator, caches
from rsc_bench import text as words
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.records.case import FRESH, KEPT
from rsc_bench.kernels import Reduce
from rsc_bench.suites import devices, graphs
from rsc_bench.suites.devices import Devices

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

Memory = Literal["fresh", "kept"]

AS_IS = "none"
"""What ``--reorder`` calls the source's own order."""

MOST = 10_000
"""Of what is counted: more rounds are cases that no memory holds, and more epochs nobody waits for."""
CASE_TIMEOUT_S = 1800.0
"""Seconds that a product, or an epoch of a training, may take where ``--case-timeout`` says nothing: none takes so long."""

T = TypeVar("T", int, float)


class OptionsError(Exception):
    """An option that cannot be used; the message names it, the rule, the value and the remedy."""


@dataclass(frozen=True)
class Options:
    """The options of a run, as given; empty where an option was not."""

    benchmark: bool = False
    """``--benchmark``: whether to measure; otherwise every case is checked once."""
    graphs: tuple[str, ...] = ()
    """``--graph``: names and paths of graphs."""
    kernels: tuple[str, ...] = ()
    """``--kernel``: names of kernels and paths of kernel files."""
    budgets: tuple[float, ...] = ()
    """``--budget``: shares of the exact FLOPs, in (0, 1]."""
    widths: tuple[int, ...] = ()
    """``--width``: columns of the dense operand, of hidden layers where models are trained; at least 1."""
    dtypes: tuple[str, ...] = ()
    """``--dtype``: names in `DTYPES`."""
    reduces: tuple[Reduce, ...] = ()
    """``--reduce``: aggregations, ``sum``, ``mean``, ``max`` or ``min``."""
    rounds: int | None = None
    """``--rounds``: passes over the sweep, at least 1."""
    results: Path | None = None
    """``--results``: the results file."""
    slow_down: float | None = None
    """``--slow-down``: share by which each call is made longer on purpose; None: not at all."""
    device: str | None = None
    """``--device``: ``cpu``, ``cuda`` or ``cuda:0``; None: the GPU where there is one."""
    clocks: tuple[str, ...] = ()
    """``--clock``: names of timing modes; empty for the usual ones of the device."""
    data_root: Path | None = None
    """``--data-root``: folder of published graphs."""
    reorders: tuple[str, ...] = ()
    """``--reorder``: names of orders that the nodes of each graph are put in, ``none`` for the source's own."""
    models: tuple[str, ...] = ()
    """``--model``: names of models to train, also of one in a file, which is loaded by now."""
    layers: int | None = None
    """``--layers``: depth of the models, at least 1."""
    epochs: int | None = None
    """``--epochs``: epochs of a training, at least 1."""
    seeds: int | None = None
    """``--seeds``: trainings of each kind, with seeds from 0; at least 1."""
    ablation: bool = False
    """``--ablation``: whether to train the method with each of its parts left out or changed, too."""
    controls: bool = False
    """``--controls``: whether to train what sampling is held against, too."""
    warmup: str | None = None
    """``--warmup``: ``restart``, or the exact steps before trainings sample."""
    interval: int | None = None
    """``--interval``: products that one selection serves in trainings, at least 1."""
    switch_at: float | None = None
    """``--switch-at``: share of a training from which on it is exact, in [0, 1]."""
    allocation: str | None = None
    """``--allocation``: name of what shares the budget out over layers."""
    selections: tuple[str, ...] = ()
    """``--selection``: what chooses pairs in trainings, in the place of top-k."""
    recipes: tuple[str, ...] = ()
    """``--recipe``: what is changed of the recipes of trainings, ``KEY=VALUE`` and paths of ``FILE.toml``."""
    amp: bool = False
    """``--amp bf16``: whether trainings compute in bfloat16 where torch's autocast does."""
    memory: tuple[Memory, ...] = ()
    """``--memory``: whether freed memory goes back to the system, so that large results are ``fresh`` memory, or is ``kept``."""
    trainings_named: bool = False
    """Whether the module of the trainings was named on the command line, see `names_suite`."""
    growth_named: bool = False
    """Whether the module of the suite ``growth`` was."""
    harness_named: bool = False
    """Whether the module of the suite ``harness`` was."""
    minmax_named: bool = False
    """Whether the module of the suite ``minmax`` was."""
    sddmm_named: bool = False
    """Whether the module of the suite ``sddmm`` was."""
    max_nnz: float | None = None
    """``--max-nnz``: non-zeros of the largest graph of the suite ``growth``; None: as many as the device is usually given."""
    plugins: tuple[str, ...] = ()
    """``--plugin``: paths of files with plug-ins, which are loaded by now."""
    in_process: bool = False
    """``--in-process``: whether to measure in this process, for a debugger, and not in workers."""
    case_timeout_s: float = CASE_TIMEOUT_S
    """``--case-timeout``: seconds that a product may take, or an epoch of a training; above 0."""
    limits: Limits = field(default_factory=Limits)
    """``--precision``, ``--max-time``, ``--min-samples``: when there are enough samples of a case."""
    no_cache: bool = False
    """``--no-cache``: whether to make every graph anew, and to keep none on disk."""
    asked: list[str] | None = None
    """All that decides what is measured as it was written, see `rsc_bench.suites.measuring.asked`; None: not known."""

    @property
    def orders(self) -> tuple[str | None, ...]:
        """The orders of the nodes of each graph; None for the source's own, which is the only one where none is named."""
        return tuple(dict.fromkeys(None if name == AS_IS else name for name in self.reorders)) or (None,)

    @property
    def keeps(self) -> tuple[bool, ...]:
        """Whether the process keeps freed memory, in each of the settings that were asked for; empty where none was."""
        return tuple(kept for kept in (False, True) if (KEPT if kept else FRESH) in self.memory)

    @property
    def plain(self) -> bool:
        """Whether nothing is said of which cases there are, and how often."""
        chosen = (self.graphs, self.kernels, self.budgets, self.widths, self.dtypes, self.reduces, self.clocks, self.reorders)
        return not (any(chosen) or self.memory or self.rounds or self.slow_down or self.trains)

    @property
    def trains(self) -> bool:
        """Whether trainings are what the run is about: an option of theirs is given, or their module is named."""
        lengths = (self.models, self.layers, self.epochs, self.seeds, self.recipes, self.amp)
        method = (self.warmup, self.interval, self.switch_at, self.allocation, self.selections)
        options = (*lengths, *method, self.ablation, self.controls)
        return self.trainings_named or any(option is not None and option is not False and option != () for option in options)


def numbers(option: str, texts: Iterable[str], kind: type[T]) -> tuple[T, ...]:
    """Return the numbers in the values of an option, or raise `OptionsError`."""
    found = []
    for text in texts:
        try:
            found.append(kind(text))
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise OptionsError(f"{option} must be {what} (got {text!r})") from None
    return tuple(found)


def share(option: str, text: str | None) -> float | None:
    """Return the share in the value of an option, ``5%`` or ``0.05``, None where it was not given, or raise `OptionsError`."""
    if text is None:
        return None
    found = words.share(text)
    if math.isnan(found):
        raise OptionsError(f"{option} must be a number (got {text!r})")
    return found


def path(option: str, text: str | None) -> Path | None:
    """Return the path in the value of an option, None where it was not given, or raise `OptionsError`."""
    if text == "":
        raise OptionsError(f"{option} must be a path (got ''): leave it out for the default")
    return None if text is None else Path(text)


def names_suite(arguments: Iterable[str], suite: str) -> bool:
    """Return whether one of pytest's arguments is the module of a suite: its path, or with ``--pyargs`` its dotted name."""
    names = (Path(argument.partition("::")[0]).name for argument in arguments)
    return any(name.removesuffix(".py").rpartition(".")[2] == f"test_{suite}" for name in names)


def check(options: Options, here: Devices = devices.HERE) -> None:
    """Raise `OptionsError` or `GraphError` for the first value that no run can use; `here` are the devices of the machine."""
    for message in _refusals(options, here):
        raise OptionsError(message)


def _refusals(options: Options, here: Devices) -> Iterator[str]:
    yield from _each("--budget", options.budgets, lambda c: 0 < c <= 1, "must lie in (0, 1], a share of the exact FLOPs")
    yield from _each("--width", options.widths, lambda d: d >= 1, "must be at least 1, the columns of the dense operand")
    for name in ("rounds", "layers", "epochs", "seeds"):
        count = getattr(options, name)
        yield from _each(f"--{name}", () if count is None else (count,), lambda n: n >= 1, "must be at least 1")
        yield from _each(f"--{name}", () if count is None else (count,), lambda n: n <= MOST, f"must be at most {MOST:,}")
    yield from _slow_down(options)
    yield from _limits(options)
    yield from _memory(options, here)
    yield from _each("--dtype", options.dtypes, DTYPES.__contains__, f"must be one of {', '.join(DTYPES)}")
    yield from _each("--reduce", options.reduces, get_args(Reduce).__contains__, "must be sum, mean, max or min")
    yield from _training_dtypes(options)
    yield from filter(None, [here.refusal(options.device)])
    yield from devices.clock_refusals(options.clocks, options.device or here.default())
    yield from _orders(options)
    yield from _folders(options)
    yield from _names(options)


def _folders(options: Options) -> Iterator[str]:
    root = options.data_root
    if root is not None and root.exists() and not root.is_dir():
        yield f"--data-root must be a folder (got {root})"
    if options.no_cache:
        return
    try:
        caches.most_bytes(0)
    except ValueError as error:
        yield str(error)


def _slow_down(options: Options) -> Iterator[str]:
    if options.slow_down is None:
        return
    if not 0 < options.slow_down <= 10:
        yield f"--slow-down must be above 0% and at most 1000% (got {100 * options.slow_down:g}%): write 5% or 0.05"
    if not options.benchmark:
        yield "--slow-down must go with --benchmark: without it nothing is timed"
    if options.trains:
        yield "--slow-down must go with products, not with trainings, which it leaves as they are: name no --model or training"


def _memory(options: Options, here: Devices) -> Iterator[str]:
    if not options.memory:
        return
    yield from _each("--memory", options.memory, (FRESH, KEPT).__contains__, "must be fresh or kept")
    if not options.benchmark:
        yield "--memory must go with --benchmark: without it nothing is timed"
    if (device := options.device or here.default()) != "cpu":
        yield f"--memory must go with a run on a CPU, for it is main memory (got {device}): add --device cpu"
    if options.in_process:
        yield "--memory must go without --in-process: it needs a process of its own"
    if KEPT in options.memory and (reason := allocator.why_not()) is not None:
        yield f"--memory kept: {reason}"


def _limits(options: Options) -> Iterator[str]:
    limits = options.limits
    yield from _each("--case-timeout", (options.case_timeout_s,), lambda s: 0 < s < math.inf, "must be seconds above 0")
    yield from _each("--max-time", (limits.time_s,), lambda s: 0 < s < math.inf, "must be seconds above 0")
    yield from _each("--precision", (limits.precision,), lambda p: 0 < p < 1, "must lie in (0, 1), a share of the median")
    most = limits.most
    yield from _each("--min-samples", (limits.fewest,), lambda n: 1 <= n <= most, f"must be at least 1 and at most {most}")


def _each(option: str, values: tuple[Any, ...], fits: Callable[[Any], bool], rule: str) -> Iterator[str]:
    return (f"{option} {rule} (got {value})" for value in values if not fits(value))


def _training_dtypes(options: Options) -> Iterator[str]:
    if options.models and options.dtypes and "float32" not in options.dtypes:
        yield f"--dtype must be float32 where a --model is trained (got {', '.join(options.dtypes)}): leave it out"


def _orders(options: Options) -> Iterator[str]:
    for name in filter(None, options.orders):
        try:
            graphs.check_order(name)
        except graphs.GraphError as error:
            yield f"--reorder: {error}"


def _names(options: Options) -> Iterator[str]:
    """Look every graph up; files are read here, so that a bad one stops the run before it starts."""
    names = [graphs.check(graph, options.data_root, not options.no_cache) for graph in dict.fromkeys(options.graphs)]
    for name in names:
        if names.count(name) > 1:
            yield f"--graph must not name two graphs that are called the same in the results (got {name} twice): rename a file"
