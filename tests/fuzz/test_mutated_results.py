"""Spoilt results files of every kind: each command answers with what it always says, or with one line, and never with a traceback.

``RSC_BENCH_FUZZ`` is the number of files (500); ``tox run -e fuzz`` takes 10,000.
"""

import json
import os
import random
import time
from pathlib import Path

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")
pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")
pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed: pip install pytest-benchmark")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rsc_bench.cli import main
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.pytest_benchmark.exporting import document

EXAMPLES = int(os.environ.get("RSC_BENCH_FUZZ", "500"))
LONGEST_S, LARGEST_BYTES = 5.0, 10**9
RESULTS = sorted((Path(__file__).parents[1] / "data/results").glob("*.jsonl"))
DOCUMENTS = [json.dumps(document(read(path))).encode() for path in RESULTS]
# What a number, a text or a branch may be replaced by: the ends of every range, and what is of another type.
ODD = (
    *(0, -1, 1, 2, 0.5, -0.5, 1e-308, 1e308, -1e308, 1e-15, 1e12, 1e-9, 1e30, 2**31, 2**53 + 1, 2**62, 2**63, -(2**63), 10**30),
    *(None, True, False, "", "x", "\x1b[31mred", "\u202e", "topk(mkl)", "cuda:0", "NaN", "0", "x" * 5000, "<b>&amp;"),
    *([], {}, [None], [0.0], [1.0], [1e9] * 40, {"": {}}, [[[[]]]], {"a": {"a": {"a": 1}}}, float("nan"), float("inf")),
)

WHOLE = (0, 1, 2, 7, 2**20, 2**62)
REAL = (0.0, 1e-15, 1e-9, 1e-3, 0.5, 1.0, 1e3, 1e12, 1e30)
TEXTS = (
    "",
    "mkl",
    "topk(mkl)",
    "random(rows_numba)",
    "cpu",
    "cuda:0",
    "host",
    "sum",
    "gcn",
    "2026-01-01",
    "x(",
    "(x)",
    "x\u202e\x1b[2J",
)


def alike(value, chance):
    """Another value of the same type: what gets past reading has to be worked with."""
    if isinstance(value, bool) or value is None:
        return chance.choice([True, False, None, 0, 1.0, "x", [], {}])
    if isinstance(value, list):
        return chance.choice([value[:1], value * 2, value[::-1], value[:-1], [*value, None], value[:1] * 50])
    kinds = {int: WHOLE, float: (*REAL, None), str: TEXTS, dict: ({}, None)}
    return chance.choice(kinds[type(value)])


def places(tree):
    """Every dictionary and list of a tree that has something, each with its keys or indices."""
    waiting = [tree]
    while waiting:
        branch = waiting.pop()
        if isinstance(branch, dict | list) and branch:
            yield branch, list(branch) if isinstance(branch, dict) else list(range(len(branch)))
            waiting += branch.values() if isinstance(branch, dict) else branch


def spoil_tree(tree, chance):
    """Change a tree in one place: a value, a key, an order, a length."""
    branch, keys = chance.choice(list(places(tree)))
    key = chance.choice(keys)
    act = chance.randrange(9)
    if act <= 1:
        branch[key] = chance.choice(ODD)
    elif act >= 6:
        branch[key] = alike(branch[key], chance)
    elif act == 3:
        del branch[key]
    elif act == 4 and isinstance(branch, list):
        branch += branch[key:] * chance.randrange(1, 4)
    elif act == 4:
        branch[chance.choice(["", "x", "times_s", "budget", "model", "seed"])] = branch.pop(key)
    elif isinstance(branch, list):
        chance.shuffle(branch)
    else:
        other = chance.choice(keys)
        branch[key], branch[other] = branch[other], branch[key]


def spoil_bytes(data, chance):
    """Change a file as a disk or an editor does: a byte, a cut, a piece twice, nothing at its end."""
    place, other = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    act = chance.randrange(6)
    if act == 0:
        return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
    if act == 1:
        return data[:place]
    if act == 2:
        return data[:place] + data[other:]
    if act == 3:
        return data[:other] + data[place:other] + data[other:]
    return data[:place] + chance.choice([b"\n", b"\x00", b"\xff\xfe", b"}", b"[" * 5000, b"1e999", b"\xef\xbb\xbf"]) + data[place:]


