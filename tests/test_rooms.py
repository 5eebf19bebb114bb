"""Holds the checkout to the shape that DESIGN gives it: imports point one way, and a plug-in is one file."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rsc_bench.plugins import load

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {"kernels": set(), "harness": set(), "reports": {"harness"}, "suites": {"kernels", "harness"}}
# Folders in which every file is a plug-in; a name with an underscore in front is a part of one.
FOLDERS = {
    "rsc_bench.kernels.exact": "KERNEL",
    "rsc_bench.kernels.rsc.allocations": "ALLOCATION",
    "rsc_bench.harness.metrics": "METRIC",
    "rsc_bench.harness.measure.clocks": "CLOCK",
    "rsc_bench.reports.figures": "FIGURE",
    "rsc_bench.suites.graphs.orders": "ORDER",
}
KINDS = {
    **FOLDERS,
    "rsc_bench.kernels.sampled": "SELECTION",
    "rsc_bench.suites.graphs": "SOURCE",
    "rsc_bench.suites.graphs.formats": "FORMAT",
}
HEAVY = ("torch", "numba", "scipy", "triton")
LONGEST = 300


def modules(*packages):
    return [path for package in packages or MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path):
    """Every module that a file names in an import, at any depth of it; a relative import is of its own package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


def shown(path):
    return str(path.relative_to(ROOT))


def folder_files(package):
    folder = ROOT / package.replace(".", "/")
    return [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def test_the_packages_are_there():
    assert all(len(modules(package)) > 3 for package in MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package):
    others = set(MAY_IMPORT) - MAY_IMPORT[package] - {package} | {"tests"}
    wrong = {shown(path): sorted(imported(path) & others) for path in modules(package) if imported(path) & others}
    assert wrong == {}


def test_reports_know_nothing_of_torch_or_numba():
    assert {shown(path) for path in modules("reports") if imported(path) & set(HEAVY)} == set()


def test_kernels_know_nothing_of_pytest_or_of_drawing():
    outside = {"pytest", "pandas", "plotly", "click", "rich", "msgspec"}
    assert {shown(path) for path in modules("kernels") if imported(path) & outside} == set()


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_a_module_says_what_it_is_and_is_not_long(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "begins with a sentence that says what it is"
    assert len(text.splitlines()) <= LONGEST


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_a_file_is_named_for_what_it_adds(path):
    assert path.stem not in {"utils", "util", "common", "helpers", "helper", "misc", "base", "tools"}


def defines(path, constant):
    """Whether a file assigns the constant at its top level."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in nodes if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == constant for target in targets)


@pytest.mark.parametrize(("package", "constant"), FOLDERS.items())
def test_every_file_in_a_plugin_folder_is_a_plugin(package, constant):
    files = folder_files(package)
    assert files
    assert [shown(path) for path in files if not defines(path, constant)] == []


@pytest.mark.parametrize(("package", "constant"), KINDS.items())
def test_every_plugin_file_is_found_or_missing_with_a_reason(package, constant):
    files = [path for path in folder_files(package) if defines(path, constant)]
    found = load(package, constant)  # two of one name would raise
    assert len(found) + len(found.missing) == len(files) > 0
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


@pytest.mark.parametrize(
    "statement",
    [
        "import rsc_bench.harness.__main__",
        "import rsc_bench.harness.compare.comparison, rsc_bench.harness.records.file",
        "import rsc_bench.reports.page.render",
    ],
)
def test_reading_a_results_file_needs_no_torch(statement):
    command = [sys.executable, "-c", BLOCK + statement]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr


def test_every_module_of_the_harness_imports_without_torch():
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules("harness") if path.stem != "__init__"]
    command = [sys.executable, "-c", BLOCK + "import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)", *names]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr
