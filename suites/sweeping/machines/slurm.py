"""Writes a study as an array of SLURM jobs, each with a share of it, and submits them."""

from __future__ import annotations

import contextlib
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import rsc_bench
from rsc_bench import files
from rsc_bench.suites import devices
from rsc_bench.suites.measuring.session import Session, load_plugins
from rsc_bench.suites.sweeping.planning import Plan, loads_s, planned
from rsc_bench.suites.sweeping.session import USERS, check_cases
from rsc_bench.suites.sweeping.study import Block, Study, as_toml
from rsc_bench.suites.sweeping.writing import other_array, path_of
from rsc_bench.text import call, first_line, hours

MARGIN, BEGIN_S = 3.0, 900.0
"""The limit of a job is so many times the estimate of the longest, and what it may take to begin: imports, graphs, compilers."""
STEP_MIN = 15
"""Minutes that limits are multiples of."""
INSTALLED = ("site-packages", "dist-packages")
"""Folders that Python looks into by itself."""


class SubmitError(Exception):
    """An array that cannot be submitted; the message says why, and the remedy."""


@dataclass(frozen=True)
class _Array:
    """What a job script needs to know."""

    study: Study
    jobs: int
    gpu: bool
    limit_min: int | None
    """None: nothing is known of how long it takes."""

    @property
    def folder(self) -> Path:
        return self.study.results.absolute()

    @property
    def script(self) -> Path:
        return self.folder / f"{self.study.name}.slurm.sh"

    @property
    def copy(self) -> Path:
        """The study as it is submitted: what is changed of it later is for the next array."""
        return self.folder / f"{self.study.name}.slurm.toml"


def submit(study: Study, jobs: int, options: Sequence[str], only_write: bool) -> Iterator[str]:
    """Write the job script and a copy of the study into the results folder, submit it, and yield what there is to say.

    Args:
        study: the blocks.
        jobs: of the array, each with every so-many-th group of cases.
        options: more of ``sbatch``, which count more than those of the script.
        only_write: whether to submit nothing.

    Raises `SubmitError`, `StudyError` or what is wrong with the options of the study, each in one line.
    """
    unseen = [block.name for block in study.blocks if _needs_gpu(block) and devices.HERE.no_gpu() is not None]
    plans = [_plan(study, block, block.name in unseen) for block in study.blocks]
    check_cases(study, plans)
    groups = sum(len(plan.groups()) for plan in plans)
    if jobs > groups and not unseen:
        raise SubmitError(f"--jobs must be at most {groups}, the groups of cases that are compared with each other (got {jobs})")
    longest_s = max(loads_s(plans, jobs))
    limit = None if unseen else STEP_MIN * math.ceil((MARGIN * longest_s + BEGIN_S) / 60 / STEP_MIN)
    study = replace(study, blocks=tuple(_settled(block) for block in study.blocks))
    array = _Array(study, jobs, any(map(_needs_gpu, study.blocks)), limit)
    _write(array)
    yield f"written:   {array.script}"
    yield f"           {_in_words(array, groups, longest_s)}"
    if only_write:
        yield f"submit it: {shlex.join(['sbatch', *options, str(array.script)])}"
        return
    job = _sbatch(array, options)
    yield f"submitted: job {job}"
    yield f"look:      squeue --job {job}"
    yield f"           {call('report')} --follow {shlex.quote(str(study.results))}"
    yield "again:     the same command, once they have ended, submits what is left"


def _needs_gpu(block: Block) -> bool:
    return (block.options.device or "cpu").partition(":")[0] == "cuda"


def _settled(block: Block) -> Block:
    """Return a block that says where it runs: where it does not it is for what this machine has, whatever a node has beside."""
    if block.options.device is not None:
        return block
    device = devices.HERE.default().partition(":")[0]
    given = (*block.given, ("device", device))
    return replace(block, options=replace(block.options, device=device), given=given)


def _plan(study: Study, block: Block, unseen: bool) -> Plan:
    """Return the cases of a block; where they need a GPU, which this machine lacks, about those that a node has."""
    try:
        load_plugins(block.options)
        session = Session(block.options, devices.ELSEWHERE if unseen else devices.HERE)
    except USERS as error:
        raise study.error(block.name, str(error)) from None
    return Plan(block, tuple(planned(block, session, os.cpu_count() or 1)))


