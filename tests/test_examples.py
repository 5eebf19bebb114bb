"""Runs every example as a user does, from a folder of the user's own, and checks what it prints."""

import ast
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
A_PAGE = 80
# One thread: on a busy machine the threads of a small product wait for each other longer than they multiply.
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "PYTHONIOENCODING": "utf-8",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}


def needs(*packages):
    for package, remedy in packages:
        pytest.importorskip(package, reason=f"{package} is not installed: pip install {remedy}")


def python(folder, *arguments):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)


def printed(folder, name, *arguments):
    """The lines that an example prints; it must end well, and leave the folder as it is."""
    done = python(folder, EXAMPLES / name, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def results(tmp_path):
    """Two results files, the second with one kernel that is 20 % slower; made by the example that reads them."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import read_results as r; from pathlib import Path\n"
        "r.make(Path('base.jsonl'), r.BASE_MS, seed=0); r.make(Path('new.jsonl'), r.NEW_MS, seed=1)"
    )
    done = python(tmp_path, "-c", script, EXAMPLES)
    assert done.returncode == 0, done.stderr
    return tmp_path / "base.jsonl", tmp_path / "new.jsonl"


def test_every_example_is_run_by_a_test_of_this_file():
    here = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in here] == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_a_page_that_says_what_it_shows_and_how_it_is_run(path):
    text = path.read_text(encoding="utf-8")
    assert f"python {path.name}" in ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= A_PAGE


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """Runs an example that trains in this process, where PyTorch Geometric is loaded once, and returns what it prints."""
    needs(("torch", "torch"), ("torch_geometric", '"rsc-bench[train]"'), ("numba", "numba"))
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_one_line_trains_exactly_and_another_samples(trained):
    said = trained("train_faster.py", "small:random", "--epochs", "10")
    head, plain, exact, sampled = said.split("\n\n")
    assert head == "small:random: 300 nodes, 3,000 edges, 10 epochs"
    assert re.fullmatch(r"PyTorch Geometric: .* s, test accuracy \d.*%", plain)
    # The same loss curve to rounding: not one node of 60 is classified in another way.
    assert plain.rpartition(", ")[2] == exact.splitlines()[0].rpartition(", ")[2]
    assert "convs.1  GCNConv  yes        4         10" in exact
    assert "\n10 steps; " in exact
    # The first 5 epochs measure scores and the last 2 are exact again: 3 sample.
    assert sampled.startswith("approximate, budget 0.1: ")
    assert "\n10 steps, 3 of them sampled; 7" in sampled


def test_steps_of_four_ways_take_turns_and_their_ratios_are_printed(trained):
    head, *lines = trained("compare_speeds.py", "small:random", "--steps", "4").splitlines()
    assert head == "small:random: 300 nodes, 3,000 edges, GCN 2 x 64, 4 turns"
    assert all(re.fullmatch(r".* against .*  +\d+\.\d\dx  \(half of the turns: .* to .*\)", line) for line in lines[:3])
    assert lines[3].startswith("the first step of accelerate takes as long as ")
    assert float(re.search(r"within (\S+) of", lines[4])[1]) < 1e-4


def test_what_rows_without_a_gradient_give_is_printed_over_their_share(trained):
    head, *lines = trained("leave_out_zeros.py", "small:random", "--turns", "2").splitlines()
    assert head == "small:random: 300 nodes, 3,000 edges, GCN 2 x 64"
    assert [line.partition(" ")[0] for line in lines[::3]] == ["8%", "30%", "60%"]
    assert all(float(line.rpartition(" ")[2]) <= 1e-6 for line in lines[::3])
    ways = [line.split(": ") for line in lines if line not in lines[::3]]
    assert [name for name, _ in ways] == ["  zero rows left out", "  loss_nodes as well"] * 3
    assert all(re.fullmatch(r"forward \d+\.\d\dx, backward \d+\.\d\dx, steps \d+\.\d\dx", found) for _, found in ways)


def test_what_a_product_that_is_kept_gives_is_printed_with_what_was_kept(trained):
    head, *lines = trained("keep_products.py", "small:random", "--turns", "2").splitlines()
    assert head == "small:random: 300 nodes, 3,000 edges, 16 features, GraphSAGE"
    assert all(re.fullmatch(r"  .*: \d+\.\d\dx as fast where the product is kept", line) for line in lines[:2])
    assert "convs.0: its features stay the same: 4 of 5 products were the one that is kept" in lines


def test_a_model_is_accelerated_that_is_reached_through_encode(trained):
    score, *table = trained("predict_links.py", "small:random", "--epochs", "20").splitlines()
    assert float(re.search(r"curve (\d\.\d+)", score)[1]) > 0.6  # 0.5 is a guess
    assert [line.split()[:5] for line in table[1:3]] == [
        ["encoder.first", "GCNConv", "yes", "64", "20"],
        ["encoder.second", "GCNConv", "yes", "16", "20"],
    ]


def test_the_network_of_a_lightning_module_follows_its_schedule(trained):
    assert "20 steps, 11 of them sampled" in trained("train_with_lightning.py", "small:random", "--steps", "20")


def test_mini_batches_are_counted_in_steps(trained, monkeypatch):
    costs = pytest.importorskip("rsc_bench.kernels.rsc.conversion.costs").Costs
    monkeypatch.setattr(costs, "measure", lambda *_: costs(convert_s=1e-12, own_s=2e-9, ours_s=1e-9))  # on any machine it pays
    said = trained("mini_batches.py", "small:random", "--epochs", "8")
    # 180 training nodes are two batches. Of 16 steps 5 are the warm-up and the last 3 exact.
    assert "16 steps, 8 of them sampled" in said
    assert "adjacencies: 16 converted" in said


def test_a_training_that_was_stopped_goes_on_in_its_phase(trained):
    stopped, resumed, *table = trained("resume_training.py", "small:random", "--epochs", "40").splitlines()
    assert stopped.endswith("20 steps>")
    assert resumed == stopped.replace("stopped", "resumed")
    # As without a stop: 5 steps of warm-up, and exact from step 32 on.
    assert "40 steps, 27 of them sampled" in "\n".join(table)


def test_a_model_of_ones_own_is_built_and_its_layers_are_named(tmp_path):
    needs(("torch", "torch"), ("torch_geometric", '"rsc-bench[train]"'))
    _, first, second, *_ = printed(tmp_path, "my_model.py")
    assert first.split()[:3] == ["convs.0", "GraphConv", "yes"]
    assert second.split()[:3] == ["convs.1", "GraphConv", "yes"]


def test_a_kernel_of_ones_own_is_checked_and_timed_beside_others(tmp_path):
    needs(("torch", "torch"), ("numba", "numba"), ("scipy", "scipy"))
    head, *lines = printed(tmp_path, "measure_a_kernel.py", "--graph", "small:random", "--width", "8")
    assert head == "small:random, 8 columns; sampled kernels at budget 0.1"
    measured = ["gather_scatter", "rows_numba", "torch_reduce", "topk(gather_scatter)", "topk(rows_numba)"]
    assert [line.split()[0] for line in lines] == measured
    assert all(" ms, " in line for line in lines)
    errors = [float(line.rpartition(" ")[2]) for line in lines]
    assert max(errors[:3]) < 1e-5
    assert min(errors[3:]) > 0.01


def test_a_kernel_file_checks_itself(tmp_path):
    needs(("torch", "torch"), ("scipy", "scipy"))
    assert printed(tmp_path, "write_a_kernel.py") == [
        "gather_scatter: [[6.0, 8.0], [4.0, 6.0], [0.0, 0.0]]",
        "largest difference from float64: 0",
    ]


def test_the_suites_take_the_kernel_file():
    needs(("torch", "torch"), ("scipy", "scipy"))
    suite = ("-m", "pytest", "suites/test_exact.py", "-q", "-p", "no:cacheprovider", "-k", "gather_scatter and not pyg")
    options = ("--graph", "small:empty-rows", "--width", "8", "--reduce", "sum", "--reduce", "mean", "--device", "cpu")
    done = python(ROOT, *suite, "--kernel", EXAMPLES / "write_a_kernel.py", *options)
    assert done.returncode == 0, done.stdout
    # Sum and mean; float32, while bfloat16 and float16 are skipped with the kernel's own reason.
    assert "2 passed, 4 skipped" in done.stdout


def test_the_kernel_of_sddmm_keeps_the_contract_and_is_measured_beside_the_others(tmp_path):
    needs(("torch", "torch"), ("scipy", "scipy"))
    file = ROOT / "docs" / "tutorials" / "edge_dots.py"
    done = python(
        ROOT, "-m", "pytest", "suites/test_contract.py", "-q", "-p", "no:cacheprovider", "--kernel", file, "--device", "cpu"
    )
    assert done.returncode == 0, done.stdout
    assert "36 passed" in done.stdout
    options = ("--graph", "small:hub", "--width", "8", "--rounds", "1", "--max-time", "0.01", "--device", "cpu")
    done = python(tmp_path, "-m", "rsc_bench", "bench", "--kernel", file, *options, "--results", "run.jsonl")
    assert done.returncode == 0, done.stdout
    shown = python(tmp_path, "-m", "rsc_bench", "show", "run.jsonl").stdout
    assert shown.startswith("dot products: ")
    assert {"edge_dots", "sddmm_gather", "sddmm_torch"} <= {line.split()[0] for line in shown.splitlines() if line.strip()}


def test_the_four_kinds_of_one_file_are_measured_each_with_its_error_and_stand_on_their_side_of_the_page(tmp_path):
    needs(("torch", "torch"), ("scipy", "scipy"), ("pandas", "pandas"), ("plotly", "plotly"))
    file = tmp_path / "four.py"
    file.write_bytes((ROOT / "docs" / "tutorials" / "four_kinds.py").read_bytes())
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 30
    options = ("--graph", "small:hub", "--width", "8", "--budget", "0.3", "--rounds", "1", "--max-time", "0.01", "--device", "cpu")
    done = python(tmp_path, "-m", "rsc_bench", "bench", "--kernel", "four.py", *options, "--results", "four.jsonl")
    assert done.returncode == 0, done.stdout
    script = (
        "from rsc_bench.harness.records.file import read; from rsc_bench.reports.tables.table import read_table\n"
        "from rsc_bench.reports.tables.rows import is_exact; from pathlib import Path\n"
        "for row in read_table([read(Path('four.jsonl'))]).products:\n"
        "    if row['kernel'] in ('plain', 'cut', 'half', 'thirds'):\n"
        "        said = [row[name] for name in ('kernel', 'dtype', 'precision')]\n"
        "        print(*said, is_exact(row), row['budget'], row['latency'] > 0, row['error'])"
    )
    lines = [line.split() for line in python(tmp_path, "-c", script).stdout.splitlines()]
    found = {(kernel, dtype): (precision, exact, budget, timed) for kernel, dtype, precision, exact, budget, timed, _ in lines}
    assert found["plain", "float32"] == ("float32", "True", "nan", "True")
    assert found["cut", "float32"] == ("tf32", "True", "nan", "True")
    assert found["half", "float16"] == ("float16", "True", "nan", "True")
    assert found["thirds", "float32"] == ("float32", "False", "0.333", "True")
    error = {(kernel, dtype): float(rest[-1]) for kernel, dtype, *rest in lines}
    assert (
        0
        < error["plain", "float32"]
        < 1e-6
        < error["half", "float16"]
        < error["cut", "float32"]
        < 0.01
        < error["thirds", "float32"]
    )
    page = python(tmp_path, "-m", "rsc_bench", "report", "four.jsonl", "--output", "four.html")
    assert page.returncode == 0, page.stderr


def test_a_metric_is_worked_out_of_made_up_numbers_without_a_file(tmp_path):
    assert printed(tmp_path, "write_a_metric.py") == ["edge rate [G/s] ↑", "    2.00  8,000,000 edges in 4 ms"]


def test_a_metric_reads_results_that_are_older_than_it(results):
    head, *lines = printed(results[0].parent, "write_a_metric.py", *results)
    assert head == "edge rate [G/s] ↑"
    # A million edges in 20 ms and in 12 ms, in each of 9 rounds of two files.
    assert len(lines) == 2 * 9 * 2
    assert [line.split()[0] for line in lines[:2]] == ["0.05", "0.08"]


def test_the_command_line_takes_the_metric_file(results):
    needs(("click", "click"), ("rich", "rich"))
    options = ("--plugin", EXAMPLES / "write_a_metric.py", "--metric", "edge rate")
    done = python(results[0].parent, "-m", "rsc_bench", "compare", *results, *options)
    assert done.returncode == 1, done.stderr
    assert "edge rate" in done.stdout
    # 20 % slower: 1 / 1.2 of the edges a second.
    assert "0.833" in done.stdout


def test_two_made_up_files_are_compared(tmp_path):
    assert printed(tmp_path, "read_results.py") == [
        "same     1.000  exact g d=64 float32 cpu host mkl",
        "slower   1.200  exact g d=64 float32 cpu host rows_numba",
        "FAIL: 1 slower (threshold 5 %)",
        "exit status 1",
    ]
    assert list(tmp_path.iterdir()) == []


def test_files_of_ones_own_are_compared(results):
    base, _ = results
    assert printed(base.parent, "read_results.py", base, base)[-2:] == ["PASS: nothing is slower (threshold 5 %)", "exit status 0"]
