"""Makes checkouts of revisions, and of the working tree as it is, in a folder that is gone afterwards; the user's is only read."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsc_bench.harness.ab import AlternatingError
from rsc_bench.harness.ab.options import SUITES
from rsc_bench.harness.ab.scratch import scratch
from rsc_bench.harness.machine import git

DATA = "data"
"""Folder of the published graphs, which git ignores: each checkout gets a link to the user's, or would download them again."""


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
    answer = git.run(folder, "rev-parse", "--show-toplevel")
    if answer.returncode:
        reason = git.reason(answer) or "git named no folder"
        raise AlternatingError(f"{folder}: must be in a git checkout with its revisions ({reason}): run it in one")
    return Path(answer.stdout.strip())


def find(root: Path, revision: str | None, needed: Path | None = Path(SUITES)) -> Source:
    """Return what a revision, None for the working tree, is; raises `AlternatingError` where there is none to measure.

    Args:
        root: top of the repository.
        revision: commit, branch or tag of it.
        needed: folder without which nothing in it can be measured; None: any revision will do.
    """
    wanted = "HEAD" if revision is None else revision
    answer = git.run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{wanted}^{{commit}}")
    commit = answer.stdout.strip()
    if answer.returncode or not commit:
        remedy = "give a commit, branch or tag of it, or fetch it first (a shallow clone has only the last commits)"
        raise AlternatingError(f"revision {wanted!r} is not in this repository: {remedy}")
    source = Source(commit, revision is None, "the working tree" if revision is None else f"{revision} ({commit[:8]})")
    if needed is not None and not _has(root, source, needed):
        otherwise = ", or behind -- a command that measures it: -- pytest benchmarks/" if needed == Path(SUITES) else ""
        raise AlternatingError(
            f"{source.name} has no {needed}/ folder, so nothing in it can be measured: give a later revision{otherwise}"
        )
    return source


def _has(root: Path, source: Source, folder: Path) -> bool:
    # Of the working tree its own folder counts: the suites may be new.
    if source.as_it_is:
        return (root / folder).is_dir()
    return git.run(root, "cat-file", "-e", f"{source.commit}:{folder.as_posix()}").returncode == 0


def is_tracked(root: Path, path: Path) -> bool:
    """Return whether a path is the checkout's own: under git's control, so that every revision has its own."""
    return git.run(root, "ls-files", "--error-unmatch", "--", str(path.absolute())).returncode == 0


def is_elsewhere(root: Path, path: Path) -> bool:
    """Return whether a path that is there is in no checkout of any revision: outside of the repository, or ignored by git.

    What is new and not ignored is the working tree's own, as a benchmark that is not committed yet.
    """
    if not path.exists():
        return False
    # A link stays what it is where it is: that to its Python is what a virtual environment is known by.
    found = path.parent.resolve() / path.name
    return not found.is_relative_to(root) or git.run(root, "check-ignore", "--quiet", "--", str(found)).returncode == 0


@contextlib.contextmanager
def two_of_the_working_tree(folder: Path, needed: Path | None = Path(SUITES)) -> Iterator[tuple[list[Path], Path | None]]:
    """Make two checkouts of the working tree that a folder is in, and return them and the top of its repository.

    So nothing changes underneath a study while its user works on. Without git, or without what is needed in the working tree, both
    are the folder itself, and the repository None.
    """
    try:
        root = root_of(folder)
        source = find(root, None, needed)
    except AlternatingError:
        yield [folder, folder], None
        return
    with checkouts(root, [source, source]) as folders:
        yield folders, root


@contextlib.contextmanager
def checkouts(root: Path, sources: Sequence[Source]) -> Iterator[list[Path]]:
    """Make one checkout for each source, and remove them at the end, however it comes.

    They are git worktrees without a branch: the user's files, index, stash and branches stay as they are.
    """
    with scratch(root) as place:
        # Names of one length: that of a path shifts what lies behind it in memory.
        folders = [place / f"side{number}" for number in range(len(sources))]
        for folder, source in zip(folders, sources, strict=True):
            _add(root, folder, source)
        yield folders


def _add(root: Path, folder: Path, source: Source) -> None:
    # No hook of the user's is meant for a checkout that nobody works in.
    answer = git.run(
        root, "-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--quiet", "--detach", str(folder), source.commit
    )
    if answer.returncode:
        raise AlternatingError(f"{source.name}: git made no worktree ({git.reason(answer)}): see `git worktree list`")
    if source.as_it_is:
        _copy_changes(root, folder)
    data = root / DATA
    if data.is_dir() and not (folder / DATA).exists():
        (folder / DATA).symlink_to(data.resolve())


def _copy_changes(root: Path, folder: Path) -> None:
    """Bring what is not committed: changed and new files, ignored ones left out, and what was deleted deleted."""
    status = git.run(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all").stdout
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
