"""A study as an array of SLURM jobs: its script, what is refused, and a real run where a program stands in for sbatch."""

import os
import shlex
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench.cli import main
from rsc_bench.harness.records.file import read as read_results
from rsc_bench.suites.sweeping.devices import Here
from rsc_bench.suites.sweeping.machines import slurm
from rsc_bench.suites.sweeping.session import prepared
from rsc_bench.suites.sweeping.study import as_toml, read
from rsc_bench.suites.sweeping.writing import named

TEXT = """
device = "cpu"
max-time = 0.02
min-samples = 3
[products]
suite = "exact"
graph = ["small:random", "small:hub"]
width = [8, 16]
kernel = "rows_numba"
leave-out = ["kept", "mkl", "scipy"]
rounds = 1
[train]
suite = "training"
graph = "small:random"
seeds = 1
epochs = 2
budget = 0.5
leave-out = "pyg"
"""

SHORT = """
device = "cpu"
max-time = 0.02
min-samples = 3
[products]
suite = "exact"
graph = "small:random"
width = [8, 16]
kernel = "rows_numba"
leave-out = ["kept", "mkl", "scipy"]
rounds = 1
[more]
suite = "exact"
graph = "small:hub"
width = 8
kernel = "rows_numba"
leave-out = ["kept", "mkl", "scipy"]
rounds = 2
"""

SBATCH = f"""#!{sys.executable}
# Runs the tasks of an array one after the other, as SLURM would side by side.
import os, re, subprocess, sys
print("a word of the scheduler", file=sys.stderr)
script = sys.argv[-1]
text = open(script).read()
first, last = map(int, re.search(r"--array=(\\d+)-(\\d+)", text).groups())
output = re.search(r"--output=(\\S+)", text)[1]
with open(os.environ["CALLS"], "a") as calls:
    print(*sys.argv[1:], file=calls)
for task in range(first, last + 1):
    with open(output.replace("%a", str(task)), "a") as log:
        env = os.environ | {{"SLURM_ARRAY_TASK_ID": str(task), "SLURM_CPUS_ON_NODE": "1"}}
        subprocess.run(["sh", script], env=env, stdout=log, stderr=log)
print("4711;cluster")
"""
SRUN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
exec "$@"
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The path of a small study, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(TEXT)
    return tmp_path / "study.toml"


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Puts programs in the place of SLURM's; the file has a line for each call of sbatch."""

    def put(sbatch=SBATCH):
        for name, text in (("sbatch", sbatch), ("srun", SRUN)):
            path = tmp_path / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
        return tmp_path / "calls"

    return put


def run(capsys, *arguments):
    """The status of the command, and the lines that it printed, those of errors behind the others."""
    status = main(["sweep", *map(str, arguments)])
    return status, "".join(capsys.readouterr()).splitlines()


def directives(script):
    found = [
        line.removeprefix("#SBATCH --").partition("=") for line in script.read_text().splitlines() if line.startswith("#SBATCH")
    ]
    return {name: value for name, _, value in found}


def test_a_plan_of_an_array_is_a_script_and_a_copy_of_the_study_and_submits_nothing(study, tmp_path, cluster, capsys):
    calls = cluster()
    status, lines = run(capsys, study, "--submit", "slurm", "--jobs", 3, "--plan", "--", "--partition=gpu", "--account=x y")
    script = tmp_path / "results" / "study" / "study.slurm.sh"
    assert status == 0
    assert lines[0] == f"written:   {script}"
    assert lines[1].strip().startswith("an array of 3 jobs for 5 groups of cases, without a GPU")
    assert lines[2] == f"submit it: sbatch --partition=gpu '--account=x y' {script}"
    assert not calls.exists()
    found = directives(script)
    assert found["array"] == "1-3"
    assert {"exclusive", "requeue"} <= found.keys()
    assert "gres" not in found
    assert found["time"] == "0:30:00"
    assert found["output"] == f"{script.parent}/study.slurm-%a.log"
    copy = script.with_name("study.slurm.toml")
    assert f'rsc_bench sweep {copy} --results {script.parent} --part "$SLURM_ARRAY_TASK_ID/3"' in script.read_text()
    assert sys.executable in script.read_text()


def test_paths_with_blanks_and_signs_of_sbatch_are_quoted(study, tmp_path, capsys):
    folder = tmp_path / "o u t #1 100%"
    assert run(capsys, study, "--submit", "slurm", "--jobs", 1, "--plan", "--results", folder)[0] == 0
    script = folder / "study.slurm.sh"
    assert directives(script)["output"] == f'"{tmp_path}/o u t #1 100%%/study.slurm-%a.log"'
    command = shlex.split(script.read_text().splitlines()[-1])
    assert command[command.index("--results") + 1] == str(folder)


