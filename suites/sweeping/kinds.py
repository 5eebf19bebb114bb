"""Sorts devices into kinds of machine, whose times are comparable, and refuses those that would measure other code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsc_bench.harness.records.environments import differences, flat
from rsc_bench.suites.sweeping.place import Facts

_GIB = 1 << 30
_OF_ONE = ("gpus_absent",)
"""Fields of an environment that differ between machines of one kind, as GPUs' UUIDs do, which are dropped by their name."""
_BUILD = re.compile(r"\+.*")
"""Of a version of torch: for what it is built, which differs from a CPU to a GPU."""


class ClusterError(Exception):
    """Devices that cannot share a sweep; the message names the node, what differs, both values and the remedy."""


@dataclass(frozen=True)
class Kind:
    """Devices whose environments are alike."""

    name: str
    """For files and for readers: ``nvidia-h200``, ``amd-epyc-2-cores``."""
    environment: dict[str, Any]
    """What their results files begin with."""
    devices: tuple[str, ...]
    """By the names that their records have."""


def kinds(facts: Mapping[str, Facts]) -> list[Kind]:
    """Return the kinds of the devices of a sweep, each with its devices in their order."""
    found: list[tuple[dict[str, Any], list[str]]] = []
    for device, each in facts.items():
        alike = common(each)
        same = next((devices for environment, devices in found if environment == alike), None)
        if same is None:
            found.append((alike, [device]))
        else:
            same.append(device)
    names = [_name(facts[devices[0]]) for _, devices in found]
    before = [names[:place].count(name) for place, name in enumerate(names)]
    numbered = [f"{name}-{count + 1}" if count else name for name, count in zip(names, before, strict=True)]
    return [Kind(name, environment, tuple(devices)) for name, (environment, devices) in zip(numbered, found, strict=True)]


def common(facts: Facts) -> dict[str, Any]:
    """Return the environment of a device without what tells it from others of its kind; its memory in whole GiB."""
    environment = {key: value for key, value in facts.environment.items() if key not in _OF_ONE}
    gpus = [{key: value for key, value in gpu.items() if key != "uuid"} for gpu in environment.get("gpus") or []]
    memory = environment.get("memory_bytes")
    # Of several GPUs one alone is the device: how many more a node has says nothing of it.
    environment["gpus"] = gpus[:1] if facts.device != "cpu" else []
    environment["memory_bytes"] = None if memory is None else memory // _GIB * _GIB
    return environment | {"shared": True}


def own(facts: Facts, kind: Kind) -> dict[str, Any]:
    """Return what a record of the device's session says of it beside the environment of its kind, by dotted names."""
    differing = {name: value for name, (_, value) in differences(kind.environment, facts.environment).items() if value is not None}
    return {"host": facts.host, "cores": list(facts.cores)} | flat(differing)


def check(facts: Mapping[str, Facts], here: Facts) -> None:
    """Raise `ClusterError` for the first device that lacks a file or would run other code than the others; `here` starts them."""
    for message in _refusals(facts, here):
        raise ClusterError(message)


def _refusals(facts: Mapping[str, Facts], here: Facts) -> Iterator[str]:
    for device, each in facts.items():
        where = f"node {each.host} ({device})"
        if each.missing:
            yield f"{where}: has no file {each.missing[0]}: copy it there, or give a path that all nodes share"
        if each.version != here.version:
            yield f"{where}: has rsc-bench {each.version}, this machine {here.version}: install the same release on all nodes"
        if each.code != here.code:
            yield f"{where}: has other code of rsc-bench {each.version} than this machine: install the same on all nodes"
        for path, mine in here.digests.items():
            theirs = each.digests.get(path)
            if theirs is None:
                yield f"{where}: has no file {path}: copy it there, or give a path that all nodes share"
            elif theirs != mine:
                yield f"{where}: {path} is another file there (digest {theirs}, here {mine}): copy it to all nodes"
        for path, size in here.files.items():
            if each.files.get(path, size) != size:
                yield f"{where}: {path} has {each.files[path]:,} bytes there, and {size:,} here: copy it to all nodes"
    yield from _versions(facts, here)


def _versions(facts: Mapping[str, Facts], here: Facts) -> Iterator[str]:
    """Yield what of the software differs from this machine's, which has to start them, but for what torch is built for."""
    mine = _software(here)
    for device, each in facts.items():
        for package, version in _software(each).items():
            if version != mine[package]:
                remedy = "install the same release on all nodes"
                yield f"node {each.host} ({device}): has {package} {version}, this machine {mine[package]}: {remedy}"


def _software(facts: Facts) -> dict[str, str]:
    versions = facts.environment.get("versions", {})
    names: Sequence[str] = ("torch", "numba", "numpy", "torch-geometric", "msgspec")
    found = {name: _BUILD.sub("", str(versions.get(name) or "none")) for name in names}
    return {"Python": ".".join(str(facts.environment.get("python", "")).split(".")[:2]), **found}


def _name(facts: Facts) -> str:
    environment = facts.environment
    if facts.device != "cpu":
        text = str((environment.get("gpus") or [{}])[0].get("name") or facts.device)
    else:
        text = f"{environment.get('cpu', {}).get('model') or 'cpu'} {len(facts.cores)} cores"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
