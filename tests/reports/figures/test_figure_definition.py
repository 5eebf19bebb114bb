"""What a figure may say of itself, and what is refused where it is written."""

import pytest

from rsc_bench.reports.figures import Figure


def draw(table):
    return None


def test_a_figure_is_written_in_the_order_of_its_fields():
    figure = Figure("mine", "Mine", "What it shows.", draw, 7, True)
    assert (figure.name, figure.title, figure.caption) == ("mine", "Mine", "What it shows.")
    assert (figure.draw, figure.order, figure.every_run) == (draw, 7, True)


def test_a_new_figure_comes_last_and_draws_the_last_run():
    figure = Figure("mine", "Mine", "What it shows.", draw)
    assert (figure.order, figure.every_run) == (100, False)


@pytest.mark.parametrize("name", ["my figure", "a&b", "mine.py"])
def test_a_name_that_the_page_cannot_link_to_is_refused(name):
    with pytest.raises(ValueError, match="must be letters") as caught:
        Figure(name, "Mine", "What it shows.", draw)
    rule = "a figure's name must be letters, digits, underscores and hyphens"
    assert str(caught.value) == f"{rule} (got {name!r}): the page links to it by that"


def test_a_figure_that_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"figure 'mine': draw must be a function of 1 argument \(got 'bars'\): give"):
        Figure("mine", "Mine", "What it shows.", "bars")
