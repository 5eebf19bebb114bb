"""The command line ``rsc-bench``, one file a command: each defines ``COMMAND``, and imports what is heavy where it uses it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TextIO

import click

from rsc_bench import __version__, files, plugins
from rsc_bench.cli._options import PLUGIN
from rsc_bench.text import call, shown

OURS = 4
"""The exit status where something went wrong that is neither the user's nor an answer."""
PYTESTS_OWN = "bench"
"""The command whose options are all pytest's, that for plug-ins among them."""


class Commands(click.Group):
    """The commands that are there: ours, and those of plug-ins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return sorted(plugins.load("command"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name; all but `PYTESTS_OWN` take ``--plugin`` beside their own options."""
        del ctx
        command: click.Command | None = plugins.load("command").get(cmd_name)
        if command is not None and PLUGIN not in command.params and cmd_name != PYTESTS_OWN:
            if any("--plugin" in parameter.opts for parameter in command.params):
                raise plugins.PluginError(f"command {cmd_name!r}: must have no --plugin of its own: every command gets ours")
            command.params.append(PLUGIN)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called, and what is left for it; say what to do where there is none of that name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            remedy = f"`{call('--help')}` lists them; --plugin FILE.py of a command stands before its name"
            raise click.UsageError(f"{error.format_message().rstrip('.')}: {remedy}") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(__version__, prog_name="rsc-bench", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> int:
    """See what can be measured, measure it, draw what was measured, judge what changed."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return 2
    return 0


cli.params.append(PLUGIN)


def main(arguments: list[str] | None = None, command: click.Command = cli) -> int:
    """Run the command line, or one command, and return its exit status.

    What a user got wrong is one line on stderr and 2; what we got wrong, and an output that was closed, is one line and 4.
    """
    _open_what_is_closed()
    files.clean_kept()
    status = _status(arguments, command)
    try:
        sys.stderr.flush()
    except OSError:  # nobody reads it: the status says what there is to say
        _discard(sys.stderr)
    return status


def _open_what_is_closed() -> None:
    """Give standard files that were closed from the start (``>&-``) to nobody: the next file opened would take their place."""
    for standard, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(standard)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(standard, "r" if standard == 0 else "w", closefd=False))


def _status(arguments: list[str] | None, command: click.Command) -> int:
    streams = sys.stdout, sys.stderr
    try:
        status = command.main(arguments, prog_name=call("").rstrip(), standalone_mode=False)
        if not isinstance(status, int | None):
            raise plugins.PluginError(f"a command must return its exit status, a whole number or None (got {status!r})")
        return int(status or 0)
    except click.ClickException as error:
        _complain(error.format_message())
    except click.Abort:
        return 130
    except SystemExit:
        # Where the output is closed click puts other streams in the place of these, and ends with status 1.
        if (sys.stdout, sys.stderr) == streams:
            raise
        sys.stdout, sys.stderr = streams
        _discard(sys.stdout)
        _complain("the output: was closed before all of it was written")
        return OURS
    except Exception as error:
        reason = _reason(error)
        _complain(reason or files.keep_traceback(error))
        return 2 if reason else OURS
    return 2


def _reason(error: Exception) -> str | None:
    """What went wrong, where the user can do something about it; None for a bug of ours."""
    if isinstance(error, plugins.PluginError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        if error.filename is None:
            _discard(sys.stdout)
        return f"{error.filename or 'the output'}: {error.strerror}"
    if (blamed := plugins.REGISTRY.blame(error)) is not None:
        return blamed
    if isinstance(error, ModuleNotFoundError):
        return plugins.why_missing(error)
    from rsc_bench.harness.records.file import ResultsError

    return str(error) if isinstance(error, ResultsError) else None


def _discard(stream: TextIO) -> None:
    """Let what could not be printed go nowhere: Python would try again at its end, fail, and exit with a status of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError):  # a stream without a descriptor has nothing to be tried again
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _complain(message: str) -> None:
    with contextlib.suppress(OSError):  # where nothing can be said the status says it
        # One line, whatever a name in it holds.
        click.echo(f"error: {shown(' '.join(message.split()))}", err=True)
