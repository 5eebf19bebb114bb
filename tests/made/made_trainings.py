"""Makes trainings that end at known points and take known seconds, for the tests of recommendations."""

from made_runs import case, ok

EXACT_POINTS = 90.0
SEEDS = (0, 1, 2)


def training(kernel="rows_numba", **parts):
    given = {"suite": "training", "graph": "cornell", "model": "gcn", "layers": 3, "epochs": 2, "seed": 0, "width": 256}
    return case(kernel, **{**given, **parts})


def trained(of, seconds, points):
    """A training whose second epoch has the best validation metric, and so gives the test metric."""
    return ok(of, seconds, epoch_s=[seconds / 2] * 2, val_metric=[0.1, 0.9], test_metric=[0.1, points / 100], rel_error=None)


def exact(seeds=SEEDS, seconds=10.0, **parts):
    return [trained(training(seed=seed, **parts), seconds, EXACT_POINTS) for seed in seeds]


def sampled(budget, drops, seconds, kernel="topk(rows_numba)", **parts):
    cases = [training(kernel, seed=seed, budget=budget, **parts) for seed in range(len(drops))]
    return [trained(of, seconds, EXACT_POINTS - drop) for of, drop in zip(cases, drops, strict=True)]
