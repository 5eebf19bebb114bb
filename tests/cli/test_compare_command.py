import json

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import MACHINE, case, ok, written

from rsc_bench.cli import main

TIMES = (1.0, 1.01, 1.02)


@pytest.fixture
def make(tmp_path):
    """Writes a run of one case on a machine."""

    def file(name, factor=1.0, **parts):
        environment = parts.pop("environment", MACHINE)
        rounds = ([ok(case(), factor * t, **parts)] for t in TIMES)
        return str(written(tmp_path / name, *rounds, environment=environment))

    return file


@pytest.fixture
def told(capsys):
    """Runs `compare`: exit status, stdout, stderr."""

    def run(*arguments):
        status = main(["compare", *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


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
def test_metrics_are_named_each_with_its_margin(told, make, tmp_path, options, expected):
    base, new = make("base.jsonl", peak_bytes=1_000_000), make("new.jsonl", 2.0, peak_bytes=1_030_000)
    status, _, _ = told(base, new, *options, "--json", tmp_path / "v.json")
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
def test_a_metric_that_is_none_is_one_line(told, make, given, summary):
    status, out, err = told(make("base.jsonl"), make("new.jsonl"), "--metric", given)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: --metric: {summary}")
    assert err.count("\n") == 1


def test_what_is_not_comparable_is_judged_where_asked(told, make):
    elsewhere = {**MACHINE, "cpu": {"model": "Example 100"}, "versions": {"torch": "2.14.0"}}
    base, new = make("base.jsonl"), make("new.jsonl", environment=elsewhere)
    status, out, _ = told(base, new)
    assert status == 3
    assert "the machines differ: cpu.model Example 9000 -> Example 100; cpu.usable_cores 2 -> None" in out
    assert "the versions differ: versions.torch 2.13.0 -> 2.14.0" in out
    assert "what differs is judged only with --across machines --across versions" in out
    assert told(base, new, "--across", "machines")[0] == 3
    assert told(base, new, "--across", "machines", "--across", "versions")[0] == 0


def test_nothing_else_is_crossed(told, make):
    status, out, err = told(make("base.jsonl"), make("new.jsonl"), "--across", "oceans")
    assert (status, out, err) == (2, "", "error: --across must be one of machines, versions, graphs, clocks (got 'oceans')\n")
