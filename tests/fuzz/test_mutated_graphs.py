"""Graph files that are damaged at random are read or refused in one line: no traceback, no hang, no gigabytes.

``RSC_BENCH_FUZZ`` says how many there are in all; ``tox run -e fuzz`` tries 10,000.
"""

import bz2
import gzip
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated_arrays, mutated_bytes
from watched_process import Watched

from rsc_bench.suites.graphs import load

EXAMPLES = int(os.environ.get("RSC_BENCH_FUZZ", "500"))
FEW = 1_000
"""Up to so many are the same in every run, so that a change is what makes a test fail."""

EDGES = b"id_1,id_2\n0,1\n1,2\n2,3\n3,0\n3,3\n1,0\n"
TARGET = b'id,name,new_id,kind\n7,"a, b",1,x\n8,c,0,y\n9,d,2,\n5,e,3,x\n'
FEATURES = b"\xef\xbb\xbfid,x,y\n2,20,2.5\n0,0,1\n1,1e3,11\n3,-4,0\n"
LISTED = json.dumps({"0": [1, 4], "1": [], "3": [0]}).encode()
REAL = b"%%MatrixMarket matrix coordinate real symmetric\n% weights\n4 4 4\n2 1 0.5\n3 2 1.5D+01\n4 3 -2\n4 4 1e3\n"
PATTERN = b"%%MatrixMarket matrix coordinate pattern general\n4 4 4\n1 2\n2 3\n1 2\n4 1\n"
DENSE = b"%%MatrixMarket matrix array integer general\n2 2\n0\n1\n1\n3\n"

MATRIX = scipy.sparse.csr_matrix(np.array([[0, 1, 0, 2], [1, 0, 1, 0], [0, 1, 3, 0], [2, 0, 0, 0]], dtype=np.float64))
CSR = {"format": b"csr", "shape": MATRIX.shape, "data": MATRIX.data, "indices": MATRIX.indices, "indptr": MATRIX.indptr}
COO = {"format": b"coo", "shape": MATRIX.shape, "data": MATRIX.data, "row": MATRIX.tocoo().row, "col": MATRIX.tocoo().col}
ATTRIBUTED = (
    {f"adj_{name}": getattr(MATRIX, name) for name in ("data", "indices", "indptr", "shape")}
    | {f"attr_{name}": getattr(MATRIX, name) for name in ("data", "indices", "indptr", "shape")}
    | {"labels": np.array([3, 5, -1, 3])}
)
INFO = np.array([[1, 1, 7], [1, 2, 8], [2, 0, 7], [1, 2, 9]], dtype=np.uint16)


def npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def mat(arrays: dict[str, Any], packed: bool = False) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, arrays, do_compression=packed)
    return file.getvalue()


def mat_or_none(arrays: dict[str, Any]) -> bytes:
    """The file, or an empty one where SciPy writes no such arrays."""
    try:
        return mat({"A": MATRIX.tocsc()} | arrays)
    except (TypeError, ValueError, NotImplementedError):
        return b""


@dataclass(frozen=True)
class Kind:
    """One kind of graph file, and how one that is damaged comes about."""

    name: str
    """Of the file that is damaged."""
    sound: bytes
    """What it holds before: a graph of four nodes."""
    damaged: st.SearchStrategy[bytes]
    beside: dict[str, bytes] = field(default_factory=dict)
    """Sound files in the same folder."""
    graph: str | None = None
    """The file that is read; None: the damaged one."""


def of_bytes(name: str, sound: bytes, *others: bytes) -> Kind:
    return Kind(name, sound, st.one_of(mutated_bytes(sound), *map(mutated_bytes, others)))


def of_arrays(name: str, pack: Callable[[dict[str, Any]], bytes], sound: dict[str, Any], *others: dict[str, Any]) -> Kind:
    return Kind(name, pack(sound), st.one_of(*(mutated_arrays(arrays).map(pack) for arrays in (sound, *others))))


def beside_edges(name: str, sound: bytes) -> Kind:
    return Kind(name, sound, mutated_bytes(sound), {"g_edges.csv": EDGES}, "g_edges.csv")


LINKX = {"A": MATRIX.tocsc(), "local_info": INFO}
KINDS = {
    "edges": of_bytes("g_edges.csv", EDGES),
    "features-csv": beside_edges("g_features.csv", FEATURES),
    "features-json": beside_edges("g_features.json", LISTED),
    "target": beside_edges("g_target.csv", TARGET),
    "matrix-market": of_bytes("g.mtx", REAL, PATTERN, DENSE),
    "matrix-market-gz": Kind("g.mtx.gz", gzip.compress(REAL), mutated_bytes(REAL).map(gzip.compress)),
    "gz": of_bytes("g.mtx.gz", gzip.compress(REAL)),
    "bz2": of_bytes("g.mtx.bz2", bz2.compress(PATTERN)),
    "scipy-bytes": of_bytes("g.npz", npz(CSR)),
    "scipy-arrays": of_arrays("g.npz", npz, CSR, COO),
    "attributed-bytes": of_bytes("g.npz", npz(ATTRIBUTED)),
    "attributed-arrays": of_arrays("g.npz", npz, ATTRIBUTED),
    "linkx-bytes": of_bytes("g.mat", mat(LINKX)),
    "linkx-packed": of_bytes("g.mat", mat(LINKX, packed=True)),
    "linkx-arrays": of_arrays("g.mat", mat_or_none, {"local_info": INFO}),
}


def written(folder: Path, kind: Kind, content: bytes) -> Path:
    """Put the files of a kind into the folder, alone; return the one to read."""
    for old in folder.iterdir():
        old.unlink()
    for name, sound in {**kind.beside, kind.name: content}.items():
        (folder / name).write_bytes(sound)
    return folder / (kind.graph or kind.name)


@pytest.fixture(scope="module")
def read():
    watched = Watched("reading_graphs:read")
    yield watched
    watched.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mutated")


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=max(EXAMPLES // len(KINDS) + 1, 1),
    deadline=None,
    database=None,
    derandomize=EXAMPLES <= FEW,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_a_damaged_graph_file_is_read_or_refused_in_one_line(kind: str, data: Any, read: Watched, folder: Path):
    chosen = KINDS[kind]
    read(written(folder, chosen, data.draw(chosen.damaged)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_damaged_was_a_graph_before(kind: str, folder: Path):
    assert load(written(folder, KINDS[kind], KINDS[kind].sound)).nodes == 4
