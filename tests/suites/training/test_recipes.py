import re
from dataclasses import replace

import pytest

from rsc_bench.suites.training.recipes import Names, Recipe, RecipeError, changes, check_tables, recipe


@pytest.mark.parametrize("name", ["twin:reddit2", "twin:reddit2@0.05"])
def test_a_twin_trains_as_the_published_graph_does(name):
    assert recipe(name) == Recipe(hidden=256, dropout=0.5, learning_rate=0.01, epochs=400)  # RSC, experimental settings
    assert recipe("reddit2") == replace(recipe(name), standardise=True, clusters=1500, clusters_a_batch=20)


def test_yelp_is_wider_and_products_learns_more_slowly_without_batch_norm():
    assert (recipe("yelp").hidden, recipe("yelp").dropout, recipe("yelp").epochs) == (512, 0.1, 500)
    assert (recipe("twin:ogbn-products@0.01").learning_rate, recipe("ogbn-products").batch_norm) == (0.001, False)
    assert (recipe("ogbn-proteins").epochs, recipe("ogbn-proteins").batch_norm) == (1000, False)


def test_what_is_said_of_a_published_graph_itself_is_not_its_twins():
    # RSC's, EXACT's and OGB's code; a twin has features and edges as they are made.
    assert [recipe(name).standardise for name in ("reddit2", "yelp", "ogbn-products", "twin:reddit2@0.05")] == [
        True,
        True,
        False,
        False,
    ]
    assert [recipe(name).undirected for name in ("ogbn-arxiv", "twin:ogbn-arxiv@0.1")] == [True, False]
    assert [(recipe(name).clusters, recipe(name).clusters_a_batch) for name in ("yelp", "twin:yelp")] == [(5000, 20), (100, 10)]
    assert recipe("twin:ogbn-arxiv", changed=changes(["undirected=true"])).undirected
    assert not any(recipe(name).inductive or recipe(name).class_weights for name in ("reddit2", "yelp", "ogbn-arxiv"))


def test_a_width_that_is_given_takes_the_place_of_the_recipes():
    assert recipe("yelp", hidden=32).hidden == 32


@pytest.mark.parametrize(("graph", "model", "published"), [
    # RSC's non_ogb_datasets/conf/gcn2.yaml, its products and proteins/conf; of the input of ogbn-proteins EXACT's models/gcn2.py.
    ("reddit", "GCNII", {"input_dropout": 0.5, "shared_weights": False, "alpha": 0.1, "hidden": 256, "dropout": 0.5}),
    ("reddit2", "GCNII", {"input_dropout": 0.5, "shared_weights": False, "alpha": 0.1, "hidden": 256, "dropout": 0.5}),
    ("yelp", "GCNII", {"input_dropout": 0.0, "shared_weights": False, "alpha": 0.2, "hidden": 256, "dropout": 0.0, "epochs": 500}),
    ("flickr", "GCNII", {"input_dropout": 0.5, "shared_weights": False, "alpha": 0.1, "layers": 8, "dropout": 0.5}),
    ("ogbn-proteins", "GCNII", {"input_dropout": 0.5, "shared_weights": True, "alpha": 0.2, "batch_norm": False}),
    # RSC's non_ogb_datasets/conf/saint.yaml and products/conf/graph_saint.yaml.
    ("reddit", "GraphSAINT", {"hidden": 128, "dropout": 0.1, "epochs": 40, "walk_length": 4, "walk_roots": 2000}),
    ("reddit2", "GraphSAINT", {"hidden": 128, "dropout": 0.1, "epochs": 40, "walk_length": 4, "walk_roots": 2000}),
    ("yelp", "GraphSAINT", {"hidden": 512, "dropout": 0.1, "epochs": 75, "walk_length": 2, "walk_roots": 1250}),
    ("flickr", "GraphSAINT", {"hidden": 256, "dropout": 0.2, "epochs": 15, "walk_length": 2, "walk_roots": 6000}),
    ("ogbn-products", "GraphSAINT", {"learning_rate": 0.01, "epochs": 20, "walk_length": 3, "walk_roots": 60000}),
    # RSC's non_ogb_datasets/conf/gcn.yaml and sage.yaml.
    ("reddit2", "GCN", {"input_dropout": 0.0, "hidden": 256, "dropout": 0.5, "epochs": 400}),
    ("yelp", "GraphSAGE", {"hidden": 512, "dropout": 0.1, "epochs": 500}),
    ("flickr", "GCN", {"hidden": 256, "dropout": 0.3, "epochs": 400, "layers": 3}),
])  # fmt: skip
def test_a_model_has_values_of_its_own_on_a_graph(graph, model, published):
    for name in (graph, f"twin:{graph}@0.05"):
        found = recipe(name, model=model)
        assert {key: getattr(found, key) for key in published} == published


def test_only_graphsaint_itself_leaves_out_how_often_a_node_was_drawn():
    # RSC's saint.yaml and graph_saint.yaml: sample_coverage 0. Walks as a control of other models are those of GraphSAINT's paper.
    for graph in ("small:random", "twin:reddit2@0.05", "yelp", "ogbn-products"):
        assert [recipe(graph, model=model).draw_weights for model in ("GraphSAINT", "GCN", None)] == [False, True, True]


