"""Gets published graphs over https into the data root, whole or not at all, and says in one line what a failure comes to."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsc_bench.suites.graphs.formats.limits import UNREADABLE
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.kept.turns import Waiting, turn

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA_ROOT = Path("data")
"""Folder of published graphs where none is given."""
PATIENCE_S = 60
"""Seconds without an answer after which a server is given up."""


@dataclass(frozen=True)
class Download:
    """A file as it is published."""

    url: str
    """https: the server is the one that its certificate names."""
    sha256: str | None = None
    """Digest of the file; None where its authors publish none."""


@contextmanager
def available(name: str, root: Path) -> Iterator[None]:
    """Turn what stops a download, or the reading of what was downloaded, into one line."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        yield
    except (*UNREADABLE, RuntimeError, Warning) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        remedy = "connect to the network, or copy the data set into that folder (--data-root)"
        raise GraphError(f"graph {name!r} is not available from {root} ({reason}): {remedy}") from error


@contextmanager
def alone(name: str, root: Path) -> Iterator[None]:
    """Let one process at a time download a graph into a data root; look inside whether another one has done so meanwhile."""
    tell = logging.getLogger("rsc_bench").warning
    with turn(root / f".{name}.lock", f"the files of {name}", Waiting(tell)):
        yield


def fetch(what: Download, path: Path) -> None:
    """Download to `path`, its folder made; raises `OSError` for what is no answer over https, no file, or not the published one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file, _opened(what.url) as answer:
            shutil.copyfileobj(answer, file, 1 << 20)
        _check(what, Path(draft))
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to https only: any other answer could come from anybody on the way."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        _refuse_plain(arguments[-1])
        return super().redirect_request(*arguments)


def _opened(url: str) -> Any:
    _refuse_plain(url)
    answer = urllib.request.build_opener(_OnlyHttps).open(url, timeout=PATIENCE_S)
    if answer.headers.get_content_type() == "text/html":
        raise OSError(f"{url} answered with a page and not with the file")
    return answer


def _refuse_plain(url: str) -> None:
    if not url.startswith("https://"):
        raise OSError(f"downloads are over https (got {url[:100]})")


def _check(what: Download, path: Path) -> None:
    if what.sha256 is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != what.sha256:
        name = what.url.rpartition("/")[2]
        raise OSError(
            f"{name} as it came is not the published file: its SHA-256 must be {what.sha256[:16]}... (got {found[:16]}...)"
        )
