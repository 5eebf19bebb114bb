"""A study is read into blocks with the options of a run; what no run can use is one line with the file, the line and the remedy."""

import re

import pytest

from rsc_bench.suites.sweeping.devices import Here
from rsc_bench.suites.sweeping.lines import Lines, StudyError
from rsc_bench.suites.sweeping.session import prepared
from rsc_bench.suites.sweeping.study import KEYS, read
from rsc_bench.text import SUITES

ALL = [suite for suite in SUITES if suite != "harness"]
SMALL = 'graph = "small:random"\n'


@pytest.fixture
def written(tmp_path):
    """Writes a study, and reads it."""

    def write(text, name="study.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path, tmp_path / "results")

    return write


@pytest.fixture
def refusal(written, tmp_path):
    """The one line that a study is refused with, from the name of its file on: when it is read, else when it is planned."""

    def planned(text):
        study = written(text)
        prepared(study, Here(study.blocks, tmp_path / "log"))

    def refused(text):
        with pytest.raises(StudyError) as error:
            planned(text)
        message = str(error.value)
        assert "\n" not in message
        assert not (tmp_path / "results").exists()
        return message.removeprefix(f"{tmp_path}/study.toml: ")

    return refused


def test_blocks_have_what_stands_above_them_and_what_they_have_themselves_counts_more(written):
    study = written('width = [64, 128]\nrounds = 5\n[a]\ngraph = "small:hub"\n[b]\nwidth = 32\nmodel = "GCN"\nablation = true\n')
    assert [block.name for block in study.blocks] == ["a", "b"]
    a, b = (block.options for block in study.blocks)
    assert (a.widths, a.rounds, a.graphs, a.models, a.ablation) == ((64, 128), 5, ("small:hub",), (), False)
    assert (b.widths, b.rounds, b.graphs, b.models, b.ablation) == ((32,), 5, (), ("GCN",), True)
    assert a.benchmark
    assert study.name == "study"


@pytest.mark.parametrize("text", [
    "[a]\nwidth = 64\n", "a = {width = 64}\n", "a.width = 64\n", '["a"]\n"width" = 64\n', "[ 'a' ] # one\n'width'=64\n",
    "\ufeff[a]\nwidth = 64\n", "[a]\r\nwidth = [\r\n  64,\r\n]\r\n", "[a]\nwidth = 64.0\n", '[a]\nwidth = "64"\n',
])  # fmt: skip
def test_toml_may_be_written_in_each_of_its_ways(written, text):
    (block,) = written(text).blocks
    assert (block.name, block.options.widths) == ("a", (64,))


def test_every_option_of_a_run_is_a_key_but_those_of_one_session():
    assert {"suite", "graph", "kernel", "plugin", "max-time", "controls", "leave-out", "memory"} <= {*KEYS}
    assert not {"results", "benchmark", "in-process", "slow-down"} & {*KEYS}


@pytest.mark.parametrize(("text", "message"), [
    (f"[a]\n{SMALL}widht = 64\n", "line 3: [a] widht: is no option of a run: nearest are width, switch-at, suite"),
    ("# first\nwidht = 64\n[a]\n", "line 2: widht: is no option of a run: nearest are width, switch-at, suite"),
    ("b.width = 64\na.widht = 64\n", "line 2: [a] widht: is no option of a run: nearest are width, switch-at, suite"),
    ("b = {}\na = {width=64, widht=3}\n", "line 2: [a] widht: is no option of a run: nearest are width, switch-at, suite"),
    ('[b]\n["a"]\n"widht" = 64\n', "line 3: [a] widht: is no option of a run: nearest are width, switch-at, suite"),
    ('[a]\ngraph = """\n[b]\nwidht = 1\n"""\n[b]\nwidht = 2\n', "line 7: [b] widht: is no option of a run: nearest"),
    ("[a]\nqqqq = 1\n", "line 2: [a] qqqq: is no option of a run: the options of `rsc-bench bench --help`, without the dashes"),
    ('[a]\nresults = "x"\n', "line 2: [a] results: is not for a study: leave it out (the command has --results)"),
    ("[a]\nin-process = true\n", "line 2: [a] in-process: is not for a study: leave it out"),
    ('results = ["x"]\n[a]\n', "line 1: results: must be the path of a folder (got ['x'])"),
    ('results = "a\\u0000"\n[a]\n', "line 1: results: must be the path of a folder (got 'a\\x00')"),
    ("[a]\nwidth = 64\n[a.b]\n", "line 3: [a] b: must be no table in a table: the blocks of a study stand side by side"),
    ("[[a]]\nwidth = 64\n[[a]]\n", "line 1: [a] must be one table (got 2 in a list): write [a]"),
    ('[x]\n["a b"]\n', "line 2: [a b] must be called by letters, digits, - and _, 100 at most, as its results file is (got 'a b')"),
    ('["../a"]\n', "line 1: [../a] must be called by letters, digits, - and _, 100 at most, as its results file is (got '../a')"),
    (f"[{'a' * 101}]\n", f"line 1: [{'a' * 101}] must be called by letters, digits, - and _, 100 at most"),
    ("[a]\n[A]\n", "line 2: [A] is called like [a] where a disk knows no capital letters: rename it"),
])  # fmt: skip
def test_a_slip_in_a_name_is_one_line(refusal, text, message):
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(("text", "message"), [
    ("[a\n", "is not TOML: Expected ']' at the end of a table declaration (at line 1, column 3)"),
    ("[a]\nwidth = 1\nwidth = 2\n", "is not TOML: Cannot overwrite a value (at line 3, column 10)"),
    ("[a]\n[a]\n", "is not TOML: Cannot declare ('a',) twice (at line 2, column 3)"),
    ("width = 64\n", "must have a table for each run of the suites (got none): begin one with [products], say"),
    ("", "must have a table for each run of the suites (got none): begin one with [products], say"),
    (b"[a]\ngraph = '\xff'\n", "cannot be read ('utf-8' codec can't decode byte 0xff in position 13: invalid start byte): give"),
])  # fmt: skip
def test_what_is_no_study_is_one_line(refusal, text, message):
    assert refusal(text).startswith(message)


def test_a_folder_and_a_file_that_is_not_there_are_one_line(tmp_path):
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "none.toml", "No such file or directory")):
        with pytest.raises(StudyError) as error:
            read(path)
        assert str(error.value) == f"{path}: cannot be read ({reason}): give the path of a TOML file with the runs of a study"


