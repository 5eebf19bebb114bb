"""Draws how many cases there are: a figure to be added."""

from plotly.graph_objects import Bar
from plotly.graph_objects import Figure as Drawing

from rsc_bench.reports.figures import Figure


def draw(table):
    return Drawing(Bar(x=["cases"], y=[len(table.cases)]))


FIGURE = Figure("my_figure", "A figure that was added", "How many cases there are.", draw)
