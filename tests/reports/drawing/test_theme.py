from rsc_bench.reports.drawing.theme import budget_colours, colours


def test_selections_and_exact_kernels_have_different_colours():
    palette = colours(["mkl", "rows_numba", "topk(mkl)", "topk(rows_numba)", "random(mkl)"])
    assert palette["topk(mkl)"] == palette["topk(rows_numba)"]
    assert len({*palette.values()}) == 4


def test_budgets_have_colours_in_their_order_and_exact_training_is_grey():
    palette = budget_colours([0.5, None, 0.1])
    assert list(palette) == [None, 0.1, 0.5]
    assert len({*palette.values()}) == 3
