"""Turns the machine, its software and the checkout into the environment that a results file begins with."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from rsc_bench import __version__, allocator
from rsc_bench.harness.machine import git
from rsc_bench.harness.machine import memory as main_memory
from rsc_bench.harness.machine.nvml import gpus

ROOT = Path(__file__).resolve().parents[2]
"""The checkout; the folder of the package where it is installed, which is none."""
GIT_S = 30.0
"""Seconds that git may take for an answer."""
PACKAGES = ("torch", "numba", "numpy", "scipy", "triton", "torch-sparse", "torch-scatter", "torch-geometric", "msgspec")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
CPU0 = Path("/sys/devices/system/cpu/cpu0")
"""Where Linux describes the first core."""


def read(cpu0: Path = CPU0) -> dict[str, Any]:
    """Return the environment as JSON types, the same at each call within a machine; what cannot be read is None.

    Threads and the torch build are those of the torch that is loaded: read it after importing what is measured.
    """
    found, reason = gpus()
    return {
        "cpu": _cpu(cpu0),
        "memory_bytes": main_memory.total_bytes(),
        "gpus": found,
        "gpus_absent": reason,
        "os": _os(),
        "host": _host(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "torch_build": _torch_build(),
        "threads": _threads(),
        "checkout": checkout(ROOT),
    }


def usable_cores() -> int | None:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def governor(cpu0: Path = CPU0) -> str | None:
    """Return the frequency governor of the first core, None where the kernel shows none (most virtual machines)."""
    return _text(cpu0 / "cpufreq/scaling_governor")


def version(package: str) -> str | None:
    """Return the installed version of a distribution without importing it, None where it is absent."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def checkout(root: Path) -> dict[str, Any]:
    """Return the commit, its date, and a digest of the changes to it, None where there are none; outside of git the reason."""
    answer = git.run(root, "rev-parse", "--show-toplevel", "HEAD", timeout_s=GIT_S)
    lines = answer.stdout.splitlines()
    if answer.returncode or len(lines) != 2:
        return _no_commit(git.reason(answer) or "git names no commit")
    if Path(lines[0]).resolve() != root.resolve():
        return _no_commit(f"not a git checkout of its own, version {__version__}")
    changed = _changed(root)
    return {
        "commit": lines[1],
        "committed": git.run(root, "show", "--no-patch", "--format=%cI", "HEAD", timeout_s=GIT_S).stdout.strip() or None,
        "dirty": bool(changed),
        "changes": _digest(root, changed) if changed else None,
        "reason": None,
    }


def _no_commit(reason: str) -> dict[str, Any]:
    return {"commit": None, "committed": None, "dirty": None, "changes": None, "reason": reason}


def _changed(root: Path) -> list[str]:
    """Paths of what differs from the commit: files that it has, and new ones that are Python, staged or not."""
    # New results and pages must not make the second run on a file look like another environment; a new kernel must.
    status = git.run(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", timeout_s=GIT_S)
    entries = [(line[:2], line[3:]) for line in status.stdout.split("\0") if line]
    return sorted(path for state, path in entries if state[0] not in "?A" or path.endswith(".py"))


def _digest(root: Path, changed: list[str]) -> str:
    """Digest of the files as they are on disk, which is what runs, whether they are staged or not."""
    digest = hashlib.blake2b(digest_size=6)
    for path in changed:
        with contextlib.suppress(OSError):  # deleted: the path alone says so
            digest.update(hashlib.blake2b((root / path).read_bytes()).digest())
        digest.update(os.fsencode(path) + b"\0")
    return digest.hexdigest()


def _cpu(cpu0: Path) -> dict[str, Any]:
    return {
        "model": _cpu_model(),
        "architecture": platform.machine() or None,
        "physical_cores": _physical_cores(),
        "logical_cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "quota_cores": _quota_cores(),
        "governor": governor(cpu0),
        "l3_bytes": l3_bytes(cpu0),
    }


def _physical_cores() -> int | None:
    try:
        import psutil
    except ModuleNotFoundError:  # a machine that only measures may lack it
        return None
    return psutil.cpu_count(logical=False)  # type: ignore[no-any-return]


def _cpu_model() -> str | None:
    found = re.search(r"^model name\s*:\s*(.+)$", _text(Path("/proc/cpuinfo")) or "", re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or None


def _quota_cores() -> float | None:
    """Cores' worth of time that the control group grants, None where it sets no limit."""
    quota, _, period = (_text(Path("/sys/fs/cgroup/cpu.max")) or "max").partition(" ")
    return None if quota == "max" or not period else round(int(quota) / int(period), 2)


def l3_bytes(cpu0: Path = CPU0) -> int | None:
    """Return the size of the last cache of the first core, None where the kernel does not report it."""
    for index in sorted((cpu0 / "cache").glob("index*")):
        size = re.fullmatch(r"(\d+)([KM]?)", _text(index / "size") or "")
        if _text(index / "level") == "3" and size:
            return int(size.group(1)) * {"": 1, "K": 2**10, "M": 2**20}[size.group(2)]
    return None


def _os() -> dict[str, Any]:
    name = None
    with contextlib.suppress(OSError):
        name = platform.freedesktop_os_release().get("PRETTY_NAME")
    system = {"name": platform.system() or None, "release": platform.release() or None, "distribution": name}
    return system | {"huge_pages": allocator.huge_pages()}


def _host() -> dict[str, Any]:
    marks = {"docker": Path("/.dockerenv"), "podman": Path("/run/.containerenv")}
    flags = re.search(r"^flags\s*:(.*)$", _text(Path("/proc/cpuinfo")) or "", re.MULTILINE)
    return {
        "container": next((name for name, mark in marks.items() if mark.exists()), None),
        "virtual_machine": "hypervisor" in flags.group(1).split() if flags else None,
    }


def _torch_build() -> str | None:
    """``cpu``, ``cuda 12.8`` or ``hip 6.2``, from torch where it is loaded, else from its version file."""
    if (torch := sys.modules.get("torch")) is not None:
        builds = {"cuda": torch.version.cuda, "hip": torch.version.hip}
    else:
        spec = importlib.util.find_spec("torch")
        if spec is None or spec.origin is None:
            return None
        text = _text(Path(spec.origin).parent / "version.py") or ""
        builds = dict(re.findall(r"^(cuda|hip)\b[^=\n]*=\s*'([^']+)'", text, re.MULTILINE))
    return next((f"{name} {number}" for name, number in builds.items() if number), "cpu")


def _threads() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    return {
        "torch": None if torch is None else torch.get_num_threads(),
        **{name: os.environ.get(name) for name in THREAD_VARIABLES},
    }


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
