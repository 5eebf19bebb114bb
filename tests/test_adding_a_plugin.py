"""A stranger adds one file for each kind of plug-in to a scratch copy of the checkout, touches nothing else, and sees it work."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench.cli.new import starter
from rsc_bench.plugins import KINDS

ROOT = Path(__file__).resolve().parents[1]
QUIET = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
ROW = re.compile(r"^\| (\w+) \| `([\w/]+/mine\.py)` \|", re.MULTILINE)
TABLE = dict(ROW.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, env=QUIET, capture_output=True, text=True, timeout=300, check=False
    )


def suites(folder, *arguments):
    done = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def harness(folder, *arguments):
    done = run(folder, "-m", "harness", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A copy of what git has, and a file for each row of the table in CONTRIBUTING."""
    folder = tmp_path_factory.mktemp("scratch") / "checkout"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, found):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for compiled in ROOT.glob("kernels/**/__pycache__/*.nb[ic]"):  # Numba takes what belongs to files of the same time and size
        place = folder / compiled.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(compiled, place)
    for kind, path in TABLE.items():
        assert not (folder / path).exists()
        write(kind, folder / path)
    return folder


def write(kind, path):
    """Write the file that `new KIND mine` writes."""
    path.write_text(starter(kind, "mine", path), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def measured(scratch):
    """A results file that a kernel, a selection, a clock, an order, a graph and a format of the stranger's went into."""
    edges = scratch / "small.mine"
    edges.write_text("".join(f"{node} {(node * 7 + 1) % 50}\n" for node in range(50)))
    options = ["--width", 8, "--budget", 0.5, "--rounds", 3, "--results", scratch / "mine.jsonl", "--device", "cpu"]
    chosen = ["--kernel", "mine(mine)", "--clock", "mine", "--reorder", "mine", "--graph", "mine:ring", "--graph", edges]
    suites(scratch, "suites/test_sampled.py", "suites/test_exact.py", "--benchmark", *chosen, *options)
    return scratch / "mine.jsonl"


def test_the_table_has_a_row_for_every_kind_and_there_is_a_file_for_each():
    assert set(TABLE) == set(KINDS) == {path.stem for path in (ROOT / "rsc_bench" / "starters").glob("*.txt")}


def test_everything_that_was_added_is_listed(scratch):
    listed = json.loads(harness(scratch, "list", "--json"))
    names = {title: {entry["name"] for entry in entries} for title, entries in listed.items()}
    wanted = {
        "kernels": "mine", "selections": "mine(KERNEL)", "allocations": "mine", "graphs": "mine:ring", "formats": "mine",
        "orders": "mine", "models": "mine", "clocks": "mine", "sensors": "mine", "metrics": "mine", "rules": "mine",
        "outputs": "mine", "figures": "mine", "exports": "mine",
    }  # fmt: skip
    assert {title for title, name in wanted.items() if name not in names[title]} == set()


def test_a_kernel_a_selection_a_clock_an_order_a_graph_and_a_format_measure(measured):
    cases = [json.loads(line)["record"] for line in measured.read_text().splitlines() if "record" in json.loads(line)]
    ours = [record for record in cases if record["case"]["kernel"] in ("mine", "mine(mine)")]
    assert {(r["case"]["kernel"], r["case"]["graph"], r["status"]) for r in ours} == {
        (kernel, graph, "ok") for kernel in ("mine", "mine(mine)") for graph in ("mine:ring", "small")
    }
    assert {(r["case"]["clock"], r["case"]["reorder"]) for r in ours} == {("mine", "mine")}
    assert all(time_s > 0 for r in ours for time_s in r["measurement"]["times_s"])


def test_a_metric_and_a_figure_are_on_the_page(scratch, measured):
    pytest.importorskip("pandas", reason="the page needs pandas: pip install pandas")
    harness(scratch, "report", measured, "--output", scratch / "page.html")
    page = (scratch / "page.html").read_text(encoding="utf-8")
    assert "Samples of the round." in page
    assert "How many cases there are." in page


def test_a_rule_judges_and_an_output_is_written(scratch, measured):
    assert harness(scratch, "compare", measured, measured, "--rule", "mine", "--mine") == "written by rsc-bench: exit 0\n"
    harness(scratch, "compare", measured, measured, "--rule", "mine", "--mine", scratch / "verdict.txt")
    assert (scratch / "verdict.txt").read_text() == "written by rsc-bench: exit 0\n"


def test_a_format_is_written(scratch, measured):
    pytest.importorskip("pandas", reason="the table that a format gets needs pandas: pip install pandas")
    assert harness(scratch, "export", measured, "--format", "mine") == f"{measured.with_suffix('.mine')}\n"
    assert measured.with_suffix(".mine").read_text().startswith("# written by rsc-bench\nmine\nmine(mine)\n")


def test_a_command_runs(scratch):
    assert harness(scratch, "mine") == "hello from mine\n"


def test_a_model_trains_with_an_allocation(scratch):
    pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")
    assert " passed" in suites(scratch, "suites/test_training.py", "--model", "mine", "--graph", "small:random", "--width", 8)
    code = (
        "from torch_geometric.nn import GCNConv; from rsc_bench import approximate;"
        "print(approximate(GCNConv(4, 4), 0.5, epochs=3, allocation='mine').schedule.allocation)"
    )
    assert run(scratch, "-c", code).stdout == "mine\n"


SENSED = """
from types import SimpleNamespace
from rsc_bench.harness.measure.gpu.trace import TraceRecorder
recorder = TraceRecorder(SimpleNamespace(ask=lambda name, *_: 42 if name == "FanSpeed" else 1, processes=list))
recorder.mark("sample")
print(recorder.end().column("mine_percent")[0])
"""


def test_a_sensor_fills_a_column_of_its_own(scratch):
    assert run(scratch, "-c", SENSED).stdout == "42\n"


def test_the_same_file_works_from_outside(tmp_path, measured):
    """Nothing is added to the checkout: the option brings the plug-in."""
    metric, command, kernel, source = (write(kind, tmp_path / f"{kind}.py") for kind in ("metric", "command", "kernel", "source"))
    listed = json.loads(harness(ROOT, "list", "--plugin", metric, "--json"))
    assert "mine" in {entry["name"] for entry in listed["metrics"]}
    assert harness(ROOT, "--plugin", command, "mine") == "hello from mine\n"
    assert " passed" in suites(
        ROOT, "suites/test_exact.py", "--plugin", kernel, "--plugin", source, "--kernel", "mine",
        "--graph", "mine:ring", "--width", 3, "--dtype", "float32",
    )  # fmt: skip


def test_a_plugin_that_does_not_load_stops_the_command_with_file_line_and_reason(tmp_path):
    (tmp_path / "broken.py").write_text("from rsc_bench.harness.metrics import Metric\n\nMETRIC = Metric('mine')\n")
    done = run(ROOT, "-m", "harness", "list", "--plugin", tmp_path / "broken.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: --plugin {tmp_path}/broken.py, line 3: TypeError: Metric.__init__() missing 3 required")
    assert done.stderr.count("\n") == 1
