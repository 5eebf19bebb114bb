"""Turns the options of a run into its trainings: seed by seed, exact ones before those that sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal, get_args

from rsc_bench.harness.compare.trained.drop import RANDOM
from rsc_bench.harness.records.case import FLOAT32, KEPT, Case
from rsc_bench.kernels.contract import SDDMM, Role
from rsc_bench.kinds import AS_WRITTEN
from rsc_bench.suites import devices, graphs
from rsc_bench.suites.catalog import Catalog, Choice
from rsc_bench.suites.options import DTYPES, Options
from rsc_bench.suites.training.baselines import BASELINES, Baseline
from rsc_bench.suites.training.controls import CONTROLS
from rsc_bench.suites.training.data import lack
from rsc_bench.suites.training.method import ABLATED_BUDGETS, VARIANTS, Method, ablatable, check_ablation, varied
from rsc_bench.suites.training.models import USUAL, Model, find, models
from rsc_bench.suites.training.recipes import CPU_EPOCHS, Changes, Names, Recipe, changes, check_tables, recipe

CHECKED_EPOCHS = 3
CHECKED_GRAPHS = ("small:random",)
CHECKED_HIDDEN = 16
CHECKED_BUDGETS = (0.5, 1.0)
MEASURED_SEEDS = 3
MEASURED_BUDGETS = (0.1, 0.3, 0.5)
SMALL: dict[str, Any] = {
    "graphs": ("twin:ogbn-arxiv@0.03",),
    "widths": (128,),
    "epochs": 30,
    "seeds": MEASURED_SEEDS,
    "budgets": (0.1, 0.3),
}
"""Options of the trainings that are part of the usual sweep."""
AMP = "bfloat16-autocast"
"""What records have in the place of a dtype where training computes in torch's autocast."""


@dataclass(frozen=True)
class TrainingSetting:
    """One training of a sweep, before it has begun."""

    graph: str
    """As `rsc_bench.suites.graphs.load` takes it: a name or a path."""
    label: str
    """As records keep it."""
    model: Model
    layers: int
    width: int
    """Of the hidden layers."""
    choice: Choice
    """The exact kernel, or the selection in front of one; of a baseline its name, in place of a kernel's."""
    budget: float | None
    """None: exact training."""
    epochs: int
    seed: int
    device: str
    reorder: str | None = None
    """Order that the graph's nodes are put in; None: the source's own."""
    variant: str | None = None
    """A name in `VARIANTS`; None: the method as it is."""
    control: str | None = None
    """A name in `rsc_bench.suites.training.controls`: exact training in another way; None: the way of its kernel."""
    method: Method = field(default_factory=Method)
    """How it is sampled, where that is not as usual."""
    recipe: Recipe = field(default_factory=Recipe)
    """What it is trained with."""
    changed: str | None = None
    """What the run changes of the published recipe, as records keep it."""
    amp: bool = False
    """Whether it computes in bfloat16 where torch's autocast does."""
    precision: str | None = None
    """What its kernel computes in, where that is not float32."""
    keeps_memory: bool = False
    """Whether main memory that is freed stays in the process, which is then one of its own."""
    suite: Literal["training"] = field(default="training", init=False)

    def __str__(self) -> str:
        """The id of its test: readable, and unique in a sweep."""
        budget = f"C{self.budget:g}" if self.budget else ""
        parts = [self.label, self.model.name, f"d{self.width}", self.choice.name, budget, self.altered or "", f"seed{self.seed}"]
        parts += [self.reorder or "", "kept" * self.keeps_memory, self.changed or "", "bf16" * self.amp]
        return "-".join(part for part in parts if part)

    @property
    def baseline(self) -> Baseline | None:
        """Whose code trains, where it is not ours."""
        return BASELINES.get(self.choice.exact)

    @property
    def altered(self) -> str | None:
        """What of the method is left out or changed, or the control that stands in its place; None: the method as it is."""
        of_method = None if self.control and not CONTROLS[self.control].has_budget else self.method.name
        changed = CONTROLS[self.control].recorded if self.control else self.variant
        return ",".join(filter(None, [changed, of_method])) or None

    @property
    def given(self) -> dict[str, Any]:
        """The options for `approximate` that are not those of its kernel."""
        return self.method.given(self.epochs) | VARIANTS.get(self.variant or "", {})

    def why_not(self, catalog: Catalog) -> str | None:
        """Return why it cannot be trained on this machine, or None."""
        selection = catalog.selections.get(self.choice.selection or "")
        kernel = catalog.exact.get(self.choice.exact)
        own = f"{self.choice.name} is an approximation of its own: a training multiplies exactly, or samples by a selection"
        if self.choice.exact in catalog.sddmm:
            return f"{self.choice.name} computes {SDDMM}: a training multiplies"
        reason = self.model.why_not() or (selection and selection.why_not_train()) or (own if kernel and not kernel.exact else None)
        return reason or (self.baseline.missing() if self.baseline else catalog.why_not(self.choice))

    def case(self) -> Case:
        """Return the identity that its record gets."""
        return Case(
            suite=self.suite,
            kernel=self.choice.name,
            graph=self.label,
            width=self.width,
            budget=self.budget,
            dtype=AMP if self.amp else "float32",
            device=self.device,
            clock=devices.TRAINING_CLOCK,
            reduce=self.model.reduce,
            reorder=self.reorder,
            model=self.model.name,
            layers=self.layers,
            seed=self.seed,
            epochs=self.epochs,
            variant=self.altered,
            recipe=self.changed,
            freed_memory=KEPT if self.keeps_memory else None,
            precision=self.precision,
        )


