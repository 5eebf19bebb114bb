"""Headers, byte order marks and ids of edge lists and of what stands beside them."""

import codecs
import json
import tracemalloc

import pytest

from rsc_bench.suites.graphs import GraphError, load

TRIANGLE = "0,1\n1,2\n2,0\n"
BOM = "\ufeff"


def written(tmp_path, edges=TRIANGLE, **beside):
    """An edge list, and files beside it by their endings: ``features_csv="..."``."""
    for name, content in {"edges_csv": edges, **beside}.items():
        stem, _, suffix = name.rpartition("_")
        path = tmp_path / f"g_{stem}.{suffix}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path / "g_edges.csv"


STARTS = {
    "no header": "",
    "a header": "id_1,id_2\n",
    "a quoted header": '"from","to"\n',
    "a mark": BOM,
    "a mark and a header": f"{BOM}source,target\n",
    "a mark and a quoted header": f'{BOM}"id_1","id_2"\n',
    "a comment": "# Nodes: 3 Edges: 3\n",
    "a comment, an empty line and a header": "# edges\n\nid 1,id 2\n",
    "a header of other letters": "Knoten_ä,узел\n",
}


@pytest.mark.parametrize("start", STARTS)
def test_no_edge_is_taken_for_a_header(tmp_path, start):
    graph = load(written(tmp_path, STARTS[start] + "0,1\n1,2\n2,3\n3,4\n4,5\n5,0\n"))
    assert (graph.nodes, graph.edges) == (6, 12)


@pytest.mark.parametrize(
    "edges", ['"0","1"\n"1","2"\n"2","0"\n', " 0 , 1\n1,\t2\n2,0", "0,1\r\n1,2\r\n\r\n2,0\r\n", "+0,1\n1,2\n2,0\n"]
)
def test_an_edge_is_two_integers_however_they_are_written(tmp_path, edges):
    assert load(written(tmp_path, edges)).edges == 6


FIRST_LINES = ["0.0,1", "0;1", "0 1", "1,x", "x,1", "id_1", "a,b,weight", "nan,1", "-,1", ",", "1e3,2", "0x1,2", "id_1,", "1_0,2"]


@pytest.mark.parametrize("line", FIRST_LINES)
def test_a_first_line_that_is_neither_header_nor_edge_is_an_error_that_names_it(tmp_path, line):
    with pytest.raises(GraphError, match=r"g_edges.csv: line 1 must be a header of two names, or an edge: two integers"):
        load(written(tmp_path, f"{line}\n{TRIANGLE}"))


MEANT = {
    "weights": ("src,dst,w\n0,1,0.5\n", "an edge list has no weights: leave the third column out, or write a .mtx or .npz"),
    "weights without a header": ("0,1,0.5\n", "an edge list has no weights"),
    "whole weights": ("0,1,5\n1,2,3\n", "weights need a .mtx or .npz"),
    "semicolons": ("0;1\n1;2\n", "put a comma between the ids in place of the semicolon"),
    "tabs": ("0\t1\n1\t2\n", "in place of the tab"),
    "tabs behind a header": ("a,b\n0\t1\n", "in place of the tab"),
    "spaces": ("0 1\n1 2\n", "in place of the space"),
    "something else": ("0,1\n1,x\n", "correct it"),
}


@pytest.mark.parametrize("name", MEANT)
def test_what_was_meant_by_a_line_that_is_no_edge_is_said(tmp_path, name):
    text, remedy = MEANT[name]
    with pytest.raises(GraphError, match=remedy):
        load(written(tmp_path, text))


def test_the_line_of_an_error_counts_comments_and_the_header(tmp_path):
    with pytest.raises(GraphError, match=r"line 5 must be two integers, id_1,id_2 \(got '1,2.5'\)"):
        load(written(tmp_path, "# edges\n\nid_1,id_2\n0,1\n1,2.5\n"))
    with pytest.raises(GraphError, match=r"line 3 must be a header of two names, or an edge.* \(got '0.0,1'\)"):
        load(written(tmp_path, "# edges\n\n0.0,1\n0,1\n"))


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
@pytest.mark.parametrize("name", ["edges_csv", "features_csv", "features_json", "target_csv"])
def test_a_text_that_is_no_utf_8_says_how_to_save_it(tmp_path, mark, name):
    path = (
        written(tmp_path, **{name: mark + "id,x\n".encode("utf-16-le")}) if name != "edges_csv" else written(tmp_path, mark + b"0")
    )
    with pytest.raises(GraphError, match=rf"g_{name.replace('_', '.')}: a text must be UTF-8 .*: save it as UTF-8"):
        load(path)


HEADERS = ["id", f"{BOM}id", "ID", " id ", '"id"', "node_id", "Node ID", "nodeId", "index", ""]


@pytest.mark.parametrize("header", HEADERS)
def test_features_are_matched_by_the_ids_beside_them(tmp_path, header):
    graph = load(written(tmp_path, features_csv=f"{header},x,y\n2,20,21\n0,0,1\n1,10,11\n"))
    assert graph.features.tolist() == [[0, 1], [10, 11], [20, 21]]


def test_the_ids_need_not_stand_first(tmp_path):
    graph = load(written(tmp_path, features_csv="x,id,y\n20,2,21\n0,0,1\n10,1,11\n"))
    assert graph.features.tolist() == [[0, 1], [10, 11], [20, 21]]


@pytest.mark.parametrize("header", ["x,y\n", "0,1\n", ""])
def test_features_without_ids_are_in_the_order_of_the_nodes_with_a_header_or_without(tmp_path, header):
    graph = load(written(tmp_path, features_csv=f"{header}0,1\n10,11\n20,21\n"))
    assert graph.features.tolist() == [[0, 1], [10, 11], [20, 21]]


