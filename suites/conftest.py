"""Gives the suites their options: check each case once, or with ``--benchmark`` measure it into a results file."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.results import ResultsError
from suites.asked import Asked, AskedError, numbers
from suites.graphs import GraphError
from suites.kernels import KernelError
from suites.progress import Progress
from suites.running import Runner
from suites.session import NEW_FILE_ROUNDS, Rounds, Session
from suites.sweep import Setting

if TYPE_CHECKING:
    from collections.abc import Generator

SESSION = pytest.StashKey[Session]()
ROUNDS = pytest.StashKey[Rounds | None]()
PROGRESS = pytest.StashKey[Progress | None]()


_ONCE = {
    "--results FILE": "results file to begin or to carry on (default: results/TIME.jsonl)",
    "--rounds N": f"passes over the whole sweep (default: {NEW_FILE_ROUNDS}; 1 more on a finished file)",
    "--device cpu|cuda[:i]": "where to run (default: the GPU where there is one)",
    "--data-root DIR": "where published graphs lie or are downloaded to (default: data)",
}
_REPEATED = {
    "--graph NAME|PATH": "graph or graph file",
    "--kernel NAME|FILE.py": "kernel, beside the exact ones it is compared with",
    "--budget C": "share of the exact FLOPs, in (0, 1]",
    "--width D": "columns of the dense operand",
    "--dtype NAME": "float32 or bfloat16",
    "--reduce NAME": "sum or mean aggregation",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suites; values are parsed in `suites.asked`, which refuses them in one line."""
    group = parser.getgroup("rsc-bench", "measuring sparse kernels")
    group.addoption("--benchmark", action="store_true", help="measure every case; without it each is checked once, on small graphs")
    for usage, says in _REPEATED.items():
        option, metavar = usage.split()
        group.addoption(option, metavar=metavar, action="append", default=[], help=f"{says}; may be repeated")
    for usage, says in _ONCE.items():
        option, metavar = usage.split()
        group.addoption(option, metavar=metavar, help=says)


@pytest.hookimpl(tryfirst=True)  # before the terminal reporter is there to say the message a second time
def pytest_configure(config: pytest.Config) -> None:
    """Check what was asked for, and open the results file: nothing runs on a bad option."""
    config.stash[ROUNDS] = config.stash[PROGRESS] = None
    try:
        asked = _asked(config)
        config.stash[SESSION] = Session(asked)
        if asked.benchmark and not config.option.collectonly:
            config.stash[ROUNDS] = Rounds(config.stash[SESSION])
    except (AskedError, KernelError, GraphError, ResultsError) as error:
        pytest.exit(str(error), returncode=2)


def _asked(config: pytest.Config) -> Asked:
    option = config.getoption
    if option("--benchmark") and (option("numprocesses", None) or option("dist", "no") != "no"):
        raise AskedError(
            "--benchmark must run in one process, or cases disturb each other's time (got pytest-xdist's -n): leave -n out"
        )
    return Asked(
        benchmark=option("--benchmark"),
        graphs=tuple(option("--graph")),
        kernels=tuple(option("--kernel")),
        budgets=numbers("--budget", option("--budget"), float),
        widths=numbers("--width", option("--width"), int),
        dtypes=tuple(option("--dtype")),
        reduces=tuple(option("--reduce")),
        rounds=next(iter(numbers("--rounds", [option("--rounds")] if option("--rounds") else [], int)), None),
        results=Path(option("--results")) if option("--results") else None,
        device=option("--device"),
        data_root=Path(option("--data-root")) if option("--data-root") else None,
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a suite its cases: once when checking, once a round when measuring."""
    if "bench" not in metafunc.fixturenames:
        return
    mine = [setting for setting in metafunc.config.stash[SESSION].settings if setting.suite == metafunc.module.SUITE]
    metafunc.parametrize("setting", mine, ids=str)
    rounds = metafunc.config.stash[ROUNDS]
    if rounds is not None:
        metafunc.parametrize("round_index", rounds.indices, ids=[f"round{index}" for index in rounds.indices])


@pytest.fixture
def round_index() -> int:
    """Return 0, no round, where nothing is measured."""
    return 0


@pytest.hookimpl(trylast=True)  # after -k and -m have left out what they leave out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Interleave: the whole sweep once, then again; and leave out what a killed run has done already."""
    rounds = config.stash[ROUNDS]
    if rounds is None:
        return
    gc.freeze()  # what is there now stays: the collection before each memory reading then costs microseconds, not 0.2 s
    order = {setting: index for index, setting in enumerate(config.stash[SESSION].settings)}
    cases = {item: _case(item) for item in items if "bench" in getattr(item, "fixturenames", ())}
    rounds.cases = len({setting for setting, _ in cases.values()})
    done = [item for item, case in cases.items() if rounds.is_done(*case)]
    config.hook.pytest_deselected(items=done)
    left = sorted(cases.keys() - set(done), key=lambda item: (cases[item][1], order[cases[item][0]]))
    items[:] = [item for item in items if item not in cases] + left
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    config.stash[PROGRESS] = Progress(len(left), terminal.write_line) if terminal else None


def _case(item: pytest.Item) -> tuple[Setting, int]:
    params = item.callspec.params  # type: ignore[attr-defined]
    return params["setting"], params["round_index"]


@pytest.fixture
def bench(request: pytest.FixtureRequest, setting: Setting, round_index: int) -> Runner:
    """Return what runs the case: checks it, and with ``--benchmark`` measures it into the results file."""
    stash = request.config.stash
    return Runner(stash[SESSION], setting, request, stash[ROUNDS], stash[PROGRESS], round_index)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Say after each case what it gave and how far the sweep is."""
    result = yield
    progress = item.config.stash[PROGRESS]
    if progress is not None:
        progress.flush()
    return result


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    """Leave the dots out where there is a line a case."""
    if config.stash[PROGRESS] is not None and (report.when == "call" or report.skipped):
        return report.outcome, "", ""
    return None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep pytest's own file names and percentages out of the lines when measuring."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and session.config.stash[ROUNDS] is not None:
        terminal.showfspath = False
        terminal._show_progress_info = False


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the results file, and say where it is and what comes next."""
    rounds = config.stash.get(ROUNDS, None)
    if rounds is not None:
        rounds.close()
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(f"results: {rounds.path}")
            terminal.write_line(f"next:    python -m harness report {rounds.path}")
