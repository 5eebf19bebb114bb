"""The installation: which rsc-bench runs, from where, and whether another one may be taken for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import rsc_bench
from rsc_bench.harness.machine.findings import Finding

DISTRIBUTION = "rsc-bench"
PACKAGE = Path(rsc_bench.__path__[0])
"""Folder of the package that runs."""


@dataclass(frozen=True)
class Installed:
    """One installation of rsc-bench that Python finds."""

    version: str
    root: Path
    """Folder that the package lies in: ``site-packages``, or the checkout of an editable installation."""
    editable: bool = False
    """Whether it runs from a checkout, as ``pip install -e`` makes it."""

    def __str__(self) -> str:
        return f"{DISTRIBUTION} {self.version} in {self.root}{' (editable)' if self.editable else ''}"


def installed(path: Sequence[str] | None = None) -> list[Installed]:
    """Return every installation that Python finds.

    Args:
        path: the folders to look in; None: those that Python imports from.
    """
    folders = list(sys.path if path is None else path)
    return [_installed(each) for each in metadata.distributions(name=DISTRIBUTION, path=folders)]


def _installed(found: metadata.Distribution) -> Installed:
    # PEP 610: where it was installed from; only of an editable one does it run from there.
    source = json.loads(found.read_text("direct_url.json") or "{}")
    editable = bool(source.get("dir_info", {}).get("editable"))
    root = url2pathname(urlsplit(source["url"]).path) if editable else str(found.locate_file(""))
    return Installed(found.version, Path(root).resolve(), editable)


def installation(
    package: Path = PACKAGE,
    version: str = rsc_bench.__version__,
    found: Iterable[Installed] | None = None,
    folder: Path = Path(),
) -> Finding:
    """Return which installation runs, with a hint where another one may be taken for it.

    Args:
        package: folder of the package that runs.
        version: its version.
        found: every installation; None: `installed`.
        folder: the current folder.
    """
    root = package.resolve().parent
    every = list(dict.fromkeys(installed() if found is None else found))
    own = [each for each in every if each.root == root]
    others = [each for each in every if each.root != root]
    summary = f"{DISTRIBUTION} {version} from {package} ({_kind(root, own)})"
    if others:
        return Finding("installation", "hint", f"{summary}; installed as well: {', '.join(map(str, others))}", _remedy(root, own))
    if _is_checkout(folder) and folder.resolve() != root:
        here = f"{summary}; not from the checkout in the current folder, {folder.resolve()}"
        return Finding("installation", "hint", here, "python -m harness runs that checkout; pip install -e . installs it")
    stale = [each for each in own if each.editable and each.version != version]
    if stale:
        return Finding("installation", "hint", f"{summary}; installed as {stale[0].version}", f"pip install -e {root}")
    return Finding("installation", "ok", summary)


def _kind(root: Path, own: Iterable[Installed]) -> str:
    if any(each.editable for each in own):
        return "an editable installation"
    if _is_checkout(root):
        return "a checkout that is not installed"
    return "an installed wheel" if own else "a folder that is not installed"


def _is_checkout(root: Path) -> bool:
    return all((root / part).is_file() for part in ("pyproject.toml", "rsc_bench/__init__.py", "harness/__main__.py"))


def _remedy(root: Path, own: Iterable[Installed]) -> str:
    if own:
        return f"keep one of them: pip uninstall {DISTRIBUTION} once for each, then install the one to keep"
    return f"from other folders the other one runs: pip install -e {root} for this one everywhere, or pip uninstall {DISTRIBUTION}"
