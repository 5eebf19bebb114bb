"""What a function of a user's plug-in gives or raises is checked where it is used, and is one line that names the plug-in."""

import pytest

pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

from synthetic_results import Sweep, sweep, write_results

from rsc_bench import plugins
from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.compare.criteria import ALIASES, TIME
from rsc_bench.harness.records.file import read
from rsc_bench.kinds import ALL_BASELINES, BASELINES
from rsc_bench.plugins import KINDS, PluginError, Registry
from rsc_bench.reports.page.render import write
from rsc_bench.suites import graphs
from rsc_bench.suites.catalog import KernelError, catalog
from rsc_bench.suites.graphs import GraphError
from rsc_bench.suites.options import AS_IS


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Adds a file with one plug-in, for as long as a test runs."""
    monkeypatch.setattr(plugins, "REGISTRY", Registry())

    def add(kind, arguments):
        module, _, name = KINDS[kind].type.partition(":")
        (tmp_path / "mine.py").write_text(f"import numpy\nfrom {module} import {name}\n{kind.upper()} = {name}({arguments})\n")
        plugins.REGISTRY.add_file(tmp_path / "mine.py")

    return add


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("answers") / "run.jsonl", list(sweep(Sweep(rounds=3))), None)


def refused(use, *kinds):
    with pytest.raises(kinds or PluginError) as caught:
        use()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("answer", ["'fast'", "[1]", "1j"])
def test_a_metric_gives_a_number_or_nothing(plugin, results, tmp_path, answer):
    plugin("metric", f"'mine', 's', 'lower', 'Mine.', lambda new, base: {answer}")
    rule = f"metric 'mine': compute must return a number or None (got {answer})"
    assert refused(lambda: compare(read(results), read(results), 0.05, {"mine": None})) == rule
    assert refused(lambda: write([results], tmp_path / "page.html")) == rule
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("None", "judge must return a tuple or list of Answers (got None)"),
        ("[None]", "(got [None])"),
        ("[]", "must answer each of"),
    ],
)
def test_a_rule_gives_an_answer_for_each_question(plugin, results, answer, words):
    plugin("rule", f"'mine', 'Mine.', lambda questions: {answer}")
    message = refused(lambda: compare(read(results), read(results), 0.05, {}, rule="mine"))
    assert message.startswith("rule 'mine': ")
    assert words in message


def test_a_figure_is_drawn_by_plotly(plugin, results, tmp_path):
    plugin("figure", "'mine', 'Mine', 'Mine.', lambda table: 3")
    assert refused(lambda: write([results], tmp_path / "page.html")) == "figure 'mine': draw must return a BaseFigure (got 3)"


def test_a_source_gives_a_graph_and_its_name(plugin):
    parts = "lambda name, root: None, lambda name, root: 3, nodes=lambda name, root: 'many'"
    plugin("source", f"'mine', 'Mine.', ('mine',), {parts}")
    assert refused(lambda: graphs.check("mine")) == "source 'mine': check must return a text (got 3)"
    assert refused(lambda: graphs.GraphStore().load("mine")) == "source 'mine': load must return a Graph (got None)"
    assert refused(lambda: graphs.nodes("mine")).startswith("source 'mine': nodes must return ")


def test_a_name_that_two_sources_claim_is_refused(plugin, tmp_path):
    plugin("source", "'mine', 'Mine.', (), lambda name, root: None, claims=lambda name: True")
    (tmp_path / "graph.csv").write_text("0,1\n")
    message = refused(lambda: graphs.check(tmp_path / "graph.csv"), GraphError)
    assert message.endswith("must be of one source (got files, mine): let yours claim names like `mine://NAME`")
    assert graphs.check("mine://graph.csv") == "mine://graph.csv", "it has folders, and is no path all the same"


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("(), print", "must have names, or claims for those that it does not list (got neither)"),
        ("('a@1',), print", "each of its names must not be empty, and be without '@', behind which a scale stands (got 'a@1')"),
        ("('',), print", "(got '')"),
    ],
)
def test_a_source_that_could_not_be_asked_is_refused(plugin, arguments, rule):
    assert refused(lambda: plugin("source", f"'mine', 'Mine.', {arguments}")).endswith(rule)


def test_a_source_has_no_name_of_another(plugin):
    plugin("source", "'mine', 'Mine.', ('twin:reddit2',), print")
    message = refused(lambda: graphs.check("twin:reddit2"))
    assert message.endswith("mine.py: both define a SOURCE with 'twin:reddit2' among its names: rename one of them")


def test_a_format_gives_the_parts_of_a_graph(plugin, tmp_path):
    plugin("format", "'mine', 'Mine.', ('.mine',), lambda path: True, lambda path, option: None")
    (tmp_path / "graph.mine").write_text("0 1\n")
    assert refused(lambda: graphs.check(tmp_path / "graph.mine")) == "format 'mine': read must return a Parts (got None)"


def test_a_file_of_two_formats_is_refused(plugin, tmp_path):
    plugin("format", "'mine', 'Mine.', ('.csv',), lambda path: True, lambda path, option: None")
    (tmp_path / "graph.csv").write_text("0,1\n")
    message = refused(lambda: graphs.check(tmp_path / "graph.csv"), GraphError)
    assert "must be of one format (got edge-csv, " in message
    assert message.endswith("mine): give one another suffix, or let `claims` tell them apart")


@pytest.mark.parametrize(("suffixes", "got"), [("('.MINE',)", "'.MINE'"), ("('mine',)", "'mine'"), ("()", "none")])
def test_a_format_that_no_file_is_of_is_refused(plugin, suffixes, got):
    assert f"(got {got})" in refused(lambda: plugin("format", f"'mine', 'Mine.', {suffixes}, print, print"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("None", "compute must return a ndarray (got None)"),
        ("numpy.zeros(graph.nodes)", "compute must return each of the"),
        ("numpy.arange(graph.nodes - 1)", "compute must return each of the"),
    ],
)
def test_an_order_has_each_node_once(plugin, answer, words):
    plugin("order", f"'mine', 'Mine.', lambda graph: {answer}")
    assert words in refused(lambda: graphs.GraphStore().load("small:hub", reorder="mine"), PluginError, GraphError)


TAKEN = {"metric": {TIME.name, *ALIASES}, "order": {AS_IS}, "kernel": {*BASELINES, ALL_BASELINES}}


def test_the_names_that_options_give_a_meaning_are_taken():
    assert {name: set(kind.taken) for name, kind in KINDS.items() if kind.taken} == TAKEN


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in TAKEN.items() for name in sorted(names)])
def test_a_plugin_has_no_name_that_is_taken(plugin, kind, name):
    arguments = {"metric": "'s', 'lower', 'Mine.', print", "order": "'Mine.', print", "kernel": "'cpu', 'Mine.', print"}[kind]
    assert f"no {kind} may be named {name!r}" in refused(lambda: plugin(kind, f"{name!r}, {arguments}"))


def test_a_metric_has_a_name_that_an_option_can_give(plugin):
    assert "without '='" in refused(lambda: plugin("metric", "'a=b', 's', 'lower', 'Mine.', print"))


def test_a_kernel_is_not_called_like_a_selection_in_front_of_another(plugin):
    plugin("kernel", "'topk(mkl)', 'cpu', 'Mine.', print, exact=False")
    rule = "kernel 'topk(mkl)': is the name of a selection in front of another kernel: rename it"
    assert refused(catalog, KernelError) == rule


def test_what_says_that_a_plugin_is_missing_is_checked_too(plugin):
    plugin("kernel", "'mine', 'cpu', 'Mine.', print, missing=lambda: True")
    found = catalog()
    assert refused(lambda: found.why_not(found.find("mine"))) == "kernel 'mine': missing must return a text or None (got True)"
