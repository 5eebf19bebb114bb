import dataclasses
import re

import pytest

pytest.importorskip("numba", reason="what is trained on a CPU is rows_numba: pip install numba")

from rsc_bench.harness.measure.work import Skip
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact import mkl
from rsc_bench.suites.catalog import Catalog, catalog
from rsc_bench.suites.graphs import GraphError
from rsc_bench.suites.measuring.bench import Bench
from rsc_bench.suites.options import Options, OptionsError
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.training.baselines import BASELINES
from rsc_bench.suites.training.method import VARIANTS
from rsc_bench.suites.training.models import ModelError, models
from rsc_bench.suites.training.sweep import training_settings

CATALOG = catalog()
ONE = Options(benchmark=True, graphs=("small:hub",), models=("GCN",), budgets=(0.1, 0.5), seeds=2, device="cpu")


def sweep(catalog=CATALOG, **options):
    return training_settings(dataclasses.replace(ONE, **options), catalog)


@pytest.mark.parametrize(
    "options",
    [Options(), ONE, dataclasses.replace(ONE, ablation=True), dataclasses.replace(ONE, memory=("fresh", "kept"))],
    ids=["check", "one", "ablation", "kept"],
)
def test_the_id_and_the_case_of_each_training_are_unique(options):
    found = training_settings(dataclasses.replace(options, device="cpu"), CATALOG)
    assert len({str(setting) for setting in found}) == len({s.case() for s in found}) == len(found) > 0


def test_a_sweep_that_measures_has_no_training_unless_trainings_are_named_or_an_option_of_theirs_is_given():
    assert training_settings(Options(benchmark=True, device="cpu", graphs=("small:hub",)), CATALOG) == []
    for option in (
        {"trainings_named": True},
        {"models": ("GCN",)},
        {"epochs": 3},
        {"seeds": 1},
        {"layers": 2},
        {"ablation": True},
    ):
        assert training_settings(Options(benchmark=True, device="cpu", **option), CATALOG)


@pytest.fixture
def edges(tmp_path):
    path = tmp_path / "g.csv"
    path.write_text("0,1\n1,2\n")
    return str(path)


def test_a_file_that_nothing_can_be_trained_on_is_refused_once_and_before_the_run(edges):
    line = "graph 'g' must have features to train on (it has none): give a file with features, or leave trainings out"
    with pytest.raises(GraphError, match=f"^{re.escape(line)}$"):
        sweep(graphs=(edges,))


def test_where_nobody_asks_for_trainings_such_a_file_is_checked_for_products(edges):
    options = Options(graphs=(edges,), device="cpu")
    bench = Bench(CATALOG, Store(on_disk=False))
    with pytest.raises(Skip, match="must have features"):
        bench.check(training_settings(options, CATALOG)[0])


def test_the_usual_sweep_has_a_few_small_trainings_with_what_people_run_beside_ours():
    found = training_settings(Options(benchmark=True, device="cpu"), CATALOG)
    assert {(s.label, s.model.name, s.width, s.epochs) for s in found} == {("twin:ogbn-arxiv@0.03", "GCN", 128, 30)}
    assert [(s.choice.name, s.budget) for s in found if s.seed == 0] == [
        ("rows_numba", None),
        ("pyg_edge_index", None),
        ("cached_topk(rows_numba)", 0.1),
        ("cached_topk(rows_numba)", 0.3),
    ]
    assert len(found) == 3 * 4


@pytest.mark.parametrize(
    "option",
    [{"graphs": ("small:hub",)}, {"kernels": ("mkl",)}, {"budgets": (0.1,)}, {"widths": (8,)}, {"rounds": 1}, {"slow_down": 0.1}],
    ids=lambda option: next(iter(option)),
)
def test_a_run_that_says_what_to_measure_has_none_of_them(option):
    assert training_settings(Options(benchmark=True, device="cpu", **option), CATALOG) == []


