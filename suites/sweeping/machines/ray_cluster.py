"""The devices of a Ray cluster: an actor on each GPU, or on each group of cores, that has it for itself."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import msgspec

from rsc_bench.harness.records.lines import RecordLine, from_line
from rsc_bench.harness.records.run import Record
from rsc_bench.optional import absent
from rsc_bench.suites.measuring.serving import Job
from rsc_bench.suites.sweeping.devices import Answer, Back, Lost, Reach, State
from rsc_bench.suites.sweeping.kinds import ClusterError
from rsc_bench.suites.sweeping.machines.ray_actor import Actor, Node, node, with_threads
from rsc_bench.suites.sweeping.place import Facts
from rsc_bench.suites.sweeping.planning import Plan
from rsc_bench.suites.sweeping.study import Block
from rsc_bench.text import error_line, first_line

LOCAL = "local"
"""What ``--ray`` calls a cluster of this machine alone."""
NODE_ID = "ray.io/node-id"
"""Ray's own label of a node."""
WAIT_S = 0.5
"""Seconds that `Cluster.answers` waits for the first answer."""
START_S = 300.0
"""Seconds that Ray gets to reserve the devices, and a device to be ready: torch is loaded from a shared disk, perhaps."""
STATE_S = 5.0
"""Seconds between two questions of how far devices are."""
REVIVALS = 2
"""Processes that a device gets anew: one that is lost again and again is broken."""


@dataclass
class _Device:
    name: str
    node_id: str
    device: str
    cores: tuple[int, ...]
    group: Any
    """Ray's placement group of its node."""
    bundle: int
    threads: int
    actor: Any = None
    revivals: int = 0


@dataclass
class _Found:
    """A node of the cluster, and what it has for us."""

    node_id: str
    host: Node
    cpus: int
    gpus: int
    devices: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)