def test_a_model_is_as_deep_as_published_unless_a_value_is_given(tmp_path):
    # RSC, experimental settings: three layers, of GCNII four (on Flickr, which the paper has not, eight).
    assert [recipe("reddit2", model=model).layers for model in ("GCN", "GraphSAGE", "GCNII", "Mine", None)] == [3, 3, 4, 3, 3]
    assert recipe("twin:yelp@0.02", model="GCNII", changed=changes(["layers=2"])).layers == 2
    path = tmp_path / "mine.toml"
    path.write_text("[usual]\nlayers = 5\n[usual.GCN]\nlayers = 6\n[graph.yelp]\nlayers = 7\n[graph.yelp.GCN]\nlayers = 8\n")
    changed = changes([str(path)])
    found = {
        (graph, model): recipe(graph, model=model, changed=changed).layers for graph in ("cora", "yelp") for model in MODELS[:3]
    }
    assert {key: found[key] for key in [("cora", "GCN"), ("cora", "GCNII"), ("yelp", "GCNII"), ("yelp", "GCN")]} == {
        ("cora", "GCN"): 6, ("cora", "GCNII"): 5, ("yelp", "GCNII"): 7, ("yelp", "GCN"): 8
    }  # fmt: skip


def test_what_is_given_is_known_although_it_is_the_published_value(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[usual.GCN]\nepochs = 400\n[graph.yelp.GCNII]\nlayers = 4\n")
    changed = changes([str(path), "hidden=256"])
    given = [("epochs", "cora", "GCN"), ("layers", "twin:yelp@0.02", "GCNII"), ("hidden", "cora", "GAT")]
    assert all(changed.give(*each) for each in given)
    assert not any(
        changed.give(*each) for each in [("epochs", "cora", "GCNII"), ("layers", "cora", "GCNII"), ("alpha", "yelp", "GCN")]
    )


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
    ("layers=0", r"layers must be at least 1 \(got 0\)"),
    ("epochs=0", r"epochs must be at least 1 \(got 0\)"),
    ("inductive=1", r"inductive must be true or false \(got '1'\)"),
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


GRAPHS = ("reddit2", "twin:reddit2", "yelp", "ogbn-arxiv", "small:random")
MODELS = ("GCN", "GraphSAGE", "GCNII", "GraphSAINT")


def checked(tmp_path, text, *trained):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    check_tables(changes([str(path)]), Names(GRAPHS, MODELS, trained or [("twin:reddit2@0.05", "GCN")]))


@pytest.mark.parametrize(("text", "message"), [
    ("[graph.redit2]\nhidden = 8\n", r"mine.toml: \[graph.redit2\]: 'redit2' is not known, nor .*: nearest is reddit2 \(one of"),
    ("[graph.reddit2.gcn]\nhidden = 8\n", r"\[graph.reddit2.gcn\]: 'gcn' is not known, nor .*: nearest is GCN \(one of"),
    ("[graph.'twin:reddit2@0.05']\nhidden = 8\n", r"a twin trains as its graph does: name the table \[graph.reddit2\]"),
    ("[usual.GCN.deep]\nhidden = 8\n", r"\[usual.GCN\] must have values alone \(got the table \[usual.GCN.deep\]\)"),
    ("[usual.gcn]\nhidden = 8\n", r"\[usual.gcn\]: 'gcn' is not known, nor .*: nearest is GCN \(one of"),
    ("[usual.GCNII]\nhidden = 8\n", r"must have a value for what is trained, .* with GCN \(got \[usual.GCNII\]\)"),
    ("[graph.yelp.GCN.deep]\nhidden = 8\n", r"\[graph.yelp.GCN\] must have values alone"),
    ("[graph.yelp]\nhidden = 8\n[graph.reddit2.GCNII]\nhidden = 8\n",
     r"must have a value for what is trained, twin:reddit2@0.05 with GCN \(got \[graph.yelp\], \[graph.reddit2.GCNII\]\)"),
    ("[graph.reddit2]\n", r"must have a value for what is trained, .* \(got none\)"),
])  # fmt: skip
def test_a_table_of_what_is_not_there_is_one_line(tmp_path, text, message):
    with pytest.raises(RecipeError, match=message) as caught:
        checked(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_graphs_and_models_of_ones_own_have_tables_too(tmp_path):
    own = "[graph.reddit3]\nhidden = 8\n[graph.reddit3.GCN3]\nhidden = 4\n"
    checked(tmp_path, own, ("reddit3", "GCN3"))
    checked(tmp_path, "[usual]\nhidden = 8\n[graph.friends.MyModel]\nhidden = 4\n")  # of another run, like no known name
    with pytest.raises(RecipeError, match=r"'reddit3' is not known, nor is it trained here: nearest is reddit2"):
        checked(tmp_path, own)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(RecipeError, match=r"none.toml: FileNotFoundError"):
        changes([str(tmp_path / "none.toml")])


def test_clusters_are_checked_against_what_they_meet():
    assert recipe("reddit2", changed=changes(["clusters_a_batch=150"])).clusters_a_batch == 150
    with pytest.raises(RecipeError, match="clusters_a_batch must be at most clusters, 15"):
        recipe("reddit2", changed=changes(["clusters=15"]))
