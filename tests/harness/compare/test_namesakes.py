from rsc_bench.harness.compare.namesakes import Namesakes, aligned
from rsc_bench.harness.records.case import Case


def case(graph="g", kernel="mkl", **fields):
    every = {"suite": "exact", "width": 8, "budget": None, "dtype": "float32", "device": "cpu", "clock": "host"} | fields
    return Case(kernel=kernel, graph=graph, **every)


ONE, OTHER, UNKNOWN = case(graph_digest="aaaaaaaaaa"), case(graph_digest="bbbbbbbbbb"), case()


def test_two_graphs_of_one_name_are_two_cases_that_read_alike():
    assert ONE != OTHER
    assert str(ONE) == str(OTHER) == str(UNKNOWN)


def test_what_only_contents_tell_apart_is_set_side_by_side():
    assert aligned([ONE], [OTHER]) == {OTHER: ONE}
    assert aligned([ONE], [ONE]) == {}
    assert aligned([ONE], [case(kernel="other", graph_digest="b")]) == {}


def test_an_older_run_is_set_beside_a_newer_one_either_way():
    assert aligned([UNKNOWN], [ONE]) == {ONE: UNKNOWN}
    assert aligned([ONE], [UNKNOWN]) == {UNKNOWN: ONE}


def test_the_same_contents_come_first_and_nothing_is_guessed():
    third = case(graph_digest="c")
    assert aligned([ONE, OTHER], [OTHER]) == {}
    assert aligned([ONE, OTHER], [third]) == {}
    assert aligned([third], [ONE, OTHER]) == {}
    assert aligned([ONE, third], [ONE, OTHER]) == {OTHER: third}


def test_namesakes_get_names_of_their_own_and_a_sentence():
    names = Namesakes([ONE, OTHER, case("h", graph_digest="c")])
    assert [names.called(each).graph for each in (ONE, OTHER, case("h", graph_digest="c"))] == ["g [aaaaaaaa]", "g [bbbbbbbb]", "h"]
    (sentence,) = names.sentences
    assert (
        sentence
        == "2 graphs of different contents are called g: [aaaaaaaa] and [bbbbbbbb] tell them apart, and nothing compares them"
    )


def test_a_training_sees_more_than_a_product_and_another_order_is_another_graph():
    names = Namesakes([ONE, case(model="GCN", graph_digest="t"), case(reorder="rcm", graph_digest="r")])
    assert (names.called(ONE), names.sentences) == (ONE, ())


def test_what_does_not_say_what_it_saw_saw_the_only_graph_of_its_name():
    assert Namesakes([ONE, UNKNOWN]).known(UNKNOWN) == ONE
    assert Namesakes([ONE, OTHER]).known(UNKNOWN) == UNKNOWN
    assert Namesakes([UNKNOWN]).known(UNKNOWN) == UNKNOWN
    assert Namesakes([ONE, UNKNOWN]).called(UNKNOWN) == UNKNOWN
