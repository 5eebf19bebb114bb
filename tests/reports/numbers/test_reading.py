import pytest

pytest.importorskip("pandas", reason="tables need pandas: pip install pandas")

from synthetic_results import bad, case, ok, write_results
from synthetic_trainings import KERNEL, Trainings, trained, training, trainings

from rsc_bench.plugins import find
from rsc_bench.reports.numbers.reading import CONTROLS, readings, unmeasured_line
from rsc_bench.reports.tables.table import read_files


def table_of(tmp_path, *rounds):
    return read_files([write_results(tmp_path / "run.jsonl", list(rounds))])


def test_the_fastest_stands_first_in_each_width_and_speedups_before_all_other_numbers(tmp_path):
    sampled = [ok(case("topk(mkl)", 0.1, width=width), 4, rel_error=0.5) for width in (64, 256)]
    table = table_of(tmp_path, [*(ok(case("mkl", width=width), 20) for width in (64, 256)), *sampled])
    (products,) = readings(table)
    assert products.cells["kernel"].tolist() == ["topk(mkl)", "mkl", "topk(mkl)", "mkl"]
    assert products.cells["width"].tolist() == ["64", "64", "256", "256"]
    numbers = [name for name in products.cells.columns if name in products.numbers]
    assert numbers == ["width", "budget", "speedup [x]", "speedup vs vendor [x]", "latency [ms]", "error"]
    assert products.cells["speedup [x]"].tolist() == ["5.00", "1.00"] * 2


def test_what_all_rows_share_is_said_once(tmp_path):
    (products,) = readings(table_of(tmp_path, [ok(case("mkl"), 20), ok(case("rows_numba"), 10)]))
    assert "ring" in products.said_once
    assert "speedup against rows_numba" in products.said_once
    assert "one round" in products.said_once
    assert products.cells.columns.tolist()[0] == "kernel"


def test_of_several_rounds_the_first_number_has_its_range(tmp_path):
    rounds = [[ok(case("mkl"), 20), ok(case("rows_numba"), time_ms)] for time_ms in (10, 5)]
    (products,) = readings(table_of(tmp_path, *rounds))
    assert products.cells["its range"].tolist() == ["1.00 – 1.00", "0.250 – 0.500"]
    assert "medians over 2 rounds" in products.said_once


def test_different_baselines_have_a_column(tmp_path):
    records = [ok(case("mkl"), 20), ok(case("rows_numba"), 10), ok(case("mkl", width=8), 5), ok(case("rows_numba", width=8), 10)]
    (products,) = readings(table_of(tmp_path, records))
    assert products.cells["speedup against"].tolist() == ["mkl", "mkl", "rows_numba", "rows_numba"]


def test_trainings_are_a_table_of_their_own_and_say_their_metric(tmp_path):
    found = readings(table_of(tmp_path, [ok(case("mkl"), 20), *trainings(Trainings(models=("gcn",), seeds=2))]))
    assert [reading.title for reading in found] == ["products", "trainings", CONTROLS]
    assert "test metric: accuracy" in found[1].said_once
    assert "seed" in found[1].cells.columns


def test_sampled_trainings_stand_against_their_controls_at_equal_time(tmp_path):
    method = trainings(Trainings(graphs=("Cornell5",), models=("gcn",), budgets=(0.1, 0.5), variants=("random",), seeds=3))
    walks = [trained(training(seed=seed, variant="saint-batches"), 50.0) for seed in range(2)]
    *_, found = readings(table_of(tmp_path, [*method, *walks]))
    assert found.title == CONTROLS
    assert found.cells["budget"].tolist() == ["0.1", "0.5"]
    assert found.cells["seeds"].tolist() == ["3", "3"]
    names = [name for name in found.cells.columns if name in found.numbers]
    assert names == [
        "budget", "seeds", "sampled", "exact for as long", "exact epochs only", "random", "saint-batches", "earned",
    ]  # fmt: skip
    assert all(cell.endswith(" (2 of 3 seeds)") for cell in found.cells["saint-batches"])
    assert found.cells["random"].tolist()[1] == ""
    for row in found.cells.to_dict("records"):
        best = max(float(row[name]) for name in ("exact for as long", "exact epochs only", "random") if row[name])
        assert float(row[row["best control"]]) == best
        mean, low, _, high = row["earned"].translate({ord(letter): None for letter in "[]"}).split()
        assert float(mean) == pytest.approx(float(row["sampled"]) - best, abs=0.011)
        assert float(low) < float(mean) < float(high)
    assert not any(reading.title == CONTROLS for reading in readings(table_of(tmp_path, method), [find("metric", "memory")]))


