import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import MACHINE, case, ok, written

from rsc_bench.cli import main

ROOT = Path(__file__).resolve().parents[2]
TIMES = (1.0, 1.01, 1.02)
RULE = """
from rsc_bench.harness.statistics.rules import Answer, Rule

def judge(questions):
    return [Answer("slower", 3.0, (2.0, 4.0), 0.0, 1.0, "slower") for _ in questions]

RULE = Rule("pessimist", "Calls everything slower.", judge)
RULES = (Rule("silent", "Answers nothing.", lambda questions: []),)
"""
OUTPUT = """
from rsc_bench.harness.output import Output

OUTPUT = Output("{name}", "As a number.", lambda comparison, screen: f"status {{comparison.exit_status}}\\n")
"""


@pytest.fixture
def make(tmp_path):
    """Writes a run of one case on a machine."""

    def file(name, factor=1.0, **parts):
        environment = parts.pop("environment", MACHINE)
        rounds = ([ok(case(), factor * t, **parts)] for t in TIMES)
        return str(written(tmp_path / name, *rounds, environment=environment))

    return file


@pytest.fixture
def call(call):
    """Runs `compare`: exit status, stdout, stderr."""
    return partial(call, "compare")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], (1, ["time"])),
        (["--metric", "memory"], (0, ["memory"])),
        (["--metric", "memory=1%"], (1, ["memory"])),
        (["--metric", "memory=0.01"], (1, ["memory"])),
        (["--metric", "memory", "--metric", "time"], (1, ["memory", "time"])),
        (["--metric", "time=0.9", "--metric", "memory"], (1, ["time", "memory"])),
    ],
)
def test_metrics_are_named_each_with_its_margin(call, make, tmp_path, options, expected):
    base, new = make("base.jsonl", peak_bytes=1_000_000), make("new.jsonl", 2.0, peak_bytes=1_030_000)
    status, _, _ = call(base, new, *options, "--json", tmp_path / "v.json")
    verdicts = json.loads((tmp_path / "v.json").read_text())["verdicts"]
    assert (status, [verdict["metric"] for verdict in verdicts]) == expected


@pytest.mark.parametrize(
    ("given", "summary"),
    [
        ("memroy", "metric 'memroy' is not known: nearest are memory"),
        ("memory=five", "margin of memory must be above 0 and below 1 (got nan)"),
        ("accuracy=100", "margin of accuracy must be above 0 and below 100 (got 100)"),
    ],
)
def test_a_metric_that_is_none_is_one_line(call, make, given, summary):
    status, out, err = call(make("base.jsonl"), make("new.jsonl"), "--metric", given)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: --metric: {summary}")
    assert err.count("\n") == 1


def test_a_metric_has_one_margin(call, make):
    status, out, err = call(make("base.jsonl"), make("new.jsonl"), "--metric", "memory=1%", "--metric", "memory=2%")
    assert (status, out, err) == (2, "", "error: --metric memory: must be given once, with one margin (got it twice)\n")


def test_what_is_not_comparable_is_judged_where_asked(call, make):
    elsewhere = {**MACHINE, "cpu": {"model": "Example 100"}, "versions": {"torch": "2.14.0"}}
    base, new = make("base.jsonl"), make("new.jsonl", environment=elsewhere)
    status, out, _ = call(base, new)
    assert status == 3
    assert "the machines differ: cpu.model Example 9000 -> Example 100; cpu.usable_cores 2 -> None" in out
    assert "the versions differ: versions.torch 2.13.0 -> 2.14.0" in out
    assert "what differs is judged only with --across machines --across versions" in out
    assert call(base, new, "--across", "machines")[0] == 3
    assert call(base, new, "--across", "machines", "--across", "versions")[0] == 0


def test_nothing_else_is_crossed(call, make):
    status, out, err = call(make("base.jsonl"), make("new.jsonl"), "--across", "oceans")
    assert (status, out, err) == (2, "", "error: --across must be one of machines, versions, graphs, clocks (got 'oceans')\n")


