import pytest

from rsc_bench.suites.training.recipes import Recipe, recipe


@pytest.mark.parametrize("name", ["reddit2", "twin:reddit2", "twin:reddit2@0.05"])
def test_a_twin_trains_as_the_published_graph_does(name):
    assert recipe(name) == Recipe(hidden=256, dropout=0.5, learning_rate=0.01, epochs=400)  # RSC, experimental settings


def test_yelp_is_wider_and_products_learns_more_slowly():
    assert (recipe("yelp").hidden, recipe("yelp").dropout, recipe("yelp").epochs) == (512, 0.1, 500)
    assert recipe("twin:ogbn-products@0.01").learning_rate == 0.001


def test_a_width_that_is_given_takes_the_place_of_the_recipes():
    assert recipe("yelp", hidden=32).hidden == 32
