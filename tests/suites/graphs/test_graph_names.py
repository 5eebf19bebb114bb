"""Names of graph files that are no text: they are measured, shown and recorded under a name that stays theirs."""

import os

import pytest

from rsc_bench.suites.graphs import GraphError, check, load
from rsc_bench.text import escaped

EDGES = b"0,1\n1,2\n"


def written(tmp_path, name: bytes):
    path = os.fsencode(tmp_path) + b"/" + name
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(EDGES)
    return os.fsdecode(path)


NAMES = {
    b"Z\xfcrich.csv": r"Z\xfcrich",
    b"Z\xfdrich.csv": r"Z\xfdrich",
    b"two\nlines.csv": r"two\nlines",
    b"\x1b[2Jclear.csv": r"\x1b[2Jclear",
    "Zürich 図.csv".encode(): "Zürich 図",
    "right\u202eto left.csv".encode(): r"right\u202eto left",
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_graph_is_recorded_under_a_name_that_can_be_written_and_printed(tmp_path, name):
    path = written(tmp_path, name)
    graph = load(path)
    assert graph.name == check(path) == NAMES[name]
    assert graph.facts.text().isprintable()
    assert graph.name.encode()
    assert graph.edges == 4


def test_two_names_stay_two_names():
    assert len(set(NAMES.values())) == len(NAMES)
    assert escaped("a\nb") == r"a\nb"
    assert escaped("a b\\c ü") == "a b\\c ü"


def test_an_error_with_such_a_name_is_one_line(tmp_path):
    path = written(tmp_path, b"Z\xfc\nrich.mtx")
    with pytest.raises(GraphError, match="cannot be read as Matrix Market") as caught:
        load(path)
    assert str(caught.value).isprintable()
    assert r"Z\xfc\nrich.mtx" in str(caught.value)
