"""`reproduce`: says what it will take, trains what is missing, and prints a paper's numbers beside ours."""

import json
import re
import weakref
from dataclasses import replace

import pytest

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

import torch
from _pytest.mark.expression import Expression
from click.testing import CliRunner

from rsc_bench.cli import _sweeping
from rsc_bench.cli.reproduce import COMMAND
from rsc_bench.harness.records.file import read
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.graphs import GraphTooLargeError
from rsc_bench.suites.training import reproduction
from rsc_bench.suites.training.method import VARIANTS
from rsc_bench.suites.training.sweep import training_settings


@pytest.fixture
def small(monkeypatch):
    """A graph of 300 nodes in the place of each twin, and one training of each kind for a moment."""
    monkeypatch.setattr(reproduction, "_twin", lambda name, device: "small:random")


def wish(folder, memory=None, ablation=False):
    paper = reproduction.papers()["rsc"]
    return reproduction.Wish(paper, folder, 1, 0.003, None, "cpu", ("ogbn-proteins",), ablation=ablation, memory=memory)


def run(*arguments):
    return CliRunner().invoke(COMMAND, [*arguments, "--device", "cpu"], standalone_mode=False, catch_exceptions=True)


def test_the_papers_are_listed():
    ended = run("--list")
    assert ended.exit_code == 0
    assert "rsc: RSC: Liu et al., ICML 2023" in ended.output


@pytest.mark.parametrize(("arguments", "message"), [
    (["abc"], "'abc' is no paper that is known: nearest is rsc"),
    (["--graph", "cora"], r"--graph 'cora' is not in the tables of rsc: they have ogbn-products, ogbn-proteins, reddit2, yelp"),
    (["--epochs-share", "0"], r"--epochs-share must lie in \(0, 1\], a share of the published epochs \(got 0\)"),
    (["--seeds", "0"], r"--seeds must be at least 1 \(got 0\)"),
    (["--memory", "some"], r"'some' is not one of 'fresh', 'kept'"),
])  # fmt: skip
def test_what_cannot_be_reproduced_is_one_line(arguments, message):
    assert re.search(message, str(run(*arguments).exception))


def test_the_plan_says_what_it_takes_and_where_the_graphs_are_had(tmp_path, small):
    ended = run("--plan", "--graph", "reddit2", "--epochs-share", "0.01", "--seeds", "1", "--results", str(tmp_path))
    assert ended.exit_code == 0, ended.output
    assert "small:random (in place of reddit2: `" in ended.output
    some, walks = (line for line in ended.output.splitlines() if "bench --check --graph reddit2` downloads it): " in line)
    assert "): GCN, GraphSAGE, GCNII: 12 of 12 trainings left, 4 epochs each, about" in some
    assert "): GraphSAINT: 4 of 4 trainings left, 1 epoch each, about" in walks
    assert not list(tmp_path.iterdir())


def test_a_model_is_trained_for_as_many_epochs_as_it_is_published_with(tmp_path, small):
    parts = reproduction.plan(replace(wish(tmp_path), graphs=("reddit2",), epochs_share=1.0))
    assert {part.results.name: (part.run.models, part.epochs) for part in parts} == {
        "reddit2.jsonl": (("GCN", "GraphSAGE", "GCNII"), 400),
        "reddit2-GraphSAINT.jsonl": (("GraphSAINT",), 40),
    }
    assert {setting.epochs for part in parts for setting in part.settings if setting.model.name == "GraphSAINT"} == {40}


def test_the_method_is_trained_as_it_is_published_and_the_usual_one_with_the_ablation(tmp_path, small):
    (part,) = reproduction.plan(wish(tmp_path))
    assert [setting.variant for setting in part.settings if setting.budget] == ["published"] * 3
    assert VARIANTS["published"] == {"warmup": "restart", "allocation": "published", "measures": "published"}
    (ablated,) = reproduction.plan(wish(tmp_path, ablation=True))
    assert {setting.variant for setting in ablated.settings if setting.budget} == {None, *VARIANTS}
    assert set(part.settings) < set(ablated.settings)


@pytest.mark.parametrize("ablation", [False, True])
def test_bench_trains_the_same_by_the_words_that_the_file_keeps(tmp_path, small, ablation):
    (part,) = reproduction.plan(wish(tmp_path, ablation=ablation))
    *_, option, words = part.options
    assert option == "-k"
    chosen = Expression.compile(words)
    every = training_settings(part.run, catalog())
    assert [each for each in every if chosen.evaluate(lambda word, name=str(each): word in name)] == list(part.settings)


def test_it_trains_prints_the_tables_and_has_nothing_to_do_the_second_time(tmp_path, small):
    wanted = ["--graph", "ogbn-proteins", "--epochs-share", "0.003", "--seeds", "1", "--results", str(tmp_path)]
    ended = run(*wanted)
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "rsc" / "ogbn-proteins.jsonl").is_file()
    rows = [line for line in ended.output.splitlines() if "│" in line]
    assert len([row for row in rows if "exact" in row]) == 1
    assert len([row for row in rows if re.search("C = 0.[135], published", row)]) == 3
    assert {record.case.variant for record in read(tmp_path / "rsc" / "ogbn-proteins.jsonl").records} == {None, "published"}
    assert "on synthetic twins of ogbn-proteins" in ended.output
    again = run(*wanted)
    assert "0 of 4 trainings left, 3 epochs each, done" in again.output
    assert "all is done" in again.output
    assert [line for line in again.output.splitlines() if "│" in line] == rows


