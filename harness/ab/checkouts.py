"""Makes checkouts of revisions, and of the working tree as it is, in a folder that is gone afterwards; the user's is only read."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsc_bench.harness.ab import AlternatingError
from rsc_bench.harness.ab.options import SUITES

DATA = "data"
"""Folder of the published graphs, which git ignores: each checkout gets a link to the user's, or would download them again."""

PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")

Tracked = Callable[[Path], bool]


@dataclass(frozen=True)
class Source:
    """What a checkout is made from."""

    commit: str
    """Full hash."""
    as_it_is: bool
    """Whether what is not committed comes on top."""
    name: str
    """For a reader: ``v1.2 (0123abcd)``, ``the working tree``."""


def root_of(folder: Path) -> Path:
    """Return the top of the checkout that a folder is in; raises `AlternatingError` where it is in none."""
    answer = _git(folder, "rev-parse", "--show-toplevel")
    if answer.returncode:
        reason = _first_line(answer.stderr) or "git named no folder"
        raise AlternatingError(f"{folder}: must be in a git checkout with its revisions ({reason}): run it in one")
    return Path(answer.stdout.strip())


def find(root: Path, revision: str | None) -> Source:
    """Return what a revision, None for the working tree, is; raises `AlternatingError` where there is none to measure."""
    wanted = "HEAD" if revision is None else revision
    answer = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{wanted}^{{commit}}")
    commit = answer.stdout.strip()
    if answer.returncode or not commit:
        remedy = "give a commit, branch or tag of it, or fetch it first (a shallow clone holds only the last commits)"
        raise AlternatingError(f"revision {wanted!r} is not in this repository: {remedy}")
    source = Source(commit, revision is None, "the working tree" if revision is None else f"{revision} ({commit[:8]})")
    # Of the working tree its own folder counts: the suites may be new.
    here = (root / SUITES).is_dir() if source.as_it_is else _git(root, "cat-file", "-e", f"{commit}:{SUITES}").returncode == 0
    if not here:
        raise AlternatingError(f"{source.name} has no {SUITES}/ folder, so nothing in it can be measured: give a later revision")
    return source


def is_tracked(root: Path, path: Path) -> bool:
    """Return whether a path is the checkout's own: under git's control, so that every revision has its own."""
    return _git(root, "ls-files", "--error-unmatch", "--", str(path.absolute())).returncode == 0


@contextlib.contextmanager
def two_of_the_working_tree(folder: Path) -> Iterator[tuple[list[Path], Tracked]]:
    """Make two checkouts of the working tree that a folder is in, and return what says which paths are their own.

    So nothing changes underneath a study while its user works on. Without git both are the folder itself.
    """
    try:
        root = root_of(folder)
    except AlternatingError:
        yield [folder, folder], lambda _: True
        return
    source = find(root, None)
    with checkouts(root, [source, source]) as folders:
        yield folders, lambda path: is_tracked(root, path)


@contextlib.contextmanager
def checkouts(root: Path, sources: Sequence[Source]) -> Iterator[list[Path]]:
    """Make one checkout for each source, and remove them at the end, however it comes.

    They are git worktrees without a branch: the user's files, index, stash and branches stay as they are.
    """
    with tempfile.TemporaryDirectory(prefix="rsc-bench-") as scratch, contextlib.ExitStack() as stack:
        folders = []
        for number, source in enumerate(sources):
            # Names of one length: that of a path shifts what lies behind it in memory.
            folder = Path(scratch, f"side{number}").resolve()
            stack.callback(_git, root, "worktree", "remove", "--force", "--force", str(folder))
            _add(root, folder, source)
            folders.append(folder)
        yield folders


def _add(root: Path, folder: Path, source: Source) -> None:
    # No hook of the user's is meant for a checkout that nobody works in.
    answer = _git(root, "-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--quiet", "--detach", str(folder), source.commit)
    if answer.returncode:
        raise AlternatingError(f"{source.name}: git made no worktree ({_first_line(answer.stderr)}): see `git worktree list`")
    if source.as_it_is:
        _copy_changes(root, folder)
    data = root / DATA
    if data.is_dir() and not (folder / DATA).exists():
        (folder / DATA).symlink_to(data.resolve())


def _copy_changes(root: Path, folder: Path) -> None:
    """Bring what is not committed: changed and new files, ignored ones left out, and what was deleted deleted."""
    status = _git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all").stdout
    for path in (entry[3:] for entry in status.split("\0") if entry):
        source, target = root / path, folder / path
        _clear(target)
        if source.is_dir() and not source.is_symlink():  # a repository within this one, or a folder where a file was
            continue
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # deleted
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _clear(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            target.unlink()


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A hook of git's is told which repository, index and folder it is for; here the folder says it.
    own = {name: value for name, value in os.environ.items() if name not in PLACES}
    # Without the lock that lets `status` write what it found into the user's index.
    quiet = {**own, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="surrogateescape", stdin=subprocess.DEVNULL, check=False, env=quiet
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "git is not installed")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].removeprefix("fatal: ")
