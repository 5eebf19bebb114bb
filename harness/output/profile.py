"""Turns a profile into the tables of a terminal: time by phase and by operation."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rsc_bench.harness.measure.profile import Profile
from rsc_bench.harness.measure.ranges import Entry
from rsc_bench.harness.output.console import Screen, drawn
from rsc_bench.text import plain

MOST_OPERATIONS = 15


def as_text(profile: Profile, screen: Screen) -> str:
    """Return what a reader is shown."""
    return drawn(screen, _shown(profile))


def _shown(profile: Profile) -> RenderableType:
    return Group(
        Text(plain(profile.plan.title), style="bold"),
        Text("timed under the profiler, which adds microseconds to each operation", style="dim"),
        Text(),
        _table("phase", [*profile.phases, profile.whole], profile.whole),
        *_operations(profile),
    )


def _operations(profile: Profile) -> list[RenderableType]:
    if not profile.operations:
        return []
    shown = profile.operations[:MOST_OPERATIONS]
    left = len(profile.operations) - len(shown)
    title = "operation, without those inside it" + (f" ({left} shorter ones in the trace)" if left else "")
    return [Text(), _table(title, shown, profile.whole)]


def _table(title: str, entries: Sequence[Entry], whole: Entry) -> Table:
    table = Table(title=None, box=None, pad_edge=False, header_style="dim")
    table.add_column(title)
    on_gpu = whole.device_s is not None
    for head in ("calls", *(("GPU ms", "GPU %") if on_gpu else ()), "host ms", "host %"):
        table.add_column(head, justify="right")
    for entry in entries:
        style = "bold" if entry is whole else None
        calls = "" if entry.calls is None else f"{entry.calls}"
        table.add_row(Text(plain(entry.name)), calls, *_device(entry, whole), *_cells(entry.host_s, whole.host_s), style=style)
    return table


def _device(entry: Entry, whole: Entry) -> list[str]:
    return [] if entry.device_s is None or whole.device_s is None else _cells(entry.device_s, whole.device_s)


def _cells(seconds: float, whole_s: float) -> list[str]:
    return [f"{1e3 * seconds:,.3f}", f"{100 * seconds / whole_s:.1f}" if whole_s else "-"]
