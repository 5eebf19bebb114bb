"""Gives the suites their options: check each case once, or with ``--benchmark`` measure it into a results file."""

from __future__ import annotations

import contextlib
import gc
import os
import shlex
from typing import TYPE_CHECKING

import pytest

from rsc_bench.harness.records.file import ResultsError
from rsc_bench.plugins import REGISTRY, PluginError
from rsc_bench.suites.catalog import KernelError
from rsc_bench.suites.given import options as options_given
from rsc_bench.suites.graphs import Facts, GraphError
from rsc_bench.suites.measuring import internal_errors
from rsc_bench.suites.measuring.asked import asked
from rsc_bench.suites.measuring.bench import SuiteSetting
from rsc_bench.suites.measuring.items import ROUND, has_case, has_trial, in_round, setting_of, without_cases, without_trials
from rsc_bench.suites.measuring.pytest_benchmark import hide_trainings, refusal, settle_runner
from rsc_bench.suites.measuring.runner import Runner
from rsc_bench.suites.measuring.session import Rounds, Session, load_plugins
from rsc_bench.suites.measuring.usage import FLAGS, ONCE, REPEATED
from rsc_bench.suites.measuring.workers import CannotStart
from rsc_bench.suites.options import Options, OptionsError, names_suite
from rsc_bench.suites.spmm.contract import Trial, trials
from rsc_bench.suites.terminal import summary
from rsc_bench.suites.terminal.progress import Progress, one_line
from rsc_bench.suites.training.models import ModelError
from rsc_bench.text import SUITES

if TYPE_CHECKING:
    from collections.abc import Generator

    from rsc_bench.kernels import Kernel

SESSION = pytest.StashKey[Session]()
ROUNDS = pytest.StashKey[Rounds | None]()
PROGRESS = pytest.StashKey[Progress | None]()
CHECKED = pytest.StashKey[list[Facts]]()
"""Graphs that were named and checked, in a run that measures nothing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suites; values are parsed in `rsc_bench.suites.options`, which refuses them in one line."""
    group = parser.getgroup("rsc-bench", "measuring sparse kernels")
    for option, text in FLAGS.items():
        group.addoption(option, action="store_true", help=text)
    for usage, text in REPEATED.items():
        option, metavar = usage.split()
        group.addoption(option, metavar=metavar, action="append", default=[], help=f"{text}; may be repeated")
    for usage, text in ONCE.items():
        option, metavar = usage.split()
        group.addoption(option, metavar=metavar, help=text)


@pytest.hookimpl(tryfirst=True)  # before the terminal reporter is there, which would print the message a second time
def pytest_configure(config: pytest.Config) -> None:
    """Load the user's plug-ins, check the options and open the results file: nothing runs on a bad option."""
    config.stash[ROUNDS] = config.stash[PROGRESS] = None
    config.stash[CHECKED] = []
    internal_errors.installed(config)
    try:
        options = _options(config)
        load_plugins(options)
        config.stash[SESSION] = Session(options)
        if options.graphs:
            config.stash[SESSION].bench.store.loaded = config.stash[CHECKED].append
        if options.benchmark and not _only_shows(config):
            config.stash[ROUNDS] = Rounds(config.stash[SESSION])
    except (OptionsError, KernelError, ModelError, GraphError, PluginError, ResultsError) as error:
        pytest.exit(str(error), returncode=2)
    except Exception as error:
        blamed = REGISTRY.blame(error)
        if blamed is None:
            raise
        pytest.exit(blamed, returncode=2)


def _options(config: pytest.Config) -> Options:
    option = config.getoption
    # The settings and the environment give pytest options as well.
    settled = [*config.getini("addopts"), *shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))]
    refused = refusal([*config.invocation_params.args, *settled], option("--benchmark"))
    if refused is not None:
        raise OptionsError(refused)
    if option("--benchmark"):
        settle_runner(config)
    suites = {suite for suite in SUITES if names_suite(config.args, suite)}
    return options_given(option, suites, asked(config.invocation_params.args, config.getoption("file_or_dir", [])))