@pytest.mark.parametrize(("key", "what"), [
    ("width = 'x'", "width: must be a whole number (got 'x')"),
    ("width = 64.5", "width: must be a whole number (got '64.5')"),
    ("width = [true]", "width: must be a value or a list of values (got [True])"),
    ("width = []", "width: must be a value or a list of values (got [])"),
    ("width = {a = 1}", "width: must be a value or a list of values (got {'a': 1})"),
    ("width = 2020-01-01", "width: must be a value or a list of values (got datetime.date(2020, 1, 1))"),
    ("rounds = [1, 2]", "rounds: must be one value (got [1, 2])"),
    ("rounds = true", "rounds: must be one value (got True)"),
    ("ablation = 1", "ablation: must be true or false (got 1)"),
    ("device = ''", "device: must have no text that is empty or has a zero byte (got ''): leave it out for the default"),
    ("precision = 'x'", "precision: must be a number (got 'x')"),
    ("width = [64, 0]", "width: must be at least 1, the columns of the dense operand (got 0)"),
    ("width = -64", "width: must be at least 1, the columns of the dense operand (got -64)"),
    ("budget = [0.5, 1.5]", "budget: must lie in (0, 1], a share of the exact FLOPs (got 1.5)"),
    ("budget = nan", "budget: must lie in (0, 1], a share of the exact FLOPs (got nan)"),
    ("rounds = 0", "rounds: must be at least 1 (got 0)"),
    ("device = 'gpu'", "device: must be cpu, cuda or cuda:NUMBER (got gpu)"),
    ("clock = 'hots'", "clock: must be one of cuda_cold, cuda_graph, cuda_hot, host (got hots)"),
    ("memory = 'some'", "memory: must be fresh or kept (got some)"),
    ("reorder = 'degre'", "reorder: order 'degre' is not known: nearest is degree"),
    ("kernel = 'mkll'", "kernel: 'mkll' is not a known kernel or a file: nearest are mkl, topk(mkl), random(mkl)"),
    ("model = 'GCM'", "model: 'GCM' is not known: nearest are GCN, GCNII"),
    ("suite = 'exakt'", f"suite: must be {', '.join(ALL)} (got 'exakt'): nearest is exact"),
    ("suite = 'harness'", "suite: must be a suite of products or trainings (got harness, which is about one machine): `rsc-bench"),
])  # fmt: skip
def test_a_value_that_no_run_can_use_is_one_line_that_names_its_own(refusal, key, what):
    assert refusal(f"[first]\n{SMALL}[a]\n{SMALL}{key}\n").startswith(f"line 5: [a] {what}")