def test_the_copy_is_the_study_from_any_folder(study, tmp_path, monkeypatch):
    (tmp_path / 'ri"ng.mtx').write_text("%%MatrixMarket matrix coordinate pattern general\n2 2 2\n1 2\n2 1\n")
    study.write_text("graph = ['ri\"ng.mtx', 'small:hub']\nablation = true\n[a]\nbudget = 0.1\n[b]\nrounds = 4\n")
    found = read(study, tmp_path / "results")
    copy = tmp_path / "elsewhere" / "copy.toml"
    copy.parent.mkdir()
    copy.write_text(as_toml(found))
    monkeypatch.chdir("/")
    again = read(copy, tmp_path / "results")
    assert again.blocks == found.blocks
    assert again.blocks[0].options.graphs == (str(tmp_path / 'ri"ng.mtx'), "small:hub")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--jobs", "6"], "--jobs must be at most 5, the groups of cases that are compared with each other (got 6)"),
    (["--jobs", "0"], "--jobs must be at least 1 (got 0), the jobs of the array"),
    (["--part", "1/2"], "--submit must go without --part: each job of the array measures its own part"),
    (["--ray", "local"], "--submit must go without --ray, which shares the whole study out: leave one of them out"),
    (["--results", 'a"b', "--jobs", "2"], "no quotation mark, backslash or new line in its name: give another --results folder"),
])  # fmt: skip
def test_what_no_array_can_be_is_one_line(study, capsys, arguments, message):
    status, (line,) = run(capsys, study, "--submit", "slurm", "--plan", *arguments)
    assert status == 2
    assert line.startswith("error: ")
    assert line.endswith(message)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--jobs", "2"], "--jobs must go with --submit slurm (got 2): --part I/N measures one share"),
    (["--", "--partition=x"], "'--partition=x' is no option of this command: what stands behind -- is for --submit slurm"),
])  # fmt: skip
def test_options_of_an_array_without_one_are_one_line(study, capsys, arguments, message):
    assert run(capsys, study, *arguments) == (2, [f"error: {message}"])


def test_without_sbatch_the_script_stays_and_the_line_says_where(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, lines = run(capsys, study, "--submit", "slurm", "--jobs", 2)
    script = tmp_path / "results" / "study" / "study.slurm.sh"
    assert status == 2
    assert lines[-1] == f"error: sbatch: is not on the PATH of this machine: run it where SLURM is; the script is {script}"
    assert script.exists()


def test_what_sbatch_refuses_is_its_first_line(study, capsys, cluster):
    cluster("#!/bin/sh\necho 'sbatch: error: invalid partition specified: x' >&2\necho more >&2\nexit 1\n")
    status, lines = run(capsys, study, "--submit", "slurm", "--jobs", 2)
    assert status == 2
    assert "(sbatch: error: invalid partition specified: x): options behind -- are given to it" in lines[-1]


def test_a_block_that_needs_a_gpu_is_submitted_from_a_machine_without_one(study, tmp_path, capsys):
    study.write_text('[a]\ngraph = "small:random"\nwidth = 8\ndevice = "cuda"\n')
    status, lines = run(capsys, study, "--submit", "slurm", "--jobs", 8, "--plan")
    if slurm.devices.HERE.no_gpu() is None:
        pytest.skip("this machine has a GPU")
    assert status == 0, lines
    assert lines[1].strip().startswith("an array of 8 jobs, each with a GPU; no limit of time, for this machine has no GPU")
    found = directives(tmp_path / "results" / "study" / "study.slurm.sh")
    assert found["gres"] == "gpu:1"
    assert "time" not in found
    study.write_text('[a]\ngraph = "smal:random"\ndevice = "cuda"\n')
    status, (line,) = run(capsys, study, "--submit", "slurm", "--plan")
    assert line.startswith(f"error: {study}: line 2: [a] graph: graph 'smal:random' is not known")


def test_a_block_that_says_no_device_runs_on_what_the_plan_was_made_for(study, tmp_path, capsys):
    study.write_text('[a]\ngraph = "small:random"\nwidth = 8\n')
    assert run(capsys, study, "--submit", "slurm", "--jobs", 1, "--plan")[0] == 0
    copy = tomllib.loads((tmp_path / "results" / "study" / "study.slurm.toml").read_text())
    assert copy["a"]["device"] == slurm.devices.HERE.default().partition(":")[0]


def test_an_array_measures_the_whole_study_once_and_the_next_one_what_is_left(study, tmp_path, capsys, cluster):
    calls = cluster()
    folder = tmp_path / "results" / "study"
    study.write_text(SHORT)
    status, lines = run(capsys, study, "--submit", "slurm", "--jobs", 2, "--", "--partition=x")
    assert status == 0, lines
    assert calls.read_text() == f"--parsable --partition=x {folder / 'study.slurm.sh'}\n"
    assert lines[2:4] == ["submitted: job 4711", "look:      squeue --job 4711"]
    assert lines[4].endswith(f"report --follow {Path('results', 'study')}")
    logs = [(folder / f"study.slurm-{task}.log").read_text() for task in (1, 2)]
    found = read(study, folder)
    elsewhere = replace(found, results=tmp_path / "whole")  # where no parts are, beside which the whole is refused
    (share,) = prepared(elsewhere, Here(found.blocks, tmp_path / "log")).shares
    wanted = [(plan.block.name, str(each.case)) for plan in share.plans for each in plan.cases for _ in range(each.rounds)]
    files = sorted(folder.glob("*.jsonl"))
    assert {path.name for path in files} == {f"{block}.part-{index}-of-2.jsonl" for block, index in (
        ("products", 1), ("products", 2), ("more", 1))}  # fmt: skip
    records = [(path.name.partition(".")[0], record) for path in files for record in read_results(path).records]
    assert sorted((block, str(named(record.case))) for block, record in records) == sorted(wanted), logs
    assert {record.status for _, record in records} == {"ok"}
    assert not any(read_results(path).unfinished for path in files)
    study.write_text(SHORT.replace("[8, 16]", "[16, 8]"))
    status, lines = run(capsys, study, "--submit", "slurm", "--jobs", 2)
    assert (status, len(lines)) == (2, 1)
    assert "is the study as jobs have measured it, and it was changed since: give another --results folder" in lines[0]
    study.write_text(SHORT)
    assert "is of an array of another number of jobs than 3" in run(capsys, study, "--submit", "slurm", "--jobs", 3)[1][0]
    assert [prepared(found, Here(found.blocks, tmp_path / "log"), (index, 2)).left for index in (1, 2)] == [0, 0]
    assert run(capsys, study, "--submit", "slurm", "--jobs", 2, "--plan")[0] == 0
