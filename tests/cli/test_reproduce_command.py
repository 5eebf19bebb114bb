"""`reproduce`: says what it will take, trains what is missing, and prints a paper's numbers beside ours."""

import re

import pytest

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from click.testing import CliRunner

from rsc_bench.cli.reproduce import COMMAND
from rsc_bench.suites.training import reproduction


@pytest.fixture
def small(monkeypatch):
    """A graph of 300 nodes in the place of each twin, and one training of each kind for a moment."""
    monkeypatch.setattr(reproduction, "_twin", lambda name, device: "small:random")


def run(*arguments):
    return CliRunner().invoke(COMMAND, [*arguments, "--device", "cpu"], standalone_mode=False, catch_exceptions=True)


def test_the_papers_are_listed():
    ended = run("--list")
    assert ended.exit_code == 0
    assert "rsc: RSC: Liu et al., ICML 2023" in ended.output


@pytest.mark.parametrize(("arguments", "message"), [
    (["abc"], "'abc' is no paper that is known: nearest are rsc"),
    (["--graph", "cora"], r"--graph 'cora' is not in the tables of rsc: they have ogbn-products, ogbn-proteins, reddit2, yelp"),
    (["--epochs-share", "0"], r"--epochs-share must lie in \(0, 1\], a share of the published epochs \(got 0\)"),
    (["--seeds", "0"], r"--seeds must be at least 1 \(got 0\)"),
])  # fmt: skip
def test_what_cannot_be_reproduced_is_one_line(arguments, message):
    assert re.search(message, str(run(*arguments).exception))


def test_the_plan_says_what_it_takes_and_where_the_graphs_are_had(tmp_path, small):
    ended = run("--plan", "--graph", "reddit2", "--epochs-share", "0.01", "--seeds", "1", "--results", str(tmp_path))
    assert ended.exit_code == 0, ended.output
    assert "small:random (in place of reddit2: `" in ended.output
    assert "bench --check --graph reddit2` downloads it): 16 of 16 trainings left, 4 epochs each, about" in ended.output
    assert not list(tmp_path.iterdir())


def test_it_trains_prints_the_tables_and_has_nothing_to_do_the_second_time(tmp_path, small):
    wanted = ["--graph", "ogbn-proteins", "--epochs-share", "0.003", "--seeds", "1", "--results", str(tmp_path)]
    ended = run(*wanted)
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "rsc" / "ogbn-proteins.jsonl").is_file()
    rows = [line for line in ended.output.splitlines() if "│" in line]
    assert len([row for row in rows if "exact" in row or "C = " in row]) == 4
    again = run(*wanted)
    assert "0 of 4 trainings left, 3 epochs each, done" in again.output
    assert "all is done" in again.output
    assert [line for line in again.output.splitlines() if "│" in line] == rows


def test_published_numbers_stand_beside_ours_and_what_is_not_at_hand_is_a_dash():
    from rsc_bench.harness.output.console import screen
    from rsc_bench.harness.output.reproduction import Published, as_text

    text = as_text([(Published("reddit2", "twin:reddit2@0.05", "GCN", 95.33, 95.13), [])], {}, (11.6, 1.6), screen())
    assert "95.33" in text
    assert "up to 11.6x" in text