def test_a_value_above_all_blocks_is_named_where_it_stands(refusal):
    assert refusal("# of all\nbudget = 3\n[a]\n[b]\n") == "line 2: budget: must lie in (0, 1], a share of the exact FLOPs (got 3.0)"
    wrong = "line 1: graph: graph 'twin:redit2' is not known: nearest are twin:reddit2, twin:reddit, reddit2"
    assert refusal('graph = ["small:random", "twin:redit2"]\n[a]\n') == wrong


@pytest.mark.parametrize(("key", "what"), [
    ("leave-out = ['small', 'x']", "leave-out: must leave a case of the block (got 'small', 'x', which leaves none): take a word"),
    ("suite = 'minmax'\nreduce = 'sum'", "suite: must have a case with these options (got minmax, which has none): change one"),
])  # fmt: skip
def test_a_block_without_a_case_is_one_line(refusal, key, what):
    assert refusal(f"[a]\n{SMALL}{key}\n").startswith(f"line 3: [a] {what}")


def test_paths_are_seen_from_the_study_whatever_the_folder(written, tmp_path, monkeypatch):
    (tmp_path / "ring.mtx").write_text("%%MatrixMarket matrix coordinate pattern general\n2 2 2\n1 2\n2 1\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "mkl").mkdir()
    (tmp_path / "cora").write_text("a file that is called like a graph")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    graphs = '["ring.mtx", "ring.mtx#3", "cora"]'
    (block,) = written(f'[a]\ngraph = {graphs}\nkernel = ["mkl", "m.py"]\ndata-root = "data"\nplugin = "p.py"\n').blocks
    assert block.options.graphs == (str(tmp_path / "ring.mtx"), str(tmp_path / "ring.mtx#3"), "cora")
    assert block.options.kernels == ("mkl", str(tmp_path / "m.py"))
    assert block.options.plugins == (str(tmp_path / "p.py"),)
    assert block.options.data_root == tmp_path / "data"


def test_a_path_that_is_only_in_the_current_folder_is_that_one_and_a_tilde_is_the_users_folder(written, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(tmp_path))
    (elsewhere / "mine.py").write_text("")
    (block,) = written('[a]\nkernel = "mine.py"\ndata-root = "~/data"\n').blocks
    assert block.options.kernels == (str(elsewhere / "mine.py"),)
    assert block.options.data_root == tmp_path / "data"
    (tmp_path / "home.toml").write_text('results = "~/out"\n[a]\n')
    assert read(tmp_path / "home.toml").results == tmp_path / "out"


def test_a_file_with_code_that_is_not_there_is_one_line_with_the_path_that_was_looked_at(refusal, tmp_path):
    for key in ("kernel", "plugin", "model"):
        message = refusal(f'[a]\n{SMALL}{key} = "mine.py"\n')
        assert message.startswith(f"line 3: [a] {key}: {tmp_path / 'mine.py'}: no such file: give the path of a Python file")


def test_a_graph_that_is_not_there_is_one_line(refusal):
    assert refusal('[a]\ngraph = "none.mtx"\n').startswith("line 2: [a] graph: none.mtx: no such file: check the path of the graph")


def test_a_line_of_no_key_is_that_of_the_block():
    lines = Lines("study.toml", "a = 1\n[b]\nx = 1\n[c]\ny = 2\n")
    assert [lines.line(*where) for where in (("b", ""), ("c", "z"), ("c", "y"), ("", "a"), ("d", "x"))] == [2, 4, 5, 1, 1]
    assert re.fullmatch(r"study.toml: line 4: \[c\] why", str(lines.error("c", "", "why")))