TWITCH = "id,days,mature,views,partner,new_id\n90001,10,True,5,False,2\n90002,11,False,6,True,0\n90003,12,True,7,True,1\n"


def test_new_id_numbers_the_nodes_where_id_is_a_name(tmp_path):
    path = written(tmp_path, target_csv=TWITCH)
    graph = load(f"{path}#mature")
    assert graph.nodes == 3
    assert graph.labels.tolist() == [0, 1, 1], "False, True, True: rows 2, 3 and 1"
    assert load(path).labels.tolist() == [1, 1, 0], "the last column that is no id: partner"


def test_features_and_target_may_be_marked_and_in_any_order(tmp_path):
    graph = load(
        written(
            tmp_path,
            features_json=BOM + json.dumps({"2": [0], "0": [1, 2]}),
            target_csv=f'{BOM}id,kind\n2,"two, or ""2"""\n0,zero\n1,"a\nb"\n',
        )
    )
    assert graph.features.tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert graph.labels.tolist() == [2, 0, 1]


def test_years_are_as_many_classes_as_there_are_years(tmp_path):
    graph = load(written(tmp_path, target_csv="id,year\n0,2004\n1,2001\n2,2004\n"))
    assert (graph.classes, graph.labels.tolist()) == (2, [1, 0, 1])


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (("1", "nan", "0"), [1, -1, 0]),
        (("-1", "3", "-1"), [-1, 0, -1]),
        (("-1.5", "NaN", "2.5"), [-1, -1, 0]),
        (("1", "1.0", "01"), [0, 0, 0]),
        (("10", "9", "9"), [1, 0, 0]),
        (("a", "1", "b"), [1, 0, 2]),
        (("1_0", "10", "x"), [1, 0, 2]),
    ],
)
def test_labels_are_values_and_may_be_missing(tmp_path, cells, labels):
    text = "".join(f"{node},{cell}\n" for node, cell in enumerate(cells))
    assert load(written(tmp_path, target_csv=f"id,label\n{text}")).labels.tolist() == labels


LONG = "9" * 5_000
BESIDE = {
    "a long id": ("target_csv", f"id,label\n0,a\n1,b\n{LONG},c\n", r"line 4: an id must be an integer in \[0, 3\)"),
    "an id that is no number": ("target_csv", "id,label\n0,a\n1,b\n1_0,c\n", "line 4: an id must be an integer"),
    "no header of a target": ("target_csv", "0,a\n1,b\n2,c\n", r"line 1 must be a header, id, ..., label \(got '0,a'\)"),
    "ids only": ("target_csv", "id,new_id\n0,0\n1,1\n2,2\n", "must have a column of labels beside the ids"),
    "a long cell": ("target_csv", f"id,label\n0,a\n1,b\n2,{'x' * 200_000}\n", "cannot be read as CSV"),
    "a deep list": ("features_json", "[" * 100_000, "cannot be read as JSON"),
    "a deep object": ("features_json", '{"0":' * 100_000, "cannot be read as JSON"),
    "a list": ("features_json", "[[0, [1]]]", "it must be"),
    "a node listed twice": ("features_json", '{"0": [1], "0": [2]}', "each node must be listed once"),
    "a feature that is no integer": ("features_json", '{"0": [1.5]}', "must be a number with a list of integers"),
    "a feature that is a text": ("features_json", '{"0": ["1"]}', "must be a number with a list of integers"),
    "a node that is no number": ("features_json", '{" 1_0": [1]}', "must be a number with a list of integers"),
    "a long feature": ("features_json", f'{{"0": [{LONG}]}}', "cannot be read as JSON"),
    "no features": ("features_json", '{"0": []}', "must hold at least one feature"),
    "a huge feature": ("features_json", '{"0": [200000000]}', "features of which 1 are listed may take at most"),
    "a value past float32": ("features_csv", "x\n1\n1e39\n1\n", "at most 3.4e38 in size"),
    "a long word for a value": ("features_csv", f"x\n1\n{'y' * 100_000}\n1\n", "features must be numbers"),
    "only ids": ("features_csv", "id\n0\n1\n2\n", "must hold at least one feature"),
    "a row too short": ("features_csv", "id,x\n0,1\n1\n2,3\n", r"line 3 must have 2 cells like the header \(got 1\)"),
    "an id twice": ("features_csv", "id,x\n0,1\n1,2\n1,3\n", "every id must be given once"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_wrong_beside_the_edges_is_one_short_line_that_names_the_file(tmp_path, name):
    file, content, rule = BESIDE[name]
    with pytest.raises(GraphError, match=rule) as caught:
        load(written(tmp_path, **{file: content}))
    assert f"g_{file.replace('_', '.')}" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_long_cell_among_the_edges_is_one_short_line(tmp_path):
    with pytest.raises(GraphError, match=r"line 4 must be two integers, id_1,id_2 \(got 'x+…'\)") as caught:
        load(written(tmp_path, f"id_1,id_2\n0,1\n1,2\n{'x' * 200_000}\n"))
    assert len(str(caught.value)) < 300


def test_labels_take_the_room_of_what_they_say_and_not_of_the_longest(tmp_path):
    edges = "".join(f"{index},{index + 1}\n" for index in range(2_999))
    path = written(
        tmp_path, edges, target_csv=f"id,label\n0,{'x' * 120_000}\n" + "".join(f"{node},a\n" for node in range(1, 3_000))
    )
    tracemalloc.start()
    graph = load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert graph.classes == 2
    assert peak < 50e6, "an array of texts would take 3,000 x 120,000 x 4 bytes"