def training_settings(options: Options, catalog: Catalog) -> list[TrainingSetting]:
    """Return every training of the sweep.

    Where a run measures and no training is asked for, a few small ones are part of the usual sweep, and none of any other: each
    takes minutes.
    """
    if options.benchmark and not options.trains:
        return _small(options, catalog) if options.plain else []
    device = options.device or devices.HERE.default()
    exact, sampled = _choices(options, catalog, device)
    check_ablation(options, sampled)
    if options.trains:
        _check_files(options)
    labels = {graph: graphs.check(graph, options.data_root, not options.no_cache) for graph in _graphs(options, device)}
    chosen = [find(name) for name in options.models] or ([find(USUAL)] if options.benchmark else list(models().values()))
    every, changed, how = [], _changes(options, labels.values(), chosen), Method.of(options)
    widths = options.widths or (None if options.benchmark else CHECKED_HIDDEN,)
    for graph, order, model, width, seed in product(labels.items(), options.orders, chosen, widths, range(_seeds(options))):
        first = replace(_first(options, model, graph, width, changed), seed=seed, reorder=order)
        every += [replace(first, choice=choice) for choice in exact]
        for choice in sampled:
            method = replace(first, choice=choice, method=how)
            every += [replace(method, budget=budget) for budget in _budgets(options)]
            every += _ablated(options, method)
        every += _controlled(options, replace(first, choice=exact[0], method=how), sampled)
    every = [replace(each, precision=catalog.precision(each.choice, DTYPES[FLOAT32])) for each in dict.fromkeys(every)]
    # One right after the other, so that what the machine does meanwhile is the same for both.
    return [replace(each, keeps_memory=kept) for each in every for kept in options.keeps or (False,)]


def _check_files(options: Options) -> None:
    """Raise `GraphError` for a file that nothing can be trained on: each training would fail for the same reason."""
    store = graphs.GraphStore(on_disk=not options.no_cache)
    for name in options.graphs:
        reason = lack(store.load(name, options.data_root)) if graphs.is_file(name) else None
        if reason is not None:
            raise graphs.GraphError(f"{reason}, or leave trainings out")


def _small(options: Options, catalog: Catalog) -> list[TrainingSetting]:
    """Return the trainings of the usual sweep: half a minute on two cores, and seeds enough for a recommendation."""
    every = training_settings(replace(options, **SMALL), catalog)
    return [each for each in every if each.baseline is None or each.baseline.name == AS_WRITTEN]


def _changes(options: Options, labels: Iterable[str], chosen: list[Model]) -> Changes:
    found = changes(options.recipes)
    trained = [(label, model.name) for label in labels for model in chosen]
    check_tables(found, Names(graphs.names(), models(), trained))
    return found


