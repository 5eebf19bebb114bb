"""``profile``: one case or training epoch by phase and by operation, and a trace of it."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.cli._options import FILE
from rsc_bench.text import plain

if TYPE_CHECKING:
    from rsc_bench.harness.measure.profile import Profile

FOLDER = Path("results", "profiles")
SILENT = "6"


@click.command("profile")
@click.option("--graph", help="Name or file (default: twin:reddit2@0.1 on a CPU, twin:reddit2 on a GPU).")
@click.option("--kernel", help="Name or FILE.py (default: ours; behind cached_topk where a budget or a model is given).")
@click.option("--width", type=int, help="Columns of the dense operand, or of the hidden layers (default: 256, the model's).")
@click.option("--budget", type=float, help="Share of the exact FLOPs of a kernel that samples (default: 0.1).")
@click.option("--device", help="cpu, cuda or cuda:NUMBER (default: the GPU where there is one).")
@click.option("--model", help="Profile one training epoch of this model (NAME or FILE.py) instead of one product.")
@click.option("--output", type=FILE, default=FOLDER, show_default=True, help="Folder of the trace.")
def profile(  # noqa: PLR0913  (an argument an option)
    graph: str | None,
    kernel: str | None,
    width: int | None,
    budget: float | None,
    device: str | None,
    model: str | None,
    output: Path,
) -> int:
    """Show where the time of one case or training epoch goes.

    By phase and by operation, with a Chrome trace.

    Ranges carry the names of the phases, for Nsight too: `nsys profile rsc-bench profile --model GCN`.

    Exit status: 0; 1 the profiler failed or the trace could not be written; 2 bad usage.
    """
    # torch's profiler says when it starts and stops, on stderr; what it fails at is said below.
    os.environ.setdefault("KINETO_LOG_LEVEL", SILENT)
    from rsc_bench.harness.measure.profile import ProfileError, take
    from rsc_bench.harness.output.console import screen
    from rsc_bench.harness.output.profile import as_text
    from rsc_bench.suites.profiling import Request, plan

    try:
        planned = plan(Request(graph, kernel, width, budget, device, model))
    except ProfileError as error:
        raise click.ClickException(str(error)) from error
    try:
        taken = take(planned)
        click.echo(as_text(taken, screen()))
        path = _written(taken, output)
    except ProfileError as error:
        click.echo(f"error: {plain(str(error))}", err=True)
        return 1
    click.echo(f"trace: {plain(str(path))}\nopen it in https://ui.perfetto.dev, or in chrome://tracing")
    return 0


def _written(taken: Profile, folder: Path) -> Path:
    """Write the trace, and return where it is; raises `ProfileError` where there is none, or only a part of it."""
    from rsc_bench.harness.measure.profile import ProfileError

    path = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{_slug(taken.plan.name)}.json"
    if taken.write is not None:
        taken.write(path)
    if taken.trouble is not None:
        raise ProfileError(taken.trouble)
    return path


def _slug(name: str) -> str:
    """A name with nothing in it that a file's must not have."""
    return re.sub(r"[^\w.=@-]+", "-", name).strip("-")[:150]


COMMAND = profile