def test_what_is_measured_by_default():
    found = training_settings(Options(benchmark=True, trainings_named=True, device="cpu"), CATALOG)
    assert {(s.label, s.model.name, s.layers, s.width, s.epochs) for s in found} == {("twin:reddit2@0.05", "GCN", 3, 256, 60)}
    assert [(s.choice.name, s.budget, s.seed) for s in found[:8]] == [
        ("rows_numba", None, 0),
        ("pyg_edge_index", None, 0),
        ("pyg_csr", None, 0),
        ("pyg_torch_sparse", None, 0),
        ("cached_topk(rows_numba)", 0.1, 0),
        ("cached_topk(rows_numba)", 0.3, 0),
        ("cached_topk(rows_numba)", 0.5, 0),
        ("rows_numba", None, 1),
    ]
    assert len(found) == 3 * 7


def test_a_model_that_is_published_with_fewer_epochs_trains_no_longer_on_a_cpu():
    every = {"benchmark": True, "trainings_named": True, "device": "cpu", "models": ("GraphSAINT", "GCNII")}
    found = training_settings(Options(**every), CATALOG)
    assert {(s.model.name, s.epochs) for s in found} == {("GraphSAINT", 40), ("GCNII", 60)}


def test_checking_is_of_every_model_exact_and_with_half_and_all_of_the_budget():
    found = training_settings(Options(device="cpu"), CATALOG)
    assert {s.model.name for s in found} == set(models())
    assert [s.budget for s in found if s.model.name == "GCN"] == [None, *[None] * len(BASELINES), 0.5, 1.0]
    assert {s.epochs for s in found} == {3}


def test_a_case_says_what_was_trained_and_how():
    exact, *_, sampled = sweep(seeds=1, budgets=(0.1,), layers=2, epochs=7, widths=(8,), models=("GraphSAGE",))
    assert (exact.case().kernel, exact.case().budget) == ("rows_numba", None)
    case = sampled.case()
    assert (case.suite, case.kernel, case.budget, case.reduce) == ("training", "cached_topk(rows_numba)", 0.1, "mean")
    assert (case.model, case.layers, case.width, case.epochs, case.seed, case.variant) == ("GraphSAGE", 2, 8, 7, 0, None)


@pytest.mark.parametrize(("options", "layers"), [
    ({}, 3), ({"models": ("GCNII",)}, 4), ({"models": ("GCNII",), "recipes": ("layers=2",)}, 2),
    ({"recipes": ("layers=2",), "layers": 5}, 5),
])  # fmt: skip
def test_models_are_as_deep_as_their_recipe_unless_an_option_says_otherwise(options, layers):
    assert {s.case().layers for s in sweep(**options)} == {layers}


def test_a_named_exact_kernel_is_trained_with_beside_ours():
    found = sweep(kernels=("mkl",), seeds=1)
    assert [s.choice.name for s in found if s.budget is None] == ["rows_numba", "mkl", *BASELINES]
    assert {s.choice.name for s in found if s.budget} == {"cached_topk(rows_numba)"}


def test_a_named_sampled_kernel_takes_the_place_of_ours_and_brings_its_exact_one():
    found = sweep(kernels=("topk(mkl)",), seeds=1)
    assert [s.choice.name for s in found if s.budget is None] == ["rows_numba", "mkl", *BASELINES]
    assert {s.choice.name for s in found if s.budget} == {"topk(mkl)"}


def test_where_ours_cannot_run_the_vendors_stands_in():
    absent = Kernel("fast", "cpu", "Made up.", mkl.prepare, "ours", missing=lambda: "not here")
    found = sweep(Catalog({"fast": absent, "mkl": mkl.KERNEL}, CATALOG.selections), seeds=1)
    assert {s.choice.name for s in found} == {"mkl", "cached_topk(mkl)", *BASELINES}


def test_an_ablation_trains_each_variant_at_the_smallest_budget_unless_one_is_given():
    found = [s for s in sweep(ablation=True, budgets=(), seeds=1) if s.variant]
    assert [s.variant for s in found] == list(VARIANTS)
    assert {s.budget for s in found} == {0.1}
    assert {s.budget for s in sweep(ablation=True, budgets=(0.3,), seeds=1) if s.variant} == {0.3}