def spoil_lines(lines, chance):
    """Change the lines of a results file: one twice, one gone, two that change places, all of another file behind."""
    act = chance.randrange(5)
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    if act == 0:
        lines.insert(other, lines[one])
    elif act == 1:
        del lines[one]
    elif act == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif act == 3:
        lines += chance.choice(RESULTS).read_bytes().splitlines()[1:]
    else:
        del lines[one:]


def mutated_results(chance):
    """A results file, spoilt in one place or in a few."""
    lines = chance.choice(RESULTS).read_bytes().splitlines()
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        act = chance.randrange(8)
        if act == 0:
            spoil_lines(lines, chance)
        elif act == 1:
            lines = spoil_bytes(b"\n".join(lines), chance).split(b"\n")
        if lines and act > 1:
            place = chance.randrange(len(lines))
            lines[place] = changed(lines[place], chance)
        lines = lines or [b""]
    return b"\n".join(lines) + b"\n" * chance.choice([1, 1, 1, 1, 0, 2])


def changed(text, chance):
    """JSON with another tree in it; what is no JSON any more stays as it is."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(tree, dict | list) or not tree:
        return text
    spoil_tree(tree, chance)
    return json.dumps(tree).encode()


def mutated_document(chance):
    """A file of pytest-benchmark, spoilt in one place or in a few."""
    data = chance.choice(DOCUMENTS)
    for _ in range(chance.choice([1, 1, 2, 5])):
        data = changed(data, chance) if chance.randrange(5) else spoil_bytes(data, chance)
    return data


METRICS = [f"--metric={name}" for name in ("memory", "speedup", "accuracy", "bandwidth", "energy", "cold", "overhead", "throttled")]
COMMANDS = (
    "compare base",
    "compare new",
    "compare both",
    "normalise",
    "metrics",
    "report",
    "report three",
    "export",
    "csv",
    "show",
    "import",
)


def arguments(command, bad, good, folder):
    """The command line of one way to read a file."""
    page = ["--output", str(folder / "page.html")]
    return {
        "compare base": ["compare", bad, good, "--all"],
        "compare new": ["compare", good, bad, "--json"],
        "compare both": ["compare", bad, bad, "--markdown"],
        "normalise": ["compare", bad, good, "--normalise", "--junit"],
        "metrics": [
            "compare",
            bad,
            bad,
            *(f"--metric={name}" for name in ("memory", "speedup", "accuracy", "bandwidth", "energy")),
        ],
        "report": ["report", bad, *page],
        "report three": ["report", bad, good, bad, bad, *page],
        "export": ["export", bad, "--output", str(folder / "out.json")],
        "csv": ["export", bad, "--format", "csv", "--output", str(folder / "out.csv")],
        "show": ["show", bad, good],
        "import": ["import", bad, "--results", str(folder / "imported.jsonl")],
    }[command]


def resident_bytes(field: str) -> int:
    """Return what this process has in memory (``VmRSS``), or had at most since `forget_peak` (``VmHWM``)."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Let the peak begin again from here: other tests ran in this process before."""
    Path("/proc/self/clear_refs").write_text("5")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@given(command=st.sampled_from(COMMANDS), seed=st.integers(0, 2**48))
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_a_spoilt_file_is_answered_or_one_line(folder, capsys_of_module, command, seed):
    chance = random.Random(seed)
    bad, good = folder / "bad.jsonl", chance.choice(RESULTS)
    for path in folder.iterdir():
        path.unlink()
    bad.write_bytes(mutated_document(chance) if command == "import" else mutated_results(chance))
    before = bad.read_bytes()
    forget_peak()
    held = resident_bytes("VmRSS")
    started = time.perf_counter()
    status, out, err = capsys_of_module(arguments(command, str(bad), str(good), folder))
    assert time.perf_counter() - started < LONGEST_S
    assert status in ({0, 1, 2, 3} if command.startswith(("compare", "normalise", "metrics")) else {0, 2}), err
    assert (err.count("\n"), err[:7]) == ((1, "error: ") if status == 2 else (0, ""))
    assert "\x1b" not in out + err
    assert bad.read_bytes() == before
    assert resident_bytes("VmHWM") - held < LARGEST_BYTES
    if command == "import" and status == 0:
        assert len(read(folder / "imported.jsonl").rounds) >= 0


@pytest.fixture
def capsys_of_module(capsys, monkeypatch, tmp_path):
    """Runs the command line: exit status, stdout, stderr. What is kept of an error of ours is kept where the test ends."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def call(words):
        capsys.readouterr()
        status = main(words)
        return (status, *capsys.readouterr())

    return call