class Cluster:
    """Devices that are processes of Ray's; see `rsc_bench.suites.sweeping.devices.Devices`."""

    def __init__(self, address: str, blocks: Sequence[Block], cores_each: int | None = None) -> None:
        """Connect, and reserve every GPU, or every group of cores where there is none; raises `ClusterError` in one line.

        Args:
            address: of a cluster that runs, or ``local`` for one that is started on this machine and ends with this process.
            blocks: what is to be measured.
            cores_each: physical cores of a device on a CPU; None: all that a machine has.
        """
        self._ray = _ray()
        self._connect(address)
        self._blocks = list(blocks)
        self._devices = {each.name: each for each in self._reserved(self._found(cores_each))}
        self._running: dict[Any, str] = {}
        self._reviving: dict[Any, tuple[str, float]] = {}  # and since when
        self._asked_states, self._states_at = dict[Any, str](), 0.0
        for each in self._devices.values():
            each.actor = self._started(each)

    def _connect(self, address: str) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray asks for it to be chosen, in a long warning
        os.environ.setdefault(
            "RAY_worker_niceness", "0"
        )  # of a cluster of its own: else other programs come before what is measured
        logging.getLogger("ray._private.worker").setLevel(logging.CRITICAL)  # a node that is gone is said by us
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
        try:
            # Without an address Ray would join any cluster that this machine has begun or is in.
            self._ray.init(address=address, **quiet, **({"include_dashboard": False} if address == LOCAL else {}))
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            remedy = "`ray start --head` begins a cluster, and `ray status` says whether it runs"
            raise ClusterError(f"--ray {address}: no cluster answers there ({first_line(error)}): {remedy}") from None

    def _found(self, cores_each: int | None) -> list[_Found]:
        """Ask each node that is alive what it has room for."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        alive = [each for each in self._ray.nodes() if each["Alive"]]
        ask = self._ray.remote(node)
        answers = [
            ask.options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(each["NodeID"], soft=False)).remote(
                cores_each
            )
            for each in alive
        ]
        try:
            hosts = self._ray.get(answers, timeout=START_S)
        except self._ray.exceptions.RayError as error:
            raise ClusterError(_import_failed(error)) from None
        resources = [each["Resources"] for each in alive]
        found = [
            _Found(each["NodeID"], host, int(has.get("CPU", 0)), int(has.get("GPU", 0)))
            for each, host, has in zip(alive, hosts, resources, strict=True)
        ]
        return sorted(found, key=lambda each: (each.host.host, each.node_id))

    def _reserved(self, nodes: list[_Found]) -> list[_Device]:
        from ray.util.placement_group import placement_group

        gpus = any(each.gpus for each in nodes) and any(block.options.device != "cpu" for block in self._blocks)
        made, groups = [], []
        for called, each in zip(_names([each.host.host for each in nodes]), nodes, strict=True):
            each.devices = _devices_of(each, gpus)
            if not each.devices:
                continue
            bundles = [{"CPU": max(1, len(cores)), **({"GPU": 1} if kind != "cpu" else {})} for kind, cores in each.devices]
            group = placement_group(bundles, bundle_label_selector=[{NODE_ID: each.node_id}] * len(bundles))
            groups.append(group)
            for bundle, (kind, cores) in enumerate(each.devices):
                name = f"{called} {kind} {_span(cores) if kind == 'cpu' else bundle}"
                threads = len(cores) or max(1, each.cpus // max(1, each.gpus))
                made.append(_Device(name, each.node_id, "cuda:0" if kind != "cpu" else "cpu", cores, group, bundle, threads))
        if not made:
            raise ClusterError("--ray: no node of the cluster has a GPU, or as many free cores as --cores asks for: ask for fewer")
        ready, late = self._ray.wait([group.ready() for group in groups], num_returns=len(groups), timeout=START_S)
        del ready
        if late:
            busy = f"the devices of {len(late)} of {len(groups)} nodes are not free after {START_S:g} s"
            raise ClusterError(f"--ray: {busy}: `ray status` says what uses them; nothing runs beside what is measured")
        return made

    def _started(self, device: _Device) -> Any:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        strategy = PlacementGroupSchedulingStrategy(device.group, device.bundle)
        wants = {"num_cpus": max(1, len(device.cores)), "num_gpus": int(device.device != "cpu"), "scheduling_strategy": strategy}
        made = self._ray.remote(Actor).options(**wants, runtime_env=with_threads(device.threads), max_concurrency=2)
        return made.remote(self._blocks, device.device, device.cores)

    def facts(self) -> Mapping[str, Facts]:
        """Return what is known of each device."""
        return dict(zip(self._devices, self._of_all([each.actor.facts.remote() for each in self._devices.values()]), strict=True))

    def _of_all(self, asked: list[Any]) -> list[Any]:
        try:
            return list(self._ray.get(asked, timeout=START_S))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayError as error:
            raise ClusterError(f"--ray: a device does not begin ({first_line(error)}): run it again, or see `ray status`") from None

    def plan(self, device: str, block: str) -> Plan:
        """Return the cases of a block as a device would measure them; raises what it does for options that cannot be used."""
        return self._of_all([self._devices[device].actor.plan.remote(block)])[0]  # type: ignore[no-any-return]

    def ask(self, device: str, block: str, job: Job) -> None:
        """Begin a case on a device."""
        self._running[self._devices[device].actor.record.remote(block, job)] = device

    def ask_reach(self, device: str, block: str, row_bytes: Iterable[int]) -> None:
        """Begin to measure what a device can reach."""
        self._running[self._devices[device].actor.ceilings.remote(block, tuple(row_bytes))] = device

    def answers(self) -> Iterator[Answer]:
        """Yield what has come, after `WAIT_S` at most."""
        self._await_no_longer()
        waiting = [*self._running, *self._reviving]
        if not waiting:
            return
        ready, _ = self._ray.wait(waiting, num_returns=1, timeout=WAIT_S)
        if ready:
            ready, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        for each in ready:
            if each in self._reviving:
                yield from self._come_back(each)
            else:
                yield Answer(self._running.pop(each), self._content(each))

    def _content(self, ready: Any) -> Record | Reach | Lost:
        try:
            found = self._ray.get(ready)
        except self._ray.exceptions.RayTaskError as error:
            return Lost(error_line(error.cause))
        except self._ray.exceptions.RayError as error:
            return Lost(f"its process or its node is gone ({type(error).__name__})")
        if isinstance(found, bytes):
            return from_line(msgspec.json.decode(found, type=RecordLine))
        return Reach(found)

    def _come_back(self, ready: Any) -> Iterator[Answer]:
        device, _ = self._reviving.pop(ready)
        try:
            self._ray.get(ready)
        except self._ray.exceptions.RayError:  # its node is gone, too
            self.revive(device)
        else:
            yield Answer(device, Back())

    def states(self) -> Mapping[str, State]:
        """Return how far devices are, as they said last."""
        now = monotonic()
        if now - self._states_at > STATE_S:
            self._states_at = now
            self._asked_states = {self._devices[name].actor.state.remote(): name for name in self._running.values()}
        if not self._asked_states:
            return {}
        ready, _ = self._ray.wait(list(self._asked_states), num_returns=len(self._asked_states), timeout=0)
        found: dict[str, State] = {}
        for each in ready:
            name = self._asked_states.pop(each)
            with contextlib.suppress(self._ray.exceptions.RayError):
                state = self._ray.get(each)
                if state is not None:
                    found[name] = state
        return found

    def revive(self, device: str) -> None:
        """Begin a new process for a lost device, where its node is alive and it was not lost too often."""
        lost = self._devices[device]
        alive = {each["NodeID"] for each in self._ray.nodes() if each["Alive"]}
        if lost.node_id not in alive or lost.revivals >= REVIVALS:
            return
        lost.revivals += 1
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(lost.actor)  # one that only could not be reached would go on beside the new one
        lost.actor = self._started(lost)
        self._reviving[lost.actor.facts.remote()] = device, monotonic()

    def _await_no_longer(self) -> None:
        """Give up devices that do not come back in time: their node died before Ray knew it, and nobody answers."""
        for asked, (device, since) in list(self._reviving.items()):
            if monotonic() - since > START_S:
                del self._reviving[asked]
                self.revive(device)

    @property
    def awaited(self) -> bool:
        """Whether a device may still come back."""
        return bool(self._reviving)

    def close(self) -> None:
        """End every device."""
        for each in self._devices.values():
            with contextlib.suppress(Exception):
                self._ray.kill(each.actor)
        self._ray.shutdown()


def _devices_of(found: _Found, gpus: bool) -> list[tuple[str, tuple[int, ...]]]:
    """The devices of a node: each of its GPUs, or where the cluster has none each group of cores that Ray has so many CPUs for."""
    if gpus:
        return [("gpu", ())] * found.gpus
    fitting = []
    free = found.cpus
    for cores in found.host.groups:
        free -= len(cores)
        if free >= 0:
            fitting.append(("cpu", cores))
    return fitting


def _names(hosts: Sequence[str]) -> list[str]:
    """The names of nodes: those of their hosts, so that they are the same the next time; several on one host are numbered."""
    return [f"{host}-{hosts[: place + 1].count(host)}" if hosts.count(host) > 1 else host for place, host in enumerate(hosts)]


def _span(cores: tuple[int, ...]) -> str:
    return f"{cores[0]}-{cores[-1]}" if len(cores) > 1 else str(cores[0])


def _import_failed(error: BaseException) -> str:
    cause = getattr(error, "cause", None)
    if isinstance(cause, ModuleNotFoundError) or "No module named 'rsc_bench'" in str(error):
        return "--ray: a node of the cluster cannot import rsc_bench: install the same release there"
    return f"--ray: a node of the cluster does not answer ({first_line(error)}): see `ray status`"


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        raise ClusterError(f"--ray: {absent('ray')}") from None
    return ray