def test_a_variant_of_the_kernel_is_named_as_the_kernel_that_runs():
    found = {s.variant: s.choice.name for s in sweep(ablation=True, seeds=1) if s.variant}
    assert found["no-cache"] == "topk(rows_numba)"
    assert found["random"] == "cached_random(rows_numba)"
    assert found["importance"] == "cached_importance(rows_numba)"
    assert found["forward"] == found["no-switch"] == found["uniform"] == "cached_topk(rows_numba)"


USUAL = (
    "must go without --warmup, --interval, --switch-at, --allocation, for it changes parts of the method as it is usual "
    "(got {}): leave one of the two out"
)
TOPK = "must have a cached top-k, whose parts it changes (got {}): add --selection topk, or leave --ablation out"


@pytest.mark.parametrize(("options", "line"), [
    ({"warmup": "restart", "switch_at": 0.5}, USUAL.format("--warmup, --switch-at")),
    ({"interval": 1}, USUAL.format("--interval")),
    ({"selections": ("importance",)}, TOPK.format("cached_importance(rows_numba)")),
    ({"kernels": ("topk(mkl)",)}, TOPK.format("topk(mkl)")),
])  # fmt: skip
def test_ablations_of_what_none_can_be_made_of_are_refused(options, line):
    with pytest.raises(OptionsError, match=f"^--ablation {re.escape(line)}$"):
        sweep(ablation=True, **options)


def test_the_remedy_for_ablations_is_one():
    found = sweep(ablation=True, kernels=("topk(mkl)",), selections=("topk",), seeds=1)
    assert {s.variant for s in found} == {None, *VARIANTS}


def test_an_unknown_model_is_refused_with_the_nearest_names():
    with pytest.raises(ModelError, match=r"--model 'GCM' is not known: nearest are GCN"):
        sweep(models=("GCM",))


def test_each_order_of_the_nodes_is_trained_in():
    found = sweep(reorders=("rcm", "none"), seeds=1)
    assert list(dict.fromkeys(setting.case().reorder for setting in found)) == ["rcm", None]
    assert len({str(setting) for setting in found}) == len(found)


def test_each_training_that_keeps_memory_follows_the_same_one_that_does_not():
    found = sweep(memory=("kept", "fresh"))
    assert [setting.case().freed_memory for setting in found[:4]] == [None, "kept", None, "kept"]
    assert [dataclasses.replace(setting, keeps_memory=False) for setting in found[1::2]] == found[::2] == sweep()
    assert sweep(memory=("kept",)) == found[1::2], "what was asked for, and no more"
    assert sweep(memory=("fresh",)) == sweep()


def test_the_memory_of_results_is_asked_for_of_products_too_and_starts_no_trainings():
    assert training_settings(Options(benchmark=True, device="cpu", memory=("fresh", "kept")), CATALOG) == []


def test_a_training_says_what_its_kernel_computes_in_and_why_it_cannot_take_what_is_no_kernel_of_trainings():
    narrow = Kernel("narrow", "cpu", "TF32.", mkl.prepare, precision="tf32")
    own = Kernel("own", "cpu", "Some.", mkl.prepare, exact=False)
    known = Catalog({**CATALOG.exact, "narrow": narrow, "own": own}, CATALOG.selections)
    found = sweep(known, kernels=("narrow", "topk(narrow)", "own", "edges_uniform(rows_numba)"), seeds=1)
    cases = {(setting.choice.name, setting.case().precision) for setting in found}
    assert {("narrow", "tf32"), ("topk(narrow)", "tf32"), ("rows_numba", None), ("own", None)} <= cases
    reasons = {setting.choice.name: setting.why_not(known) for setting in found}
    assert reasons["narrow"] is None
    assert reasons["own"] == "own is an approximation of its own: a training multiplies exactly, or samples by a selection"
    assert reasons["edges_uniform(rows_numba)"].startswith("edges_uniform chooses edges, and a training samples column-row pairs")