def test_controls_that_lack_seeds_or_end_early_and_seeds_that_failed_are_marked(tmp_path):
    about = {"kernel": KERNEL, "budget": 0.1}
    every = [trained(training(seed=seed, **each), 60.0) for seed in range(3) for each in ({}, about)]
    lost = [bad(training(seed=seed, **about), "failed", "the loss is NaN at epoch 7") for seed in (3, 4)]
    other = [bad(training("other", seed=5, **about), "failed", "the loss is NaN at epoch 7")]
    (own_s,) = {sum(each.measurement.training.epoch_s) for each in every if each.case.budget}
    quick = {"epoch_s": [own_s / 80] * 40}
    walks = [trained(training(seed=seed, variant="saint-batches"), 90.0, **quick) for seed in range(2)]
    *_, found = readings(table_of(tmp_path, [*every, *lost, *other, *walks]))
    (row,) = found.cells.to_dict("records")
    assert row["seeds"] == "3 of 5"
    assert row["saint-batches"].endswith("* (2 of 3 seeds)")
    assert any(said.startswith("*: through before the time was up") for said in found.said_once)
    assert "(" not in row["exact for as long"]
    assert "a control that lacks seeds, and earned against it: over the seeds that both have" in found.said_once
    *_, whole = readings(table_of(tmp_path / "whole", every))
    assert (whole.cells["seeds"].tolist(), [each for each in whole.said_once if "lacks" in each]) == (["3"], [])


def test_too_few_seeds_against_a_control_have_no_interval(tmp_path):
    *_, found = readings(table_of(tmp_path, trainings(Trainings(graphs=("Cornell5",), models=("gcn",), budgets=(0.5,), seeds=2))))
    assert all(cell.endswith(" [no interval]") for cell in found.cells["earned"])


def test_dot_products_are_a_table_of_their_own_against_their_own_and_aggregate_nothing(tmp_path):
    dots = [ok(case("sddmm_torch", suite="sddmm"), 4), ok(case("sddmm_numba", suite="sddmm"), 2)]
    products, found = readings(table_of(tmp_path, [ok(case("mkl"), 1), *dots]))
    assert (products.title, found.title) == ("products", "dot products")
    assert products.cells["kernel"].tolist() == ["mkl"]
    assert found.cells["kernel"].tolist() == ["sddmm_numba", "sddmm_torch"]
    assert found.cells["speedup [x]"].tolist() == ["1.00", "0.500"]
    assert "speedup against sddmm_numba" in found.said_once
    assert "sum aggregation" in products.said_once
    assert "sum aggregation" not in found.said_once


def test_chosen_metrics_take_the_place_of_the_usual_ones(tmp_path):
    (products,) = readings(table_of(tmp_path, [ok(case("mkl"), 20)]), [find("metric", "memory")])
    assert [name for name in products.cells.columns if "[" in name] == ["memory [MB]"]


def test_what_was_not_measured_is_counted_with_its_reasons(tmp_path):
    records = [bad(case(f"k{place}"), "skipped", f"reason {place % 4}") for place in range(8)]
    skipped = "2 skipped (reason 0); 2 skipped (reason 1); 2 skipped (reason 2); and 2 more skipped"
    assert unmeasured_line(table_of(tmp_path, records)) == f"not measured: {skipped}"
    records += [bad(case("mine"), "wrong", "by 3 %")]
    assert unmeasured_line(table_of(tmp_path / "wrong", records)) == f"not measured: mine wrong (by 3 %); {skipped}"
    assert unmeasured_line(table_of(tmp_path / "more", [ok(case("mkl"), 20)])) == ""
