"""Turns the plug-in folders into a list of everything there is: available, or the reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rsc_bench.harness.plugins import Plugins, load

CACHED_CALLS = 10
"""Calls that a cached selection serves in the suites; named here because the harness imports no suite."""
EXAMPLE_PATH = "path/to/graph.mtx"


@dataclass(frozen=True)
class Entry:
    """One thing that can be asked for by name."""

    name: str
    says: str
    """One sentence; empty where the plug-in could not be loaded."""
    missing: str | None
    """Why it cannot be used on this machine, with the remedy; None where it can."""


@dataclass(frozen=True)
class Section:
    """One kind of plug-in: where its files are and which constant they define."""

    title: str
    package: str
    constant: str
    note: str = ""


SECTIONS = (
    Section("kernels", "rsc_bench.kernels.exact", "KERNEL"),
    Section(
        "selections",
        "rsc_bench.kernels.sampled",
        "SELECTION",
        "in front of any kernel, selecting at each call or once in an interval",
    ),
    Section("graphs", "rsc_bench.suites.graphs", "SOURCE", "a synthetic one is scaled by @0.05; a path to a graph file works too"),
    Section("orders", "rsc_bench.suites.graphs.orders", "ORDER", "--reorder: how the nodes of a graph are numbered"),
    Section("clocks", "rsc_bench.harness.clocks", "CLOCK", "what times a call; the device chooses unless --clock names one"),
    Section("metrics", "rsc_bench.harness.metrics", "METRIC"),
    Section("figures", "rsc_bench.reports.figures", "FIGURE"),
)


def entries(section: Section) -> list[Entry]:
    """Return everything of one kind, first what was found, then what could not be loaded."""
    plugins: Plugins = load(section.package, section.constant)
    found = [entry for plugin in plugins.values() for entry in _entries(plugin, section.title)]
    return found + [Entry(name, "", reason) for name, reason in plugins.missing.items()]


def _entries(plugin: Any, title: str) -> Iterator[Entry]:
    says = str(getattr(plugin, "says", "") or getattr(plugin, "title", ""))
    reason = plugin.missing() if callable(getattr(plugin, "missing", None)) else None
    for name, sentence in _named(plugin, title, says).items():
        yield Entry(name, sentence, reason)


def _named(plugin: Any, title: str, says: str) -> dict[str, str]:
    """What a plug-in can be asked for by, each with its sentence."""
    if title == "selections":
        kept = f"{says.rstrip('.')}; selected once and kept for {CACHED_CALLS} calls."
        return {f"{plugin.name}(KERNEL)": says, f"cached_{plugin.name}(KERNEL)": kept}
    if title == "graphs" and not plugin.names:
        return {EXAMPLE_PATH: says}
    return dict.fromkeys(getattr(plugin, "names", ()) or (plugin.name,), says)


def as_tree(sections: tuple[Section, ...] = SECTIONS) -> dict[str, Any]:
    """Return the list as JSON types."""
    return {section.title: [_tree(entry) for entry in entries(section)] for section in sections}


def _tree(entry: Entry) -> dict[str, Any]:
    return {"name": entry.name, "says": entry.says, "available": entry.missing is None, "reason": entry.missing}


def as_text(sections: tuple[Section, ...] = SECTIONS) -> str:
    """Return the list for a reader: one line an entry, and under it why it cannot be used."""
    return "\n".join(line for section in sections for line in _lines(section, entries(section)))


def _lines(section: Section, found: list[Entry]) -> Iterator[str]:
    yield f"{section.title} - {section.note}" if section.note else section.title
    wide = max((len(entry.name) for entry in found), default=0)
    for entry in found:
        text = entry.says if entry.missing is None else f"not available: {entry.missing}"
        yield f"  {'+' if entry.missing is None else '-'} {entry.name:{wide}}  {text}"
    if not found:
        yield "  none"
    yield ""
