import pytest

from rsc_bench.harness.compare.criteria import criteria


def test_a_name_that_is_not_known_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="metric 'memroy' is not known: nearest are memory"):
        criteria(0.05, {"memroy": None})


@pytest.mark.parametrize(
    ("metric", "margin", "summary"),
    [("memory", 1.0, "below 1 "), ("accuracy", 0.0, "below 100 "), ("time", float("nan"), "below 1 ")],
)
def test_a_margin_is_a_share_or_points(metric, margin, summary):
    with pytest.raises(ValueError, match=f"margin of {metric} must be above 0 and {summary}"):
        criteria(0.05, {metric: margin})


def test_a_metric_without_a_margin_of_its_own_gets_the_threshold_and_one_in_points_what_recommend_accepts():
    assert [(each.metric.name, each.margin, each.in_points) for each in criteria(0.07, {"memory": None, "accuracy": None})] == [
        ("memory", 0.07, False),
        ("test metric", 0.3, True),
    ]
