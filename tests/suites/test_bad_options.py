"""What a user gets wrong is one line on stderr and exit status 2, and no file is touched."""

from importlib.util import find_spec

import pytest
from running_pytest import ROOT, SMALL, suites, tree

BAD = {
    "budget 0": (["--budget", "0"], "--budget must lie in (0, 1], a share of the exact FLOPs (got 0.0)"),
    "budget 1.5": (["--budget", "1.5"], "--budget must lie in (0, 1], a share of the exact FLOPs (got 1.5)"),
    "budget nan": (["--budget", "nan"], "--budget must lie in (0, 1], a share of the exact FLOPs (got nan)"),
    "data root that is a file": (["--data-root", __file__], f"--data-root must be a folder (got {__file__})"),
    "budget text": (["--budget", "much"], "--budget must be a number (got 'much')"),
    "width 0": (["--width", "0"], "--width must be at least 1, the columns of the dense operand (got 0)"),
    "width text": (["--width", "8.5"], "--width must be a whole number (got '8.5')"),
    "rounds without end": (["--rounds", "1000000000"], "--rounds must be at most 10,000 (got 1000000000)"),
    "rounds 0": (["--rounds", "0"], "--rounds must be at least 1 (got 0)"),
    "size beside other suites": (["--max-nnz", "1e7"], "--max-nnz must go with the suite growth where it measures: write `"),
    "size text": (["--max-nnz", "many"], "--max-nnz must be a number (got 'many')"),
    "dtype": (["--dtype", "float8"], "--dtype must be one of float32, bfloat16, float16 (got float8)"),
    "model": (["--model", "GraphSAG"], "--model 'GraphSAG' is not known: nearest are GraphSAGE"),
    "model file": (["--model", "{folder}/none.py"], "--model {folder}/none.py: no such file: give the path of a Python file"),
    "model that raises": (["--model", "{folder}/model.py"], "--model {folder}/model.py, line 3: AttributeError: "),
    "epochs 0": (["--epochs", "0"], "--epochs must be at least 1 (got 0)"),
    "seeds text": (["--seeds", "few"], "--seeds must be a whole number (got 'few')"),
    "memory": (["--memory", "stale"], "--memory must be fresh or kept (got stale)"),
    "memory in this process": (
        ["--memory", "kept", "--in-process"],
        "--memory must go without --in-process: it needs a process of",
    ),
    "kernel": (["--kernel", "topk(mlk)"], "--kernel 'topk(mlk)' is not a known kernel or a file: nearest are topk(mkl)"),
    "kernel file": (["--kernel", "{folder}/none.py"], "none.py: no such file: give the path of a Python file"),
    "kernel broken": (["--kernel", "{folder}/broken.py"], "broken.py, line 1: SyntaxError: "),
    "kernel device": (["--kernel", "{folder}/gpu.py"], "gpu.py, line 2: ValueError: "),
    "plugin": (["--plugin", "{folder}/none.py"], "--plugin {folder}/none.py: no such file: give the path of a Python file"),
    "plugin broken": (["--plugin", "{folder}/broken.py"], "--plugin {folder}/broken.py, line 1: SyntaxError: "),
    "plugin empty": (["--plugin", "{folder}/nothing.py"], "--plugin {folder}/nothing.py: must define a plug-in, one of KERNEL, "),
    "graph": (["--graph", "twin:redit2"], "graph 'twin:redit2' is not known: nearest are twin:reddit2"),
    "reorder": (["--reorder", "degre"], "--reorder: order 'degre' is not known: nearest is degree"),
    "graph file": (["--graph", "{folder}/none.mtx"], "none.mtx: no such file"),
    "clock": (["--clock", "cuda_cld"], "--clock must be one of cuda_cold, cuda_graph, cuda_hot, host (got cuda_cld)"),
    "clock of a GPU": (["--clock", "cuda_hot"], "--clock cuda_hot must time the run's device, cpu (it times cuda): use host"),
    "device": (["--device", "banana"], "--device must be cpu, cuda or cuda:NUMBER (got banana)"),
    "device cuda": (["--device", "cuda"], "--device cuda needs an NVIDIA GPU that torch sees"),
    "results folder": (["--results", "{folder}"], "cannot be written (it is a folder, not a file): give another --results path"),
    "results below a file": (["--results", "{folder}/notes.txt/run.jsonl"], "notes.txt/run.jsonl: cannot be written"),
    "results not ours": (["--results", "{folder}/notes.txt"], "notes.txt: has no run line, so it is not a results file"),
    "results json": (["--results", "{folder}/other.json"], "other.json: line 1 is no run line"),
    "results empty": (["--results", "{folder}/empty.jsonl"], "empty.jsonl: is empty, and nothing is overwritten"),
    "results of another schema": (["--results", "{folder}/future.jsonl"], "future.jsonl: schema must be 1 (got 99)"),
}
if find_spec("xdist"):
    BAD["processes"] = (
        ["-n", "2"],
        "--benchmark must run in one process, or cases disturb each other's time (got pytest-xdist's -n)",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "notes.txt").write_text("Shopping: milk")
    (folder / "other.json").write_text('{"benchmarks": []}\n')
    (folder / "empty.jsonl").touch()
    (folder / "future.jsonl").write_text('{"run": {"schema": 99, "environment": {}}}\n')
    (folder / "broken.py").write_text("def prepare(:\n")
    start = "from rsc_bench.suites.training.models import Model\ndef build(shape, recipe):\n    return shape.width\n"
    (folder / "model.py").write_text(f"{start}MODEL = Model('Mine', 'Mine.', build)\n")
    (folder / "nothing.py").write_text("NAME = 1\n")
    (folder / "gpu.py").write_text('from rsc_bench.kernels import Kernel\nKERNEL = Kernel("mine", "gpu", "Mine.", print)\n')
    return folder


@pytest.fixture(scope="module")
def ends(folder, warm_suites):
    """How each bad command line ended: status, stdout and stderr; and the files before and after."""
    before = tree(folder), tree(ROOT / "results")
    found = {}
    for name, (options, _) in BAD.items():
        ended = warm_suites("--benchmark", *(text.format(folder=folder) for text in [*_good(options), *options]))
        found[name] = ended.returncode, ended.stdout, ended.stderr
    assert (tree(folder), tree(ROOT / "results")) == before, "nothing was written, nothing was overwritten"
    return found


def _good(options):
    """The options of a small run, less the one that is bad."""
    pairs = zip(SMALL[::2], SMALL[1::2], strict=True)
    good = [text for pair in pairs if pair[0] != options[0] for text in pair]
    return good if "--results" in options else [*good, "--results", "{folder}/new/run.jsonl"]


@pytest.mark.parametrize("name", BAD)
def test_what_a_user_gets_wrong_is_one_line_and_status_2(ends, folder, name):
    status, out, err = ends[name]
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert BAD[name][1].format(folder=folder) in err
    assert "Traceback" not in err


def test_the_process_ends_with_status_2_and_nothing_but_the_line():
    ended = suites("--budget", "0")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "Exit: --budget must lie in (0, 1], a share of the exact FLOPs (got 0.0)\n"
