import json
import re
from html.parser import HTMLParser

import pytest
from synthetic_results import bad, case, ok, write_results
from synthetic_trainings import KERNEL, Trainings, trained, training, trainings

from rsc_bench.harness.records.file import read
from rsc_bench.reports.page.cases import columns, shared
from rsc_bench.reports.page.render import points, render
from rsc_bench.reports.page.training_headline import training_headlines
from rsc_bench.reports.tables.table import read_table

HOSTILE = "<img src=x onerror=alert(1)>"


def table_of(tmp_path, *records):
    return read_table([read(write_results(tmp_path / "run.jsonl", [list(records)]))])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return table_of(tmp_path_factory.mktemp("results"), *trainings(Trainings()))


@pytest.fixture(scope="module")
def page(table):
    return render(table)


def headline(table, graph, model):
    return next(each for each in training_headlines(table) if each.graph == graph and each.trained.startswith(f"{model},"))


def test_the_fastest_budget_within_the_limit_leads_and_the_page_says_where_it_breaks(table):
    # Drops by construction 0.02, 0.08, 0.15 and 1.9 points at C = 0.5, 0.2, 0.1 and 0.05: see synthetic_trainings.
    found = headline(table, "twin:reddit2@0.05", "gcn")
    assert (found.lead.kernel, found.lead.budget, found.metric) == (KERNEL, 0.1, "accuracy")
    assert found.breaks.startswith("Breaks at C = 0.05: 1.")
    assert [line.budget for line in found.lines] == [None, None, None, 0.5, 0.2, 0.1, 0.05]
    assert [line.accuracy for line in found.lines] == ["", "", "", "within", "within", "within", "beyond"]
    assert found.beside == ("vs mkl", "vs torch-sparse", "backward")


def test_a_graph_on_which_every_budget_breaks_has_no_lead_but_the_nearest_miss(table):
    found = headline(table, "Cornell5", "gcn")
    assert found.lead is None
    assert "nearest is cached_topk(rows_numba) at C = 0.5" in found.summary


def test_a_budget_that_failed_is_a_line_without_numbers_and_its_reason_is_kept(table):
    failed = headline(table, "Cornell5", "gcnii").lines[-1]
    assert (failed.budget, failed.accuracy, failed.score, failed.speedup, failed.seeds) == (0.02, "failed", None, None, 0)


def test_a_budget_that_fails_before_any_other_breaks_is_where_it_breaks(tmp_path):
    records = [
        trained(training(seed=seed, **beyond), 90.0, 0.0) for seed in range(3) for beyond in ({}, {"kernel": KERNEL, "budget": 0.5})
    ]
    failed = bad(training(kernel=KERNEL, budget=0.1), "failed", "the loss is NaN at epoch 7")
    (found,) = training_headlines(table_of(tmp_path, *records, failed))
    assert found.breaks == "Fails at C = 0.1: seed 0: the loss is NaN at epoch 7."
    (tmp_path / "run.jsonl").unlink()
    (found,) = training_headlines(table_of(tmp_path, *records))
    assert found.breaks == "Stays accurate down to C = 0.5, the smallest budget measured."


def test_seeds_that_failed_are_said_behind_what_sampling_earned(tmp_path):
    sampled = {"kernel": KERNEL, "budget": 0.5}
    records = [trained(training(seed=seed, **each), 90.0, 0.0) for seed in range(3) for each in ({}, sampled)]
    lost = [bad(training(seed=seed, **sampled), "failed", f"the loss is <b>NaN</b> at epoch {seed}") for seed in (3, 4)]
    elsewhere = [bad(training("other", seed=3, **sampled), "failed", "lost"), bad(case("mkl"), "failed", "lost")]
    table = table_of(tmp_path, *records, *lost, *elsewhere)
    said = next(said for each in training_headlines(table) if each.graph == training().graph for said in each.earned)
    assert "Not counted: 2 of 5 seeds of the sampled training failed (the loss is <b>NaN</b> at epoch 3)." in said
    assert "(the loss is &lt;b&gt;NaN&lt;/b&gt; at epoch 3)" in render(table)


def test_each_way_to_sample_has_a_headline_of_its_own(tmp_path):
    ways = {"warmup=0": 0.0, "warmup=restart": 5.0}
    records = [trained(training(seed=seed), 90.0, 0.0) for seed in range(3)]
    records += [
        trained(training(seed=seed, kernel=KERNEL, budget=0.5, variant=way), 90.0 - drop, 0.0)
        for way, drop in ways.items()
        for seed in range(3)
    ]
    found = training_headlines(table_of(tmp_path, *records))
    assert [each.trained.rpartition(", ")[2] for each in found] == list(ways)
    assert [each.lines[-1].accuracy for each in found] == ["within", "beyond"]
    assert [each.lines[-1].score.middle for each in found] == pytest.approx([90, 85], abs=1)
    assert [f"C = 0.5, {way}: " in each.earned[0] for each, way in zip(found, ways, strict=True)] == [True, True]
    assert [len(each.earned) for each in found] == [1, 1]


