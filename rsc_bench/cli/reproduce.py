"""``reproduce``: the tables of a paper, made again on this machine, beside its numbers."""

from __future__ import annotations

import shlex
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.cli import _sweeping
from rsc_bench.cli._options import FILE
from rsc_bench.plugins import load
from rsc_bench.text import call, clipped, hours, nearest, nearest_is, plain

if TYPE_CHECKING:
    from rsc_bench.harness.records.run import Record
    from rsc_bench.suites.options import Memory
    from rsc_bench.suites.sweeping.devices import Devices
    from rsc_bench.suites.sweeping.session import Prepared
    from rsc_bench.suites.sweeping.study import Study
    from rsc_bench.suites.sweeping.sweep import Share
    from rsc_bench.suites.training.reproduction import Part, Wish

FOLDER = Path("results", "reproduce")


def _share(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    if not 0 < value <= 1:
        raise click.ClickException(f"--epochs-share must lie in (0, 1], a share of the published epochs (got {value:g})")
    return value


def _positive(_context: click.Context, _parameter: click.Parameter, value: int) -> int:
    if value < 1:
        raise click.ClickException(f"--seeds must be at least 1 (got {value})")
    return value


@click.command("reproduce")
@click.argument("paper", required=False, default="rsc", metavar="[rsc]")
@click.option("--list", "lists", is_flag=True, help="Only say which papers there are, and what each needs.")
@click.option("--plan", "plans", is_flag=True, help="Only say what it would train and about how long that takes.")
@click.option("--graph", "chosen", multiple=True, metavar="NAME", help="Only this graph of the paper; may be repeated.")
@click.option("--seeds", type=int, default=3, show_default=True, callback=_positive, help="Trainings of each kind.")
@click.option(
    "--epochs-share",
    type=float,
    default=1.0,
    show_default=True,
    metavar="SHARE",
    callback=_share,
    help="Share of the published epochs.",
)
@click.option("--ablation", is_flag=True, help="Train our usual method, and each of its parts left out or changed, too.")
@click.option("--data-root", type=FILE, help="Folder of published graphs; where one is not there, its twin stands in.")
@click.option("--device", help="cpu, cuda or cuda:NUMBER (default: the GPU where there is one).")
@click.option("--memory", type=click.Choice(["fresh", "kept"]), help="As `bench --memory`: what becomes of freed memory on a CPU.")
@click.option("--results", type=FILE, default=FOLDER, show_default=True, help="Folder of the results files, one a graph.")
@_sweeping.RAY
@_sweeping.CORES
def reproduce(  # noqa: PLR0913  (an argument an option)
    paper: str,
    lists: bool,
    plans: bool,
    chosen: tuple[str, ...],
    seeds: int,
    epochs_share: float,
    ablation: bool,
    data_root: Path | None,
    device: str | None,
    memory: Memory | None,
    results: Path,
    ray: str | None,
    cores: int | None,
) -> int:
    """Make the tables of a paper again.

    Trains what they need, the method as it is published, and prints it beside the published numbers. On the published graphs that
    are at hand (--data-root), else on their synthetic twins, which the table says. It says first what it will take. Run it again
    to resume, or to see the tables: only what is not there is trained.

    Exit status: 0; 1 a training is wrong, failed or left; 2 bad usage.
    """
    _sweeping.check_cores(ray, cores)
    from rsc_bench.suites import devices
    from rsc_bench.suites.options import OptionsError
    from rsc_bench.suites.training.reproduction import Wish, papers, plan

    known = papers()
    if lists:
        for name, each in known.items():
            graphs = ", ".join(dict.fromkeys(row.graph for row in each.rows))
            click.echo(f"{name}: {each.title}; graphs {graphs}; budgets {', '.join(f'{c:g}' for c in each.budgets)}")
        return 0
    if paper not in known:
        near = nearest_is(nearest(paper, known, cutoff=0.0))
        raise click.ClickException(f"{paper!r} is no paper that is known: {near}")
    for name in chosen:
        names = {row.graph for row in known[paper].rows}
        if name not in names:
            raise click.ClickException(f"--graph {name!r} is not in the tables of {paper}: they have {', '.join(sorted(names))}")
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
    where = devices.HERE if ray is None else devices.ELSEWHERE
    wish = Wish(known[paper], results / paper, seeds, epochs_share, data_root, device, chosen, ablation, memory, where)
    try:
        parts = plan(wish)
    except OptionsError as error:
        raise click.ClickException(str(error)) from None
    if ray is not None:
        return _on_a_cluster(wish, parts, ray, cores, plans)
    click.echo(_said(wish, parts))
    if plans:
        return 0
    left = [part for part in parts if part.done < len(part.settings)]
    if left and _train(_study(wish, left)) == _sweeping.INTERRUPTED:
        return _sweeping.INTERRUPTED
    click.echo(_tables(wish, parts), nl=False)
    return _status(parts)


def _study(wish: Wish, parts: list[Part]) -> Study:
    """What is to be trained, as a study has it: a block for each part, into the file of that name."""
    from rsc_bench.suites.sweeping.study import Block, Study

    blocks = [Block(part.name, part.run, suites=("training",), leave_out=part.leave_out) for part in parts]
    return Study(wish.paper.name, wish.folder, tuple(blocks))


def _train(study: Study) -> int:
    """Train what is left on this machine."""
    from rsc_bench.suites.sweeping.session import prepared

    with _sweeping.devices(study, None, None) as devices:
        return _run(prepared(study, devices), devices, study)


def _run(ready: Prepared, devices: Devices, study: Study) -> int:
    ended = _sweeping.run(ready, devices, study, "the same command")
    for line in ended.lines:
        click.echo(line, err=True)
    return ended.status


def _on_a_cluster(wish: Wish, parts: list[Part], ray: str, cores: int | None, plans: bool) -> int:
    """Train on the devices of a cluster, and print the tables of each kind of machine."""
    from rsc_bench.suites.sweeping.session import prepared, said

    study = _study(wish, parts)
    with _sweeping.devices(study, ray, cores) as devices:
        ready = prepared(study, devices)
        for line in (_head(wish), *(f"  {_on(part, wish)}" for part in parts)):
            click.echo(plain(line))
        click.echo(said(ready, study))
        for line in (line for share in ready.shares for part in _trained(share, parts) for line in _bad(part)):
            click.echo(plain(line))
        if plans:
            return 0
        if ready.left and _run(ready, devices, study) == _sweeping.INTERRUPTED:
            return _sweeping.INTERRUPTED
    trained = {share.kind.name: _trained(share, parts) for share in ready.shares if share.plans}
    for kind, of_kind in trained.items():
        click.echo(f"on {plain(kind)}")
        click.echo(_tables(wish, of_kind), nl=False)
    return max(map(_status, trained.values()))


def _trained(share: Share, parts: list[Part]) -> list[Part]:
    """The parts as one kind of machine has trained them: with its kernels, into its files."""
    from rsc_bench.suites.measuring.serving import setting_of
    from rsc_bench.suites.training.sweep import TrainingSetting

    every = {plan.block.name: [setting_of(each.job) for each in plan.cases] for plan in share.plans}
    wanted = {name: tuple(each for each in some if isinstance(each, TrainingSetting)) for name, some in every.items()}
    return [replace(part, settings=wanted[part.name], results=share.paths[part.name]) for part in parts if part.name in wanted]


def _status(parts: list[Part]) -> int:
    return 1 if any(part.done < len(part.settings) or part.bad for part in parts) else 0


def _said(wish: Wish, parts: list[Part]) -> str:
    """What will be trained, on what, and about how long it takes."""
    lines, total, unknown = [_head(wish)], 0.0, False
    for part in parts:
        left = len(part.settings) - part.done
        about, seconds = _about(part) if left else ("done", 0.0)
        unknown |= seconds is None
        total += seconds or 0.0
        of = f"{left} of {len(part.settings)} trainings left, {part.epochs} epoch{'s' * (part.epochs != 1)} each"
        lines.append(f"  {_on(part, wish)}: {', '.join(part.run.models)}: {of}, {about}")
        lines += _bad(part)
    whole = f"in all about {hours(total)}{', and what is not known' * unknown}" if total or unknown else "all is done"
    lines.append(f"{whole}; results in {wish.folder}")
    return "\n".join(map(plain, lines))


def _head(wish: Wish) -> str:
    return wish.paper.title if wish.memory is None else f"{wish.paper.title}; freed memory {wish.memory}"


def _on(part: Part, wish: Wish) -> str:
    """What is trained on, and where that is a twin, how the published graph is had."""
    return part.used if part.used == part.graph else f"{part.used} (in place of {part.graph}: {_bring(part.graph, wish)})"


def _about(part: Part) -> tuple[str, float | None]:
    """How long the trainings that are left take, in words and in seconds; None where that is not known."""
    from rsc_bench.suites.training.reproduction import EstimateError

    try:
        seconds = part.seconds()
    except EstimateError as error:
        return f"about: not known ({clipped(str(error), 200)})", None
    return f"about {hours(seconds)}", seconds


def _bad(part: Part) -> list[str]:
    """What has failed for good, and how it is trained again."""
    if not part.bad:
        return []
    case, why = next(iter(part.bad.items()))
    again = f"another --results folder trains {'it' if len(part.bad) == 1 else 'them'} again"
    return [f"    {len(part.bad)} wrong or failed, as {case}: {clipped(why, 200)}; {again}"]


def _bring(graph: str, wish: Wish) -> str:
    """How the published graph itself is had."""
    root = "" if wish.data_root is None else f" --data-root {shlex.quote(str(wish.data_root))}"
    return f"`{call(f'bench --check --graph {graph}{root}')}` downloads it"


def _tables(wish: Wish, parts: list[Part]) -> str:
    from rsc_bench.harness.output.console import screen
    from rsc_bench.harness.output.reproduction import Published, as_text

    trained: dict[str, list[Record]] = defaultdict(list)
    for part in parts:
        trained[part.graph] += part.records
    used = {part.graph: part.used for part in parts}
    rows = [
        (Published(row.graph, used[row.graph], row.model, row.exact, row.sampled), trained[row.graph])
        for row in wish.paper.rows
        if row.graph in used
    ]
    return as_text(rows, dict(load("metric")), (wish.paper.speedup_operation, wish.paper.speedup), screen())


COMMAND = reproduce
