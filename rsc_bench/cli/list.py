"""``list``: everything there is to choose from, each available or with the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from rsc_bench import allocator
from rsc_bench.cli._options import guard_shown, json_option, show
from rsc_bench.kinds import ALL_BASELINES
from rsc_bench.optional import OPTIONAL, why_missing
from rsc_bench.plugins import Plugins, load
from rsc_bench.text import plain

EXAMPLE_PATH = "path/to/graph.mtx"

Loader = Callable[[str], Plugins]
"""Returns the plug-ins of a kind."""


@dataclass(frozen=True)
class Entry:
    """One thing that is chosen by its name."""

    name: str
    summary: str
    """One sentence; empty where the plug-in could not be loaded."""
    missing: str | None
    """Why it cannot be used on this machine, with the remedy; None where it can."""


@dataclass(frozen=True)
class Section:
    """One kind of plug-in, under the heading that it has in the list."""

    title: str
    kind: str
    """As `rsc_bench.plugins.KINDS` calls it."""
    note: str = ""
    """How it is named, and where."""
    baselines: bool = False
    """Whether it has the baselines among the kernels, which no other section has then."""
    operation: str = "spmm"
    """What its kernels compute (`rsc_bench.kernels.contract.Operation`); all that do so but for products are in one section."""


SECTIONS = (
    Section("kernels", "kernel"),
    Section(
        "baselines",
        "kernel",
        f"kernels of other libraries, measured where --kernel names one, or all by --kernel {ALL_BASELINES}; "
        f"{OPTIONAL['sparse_dot_mkl']} installs those with wheels",
        baselines=True,
    ),
    Section(
        "sddmm",
        "kernel",
        "kernels of a dot product for each non-zero, of whichever library: measured where the suite sddmm is named, or one of them",
        operation="sddmm",
    ),
    Section("selections", "selection", "in front of any kernel, selecting at each call or once in an interval"),
    Section("allocations", "allocation", "how training shares its budget out over the layers"),
    Section("graphs", "source", "a synthetic one is scaled by @0.05; a path to a graph file works too"),
    Section("formats", "format", "what a graph file may be"),
    Section("orders", "order", "--reorder: how the nodes of a graph are numbered"),
    Section("models", "model", "--model: what is trained"),
    Section("clocks", "clock", "timing modes: what is on the clock of a call; the device chooses unless --clock names one"),
    Section("sensors", "sensor", "what is read of a GPU while a case runs"),
    Section("metrics", "metric"),
    Section("rules", "rule", "compare --rule: when a difference is called a change"),
    Section("outputs", "output", "what compare and ab write"),
    Section("exports", "export", "export --format: what a results file is written as"),
    Section("figures", "figure"),
)
MEMORY = Section(
    "memory", "", "--memory: what becomes of freed memory on a CPU; without it products above 32 MB are measured both ways"
)
"""What is chosen by its name as well, and is no plug-in."""
CONTROLS = Section("controls", "", "--controls: what sampling is held against at equal time, by the names that records have")
"""What is trained together, and is no plug-in."""
ALL = (*SECTIONS, MEMORY, CONTROLS)


def entries(section: Section, loaded: Loader = load) -> list[Entry]:
    """Return everything of one kind, first what was found, then what could not be loaded."""
    if section is MEMORY:
        return _memories()
    if section is CONTROLS:
        return list(_controls())
    plugins = loaded(section.kind)
    found = [entry for plugin in plugins.values() if _is_in(plugin, section) for entry in _entries(plugin, section.kind)]
    if section.baselines or section.operation != "spmm":
        return found
    return found + [Entry(name, "", reason) for name, reason in plugins.missing.items()]


def _is_in(plugin: Any, section: Section) -> bool:
    """Whether a plug-in of a section's kind is listed there; a baseline of another operation is among the others of that."""
    if (operation := getattr(plugin, "operation", "spmm")) != section.operation:
        return False
    return operation != "spmm" or (getattr(plugin, "role", "") == "baseline") == section.baselines


def _memories() -> list[Entry]:
    from rsc_bench.harness.records.case import FRESH, KEPT  # needs msgspec, which no help does

    fresh = (
        "It goes back to the system, as in a plain process: a large result is new memory, which can take longer than the product."
    )
    kept = "It stays for what comes next, as in a program that has called rsc_bench.keep_memory()."
    return [Entry(FRESH, fresh, None), Entry(KEPT, kept, allocator.why_not())]


def _controls() -> Iterator[Entry]:
    try:
        from rsc_bench.suites.training.controls import CONTROLS as KNOWN
    except ModuleNotFoundError as error:
        if (reason := why_missing(error)) is None:
            raise
        yield Entry("cluster-batches, ...", "", reason)
        return
    for control in KNOWN.values():
        yield Entry(control.name, control.summary, None)
        if control.better is not None:
            yield Entry(f"{control.name},{control.better.name}", control.better.summary, control.better.missing())


def _entries(plugin: Any, kind: str) -> Iterator[Entry]:
    summary = str(getattr(plugin, "summary", "") or getattr(plugin, "title", ""))
    for name, sentence in _named(plugin, kind, summary).items():
        yield Entry(name, sentence, plugin.why_not())


def _named(plugin: Any, kind: str, summary: str) -> dict[str, str]:
    """The names by which a plug-in is chosen, each with its sentence."""
    kept = f"{summary.rstrip('.')}; selected once and kept for {{}} calls."
    if kind == "selection":
        return {f"{plugin.name}(KERNEL)": summary, f"cached_{plugin.name}(KERNEL)": kept.format(_cached_calls())}
    if kind == "kernel" and not getattr(plugin, "exact", True):
        from rsc_bench.kernels.sampled.approximate import names

        return {name: summary if name == plugin.name else kept.format(_cached_calls()) for name in names(plugin)}
    if kind == "source" and not plugin.names:
        return {EXAMPLE_PATH: summary}
    return dict.fromkeys(getattr(plugin, "names", ()) or (plugin.name,), summary)


def _cached_calls() -> int:
    """Calls that a cached selection serves in the suites."""
    from rsc_bench.suites.catalog import INTERVAL

    return INTERVAL


def as_tree(sections: tuple[Section, ...] = ALL, loaded: Loader = load) -> dict[str, Any]:
    """Return the list as JSON types."""
    return {section.title: [_tree(entry) for entry in entries(section, loaded)] for section in sections}


def _tree(entry: Entry) -> dict[str, Any]:
    return {"name": entry.name, "summary": entry.summary, "available": entry.missing is None, "reason": entry.missing}


def as_text(sections: tuple[Section, ...] = ALL, loaded: Loader = load) -> str:
    """Return the list for a reader: one line an entry, with what it is or why it cannot be used."""
    return "\n".join(line for section in sections for line in _lines(section, entries(section, loaded)))


def _lines(section: Section, found: list[Entry]) -> Iterator[str]:
    yield f"{section.title} - {section.note}" if section.note else section.title
    wide = max((len(entry.name) for entry in found), default=0)
    for entry in found:
        text = entry.summary if entry.missing is None else f"not available: {entry.missing}"
        yield plain(f"  {'+' if entry.missing is None else '-'} {entry.name:{wide}}  {text}")
    if not found:
        yield "  none"
    yield ""


@click.command("list")
@json_option
def list_(as_json: Path | None) -> None:
    """Show kernels, graphs, metrics and all other plug-ins.

    A plug-in is available (+), or the reason stands there why not (-).
    """
    guard_shown(as_json)
    show(as_text, as_tree, as_json)


COMMAND = list_