@pytest.fixture
def in_a_process():
    """Runs `compare` in a process of its own, as plug-ins that are loaded stay loaded: exit status, stdout, stderr."""

    def run(*arguments):
        command = [sys.executable, "-m", "rsc_bench", "compare", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_rule_is_chosen_by_its_name_and_may_come_from_a_file(call, in_a_process, make, tmp_path):
    (tmp_path / "mine.py").write_text(RULE)
    base, mine = make("base.jsonl"), ("--plugin", tmp_path / "mine.py")
    assert call(base, base, "--rule", "familywise")[0] == 0
    status, out, err = in_a_process(base, base, *mine, "--rule", "pessimist")
    assert (status, err) == (1, "")
    assert "3.000" in out
    assert in_a_process(base, base, *mine)[0] == 0, "it is not used where it is not named"


def test_a_rule_that_leaves_cases_out_is_one_line(in_a_process, make, tmp_path):
    (tmp_path / "mine.py").write_text(RULE)
    base = make("base.jsonl")
    status, out, err = in_a_process(base, base, "--plugin", tmp_path / "mine.py", "--rule", "silent")
    assert (status, out) == (2, "")
    assert err == "error: rule 'silent': must answer each of 1 questions (got 0 answers)\n"


def test_a_rule_that_is_none_is_one_line_with_the_nearest(call, make):
    status, out, err = call(make("base.jsonl"), make("new.jsonl"), "--rule", "familywize")
    assert (status, out) == (2, "")
    assert err == "error: --rule: rule 'familywize' is not known: nearest is familywise\n"


def test_an_output_of_a_file_is_an_option_of_its_name(in_a_process, make, tmp_path):
    (tmp_path / "mine.py").write_text(OUTPUT.format(name="number"))
    base = make("base.jsonl")
    assert in_a_process("--plugin", tmp_path / "mine.py", base, base, "--number") == (0, "status 0\n", "")
    assert in_a_process(f"--plugin={tmp_path}/mine.py", base, base, "--number", tmp_path / "n.txt")[0] == 0
    assert (tmp_path / "n.txt").read_text() == "status 0\n"


def test_an_output_that_is_called_like_another_option_is_one_line(in_a_process, make, tmp_path):
    (tmp_path / "mine.py").write_text(OUTPUT.format(name="threshold"))
    status, out, err = in_a_process(make("base.jsonl"), make("new.jsonl"), "--plugin", tmp_path / "mine.py")
    assert (status, out) == (2, "")
    assert err == "error: output 'threshold': --threshold is another option already: rename the output\n"


def test_an_output_may_be_called_like_an_argument(in_a_process, make, tmp_path):
    (tmp_path / "mine.py").write_text(OUTPUT.format(name="base"))
    base = make("base.jsonl")
    assert in_a_process(base, base, "--plugin", tmp_path / "mine.py", "--base") == (0, "status 0\n", "")


def test_an_output_that_raises_is_one_line_with_its_file_and_line(in_a_process, make, tmp_path):
    (tmp_path / "mine.py").write_text(OUTPUT.format(name="number").replace("comparison.exit_status", "1 // 0"))
    base = make("base.jsonl")
    status, out, err = in_a_process(base, base, "--plugin", tmp_path / "mine.py", "--number")
    assert (status, out) == (2, "")
    assert err == f"error: {tmp_path}/mine.py, line 4: ZeroDivisionError: integer division or modulo by zero\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line_and_no_verdict(make):
    base = make("base.jsonl")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "harness", "compare", base, base, "--json"]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: the output: No space left on device\n")


def test_only_one_output_is_printed(call, make):
    base = make("base.jsonl")
    status, out, err = call(base, base, "--json", "--markdown")
    assert (status, out) == (2, "")
    assert err == "error: --json and --markdown: only one can be printed: give the others a FILE\n"
    assert call(base, base, "--markdown")[1].startswith("## PASS")


def test_two_outputs_in_one_file_are_refused(make, tmp_path, capsys):
    both = ["--json", f"{tmp_path}/same.out", "--markdown", f"{tmp_path}/./same.out"]
    assert main(["compare", make("base.jsonl"), make("new.jsonl"), *both]) == 2
    assert "--json and --markdown: both name" in capsys.readouterr().err
    assert not (tmp_path / "same.out").exists()


def test_a_file_against_itself_or_a_copy_is_the_same(call, make, tmp_path):
    base = make("base.jsonl")
    (tmp_path / "copy.jsonl").write_bytes(Path(base).read_bytes())
    for new in (base, f"{tmp_path}/./base.jsonl", tmp_path / "copy.jsonl"):
        status, out, _ = call(base, new)
        assert status == 0
        assert "base and new are the same file, so that nothing can differ" in out


