"""Which trainings a sampled one is held against: of the same seed and round, of the same way of the method, of one kernel each."""

import pytest

from rsc_bench.harness.compare.trained.candidates import AS_LONG, EXACT_EPOCHS
from rsc_bench.harness.compare.trained.controls import earned_of
from rsc_bench.harness.records.measurement import Training

KERNEL = "cached_topk(rows_numba)"
SAMPLED, EXACT = (KERNEL, 0.1, None), ("rows_numba", None, None)


def trained(points, epoch_s=1.0, epochs=4, exact_epochs=1):
    """A training that gains 10 points in each epoch, of which the first are exact; `exact_epochs` None: not recorded."""
    values = [(points + 10 * epoch) / 100 for epoch in range(epochs)]
    shares = None if exact_epochs is None else [1.0] * exact_epochs + [0.1] * (epochs - exact_epochs)
    return Training(epoch_s=[epoch_s] * epochs, val_metric=values, test_metric=values, flops_share=shares)


def seeds(*which, **about):
    return {seed: trained(20 + seed, **about) for seed in which}


def held(*rounds, failed=None, variant=None):
    """What a sampled setting is held against, by control."""
    (found,) = [each for each in earned_of(rounds, failed) if each.variant == variant]
    return {each.control: each for each in found.held}, found.missing


def test_exact_training_is_that_with_the_most_of_the_seeds_however_fast_another_is():
    settings = {SAMPLED: seeds(0, 1, 2), EXACT: seeds(0, 1, 2, epoch_s=1.01), ("mkl", None, None): seeds(0, epoch_s=0.5)}
    found, missing = held(settings)
    assert [(found[name].seeds, found[name].points) for name in (AS_LONG, EXACT_EPOCHS)] == [(3, 41.0), (3, 21.0)]
    assert missing == ()


def test_of_exact_trainings_with_the_same_seeds_it_is_the_fastest_by_the_median():
    lucky = seeds(0, 1, epoch_s=2.0) | seeds(2, epoch_s=0.1)
    found, _ = held({SAMPLED: seeds(0, 1, 2), EXACT: lucky, ("mkl", None, None): seeds(0, 1, 2, epoch_s=1.0)})
    assert found[AS_LONG].points == pytest.approx(51)


def test_exact_trainings_that_all_failed_are_said_with_the_reason():
    failed = {
        EXACT: dict.fromkeys(range(3), "failed (out of memory)"),
        ("torch_sparse", None, None): dict.fromkeys(range(3), "were skipped (not installed)"),
    }
    found, missing = held({SAMPLED: seeds(0, 1, 2)}, failed=failed)
    assert found == {}
    assert missing == (
        "3 of 3 seeds of 'exact for as long' failed (out of memory)",
        "3 of 3 seeds of 'exact epochs only' failed (out of memory)",
    )


def test_exact_epochs_that_are_not_recorded_are_not_taken_for_none():
    settings = {SAMPLED: seeds(0, 1, exact_epochs=None) | seeds(2, exact_epochs=0), EXACT: seeds(0, 1, 2)}
    found, missing = held(settings)
    assert set(found) == {AS_LONG}
    assert missing == (
        "2 of 3 seeds of 'exact epochs only' cannot be told: which epochs were exact is not recorded",
        "1 of 3 seeds of 'exact epochs only' had no exact epoch",
    )


def test_of_two_kernels_with_random_pairs_the_one_with_more_seeds_is_the_control_and_then_the_faster():
    def random(kernel, *which, **about):
        return {(f"cached_random({kernel})", 0.1, "random"): seeds(*which, **about)}

    few = random("rows_numba", 0, 1, 2, epoch_s=0.5) | random("mkl", 0, epoch_s=1.0)
    found, missing = held({SAMPLED: seeds(0, 1, 2), EXACT: seeds(0, 1, 2)} | few)
    assert (found["random"].seeds, found["random"].ended, missing) == (3, 0.5, ())
    both = random("rows_numba", 0, 1, 2, epoch_s=1.0) | random("mkl", 0, 1, 2, epoch_s=2.0)
    assert held({SAMPLED: seeds(0, 1, 2), EXACT: seeds(0, 1, 2)} | both)[0]["random"].points == pytest.approx(51)


def test_a_control_with_a_budget_is_of_its_own_way_of_the_method_and_mini_batches_of_all():
    ways = {(KERNEL, 0.1, way): seeds(0, 1, 2) for way in (None, "warmup=restart", "no-switch")}
    costs = {("rows_numba", 0.1, name): seeds(0, 1, 2) for name in ("random-edges", "random-edges,warmup=restart")}
    random = {("cached_random(rows_numba)", 0.1, name): seeds(0, 1, 2) for name in ("random", "random,warmup=restart")}
    batches = {("rows_numba", None, "cluster-batches,metis"): seeds(0, 1, 2)}
    settings = ways | costs | random | batches | {EXACT: seeds(0, 1, 2)}
    always = {AS_LONG, EXACT_EPOCHS, "cluster-batches,metis"}
    assert held(settings)[0].keys() == always | {"random-edges", "random"}
    assert held(settings, variant="no-switch")[0].keys() == always | {"random-edges", "random"}
    assert held(settings, variant="warmup=restart")[0].keys() == always | {"random-edges,warmup=restart", "random,warmup=restart"}


def test_a_training_and_its_controls_are_of_one_round():
    slow = {SAMPLED: seeds(0, 1, 2, epoch_s=2.0), EXACT: seeds(0, 1, 2, epoch_s=2.0)}
    quick = {SAMPLED: seeds(0, 1, 2), EXACT: seeds(0, 1, 2)}
    assert held(slow, quick)[0][AS_LONG].points == pytest.approx(51)  # four exact epochs in the time of four, in either round
    assert held(quick, slow)[0][AS_LONG].points == pytest.approx(51)
    (found,) = earned_of([slow, quick])
    assert found.time_s == 8.0, "of equal rounds the first"


def test_of_the_rounds_of_a_seed_it_is_the_one_that_says_most():
    cut_short = {SAMPLED: seeds(0, epoch_s=2.0)}
    without = {SAMPLED: seeds(0, 1, 2, epoch_s=2.0), EXACT: seeds(0, 1, 2, epoch_s=2.0)}
    whole = {SAMPLED: seeds(0, 1, 2), EXACT: seeds(0, 1, 2), ("rows_numba", None, "saint-batches"): seeds(0, 1, 2)}
    found, missing = held(cut_short, without, whole)
    assert found["saint-batches"].seeds == 3
    assert missing == ()
    (each,) = earned_of([cut_short, without, whole])
    assert each.time_s == 4.0
