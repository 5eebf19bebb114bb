"""``compare``: two results files, and an exit status that says what became of the cases."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from rsc_bench import plugins
from rsc_bench.cli._options import (
    FILE,
    STDOUT,
    given_acceptance_file,
    given_acceptances,
    given_across,
    given_metrics,
    given_rule,
    guard,
    load_plugins,
    no_results_file,
    share,
    write,
)
from rsc_bench.cli._runs import Named, opened, the_sides
from rsc_bench.harness.compare import USUAL_RULE

if TYPE_CHECKING:
    from rsc_bench.harness.compare.acceptance import Acceptance
    from rsc_bench.harness.compare.comparison import Comparison
    from rsc_bench.harness.output import Output
    from rsc_bench.harness.records.run import Records, Run

SHOWN = "terminal"
"""The output that is printed unless another one takes its place."""
_OUTPUTS = "rsc_bench.outputs"


@dataclass(frozen=True)
class Judging:
    """How two runs are judged, and where the verdicts go: the options that `compare` and `ab` share."""

    threshold: float
    """Change that counts, a share."""
    metrics: dict[str, float | None]
    """Name of each metric, and its own margin or None; empty: the time."""
    across: frozenset[str]
    """What is judged although it differs."""
    rule: str
    """Name of the decision rule."""
    normalise: bool
    """Whether kernels are judged by their share of what each of two devices can do."""
    every_case: bool
    """Whether cases that are the same are shown, too."""
    outputs: dict[str, Path]
    """Name of each further output, and the file it goes to."""
    acceptances: tuple[Acceptance, ...] = ()
    """What may be slower or missing, and why."""

    def check_targets(self, inputs: list[Path]) -> None:
        """Refuse files that must not be written over: before measuring, not after it."""
        printed = [f"--{name}" for name, target in self.outputs.items() if target == STDOUT]
        if len(printed) > 1:
            raise click.ClickException(f"{' and '.join(printed)}: only one can be printed: give the others a FILE")
        files = {f"--{name}": target.resolve() for name, target in self.outputs.items() if target != STDOUT}
        for (one, target), (other, same) in combinations(files.items(), 2):
            if target == same:
                raise click.ClickException(f"{one} and {other}: both name {target}: give each a FILE of its own")
        for target in self.outputs.values():
            if target != STDOUT:
                guard(target, inputs)

    def judge(self, base: Sequence[Path], new: Sequence[Path]) -> int:
        """Judge two sides, each a results file or rounds of pytest-benchmark, show the verdicts, and return the exit status."""
        from rsc_bench.harness.records.run import uncollected

        with uncollected(), contextlib.ExitStack() as files:
            old = files.enter_context(self._opened(base))
            # Opened once where both are one: it may be a pipe, or grow meanwhile.
            same = [path.resolve() for path in base] == [path.resolve() for path in new]
            other = old if same else files.enter_context(self._opened(new))
            return self._show(self._comparison(old, other))

    @contextlib.contextmanager
    def _opened(self, paths: Sequence[Path]) -> Iterator[Records]:
        """A side: in memory only where it is worked with again and again, and then what is needed of it."""
        from rsc_bench.harness.compare.normalise import gathered

        with opened(paths) as stored:
            yield gathered(stored) if self.normalise else stored

    def judge_kernels(self, file: Path, new: str, base: str) -> int:
        """Judge one kernel of a results file against another one of it, show the verdicts, and return the exit status."""
        from rsc_bench.harness.compare.two_kernels import KernelsError, two_kernels
        from rsc_bench.harness.records.file import scan
        from rsc_bench.harness.records.run import uncollected

        with uncollected(), scan(file) as stored:
            try:
                sides = two_kernels(stored, new, base)
            except KernelsError as error:
                raise click.ClickException(str(error)) from None
            found = self._comparison(sides.base, sides.new)
        return self._show(replace(found, titles=sides.titles, notes=(*sides.notes, *found.notes)))

    def _show(self, comparison: Comparison) -> int:
        from rsc_bench.harness.output.console import screen

        view = screen(self.every_case)

        def rendered(name: str) -> str:
            output: Output = plugins.find("output", name)
            form: str = output.answer("render", str, output.render(comparison, view))
            return form

        for name, target in self.outputs.items():
            if target != STDOUT:
                write(target, rendered(name))
        shown = next((name for name, target in self.outputs.items() if target == STDOUT), SHOWN)
        click.echo(rendered(shown), nl=False)
        return int(comparison.exit_status)

    def _comparison(self, base: Records, new: Records) -> Comparison:
        from rsc_bench.harness.compare.acceptance import accepted
        from rsc_bench.harness.compare.comparison import compare
        from rsc_bench.harness.compare.normalise import OneDeviceError, normalise

        if not self.normalise:
            found = compare(base, new, self.threshold, self.metrics, self.across, self.rule)
            return accepted(found, self.acceptances)
        try:
            found = normalise(cast("Run", base), cast("Run", new), self.threshold, self.across, self.rule)
        except OneDeviceError as error:
            raise click.ClickException(f"--normalise: {error}") from None
        return accepted(found, self.acceptances)


def judging_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of `Judging`, and call it with ``judging=Judging(...)``."""

    @functools.wraps(command)
    def gathered(  # noqa: PLR0913  (an argument an option)
        *given: Any,
        threshold: float,
        metrics: dict[str, float | None],
        across: frozenset[str],
        rule: str,
        every_case: bool,
        accept: tuple[Acceptance, ...],
        accept_file: tuple[Acceptance, ...],
        normalise: bool = False,
        **others: Any,
    ) -> int:
        if normalise and metrics:
            raise click.ClickException("--normalise judges times, and takes no --metric: leave one of them out")
        if normalise and "clocks" in across:
            raise click.ClickException("--normalise needs one clock, and takes no --across clocks: leave one of them out")
        outputs: dict[str, Path] = click.get_current_context().meta.get(_OUTPUTS, {})
        judging = Judging(threshold, metrics, across, rule, normalise, every_case, outputs, accept + accept_file)
        return command(*given, judging=judging, **others)

    for option in reversed(_options()):
        gathered = option(gathered)
    return gathered