@pytest.fixture
def accepting(call, make, monkeypatch, tmp_path):
    """Compares a file with one that is twice as slow, in a folder of its own."""
    base, new = make("base.jsonl"), make("new.jsonl", 2.0)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return lambda *options: call(base, new, *options)


ACCEPTED = "it checks its operand now"


def test_an_intended_slowdown_is_accepted_with_its_reason_in_every_output(accepting):
    option = ("--accept", f"slower kernel=mkl: {ACCEPTED}")
    assert accepting()[0] == 1
    status, out, _ = accepting(*option)
    assert (status, out.splitlines()[0]) == (0, "PASS: nothing is slower but what is accepted: 1 slower (accepted) (threshold 5 %)")
    assert "slower, accepted" in out
    for output in ("--markdown", "--junit", "--json"):
        status, text, _ = accepting(*option, output)
        assert status == 0
        assert f"accepted: {ACCEPTED}" in text.replace("\\", "") or json.loads(text)["verdicts"][0]["accepted"] == ACCEPTED
    assert "<failure" not in accepting(*option, "--junit")[1]


def test_the_committed_file_is_found_in_the_folder_and_another_one_by_its_name(accepting, tmp_path):
    committed = Path("rsc-bench.toml")
    committed.write_text(f'[[accept]]\ncase = "mkl"\nreason = "{ACCEPTED}"\n')
    status, out, _ = accepting()
    assert status == 0
    assert f"accepted: {ACCEPTED}" in out
    (tmp_path / "none.toml").write_text("")
    assert accepting("--accept-file", tmp_path / "none.toml")[0] == 1
    committed.write_text('[[accept]]\ncase = "torch"\nreason = "r"\n')
    status, out, _ = accepting()
    assert status == 1
    assert "rsc-bench.toml accepts 'torch' (r), which matches no case" in out


@pytest.mark.parametrize("options", [["--accept", "mkl"], ["--accept-file", "none.toml"], ["--accept", "wrong mkl: r"]])
def test_an_acceptance_that_cannot_be_used_is_one_line(accepting, options):
    status, out, err = accepting(*options)
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_a_committed_file_that_cannot_be_used_is_one_line(accepting):
    Path("rsc-bench.toml").write_text("[[accept]\n")
    status, out, err = accepting()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: rsc-bench.toml: ")


@pytest.fixture
def two(tmp_path):
    rounds = ([ok(case("mkl"), t), ok(case("ours"), 2 * t)] for t in TIMES)
    return str(written(tmp_path / "two.jsonl", *rounds))


def test_two_kernels_of_one_file_are_compared(call, two):
    status, out, _ = call(two, "--kernel", "ours", "--against", "mkl")
    assert status == 1
    assert "ours against mkl" in out
    assert f"new is ours, base is mkl, both of {two}" in out
    assert call(two, "--kernel", "mkl", "--against", "ours")[0] == 0
    assert (
        "New is ours, base is mkl; 3 rounds of each, taken in turns."
        in call(two, "--kernel", "ours", "--against", "mkl", "--markdown")[1]
    )
    tree = json.loads(call(two, "--kernel", "ours", "--against", "mkl", "--json")[1])
    assert tree["titles"] == {"base": "mkl", "new": "ours"}


@pytest.mark.parametrize(
    ("options", "summary"),
    [
        (["--kernel", "ours"], "--kernel and --against go together"),
        (["--against", "ours"], "--kernel and --against go together"),
        (["--kernel", "ourz", "--against", "mkl"], "kernel 'ourz' is not in it: nearest is ours"),
        (["--kernel", "mkl", "--against", "mkl"], "must name two kernels"),
        (["{two}", "--kernel", "ours", "--against", "mkl"], "--kernel and --against are of one file"),
        ([], "Missing argument 'NEW': give two results files, or one with --kernel and --against"),
        (["--kernel", "ours", "--against", "mkl", "--normalise"], "--normalise: "),
    ],
)
def test_two_kernels_that_cannot_be_compared_are_one_line(call, two, options, summary):
    status, out, err = call(two, *(option.format(two=two) for option in options))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert summary in err