def _only_shows(config: pytest.Config) -> bool:
    """Return whether pytest was asked for something to read, so that nothing will run."""
    return any(getattr(config.option, name, False) for name in ("collectonly", "help", "version", "markers", "showfixtures"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a suite its cases, and the contract the kernels from outside."""
    if "trial" in metafunc.fixturenames:
        catalog = metafunc.config.stash[SESSION].catalog
        every = [trial for kernel in catalog.foreign() for trial in trials(kernel, catalog.every[kernel].reduces)]
        metafunc.parametrize("trial", every, ids=str)
    if "bench" not in metafunc.fixturenames:
        return
    mine = [setting for setting in metafunc.config.stash[SESSION].settings if setting.suite == metafunc.module.SUITE]
    metafunc.parametrize("setting", mine, ids=str)


@pytest.hookimpl(trylast=True)  # after -k and -m have left out what they leave out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Interleave: the whole sweep once, then again; and leave out what a killed run has done already."""
    rounds = config.stash[ROUNDS]
    items[:] = [item for item in items if not without_trials(item)]
    if rounds is None:
        return
    gc.freeze()  # what is there now stays: the collection before each memory reading then costs microseconds, not 0.2 s
    items[:] = [item for item in items if not without_cases(item) and not has_trial(item)]
    order = {setting: index for index, setting in enumerate(config.stash[SESSION].settings)}
    cases = sorted((item for item in items if has_case(item)), key=lambda item: order[setting_of(item)])
    rounds.plan([setting_of(item) for item in cases])
    every = [in_round(item, index) for index in rounds.indices for item in cases if rounds.has(setting_of(item), index)]
    done = {item for item in every if rounds.is_done(setting_of(item), item.stash[ROUND])}
    left = [item for item in every if item not in done]
    config.hook.pytest_deselected(items=list(done))
    for item in left:
        item.add_marker(pytest.mark.benchmark(timer=rounds.timer))
    items[:] = [item for item in items if item not in cases] + left
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal:
        rounds.say = terminal.write_line
    try:
        rounds.measure_ceilings([(setting_of(item), item.stash[ROUND]) for item in left])
    except CannotStart as error:
        pytest.exit(str(error), returncode=2)
    if terminal:
        config.stash[PROGRESS] = progress = _progress(config, terminal, len(left))
        rounds.tell_loaded(progress.loaded)
        rounds.tell_waiting(progress.tell)
        rounds.say = progress.say
        if rounds.note:
            terminal.write_line(rounds.note)


def _progress(config: pytest.Config, terminal: pytest.TerminalReporter, cases: int) -> Progress:
    """Return what writes lines to the terminal, and in the middle of a captured test which case runs."""
    capture = config.pluginmanager.get_plugin("capturemanager")

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            terminal.write(text, flush=True)

    def rewrite(text: str) -> None:
        write(one_line(text))

    def say(text: str) -> None:
        write(f"{text}\n")

    return Progress(cases, terminal.write_line, rewrite if terminal.isatty else None, say=say)


@pytest.fixture
def foreign_kernel(request: pytest.FixtureRequest, trial: Trial) -> Kernel:
    """Return the kernel of a trial."""
    request.node.user_properties.append((summary.KERNEL, trial.kernel))
    return request.config.stash[SESSION].catalog.every[trial.kernel]


@pytest.fixture
def bench(request: pytest.FixtureRequest, setting: SuiteSetting) -> Runner:
    """Return what runs the case: checks it, and with ``--benchmark`` measures it into the results file."""
    stash = request.config.stash
    request.node.user_properties.append((summary.KERNEL, setting.choice.exact))
    return Runner(stash[SESSION], setting, request, stash[ROUNDS], stash[PROGRESS], request.node.stash.get(ROUND, 0))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Print after each case what it gave and how far the sweep is."""
    result = yield
    progress = item.config.stash[PROGRESS]
    if progress is not None:
        progress.flush()
    return result


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    """Leave the dots out where there is a line a case, and what that line says out of what pytest repeats at the end."""
    if config.stash[PROGRESS] is not None and (report.when == "call" or report.skipped):
        return summary.category(report), "", ""
    return None


@pytest.hookimpl(tryfirst=True)  # before pytest-benchmark draws its table
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what each graph is that was named for a check (a measurement says so when it loads one), and how each kernel did."""
    hide_trainings(config)
    for facts in config.stash[CHECKED]:
        terminalreporter.write_line(facts.text())
    for line in summary.lines(summary.outcomes(terminalreporter.stats), measured=config.stash[ROUNDS] is not None):
        terminalreporter.write_line(line)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep pytest's own file names and percentages out of the lines when measuring."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and session.config.stash[ROUNDS] is not None:
        terminal.showfspath = False
        terminal._show_progress_info = False


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the results file, and print where it is and what comes next."""
    rounds = config.stash.get(ROUNDS, None)
    if rounds is not None:
        gc.unfreeze()  # what is frozen is not freed at exit, and Triton's bindings list all of it on the terminal as leaked
        rounds.close()
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            for line in rounds.last_lines():
                terminal.write_line(line)
