import pytest

from rsc_bench.text import nearest, nearest_is


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("topc", "nearest is topk", id="one"),
        pytest.param("edges", "nearest are edges_b, edges_a", id="several"),
        pytest.param("xyz", "nearest are topk, edges_a, edges_b", id="none is like it, so all"),
    ],
)
def test_the_nearest_names_are_said_in_the_number_that_they_have(name, words):
    assert nearest_is(nearest(name, ["topk", "edges_a", "edges_b"])) == words