def test_only_what_is_not_there_is_trained_again(tmp_path, small):
    wanted = ["--graph", "ogbn-proteins", "--epochs-share", "0.003", "--seeds", "2", "--results", str(tmp_path)]
    results = tmp_path / "rsc" / "ogbn-proteins.jsonl"
    fewer = [*wanted[:5], "1", *wanted[6:]]
    assert run(*fewer).exit_code == 0
    first = results.read_bytes().splitlines(keepends=True)
    assert [len(records) for _, records in read(results).rounds] == [4]
    # One has failed for good, and another was killed before its record was there.
    failed = json.loads(first[-1])
    failed["record"] |= {"status": "failed", "reason": "no memory", "measurement": None}
    results.write_bytes(b"".join(first[:-2]) + json.dumps(failed).encode() + b"\n")
    planned = run(*fewer, "--plan").output
    assert "1 of 4 trainings left" in planned
    assert re.search(
        r"1 wrong or failed, as training small:random .*: no memory; another --results folder trains it again", planned
    )
    ended = run(*fewer)
    assert ended.return_value == 1
    assert ended.output.count("[1/1] round 1 ") == 1
    assert results.read_bytes().splitlines(keepends=True)[: len(first) - 1] == [*first[:-2], json.dumps(failed).encode() + b"\n"]
    ended = run(*wanted)
    assert "4 of 8 trainings left" in ended.output
    (rounds,) = read(results).rounds
    assert [record.status for record in rounds[1]].count("ok") == 7
    assert {record.case.seed for record in rounds[1]} == {0, 1}


def test_what_becomes_of_freed_memory_is_passed_on_and_said(tmp_path, small):
    ended = run("--plan", "--graph", "ogbn-proteins", "--epochs-share", "0.003", "--memory", "kept", "--results", str(tmp_path))
    assert ended.output.splitlines()[0].endswith("; freed memory kept")
    (part,) = reproduction.plan(wish(tmp_path, memory="kept"))
    assert " ".join(part.options).count("--memory kept") == 1
    assert {setting.case().freed_memory for setting in part.settings} == {"kept"}
    (usual,) = reproduction.plan(wish(tmp_path))
    assert "--memory" not in usual.options
    assert {setting.case().freed_memory for setting in usual.settings} == {None}


def test_what_no_training_can_be_made_with_is_one_line(tmp_path, small, monkeypatch):
    monkeypatch.setattr("rsc_bench.allocator.why_not", lambda: "no glibc here")
    ended = run("--plan", "--graph", "ogbn-proteins", "--memory", "kept", "--results", str(tmp_path))
    assert str(ended.exception.message) == "--memory kept: no glibc here"


def test_the_estimate_gives_the_memory_of_a_gpu_back(tmp_path, small, monkeypatch):
    """The trainings are another process's, which finds free what the estimate had in use."""
    emptied, models = [], weakref.WeakSet()
    built = reproduction.prepared

    def prepared(*given):
        models.add((trainer := built(*given)).model)
        return trainer

    monkeypatch.setattr(reproduction, "prepared", prepared)
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: True)
    monkeypatch.setattr("torch.cuda.empty_cache", lambda: emptied.append(len(models)))
    (part,) = reproduction.plan(wish(tmp_path))
    assert part.seconds() > 0
    assert emptied == [0]


def too_large(*given):
    raise GraphTooLargeError("graph 'twin:ogbn-products': making 61,859,140 edges needs 12 GB: take a smaller share")


def out_of_memory(*given):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(("step", "fails", "reason"), [
    ("rsc_bench.suites.graphs.GraphStore.load", too_large, "making 61,859,140 edges needs 12 GB: take a smaller share"),
    ("rsc_bench.suites.training.reproduction.prepared", out_of_memory, "out of memory"),
])  # fmt: skip
def test_an_estimate_that_fails_as_a_training_would_is_said(tmp_path, small, step, fails, reason):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, fails)
        ended = run("--plan", "--graph", "ogbn-proteins", "--seeds", "1", "--results", str(tmp_path))
    assert ended.exception is None
    assert ended.return_value == 0
    assert re.search(rf"4 of 4 trainings left, 1000 epochs each, about: not known \(.*{re.escape(reason)}.*\)", ended.output)
    assert "in all about 0 s, and what is not known; results in" in ended.output


def test_a_cluster_is_told_of_stand_ins_memory_and_failures_as_one_machine_is(tmp_path, small, monkeypatch):
    """The devices are this machine's: what is printed is looked at, and nothing is trained."""
    devices = _sweeping.devices
    monkeypatch.setattr(_sweeping, "devices", lambda study, ray, cores: devices(study, None, None))
    wanted = ["--plan", "--graph", "ogbn-proteins", "--epochs-share", "0.003", "--seeds", "1", "--results", str(tmp_path)]
    ended = run(*wanted, "--memory", "kept", "--ray", "local")
    assert ended.exception is None
    lines = ended.output.splitlines()
    assert lines[0].endswith("(arXiv 2210.10737); freed memory kept")
    assert re.fullmatch(
        r"  small:random \(in place of ogbn-proteins: `.*bench --check --graph ogbn-proteins` downloads it\)", lines[1]
    )
    monkeypatch.setattr(reproduction.Part, "bad", {"training small:random": "no memory"})
    assert "1 wrong or failed, as training small:random: no memory; another" in run(*wanted, "--ray", "local").output
