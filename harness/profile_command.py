"""The command ``python -m harness profile``: its options, and what it leaves on the terminal and on disk."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rsc_bench.harness.profile import Profile

FOLDER = Path("results", "profiles")
SILENT = "6"


@click.command()
@click.option("--graph", help="Name or file (default: twin:reddit2@0.1 on a CPU, twin:reddit2 on a GPU).")
@click.option("--kernel", help="Name or FILE.py (default: ours; behind cached_topk where a budget or a model is given).")
@click.option("--width", type=int, help="Columns of the dense operand, or of the hidden layers (default: 256, the model's).")
@click.option("--budget", type=float, help="Share of the exact FLOPs of a kernel that samples (default: 0.1).")
@click.option("--device", help="cpu, cuda or cuda:NUMBER (default: the GPU where there is one).")
@click.option("--model", help="Profile one training epoch of this model instead of one product: GCN, GraphSAGE, GCNII, GraphSAINT.")
@click.option("--output", type=click.Path(path_type=Path), default=FOLDER, show_default=True, help="Folder of the trace.")
def profile(output: Path, **given: Any) -> int:
    """Take one case or training epoch apart: time by phase and by operation, and a Chrome trace.

    Ranges carry the names of the phases, for Nsight too: `nsys profile python -m harness profile --model GCN`.

    Exit status: 0; 1 the profiler failed or the trace could not be written; 2 bad usage.
    """
    # torch's profiler says when it starts and stops, on stderr; what it fails at is told below.
    os.environ.setdefault("KINETO_LOG_LEVEL", SILENT)
    from rsc_bench.harness.profile import ProfileError, take

    try:
        # Named, not imported: the harness knows nothing of the suites.
        plan = importlib.import_module("rsc_bench.suites.profiling").plan(given)
    except ProfileError as error:
        raise click.ClickException(str(error)) from error
    try:
        taken = take(plan)
        click.echo(_text(taken))
        path = _written(taken, output)
    except ProfileError as error:
        click.echo(f"error: {error}", err=True)
        return 1
    click.echo(f"trace: {path}\nopen it in https://ui.perfetto.dev, or in chrome://tracing")
    return 0


def _text(taken: Profile) -> str:
    from rsc_bench.harness import profile_text

    on_terminal = sys.stdout.isatty()
    return profile_text.as_text(taken, shutil.get_terminal_size().columns if on_terminal else 160, on_terminal)


def _written(taken: Profile, folder: Path) -> Path:
    """Write the trace, and return where it is; raises `ProfileError` where there is none, or only a part of it."""
    from rsc_bench.harness.profile import ProfileError

    path = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{_slug(taken.plan.name)}.json"
    if taken.write is not None:
        taken.write(path)
    if taken.trouble is not None:
        raise ProfileError(taken.trouble)
    return path


def _slug(name: str) -> str:
    """A name with nothing in it that a file's must not have."""
    return re.sub(r"[^\w.=@-]+", "-", name).strip("-")[:150]
