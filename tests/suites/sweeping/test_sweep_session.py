"""A study meets its devices: kinds of machine with files of their own, blocks that none of them is for, and the plan in words."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from made_devices import planned
from made_runs import case, not_ok, written
from running_pytest import NO_GPU, ROOT

from rsc_bench.suites.options import Options, OptionsError
from rsc_bench.suites.sweeping.devices import Here
from rsc_bench.suites.sweeping.kinds import ClusterError
from rsc_bench.suites.sweeping.lines import StudyError
from rsc_bench.suites.sweeping.place import Place
from rsc_bench.suites.sweeping.planning import Plan
from rsc_bench.suites.sweeping.session import prepared, said
from rsc_bench.suites.sweeping.study import Block, Study

EMPTY = ("small:hub",)
"""A graph that these devices have no case of."""
RINGS = """
import torch
from rsc_bench import Csr
from rsc_bench.suites.graphs.graph import Graph
from rsc_bench.suites.graphs.source import Source

def load(name, data_root=None):
    edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
    return Graph(name, Csr.from_edge_index(edges), directed=True, classes=0, metric_name="accuracy")

SOURCE = Source("rings", "A ring.", ["rings:one"], load)
"""
CASES = tuple(case(width=width) for width in (1, 2))


class Cluster:
    """Devices of two CPUs and a GPU, or of what a test says, that plan two cases of each block."""

    def __init__(self, blocks, kinds=("cpu", "cpu", "cuda:0")):
        here = Place((), Path("unused.log")).facts(plans=False)
        self._blocks = {block.name: block for block in blocks}
        self._facts = {f"node-{index}": self._fact(here, device, index) for index, device in enumerate(kinds, 1)}

    def _fact(self, here, device, index):
        gpus = [{"name": "NVIDIA H200", "uuid": f"GPU-{index}"}] if device != "cpu" else []
        environment = here.environment | {"gpus": gpus}
        return replace(here, host=f"host-{index}", device=device, cores=(0, 1), environment=environment, niceness=0)

    def facts(self):
        return self._facts

    def plan(self, device, block):
        if self._blocks[block].options.widths == (0,):
            raise OptionsError("--width must be at least 1 (got 0)")
        cases = [replace(planned(each, f"g{each.width}", rounds=2), estimate_s=60.0 * each.width) for each in CASES]
        return Plan(self._blocks[block], tuple(cases if self._blocks[block].options.graphs != EMPTY else ()))


def block(name="a", **options):
    return Block(name, Options(benchmark=True, **options))


def study(folder, *blocks):
    return Study("study", folder, tuple(blocks))


def test_each_kind_of_machine_measures_all_of_its_blocks_into_a_file_of_its_own(tmp_path):
    blocks = (block("a", device="cpu"), block("b", device="cuda"))
    ready = prepared(study(tmp_path, *blocks), Cluster(blocks))
    cpu, gpu = ready.shares
    assert cpu.kind.devices == ("node-1", "node-2")
    assert gpu.kind.name == "nvidia-h200"
    assert set(cpu.paths) == {"a"}
    assert gpu.paths == {"b": tmp_path / "b.nvidia-h200.jsonl"}
    assert [len(share.tasks) for share in ready.shares] == [4, 4]
    assert ready.left == 8


def test_a_block_that_names_no_device_is_for_the_gpus_where_there_are_some(tmp_path):
    blocks = (block("a"), block("b", device="cpu"))
    cpu, gpu = prepared(study(tmp_path, *blocks), Cluster(blocks)).shares
    assert (set(cpu.paths), set(gpu.paths)) == ({"b"}, {"a"})
    (alone,) = prepared(study(tmp_path, block("a")), Cluster((block("a"),), ("cpu",))).shares
    assert set(alone.paths) == {"a"}


@pytest.mark.parametrize(("wrong", "message"), [
    (block("b", device="cuda"), r"--device must be one that there is \(got cuda\): no device of the cluster is"),
    (block("b", graphs=EMPTY), r"must have a case \(got none with these options\)"),
    (replace(block("b", graphs=EMPTY), leave_out=("x",)), "--leave-out must leave a case of the block"),
    (replace(block("b", graphs=EMPTY), suites=("minmax",)), "--suite must have a case with these options .got minmax"),
    (block("b", widths=(0,)), r"--width must be at least 1 \(got 0\)"),
])  # fmt: skip
def test_a_block_that_nothing_is_measured_of_is_refused(tmp_path, wrong, message):
    blocks = (block("a"), wrong)
    with pytest.raises(StudyError, match=message):
        prepared(study(tmp_path, *blocks), Cluster(blocks, ("cpu",)))


def test_a_node_with_other_code_is_refused(tmp_path):
    cluster = Cluster((block(),), ("cpu", "cpu"))
    cluster._facts["node-2"] = replace(cluster._facts["node-2"], code="another")
    with pytest.raises(ClusterError, match=r"node host-2 \(node-2\): has other code of rsc-bench"):
        prepared(study(tmp_path, block()), cluster)


def test_what_is_wrong_with_a_block_is_said_of_it_also_where_it_shows_as_a_device_begins(tmp_path):
    blocks = (block("a", device="cpu", graphs=("small:random",)), block("b", device="cpu", graphs=("smal:random",)))
    with pytest.raises(StudyError, match="graph 'smal:random' is not known"):
        prepared(study(tmp_path, *blocks), Here(blocks, tmp_path / "log"))


def test_a_graph_of_a_source_in_a_plug_in_is_known_by_its_block(tmp_path):
    path = tmp_path / "rings.py"
    path.write_text(RINGS)
    (tmp_path / "study.toml").write_text('[a]\ndevice = "cpu"\nplugin = "rings.py"\ngraph = "rings:one"\nwidth = 8\n')
    plan = subprocess.run(
        [sys.executable, "-m", "rsc_bench", "sweep", "study.toml", "--plan"],
        cwd=tmp_path,
        env=NO_GPU | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert plan.returncode == 0, plan.stderr
    assert "rings:one: " in plan.stdout


def test_the_plan_says_how_much_is_left_on_which_devices_and_about_how_long_that_takes(tmp_path):
    cluster = Cluster((block(),), ("cpu", "cpu"))
    first = prepared(study(tmp_path, block()), cluster)
    (share,) = first.shares
    name = share.kind.name
    assert said(first, study(tmp_path, block())).splitlines() == [
        f"study study: 1 block, results in {tmp_path}",
        f"on {name}: 2 devices (node-1, node-2)",
        "  [a] 2 cases, 2 rounds: 0 of 4 done, 4 left, about 6 min",
        "    twin:flickr: 4 measurements, about 6 min",
        f"    into {tmp_path / f'a.{name}.jsonl'}",
        "  in all about 3 min",
    ]
    failed = [not_ok(each, "failed", "broke") for each in CASES]
    written(share.paths["a"], failed, failed[:1], environment=share.environments["a"])
    again = prepared(study(tmp_path, block()), cluster)
    assert "  [a] 2 cases, 2 rounds: 3 of 4 done, 1 left, about 2 min" in said(again, study(tmp_path, block())).splitlines()
    assert (again.left, again.bad, again.files) == (1, 3, [share.paths["a"]])
    written(tmp_path / "whole.jsonl", failed, failed, environment=share.environments["a"]).replace(share.paths["a"])
    done = prepared(study(tmp_path, block()), cluster)
    assert said(done, study(tmp_path, block())).splitlines()[-1] == "  all is done"


def test_a_share_says_which_one_it_is(tmp_path):
    ready = prepared(study(tmp_path, block()), Cluster((block(),), ("cpu",)), (2, 2))
    lines = said(ready, study(tmp_path, block())).splitlines()
    assert lines[0] == f"study study: 1 block, part 2 of 2, results in {tmp_path}"
    assert "  [a] 1 case, 2 rounds: 0 of 2 done, 2 left, about 4 min" in lines


def test_a_graph_file_with_an_option_is_looked_for_without_it(tmp_path):
    file = tmp_path / "friends.mat"
    file.write_bytes(b"0123")
    missing = tmp_path / "gone.mat"
    facts = Place((block(graphs=(f"{file}#5", f"{file}#0", f"{missing}#5")),), tmp_path / "log").facts(plans=False)
    assert facts.files == {str(file): 4}
    assert facts.missing == (str(missing),)