def _in_words(array: _Array, groups: int, longest_s: float) -> str:
    on = "each with a GPU" if array.gpu else 'without a GPU (blocks that are to have one say device = "cuda")'
    if array.limit_min is None:
        why = "no limit of time, for this machine has no GPU to plan it for: `-- --time=2:00:00`, say, gives one"
        return f"an array of {array.jobs} jobs, {on}; {why}"
    limit = f"about {hours(longest_s)} for the longest, limit {hours(60 * array.limit_min)}"
    return f"an array of {array.jobs} jobs for {groups} groups of cases, {on}; {limit}"


def _write(array: _Array) -> None:
    text = as_toml(array.study)
    try:
        array.folder.mkdir(parents=True, exist_ok=True)
        _check_before(array, text)
        files.write_whole(array.copy, text.encode())
        files.write_whole(array.script, _script(array).encode())
    except OSError as error:
        reason = files.refusal(array.script, error)
        raise SubmitError(f"{array.script}: cannot be written ({reason}): give another --results folder") from None


def _check_before(array: _Array, text: str) -> None:
    """Refuse to share a study out anew of which jobs have measured something by now: cases would be measured twice, or never."""
    remedy = "give another --results folder"
    parts = [path_of(array.folder, block.name, None, f"part-1-of-{array.jobs}") for block in array.study.blocks]
    for path in parts:
        other = other_array(path, array.jobs)
        if other is not None:
            raise SubmitError(f"{other}: is of an array of another number of jobs than {array.jobs}: {remedy}, or that number")
    with contextlib.suppress(FileNotFoundError):
        changed = array.copy.read_text(encoding="utf-8") != text
        if changed and any(True for path in parts for _ in path.parent.glob(f"{path.name.partition('.part-')[0]}.part-*.jsonl")):
            raise SubmitError(f"{array.copy}: is the study as jobs have measured it, and it was changed since: {remedy}")


def _script(array: _Array) -> str:
    root = Path(rsc_bench.__file__).absolute().parents[1]
    command = [sys.executable, "-m", "rsc_bench", "sweep", str(array.copy), "--results", str(array.folder), "--part"]
    wants = {
        "job-name": f"rsc-bench-{array.study.name}",
        "array": f"1-{array.jobs}",
        "nodes": "1",
        "ntasks": "1",
        "exclusive": None,
        "mem": "0",
        "gres": "gpu:1" if array.gpu else "",
        "time": _limit(array.limit_min),
        "requeue": None,
        "open-mode": "append",
        "chdir": str(Path.cwd()),
        "output": f"{str(array.folder).replace('%', '%%')}/{array.study.name.replace('%', '%%')}.slurm-%a.log",
    }
    lines = ["#!/bin/sh"]
    lines += [f"#SBATCH --{name}" + ("" if value is None else f"={_quoted(value)}") for name, value in wants.items() if value != ""]
    lines += ["# A node alone: nothing runs beside what is measured. A job that was ended carries on when it is started again."]
    lines += [] if root.name in INSTALLED else [f"export PYTHONPATH={shlex.quote(str(root))}"]
    pinned = 'srun --ntasks=1 --cpus-per-task="$SLURM_CPUS_ON_NODE" --cpu-bind=cores'
    return "\n".join([*lines, f'exec {pinned} {shlex.join(command)} "$SLURM_ARRAY_TASK_ID/{array.jobs}"', ""])


def _limit(minutes: int | None) -> str:
    return "" if minutes is None else f"{minutes // 60}:{minutes % 60:02d}:00"


def _quoted(value: str) -> str:
    """A value as sbatch reads it in a script: a blank ends it, and ``#`` begins a comment, where it is not quoted."""
    if re.search(r"[\"\\\n]", value):
        raise SubmitError(f"{value}: must have no quotation mark, backslash or new line in its name: give another --results folder")
    return value if re.fullmatch(r"[\w./%:,=+@-]+", value) else f'"{value}"'


def _sbatch(array: _Array, options: Sequence[str]) -> str:
    """Submit a script, and return the number of its job."""
    program = shutil.which("sbatch")
    if program is None:
        remedy = f"run it where SLURM is; the script is {array.script}"
        raise SubmitError(f"sbatch: is not on the PATH of this machine: {remedy}")
    ended = subprocess.run([program, "--parsable", *options, str(array.script)], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        said = first_line(ended.stderr) or f"status {ended.returncode}"
        raise SubmitError(f"sbatch: refused {array.script} ({said}): options behind -- are given to it, as `-- --partition=NAME`")
    return first_line(ended.stdout).partition(";")[0]