class JudgingCommand(click.Command):
    """A command with an option for each output; outputs are loaded when the command is run, not for the list of commands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line, in which ``--plugin`` may add an output and so an option."""
        load_plugins(args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return all parameters."""
        own = super().get_params(ctx)
        return [*own, *_output_options({option for parameter in own for option in parameter.opts})]


def _options() -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "--threshold", callback=share, default="5%", show_default=True, metavar="SHARE", help="Change that counts: 5% or 0.05."
        ),
        click.option(
            "--metric",
            "metrics",
            callback=given_metrics,
            multiple=True,
            metavar="NAME[=MARGIN]",
            help="What to compare: time (default), memory, energy, error, accuracy, or any other that `list` names; "
            "with a margin of its own: memory=1%, and in points for an accuracy: accuracy=0.3. May be repeated.",
        ),
        click.option(
            "--across",
            callback=given_across,
            multiple=True,
            metavar="WHAT",
            help="Judge although they differ: machines, versions, graphs or clocks. May be repeated.",
        ),
        click.option(
            "--rule",
            callback=given_rule,
            default=USUAL_RULE,
            show_default=True,
            metavar="NAME",
            help="What decides whether a difference is a change; `list` names the rules.",
        ),
        click.option(
            "--accept",
            callback=given_acceptances,
            multiple=True,
            metavar="'PATTERN: REASON'",
            help="Cases that may be slower or missing, and why: 'topk(mkl) C=0.1: checks its input now'. PATTERN is words of a "
            "case as it is shown, or field=value; * stands for any letters. With slower or missing in front only that is "
            "accepted. What is wrong never is. May be repeated.",
        ),
        click.option(
            "--accept-file",
            callback=given_acceptance_file,
            type=FILE,
            metavar="FILE",
            help="TOML file of such acceptances, a table [[accept]] with case, reason and change each (default: rsc-bench.toml of "
            "this folder, where there is one).",
        ),
        click.option("--all", "every_case", is_flag=True, help="Show the cases that are the same, too."),
    ]


def _output_options(taken: set[str]) -> list[click.Parameter]:
    """An option for each output but the one that is printed anyway; `taken` are the options that a command has."""
    outputs = [output for output in plugins.load("output").values() if output.name != SHOWN]
    for output in outputs:
        if f"--{output.name}" in taken:
            raise plugins.PluginError(f"output {output.name!r}: --{output.name} is another option already: rename the output")
    return [
        click.Option(
            [
                f"--{output.name}",
                f"output_{output.name.replace('-', '_')}",
            ],  # not the name of an argument: an output may be called base
            is_flag=False,
            flag_value=str(STDOUT),
            type=FILE,
            metavar="[FILE]",
            expose_value=False,
            is_eager=True,
            callback=_note_output,
            help=f"{output.summary.rstrip('.')}: into FILE, or without one in place of the table.",
        )
        for output in outputs
    ]


def _note_output(context: click.Context, parameter: click.Parameter, target: Path | None) -> None:
    if no_results_file(context, parameter, target) is not None:
        context.meta.setdefault(_OUTPUTS, {})[parameter.opts[0].removeprefix("--")] = target


@click.command("compare", cls=JudgingCommand)
@click.argument("sides", nargs=-1, type=FILE, metavar="[BASE] [NEW]")
@click.option("--base-round", "bases", type=FILE, multiple=True, metavar="FILE", help="A round of the base. May be repeated.")
@click.option("--new-round", "news", type=FILE, multiple=True, metavar="FILE", help="A round of what is judged. May be repeated.")
@judging_options
@click.option("--normalise", is_flag=True, help="Between two devices: judge each kernel by its share of what its device can do.")
@click.option("--kernel", metavar="NAME", help="Within the one file BASE: judge this kernel, --against another one of it.")
@click.option("--against", metavar="NAME", help="The kernel that --kernel is judged against.")
def compare(  # noqa: PLR0913  (an argument an option)
    sides: tuple[Path, ...],
    bases: tuple[Path, ...],
    news: tuple[Path, ...],
    kernel: str | None,
    against: str | None,
    judging: Judging,
) -> int:
    """Judge the results file NEW against BASE, case by case.

    Or pytest-benchmark's JSON, each file a round: two folders of such files, or --base-round and --new-round for each.
    Or two kernels of one file, round by round: compare FILE --kernel topk(mkl) --against mkl

    A ratio is new / base: above 1 is slower. A case is slower where the ratio is above the threshold, and is no chance among
    all the cases: identical code fails one comparison in a hundred at most. An improvement never fails.

    Exit status: 0 nothing slower; 1 slower, missing or broken; 2 bad usage or unreadable file; 3 cannot be judged.
    """
    judging.check_targets([*sides, *bases, *news])
    base, new = the_sides(sides, Named(bases, news, kernel, against))
    if kernel is not None and against is not None:
        return judging.judge_kernels(base[0], kernel, against)
    return judging.judge(base, new)


COMMAND = compare
