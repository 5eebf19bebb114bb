"""Holds the package to its rooms: imports point one way, a plug-in is one file, and no folder becomes a drawer."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from rsc_bench.plugins import KINDS, load

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("rsc_bench", "reports", "suites", "harness", "kernels")
ROOMS = (
    "cli",
    "reports.page",
    "reports.exports",
    "reports.figures",
    "reports.drawing",
    "reports.numbers",
    "reports.tables",
    "suites",
    "harness.ab",
    "harness.output",
    "harness.compare",
    "harness.metrics",
    "harness.measure",
    "harness.statistics",
    "harness.machine",
    "harness.records",
    "kernels",
)
"""From the top down: a module imports from its own room and from those below it."""
LEAVES = {"allocator", "beside", "plugins", "user_files", "fields", "kinds", "optional", "text", "files", "caches", "precision"}
"""What everything may import; they import each other and nothing else of ours."""
APART = {"harness": {"kernels"}, "reports": {"kernels", "suites"}}
"""What a folder knows nothing of, although it lies below."""
BY_NAME = {
    "rsc_bench/__init__.py", "rsc_bench/beside.py", "rsc_bench/plugins.py", "rsc_bench/user_files.py", "kernels/acceleration.py"
}  # fmt: skip
"""Files that import a module by a name that they are given: public names, plug-ins, old imports, accelerated versions."""
MOST_FILES = 12
MOST_FLOORS = 8
LONGEST = 300
HEAVY = ("torch", "numba", "scipy", "triton")
# Every file in these folders is a plug-in; a name with an underscore in front is a part of one.
ALL_PLUGINS = (
    "kernel",
    "allocation",
    "metric",
    "clock",
    "figure",
    "order",
    "sensor",
    "rule",
    "model",
    "command",
    "selection",
    "export",
)


def files(*folders):
    return [path for folder in folders or FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def module_of(path):
    """Dotted name below `rsc_bench`: ``harness.records.case``."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts[1:] if parts[0] == "rsc_bench" else parts)


MODULES = {module_of(path): path for path in files()}