def test_too_few_seeds_are_said_and_nothing_leads(tmp_path):
    records = [trained(training(), 90.0), trained(training(kernel=KERNEL, budget=0.1), 90.0)]
    (found,) = training_headlines(table_of(tmp_path, *records))
    assert (found.lead, found.lines[-1].accuracy) == (None, "too few seeds")
    assert "needs at least 3 seeds" in found.summary


@pytest.mark.parametrize("beyond", [0.0, 30.0], ids=["a lead", "none within"])
def test_that_training_had_not_converged_is_said_once_before_the_number_and_the_table(tmp_path, beyond):
    rising = [0.4 + epoch / 100 for epoch in range(1, 41)]
    records = [
        trained(training(seed=seed, **each), 0.0, val_metric=rising, test_metric=[value - drop / 100 for value in rising])
        for seed in range(3)
        for each, drop in (({}, 0.0), ({"kernel": KERNEL, "budget": 0.1}, beyond))
    ]
    table = table_of(tmp_path, *records)
    (found,) = training_headlines(table)
    assert (found.lead is None, found.lines[-1].accuracy) == ((True, "beyond") if beyond else (False, "within"))
    text = render(table)
    article = text[text.index('<article class="headline">') : text.index("</article>")]
    said = "Not converged (the best epoch of exact training is among the last in 3 of 3 seeds): train for more --epochs"
    assert 0 < article.index(said) < article.index('<p class="big') < article.index("<table>") < article.index('<p class="earned">')
    assert article.lower().count("not converged") == 1


def test_nothing_is_said_of_a_training_that_has_converged(page):
    assert "Not converged" not in page


def with_pyg(*budgets):
    """Three seeds: ours takes a tenth of the time of PyTorch Geometric with an edge_index, and each budget a share of ours."""
    records = []
    for seed in range(3):
        records.append(timed(training(seed=seed, kernel="pyg_edge_index"), 20.0))
        records.append(timed(training(seed=seed, kernel="pyg_csr"), 4.0))
        records.append(timed(training(seed=seed), 2.0))
        records += [timed(training(seed=seed, kernel=KERNEL, budget=budget), seconds) for budget, seconds in budgets]
    return records


def timed(of, seconds):
    return trained(of, 90.0, 0.0, times_s=[seconds], epoch_s=[seconds / 40] * 40)


def test_the_headline_is_against_pytorch_geometric_and_says_what_is_exact_and_what_is_sampling(tmp_path):
    table = table_of(tmp_path, *with_pyg((0.1, 1.6)))
    (found,) = training_headlines(table)
    gain = found.gain
    assert (gain.whole, gain.exact, gain.sampling) == pytest.approx((12.5, 10.0, 1.25))
    assert gain.kernel == "rows_numba"
    assert [(line.kernel, line.pyg) for line in found.lines] == [
        ("rows_numba", pytest.approx(10.0)),
        ("pyg_csr", pytest.approx(5.0)),
        ("pyg_edge_index", pytest.approx(1.0)),
        (KERNEL, pytest.approx(12.5)),
    ]
    page = " ".join(re.sub(r"<[^>]+>", "", render(table)).split())
    assert "12.5× as fast as PyTorch Geometric with an edge_index, end to end: 10.0× by exact products (rows_numba)" in page
    assert "1.25× more by sampling, with 10&nbsp;% of the FLOPs" in page


def test_kept_memory_has_a_line_of_its_own_where_it_was_measured(tmp_path):
    kept = [timed(training(seed=seed, freed_memory="kept"), 1.25) for seed in range(3)]
    found = training_headlines(table_of(tmp_path, *with_pyg((0.1, 1.6)), *kept))
    assert [each.gain.memory if each.gain else None for each in found] == [pytest.approx(1.6), None]
    assert found[0].gain.whole == pytest.approx(12.5), "both sides without"


def test_where_no_budget_is_worth_it_the_headline_is_what_exact_training_gains(tmp_path):
    (found,) = training_headlines(table_of(tmp_path, *with_pyg((0.1, 2.5))))
    assert found.lead is None
    assert (found.gain.whole, found.gain.exact, found.gain.sampling) == (pytest.approx(10.0), pytest.approx(10.0), None)


