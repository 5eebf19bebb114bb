import re

import pytest

from rsc_bench.suites.training.recipes import Recipe, RecipeError, changes, recipe


@pytest.mark.parametrize("name", ["reddit2", "twin:reddit2", "twin:reddit2@0.05"])
def test_a_twin_trains_as_the_published_graph_does(name):
    assert recipe(name) == Recipe(hidden=256, dropout=0.5, learning_rate=0.01, epochs=400)  # RSC, experimental settings


def test_yelp_is_wider_and_products_learns_more_slowly_without_batch_norm():
    assert (recipe("yelp").hidden, recipe("yelp").dropout, recipe("yelp").epochs) == (512, 0.1, 500)
    assert (recipe("twin:ogbn-products@0.01").learning_rate, recipe("ogbn-products").batch_norm) == (0.001, False)
    assert (recipe("ogbn-proteins").epochs, recipe("ogbn-proteins").batch_norm) == (1000, False)


def test_a_width_that_is_given_takes_the_place_of_the_recipes():
    assert recipe("yelp", hidden=32).hidden == 32


def test_a_model_has_values_of_its_own_on_a_graph():
    assert recipe("reddit2", model="GCNII").input_dropout == 0.5
    assert recipe("reddit2", model="GCN").input_dropout == 0.0


def test_values_that_are_given_stand_above_the_recipe_and_are_named():
    changed = changes(["dropout=0.1", "batch_norm=false", "hidden=64"])
    found = recipe("yelp", model="GCN", changed=changed)
    assert (found.dropout, found.batch_norm, found.hidden, found.epochs) == (0.1, False, 64, 500)
    assert changed.name == "dropout=0.1,batch_norm=false,hidden=64"
    assert changes([]).name is None


def test_a_file_of_a_users_has_the_same_tables(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[usual]\nweight_decay = 0.0005\n[graph.cora]\nhidden = 16\n[graph.cora.GCN]\nepochs = 200\n")
    changed = changes([str(path), "dropout=0.6"])
    found = recipe("cora", model="GCN", changed=changed)
    assert (found.weight_decay, found.hidden, found.epochs, found.dropout) == (0.0005, 16, 200, 0.6)
    assert recipe("yelp", changed=changed).hidden == 512
    assert re.fullmatch(r"mine-[0-9a-f]{8},dropout=0\.6", changed.name)
    path.write_text(path.read_text().replace("0.0005", "0.0006"))
    assert changes([str(path), "dropout=0.6"]).name != changed.name


@pytest.mark.parametrize(("given", "message"), [
    ("droput=0.1", r"--recipe droput=0.1: 'droput' is not known: nearest are dropout"),
    ("dropout=x", r"--recipe dropout=x: dropout must be a number \(got 'x'\)"),
    ("dropout=1", r"--recipe: dropout must lie in \[0, 1\) \(got 1\)"),
    ("hidden=1.5", r"hidden must be a whole number \(got '1.5'\)"),
    ("batch_norm=yes", r"batch_norm must be true or false \(got 'yes'\)"),
    ("learning_rate=0", r"learning_rate must be above 0 \(got 0\)"),
    ("learning_rate=nan", r"learning_rate must be above 0 \(got nan\)"),
    ("epochs=0", r"epochs must be at least 1 \(got 0\)"),
    ("fast", r"--recipe must be KEY=VALUE or a FILE.toml \(got 'fast'\)"),
])  # fmt: skip
def test_a_value_that_cannot_be_is_one_line(given, message):
    with pytest.raises(RecipeError, match=message):
        changes([given])


@pytest.mark.parametrize(("text", "message"), [
    ("[usual]\ndroput = 0.1\n", r"\[usual\]: 'droput' is not known: nearest are dropout"),
    ("[graph.cora]\nhidden = 1.5\n", r"\[graph.cora\] hidden must be a whole number \(got 1.5\)"),
    ("[graph.cora.GCN]\ndropout = 2.0\n", r"\[graph.cora.GCN\]: dropout must lie in \[0, 1\)"),
    ("[models]\n", r"must have the tables \[usual\] and \[graph.NAME\] \(got \[models\]\)"),
    ("usual = 3\n", r"\[usual\] must be a table \(got 3\)"),
    ("[graph]\ncora = 1\n", r"\[graph.cora\] must be a table \(got 1\)"),
    ("usual\n", r"mine.toml: TOMLDecodeError"),
])  # fmt: skip
def test_a_file_with_what_is_not_known_is_one_line(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message):
        changes([str(path)])


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(RecipeError, match=r"none.toml: FileNotFoundError"):
        changes([str(tmp_path / "none.toml")])