def nodes_that_run(tree):
    """All nodes but those under ``if TYPE_CHECKING``, which only a type checker imports."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


@cache
def imported(path):
    """Every module that a file imports when it runs, at any depth of it: ours below `rsc_bench`, others by their first name."""
    found = set()
    for node in nodes_that_run(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {ours(name) if name.partition(".")[0] == "rsc_bench" else name.partition(".")[0] for name in found}


def ours(name):
    """The module of ours that a dotted name names, or has a name in."""
    below = name.removeprefix("rsc_bench").removeprefix(".")
    while below and below not in MODULES:
        below = below.rpartition(".")[0]
    return below


def graph(modules):
    """What each of some modules imports of the others."""
    return {name: {other for other in imported(MODULES[name]) if other in modules and other != name} for name in modules}


def room_of(module):
    return next((room for room in ROOMS if module == room or module.startswith(f"{room}.")), None)


def floors(edges):
    """How many stand on each other in the longest chain of imports; raises where some import each other in a circle."""
    height, open_ = {}, []

    def above_ground(name):
        assert name not in open_, f"a circle of imports: {' -> '.join([*open_[open_.index(name) :], name])}"
        if name not in height:
            open_.append(name)
            height[name] = 1 + max(map(above_ground, sorted(edges[name])), default=0)
            open_.pop()
        return height[name]

    return max(map(above_ground, sorted(edges)), default=0)


def collapsed(edges, into):
    """The same graph with each module taken for the room that it is in."""
    rooms = {}
    for name, others in edges.items():
        rooms.setdefault(into(name), set()).update(into(other) for other in others)
    return {room: others - {room} for room, others in rooms.items()}


def child_of(folder):
    return lambda module: ".".join(module.split(".")[: folder.count(".") + 2])


def shown(path):
    return str(path.relative_to(ROOT))


def test_the_rooms_are_there():
    empty = [room for room in ROOMS if not any(room_of(module) == room for module in MODULES)]
    assert empty == []
    assert {module for module in MODULES if room_of(module) is None} <= LEAVES | {
        "",
        "__main__",
        "harness",
        "harness.__main__",
        "reports",
    }


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_below(room):
    above = ROOMS[: ROOMS.index(room)]
    wrong = {
        module: sorted(other for other in imported(path) if room_of(other) in above)
        for module, path in MODULES.items()
        if room_of(module) == room
    }
    assert {module: others for module, others in wrong.items() if others} == {}


@pytest.mark.parametrize(("folder", "apart"), APART.items())
def test_a_folder_knows_nothing_of_what_it_stands_apart_from(folder, apart):
    wrong = {shown(path): sorted(n for n in imported(path) if n.partition(".")[0] in apart) for path in files(folder)}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_what_everything_may_import_imports_nothing_of_ours():
    wrong = {
        leaf: sorted(other for other in imported(MODULES[leaf]) if other in MODULES and other not in LEAVES) for leaf in LEAVES
    }
    # The name of the package itself stands for the package that a leaf is in.
    assert {leaf: others for leaf, others in wrong.items() if set(others) - {""}} == {}


def test_no_modules_import_each_other_in_a_circle():
    inside = {name for name in MODULES if name}
    floors(graph(inside))


@pytest.mark.parametrize("folder", ["harness", "suites", "reports", "kernels", "kernels.rsc", "kernels.sampled", "harness.measure"])
def test_no_rooms_import_each_other_in_a_circle(folder):
    inside = {name for name in MODULES if name.startswith(f"{folder}.")}
    floors(collapsed(graph(inside), child_of(folder)))


def test_the_harness_has_few_floors():
    inside = {name for name in MODULES if name.startswith("harness.")}
    assert floors(collapsed(graph(inside), child_of("harness"))) <= MOST_FLOORS


@pytest.mark.parametrize("room", [room for room in ROOMS if room.startswith("harness.")])
def test_a_room_of_the_harness_has_few_floors_inside(room):
    assert floors(graph({name for name in MODULES if room_of(name) == room})) <= MOST_FLOORS


def test_few_files_stand_beside_each_other():
    beside = {}
    for path in files():
        if path.name != "__init__.py" and not path.name.startswith("test_"):  # of those, what pytest collects, each is a suite
            beside.setdefault(shown(path.parent), []).append(path.name)
    # The figures of the page, the commands and the kernels: all of them are plug-ins.
    plugins = {"reports/figures", "rsc_bench/cli", "kernels/exact"}
    assert {folder: len(names) for folder, names in beside.items() if len(names) > MOST_FILES and folder not in plugins} == {}


def test_nothing_is_imported_by_string_to_get_around_a_wall():
    assert {shown(path) for path in files() if any(may_be_ours(call) for call in imports_by_string(path))} == BY_NAME


def imports_by_string(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", None)) in {"import_module", "__import__"}]


def may_be_ours(call):
    """Whether a module that is imported by string is ours, or is known only when the program runs."""
    named = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
    return named is None or named.startswith("rsc_bench")


def test_reports_know_nothing_of_torch_or_numba():
    assert {shown(path) for path in files("reports") if imported(path) & set(HEAVY)} == set()


def test_kernels_know_nothing_of_pytest_or_of_drawing():
    outside = {"pytest", "pandas", "plotly", "click", "rich", "msgspec"}
    assert {shown(path) for path in files("kernels") if imported(path) & outside} == set()


@pytest.mark.parametrize("path", files(), ids=shown)
def test_a_module_says_what_it_is_and_is_not_long(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "begins with a sentence that says what it is"
    assert len(text.splitlines()) <= LONGEST


@pytest.mark.parametrize("path", files(), ids=shown)
def test_a_file_is_named_for_what_it_adds(path):
    assert path.stem not in {"utils", "util", "common", "helpers", "helper", "misc", "base", "tools"}


def folder_of(kind):
    return (
        ROOT.joinpath(*kind.package.removeprefix("rsc_bench.").split(".")) if kind.name != "command" else ROOT / "rsc_bench" / "cli"
    )


def plugin_files(kind):
    return [path for path in sorted(folder_of(kind).glob("*.py")) if not path.name.startswith("_")]


def defines(path, constant):
    """Whether a file assigns the constant, or its plural, at its top level."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in nodes if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id in {constant, f"{constant}S"} for target in targets)


@pytest.mark.parametrize("name", ALL_PLUGINS)
def test_every_file_in_a_plugin_folder_is_a_plugin(name):
    found = plugin_files(KINDS[name])
    assert found
    assert [shown(path) for path in found if not defines(path, KINDS[name].constant)] == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_plugin_file_is_found_or_missing_with_a_reason(kind):
    defining = [path for path in plugin_files(kind) if defines(path, kind.constant)]
    found = load(kind.name)  # two of one name would raise
    assert len(found) + len(found.missing) >= len(defining) > 0
    assert all(found[name].name == name for name in found)
    assert all(reason and "\n" not in reason for reason in found.missing.values())


BLOCK = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
READING = [
    "import rsc_bench.cli",
    "from rsc_bench import compare, keep_memory, read_results",
    "import rsc_bench.reports.page.render",
]


@pytest.mark.parametrize("statement", READING)
def test_reading_a_results_file_needs_no_torch(statement):
    command = [sys.executable, "-c", BLOCK + statement]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr


def test_every_module_of_the_harness_imports_without_torch_but_what_probes_a_device():
    names = [
        f"rsc_bench.{name}" for name in MODULES if name.startswith("harness.") and not name.startswith("harness.measure.ceilings.")
    ]
    names.remove("rsc_bench.harness.__main__")
    command = [sys.executable, "-c", BLOCK + "import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)", *names]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["torch", "numpy", "numba", "click", "msgspec", "rich"]
    code = f"import sys, rsc_bench; sys.exit(sum(name in sys.modules for name in {heavy}))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stderr) == (0, "")