def test_where_sampling_gains_little_the_page_says_so_and_why_of_mini_batches(tmp_path):
    (found,) = training_headlines(table_of(tmp_path, *with_pyg((0.1, 1.6))))
    assert found.little == ""
    (tmp_path / "run.jsonl").unlink()
    table = table_of(tmp_path, *with_pyg((0.1, 1.96)))
    (found,) = training_headlines(table)
    assert found.little == "Sampling gains little here, 1.02 times the speed of exact training at best."
    assert found.little in render(table)
    (tmp_path / "run.jsonl").unlink()
    beyond = {"phase_s": {"batches": [0.1] * 40}, "times_s": [2.0]}
    records = [trained(training(), 90.0, **beyond), trained(training(kernel=KERNEL, budget=0.1), 90.0, **beyond)]
    (found,) = training_headlines(table_of(tmp_path, *records))
    assert "at best: each mini-batch is a graph that is seen once, so what is prepared and selected" in found.little


def test_without_a_training_by_pytorch_geometric_the_headline_is_against_exact_training(table, page):
    assert {each.gain for each in training_headlines(table)} == {None}
    assert "as fast as PyTorch Geometric with an" not in page
    assert "vs PyG</th>" not in page


def test_the_page_of_trainings_has_its_own_headline_and_figures(page):
    assert '<section id="training">' in page
    assert '<section id="headline">' not in page
    assert "Sampled against exact training" in page
    figures = re.findall(r'<figure id="(\w+)">', page)
    assert figures == [
        "controls",
        "accuracy_speedup",
        "accuracy_budget",
        "learning_curves",
        "epoch_time",
        "k_per_layer",
        "ablation",
    ]
    assert "the loss is NaN at epoch 7" in page


def test_a_page_without_trainings_says_nothing_of_them(tmp_path):
    page = render(table_of(tmp_path, ok(case("mkl"), 4), ok(case("topk(mkl)", 0.1), 2)))
    assert '<section id="training">' not in page
    assert "Sampled against exact SpMM</h1>" in page


def test_the_table_of_all_cases_shows_model_seed_and_variant_and_no_column_of_products(table):
    names = [column["name"] for column in columns(table)]
    assert {"model", "variant", "seed", "layers", "test metric", "metric drop", "epoch", "overhead", "backward speedup"} <= {*names}
    assert not {"latency", "median", "multiply", "select", "error"} & {*names}
    assert names.index("speedup") < names.index("test metric") < names.index("metric drop") < names.index("epoch")
    assert shared(table)["epochs"] == "40"


def test_one_model_and_one_seed_are_shown_too_but_not_a_variant_that_no_case_has(tmp_path):
    table = table_of(tmp_path, trained(training(), 90.0), trained(training(kernel=KERNEL, budget=0.1), 90.0))
    found = {column["name"]: column for column in columns(table)}
    assert (found["model"]["texts"], found["seed"]["values"]) == (["gcn"], [0, 0])
    assert "variant" not in found


def test_points_keep_two_decimals(tmp_path):
    found = {column["name"]: column for column in columns(table_of(tmp_path, trained(training(), 90.0)))}
    assert found["test metric"]["decimals"] == 2
    assert "decimals" not in found["speedup"]
    assert [points(value) for value in (95.128, -0.04, None)] == ["95.13", "−0.04", "–"]


class Tags(HTMLParser):
    """Collects the tags and attributes that a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append(tag)
        self.found += [name for name, _ in attributes if name.startswith("on")]


def test_names_in_a_training_cannot_break_out(tmp_path):
    given = {"graph": HOSTILE, "model": HOSTILE, "layers": 3}
    odd = {"metric_name": HOSTILE, "phase_s": {HOSTILE: [0.1] * 40}}
    records = [trained(training(seed=seed, **given), 90.0, **odd) for seed in range(3)]
    records += [trained(training(seed=seed, kernel=f"topk({HOSTILE})", budget=0.5, **given), 60.0, **odd) for seed in range(3)]
    records += [trained(training(kernel=f"topk({HOSTILE})", budget=0.5, variant=HOSTILE, **given), 60.0, **odd)]
    page = render(table_of(tmp_path, *records, bad(training(kernel=HOSTILE, budget=0.1, **given), "failed", HOSTILE)))
    assert not {"img", "onerror"} & {*Tags(page).found}
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    drawn = {
        name: json.dumps([figure["traces"], figure["styles"], *(panel.get("titles", {}) for panel in figure["panels"])])
        for name, figure in data["figures"].items()
    }
    assert len(drawn) == 7
    assert [name for name, text in drawn.items() if "<img" in text] == []
