"""Which devices are of one kind, and which cannot share a sweep: made facts, as nodes would tell them."""

from dataclasses import replace

import pytest

from rsc_bench.suites.sweeping.kinds import ClusterError, check, common, kinds, own
from rsc_bench.suites.sweeping.place import Facts, of_device

CPU = {"model": "Ten Cores"}
SOFTWARE = {"torch": "2.13.0+cpu", "numba": "0.68.1", "numpy": "2.4.6", "torch-geometric": None, "msgspec": "0.23.0"}


def environment(**more):
    return {"cpu": CPU, "gpus": [], "gpus_absent": "none", "memory_bytes": 2 << 30, "python": "3.11.7", "versions": SOFTWARE} | more


def facts(host="a", **more):
    return Facts(host=host, device="cpu", cores=(0, 1), environment=environment(), code="c0de", digests={"k.py": "1"}, **more)


def gpu(host, *uuids):
    gpus = [{"name": "NVIDIA H200", "uuid": uuid, "memory_bytes": 1} for uuid in uuids]
    return replace(facts(host), device="cuda:0", environment=environment(gpus=gpus, gpus_absent=None))


def test_nodes_that_are_alike_are_one_kind_called_by_what_it_is():
    [kind] = kinds({"node-1 cpu 0-1": facts("a"), "node-2 cpu 0-1": facts("b")})
    assert (kind.name, kind.devices) == ("ten-cores-2-cores", ("node-1 cpu 0-1", "node-2 cpu 0-1"))


def test_gpus_of_one_model_are_one_kind_whatever_their_uuids_and_however_many_a_node_has():
    [kind] = kinds({"node-1 gpu 0": gpu("a", "GPU-1", "GPU-2"), "node-2 gpu 0": gpu("b", "GPU-3")})
    assert kind.name == "nvidia-h200"
    assert kind.environment["gpus"] == [{"name": "NVIDIA H200", "memory_bytes": 1}]


def test_a_few_bytes_of_memory_more_do_not_make_another_kind_and_a_gib_does():
    more = replace(facts("b"), environment=environment(memory_bytes=(2 << 30) + 4096))
    assert len(kinds({"a": facts(), "b": more})) == 1
    much = replace(facts("b"), environment=environment(memory_bytes=4 << 30))
    assert [kind.name for kind in kinds({"a": facts(), "b": much})] == ["ten-cores-2-cores", "ten-cores-2-cores-2"]


def test_what_a_node_has_of_its_own_is_told_beside_the_kind():
    one = gpu("a", "GPU-1")
    [kind] = kinds({"node-1 gpu 0": one})
    told = own(one, kind)
    assert told["host"] == "a"
    assert told["gpus.0.uuid"] == "GPU-1"
    assert "cpu.model" not in told


def test_the_environment_of_a_kind_says_that_it_was_shared():
    assert common(facts())["shared"] is True


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (facts("b", missing=("g.mtx",)), "node b (x): has no file g.mtx: copy it there, or give a path that all nodes share"),
        (facts("b", version="0.0.1"), "node b (x): has rsc-bench 0.0.1, this machine .*: install the same release on all nodes"),
        (replace(facts("b"), code="other"), "node b (x): has other code of rsc-bench .* than this machine"),
        (
            replace(facts("b"), digests={"k.py": "2"}),
            "node b (x): k.py is another file there (digest 2, here 1): copy it",
        ),
        (replace(facts("b"), digests={"k.py": None}), "node b (x): has no file k.py"),
        (replace(facts("b"), files={"g.npz": 9}), "node b (x): g.npz has 9 bytes there, and 8 here: copy it to all nodes"),
        (
            replace(facts("b"), environment=environment(versions=SOFTWARE | {"torch": "2.12.0+cpu"})),
            "node b (x): has torch 2.12.0, this machine 2.13.0: install the same release on all nodes",
        ),
        (replace(facts("b"), environment=environment(python="3.12.1")), "node b (x): has Python 3.12, this machine 3.11"),
    ],
)
def test_a_node_that_would_measure_something_else_is_refused_by_name(other, line):
    here = facts(files={"g.npz": 8})
    with pytest.raises(ClusterError, match=line.replace("(", r"\(").replace(")", r"\)")):
        check({"x": other}, here)


def test_torch_may_be_built_for_a_gpu_on_a_node_and_not_where_the_sweep_is_started():
    other = replace(facts("b"), environment=environment(versions=SOFTWARE | {"torch": "2.13.0+cu128"}))
    check({"x": other}, facts())


def test_a_device_with_a_gpu_tells_of_its_own_gpu_and_of_no_other_of_the_machine():
    machine = environment(gpus=[{"name": "A100", "uuid": "GPU-1"}, {"name": "H100", "uuid": "GPU-2"}])
    assert of_device(machine, "2")["gpus"] == [{"name": "H100", "uuid": "GPU-2"}]
    assert of_device(machine, "other") == machine
    assert of_device(machine, None) == machine


def test_two_models_of_gpu_in_one_machine_are_two_kinds():
    both = [{"name": "A100", "uuid": "GPU-1"}, {"name": "H100", "uuid": "GPU-2"}]
    devices = {str(place): replace(gpu("a"), environment=of_device(environment(gpus=both), str(place))) for place in (1, 2)}
    assert [kind.name for kind in kinds(devices)] == ["a100", "h100"]
