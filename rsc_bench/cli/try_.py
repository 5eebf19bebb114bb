"""``try``: a kernel in a file, checked and timed in ten seconds, for after each save."""

from __future__ import annotations

import time
from pathlib import Path

import click

from rsc_bench.cli._options import FILE
from rsc_bench.text import plain

GRAPH = "twin:reddit2@0.02"
"""Small enough that a call takes milliseconds, and large enough that its dense operand is more than a small cache."""


@click.command("try")
@click.argument("file", type=FILE)
@click.option("--kernel", help="Name of the kernel, where the file defines several.")
@click.option("--graph", default=GRAPH, show_default=True, help="Name or file of the graph that it is timed on.")
@click.option("--width", type=click.IntRange(1, 1 << 16), default=64, show_default=True, help="Columns of the dense operand.")
@click.option("--device", help="cpu, cuda or cuda:NUMBER (default: the GPU where there is one).")
@click.option("--seconds", type=click.FloatRange(5, 600), default=10.0, show_default=True, help="What it may take, all in all.")
def try_(file: Path, kernel: str | None, graph: str, width: int, device: str | None, seconds: float) -> int:  # noqa: PLR0913
    """Try the kernel in FILE: after each save, in ten seconds.

    Checks it by the contract tests, times it in turns with the exact kernels of the device on a small graph, says how near it is to
    the ceiling, where its time goes, and what has changed since the last try of this file. What there is no time for is said.

    A Triton kernel runs in Triton's interpreter where there is no GPU: then it is checked, and not timed. Its speed is quick and no
    record: `rsc-bench bench` measures.

    Exit status: 0; 1 the kernel is wrong, fails, crashes or hangs; 2 bad usage, or a file that does not load.
    """
    began_s = time.monotonic()
    from rsc_bench.suites.trying import last, words
    from rsc_bench.suites.trying.child import Asked
    from rsc_bench.suites.trying.running import run

    if not file.is_file():
        raise click.ClickException(f"{file}: no such file: give a Python file that defines KERNEL = Kernel(...)")
    told = run(Asked(str(file), graph, width, device, began_s, "", seconds, kernel))
    if (refused := told.one("refused")) is not None:
        raise click.ClickException(refused["message"])
    old = last.before(file, kernel)
    for line in words.lines(told, last.changes(old, told), old.get("when")):
        click.echo("\n".join(map(plain, line.split("\n"))))
    last.keep(file, told, kernel)
    return 1 if words.failed(told) else 0


COMMAND = try_