def _controlled(options: Options, exact: TrainingSetting, sampled: list[Choice]) -> Iterator[TrainingSetting]:
    """Yield what sampling is held against: at each budget random pairs and fewer edges, and mini-batches once."""
    if not options.controls:
        return
    for budget in _budgets(options):
        for choice in sampled:
            if choice.selection == "topk":
                yield replace(exact, choice=varied(choice, RANDOM), budget=budget, variant=RANDOM)
        yield from (replace(exact, budget=budget, control=name) for name, each in CONTROLS.items() if each.has_budget)
    yield from (replace(exact, control=name) for name, each in CONTROLS.items() if not each.has_budget)


def _first(options: Options, model: Model, graph: tuple[str, str], width: int | None, changed: Changes) -> TrainingSetting:
    """Return an exact training, its kernel still to be chosen; `width` None is the recipe's."""
    settings = recipe(graph[1], width, model.name, changed)
    device = options.device or devices.HERE.default()
    short = device == "cpu" and not changed.give("epochs", graph[1], model.name)
    here = min(CPU_EPOCHS, settings.epochs) if short else settings.epochs
    usual = here if options.benchmark else CHECKED_EPOCHS
    own = None if changed.give("layers", graph[1], model.name) else model.layers
    return TrainingSetting(
        graph=graph[0],
        label=graph[1],
        model=model,
        layers=options.layers or own or settings.layers,
        width=settings.hidden,
        choice=Choice(""),
        budget=None,
        epochs=options.epochs or usual,
        seed=0,
        device=device,
        recipe=settings,
        changed=changed.name,
        amp=options.amp,
    )


def _choices(options: Options, catalog: Catalog, device: str) -> tuple[list[Choice], list[Choice]]:
    """Return the kernels of the exact trainings and of those that sample.

    Exact training with our kernel is always there, for a speedup is against the fastest, and so are the baselines, for that is what
    people run. Named exact kernels stand beside them, named sampled ones in place of the paper's top-k in front of ours.
    """
    ours = ours_on(catalog, device)
    files = [Choice(kernel) for name in options.kernels for kernel in catalog.from_files.get(name, ())]
    named = [catalog.find(name) for name in options.kernels if name not in catalog.from_files] + files
    exact_ones = {name for name, kernel in catalog.exact.items() if kernel.exact}
    sampled = [choice for choice in named if choice.selection is not None]
    sampled += [replace(choice, selection="topk", cached=True) for choice in files if choice.exact in exact_ones]
    sampled += [Choice(ours.exact, each, cached=True) for name in options.kernels for each in catalog.selections_of.get(name, ())]
    sampled += [Choice(ours.exact, name, cached=True) for name in options.selections]
    exact = [ours, *(Choice(choice.exact) for choice in named), *map(Choice, BASELINES)]
    return list(dict.fromkeys(exact)), list(dict.fromkeys(sampled)) or [Choice(ours.exact, "topk", cached=True)]


def ours_on(catalog: Catalog, device: str) -> Choice:
    """Return our exact kernel for the device, the vendor's where ours cannot run."""
    kind = device.partition(":")[0]
    here = [kernel for kernel in catalog.exact.values() if kernel.exact and kernel.device == kind and kernel.why_not() is None]
    # Where nothing can run, one that cannot: its records say why.
    best = min(here or catalog.exact.values(), key=lambda kernel: get_args(Role).index(kernel.role))
    return Choice(best.name)


def _ablated(options: Options, method: TrainingSetting) -> Iterator[TrainingSetting]:
    """Yield the method with one part left out or changed, for each part."""
    if not options.ablation or not ablatable(method.choice):
        return
    for budget, variant in product(options.budgets or ABLATED_BUDGETS, VARIANTS):
        yield replace(method, budget=budget, variant=variant, choice=varied(method.choice, variant))


def _graphs(options: Options, device: str) -> tuple[str, ...]:
    if options.graphs:
        return tuple(dict.fromkeys(options.graphs))
    if not options.benchmark:
        return CHECKED_GRAPHS
    return ("twin:reddit2@0.05",) if device == "cpu" else ("twin:reddit2",)


def _budgets(options: Options) -> tuple[float, ...]:
    return options.budgets or (MEASURED_BUDGETS if options.benchmark else CHECKED_BUDGETS)


def _seeds(options: Options) -> int:
    return options.seeds or (MEASURED_SEEDS if options.benchmark else 1)
