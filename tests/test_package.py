"""The package as a user installs it: a wheel, imported from another folder beside a folder ``kernels`` of the user's own."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("setuptools", reason="setuptools is not installed: pip install setuptools wheel")
pytest.importorskip("click", reason="click is not installed: pip install click")

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("rsc_bench", "kernels", "harness", "suites", "reports")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the checkout, built in a copy: building leaves folders behind."""
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", output, source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode and "No module named pip" in done.stderr:
        pytest.skip("pip is not installed: it builds the wheel")
    assert done.returncode == 0, done.stdout + done.stderr
    return next(output.glob("*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """A user's folder with a folder ``kernels`` of its own, and beside it the installed wheel."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "kernels").mkdir()
    (folder / "kernels" / "__init__.py").write_text("OWN = 'the user\\'s own'\n")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder


def python(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder / "site"), "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_wheel_holds_every_file_of_the_rooms_under_one_name(wheel):
    wanted = set()
    for room in ROOMS:
        inside = [path for path in (ROOT / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        wanted |= {("rsc_bench/" if room != "rsc_bench" else "") + str(path.relative_to(ROOT)) for path in inside}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == wanted


def test_the_version_is_that_of_the_package(wheel):
    import rsc_bench

    assert f"rsc_bench-{rsc_bench.__version__}-" in wheel.name


API = """
import kernels
from rsc_bench import Csr, Kernel, __version__, approximate, compare, keep_memory, read_results
import rsc_bench, rsc_bench.kernels
assert kernels.OWN == "the user's own"
assert "site" in rsc_bench.__file__ and "site" in rsc_bench.kernels.__file__
assert rsc_bench.kernels.Csr is Csr
print(__version__)
"""


def test_the_documented_names_are_there_beside_a_folder_kernels_of_the_users_own(elsewhere):
    done = python(elsewhere, "-c", API)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)


def test_the_script_is_the_command_line(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (points,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert "rsc-bench = rsc_bench.cli:main" in points


def test_the_suites_run_in_the_users_folder_and_leave_their_results_there(elsewhere):
    options = ["--graph", "small:random", "--width", 8, "--budget", 0.5, "--kernel", "topk(mkl)", "--rounds", 1, "--device", "cpu"]
    done = python(elsewhere, "-m", "rsc_bench", "bench", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    (results,) = (elsewhere / "results").glob("*.jsonl")
    assert f"next:    rsc-bench report {results.relative_to(elsewhere)}" in done.stdout
    records = [json.loads(line)["record"] for line in results.read_text().splitlines() if "record" in json.loads(line)]
    assert {(record["case"]["suite"], record["status"]) for record in records} >= {("exact", "ok"), ("sampled", "ok")}
    other = results.with_name("other.jsonl")
    other.write_text(results.read_text().replace('"started":"2', '"started":"1'))  # another run, of one round as well
    shown = python(elsewhere, "-m", "rsc_bench", "compare", results, other)
    assert (shown.returncode, shown.stderr) == (3, "")
    assert "rsc-bench bench " in shown.stdout


@pytest.fixture(scope="module")
def checked(elsewhere):
    """A run that only checks, beside settings of pytest of the user's own; and what lay in ``results`` before and after it."""
    (elsewhere / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    options = ["--graph", "small:hub", "--width", 3, "--kernel", "mkl", "--dtype", "float32", "--reduce", "sum"]
    before = sorted((elsewhere / "results").glob("*"))
    try:
        done = python(elsewhere, "-m", "rsc_bench", "bench", "exact", "--check", *options)
    finally:
        (elsewhere / "pytest.ini").unlink()
    return done, before, sorted((elsewhere / "results").glob("*"))


def test_the_suites_only_check_where_that_is_asked(checked):
    done, before, after = checked
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert after == before


def test_a_users_own_settings_of_pytest_are_not_for_the_suites(checked):
    done, _, _ = checked
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no-such-option" not in done.stdout + done.stderr


def seconds_of(folder, *arguments):
    """Processor seconds of a process, the least of some: what else runs on the machine does not count."""
    found = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert python(folder, *arguments).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def test_importing_takes_no_time_and_help_little(elsewhere):
    bare = seconds_of(elsewhere, "-c", "")
    assert seconds_of(elsewhere, "-c", "import rsc_bench") - bare < 0.1
    assert seconds_of(elsewhere, "-m", "rsc_bench", "--help") < 0.3


def test_a_users_plugin_is_loaded_beside_an_installed_package_called_kernels(elsewhere):
    """PyPI has one: it lies beside ours, and a user's file may import it as well as what stands beside it."""
    (elsewhere / "site" / "kernels").mkdir(exist_ok=True)
    (elsewhere / "site" / "kernels" / "__init__.py").write_text("def get_kernel():\n    return 'theirs'\n")
    (elsewhere / "site" / "beside.py").write_text("UNIT = 'ms'\n")
    text = "from beside import UNIT\nfrom rsc_bench.harness.metrics import Metric\n"
    text += "METRIC = Metric('mine', UNIT, 'lower', 'Mine.', lambda measurement, _: None)\n"
    (elsewhere / "mine.py").write_text(text)
    done = python(elsewhere, "-m", "rsc_bench", "list", "--plugin", "mine.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "+ mine " in done.stdout
