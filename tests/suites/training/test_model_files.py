"""`--model FILE.py`: a model in a file of the user's, and what is said where it is wrong."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from made_runs import written
from made_trainings import exact, sampled

from rsc_bench import plugins
from rsc_bench.cli import main
from rsc_bench.plugins import PluginError, Registry
from rsc_bench.suites import graphs, profiling
from rsc_bench.suites.catalog import catalog
from rsc_bench.suites.options import Options
from rsc_bench.suites.training import models
from rsc_bench.suites.training import run as training
from rsc_bench.suites.training.models import ModelError, named
from rsc_bench.suites.training.sweep import training_settings

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "my_model.py"
GRAPH = graphs.load("small:random")
OPTIONS = Options(
    benchmark=True, graphs=("small:random",), budgets=(1.0,), seeds=1, epochs=2, device="cpu", widths=(16,), models=("Mine",)
)


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Knows no file before the test, and is forgotten after it."""
    fresh = Registry()
    for module in (plugins, models, training):
        monkeypatch.setattr(module, "REGISTRY", fresh)
    return fresh


def test_a_name_stays_what_it_is():
    assert named("GCN") == "GCN"


def test_the_model_of_a_file_is_known_by_its_name_from_then_on():
    assert named(str(EXAMPLE)) == "Mine"
    assert (models.find("Mine").layers, models.find("Mine").reduce) == (2, "mean")
    for changed, layers in ((), 2), (("layers=4",), 4):
        planned = training_settings(dataclasses.replace(OPTIONS, recipes=changed), catalog())
        assert {setting.layers for setting in planned} == {layers}


def test_it_is_held_to_what_every_model_is_held_to():
    named(str(EXAMPLE))
    kernels = catalog()
    every = training_settings(dataclasses.replace(OPTIONS, benchmark=False), kernels)
    assert {setting.choice.name for setting in every} >= {"pyg_edge_index", "pyg_csr"}
    for setting in every:
        if setting.why_not(kernels) is None:
            training.check(setting, GRAPH, kernels)


def test_an_error_while_training_is_recorded_with_the_file_and_the_line(tmp_path):
    text = EXAMPLE.read_text().replace("label_smoothing=0.1)", "label_smoothing=0.1) / none")
    (tmp_path / "mine.py").write_text(text)
    named(str(tmp_path / "mine.py"))
    (setting, *_) = training_settings(OPTIONS, catalog())
    record = training.attempt(setting.case(), lambda: training.train(setting, GRAPH, catalog(), lambda epoch: None))
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "/ none" in each)
    assert record.status == "failed"
    assert record.reason == f"{tmp_path}/mine.py, line {line}: NameError: name 'none' is not defined"


START = "from rsc_bench.suites.training.models import Model\n"
WRONG = {
    "does not load": ("def build(:\n", r"mine.py, line 1: SyntaxError: "),
    "has none": ("NAME = 1\n", r"--model .*mine.py: must define one MODEL = Model\(...\) \(got none\): see docs"),
    "has two": (
        f"{START}MODELS = tuple(Model(name, name, lambda shape, recipe: None) for name in 'ab')\n",
        r"must define one MODEL = Model\(...\) \(got 2\): give the file as --plugin, and name its models",
    ),
    "takes one argument": (
        f"{START}MODEL = Model('a', 'A.', lambda shape: None)\n",
        r"mine.py, line 2: ValueError: .*build must be",
    ),
    "raises": (
        f"{START}def build(shape, recipe):\n    return shape.width\nMODEL = Model('a', 'A.', build)\n",
        r"--model .*mine.py, line 3: AttributeError: 'Shape' object has no attribute 'width'$",
    ),
    "returns nothing": (
        f"{START}MODEL = Model('a', 'A.', lambda shape, recipe: None)\n",
        r"--model .*mine.py: .*model 'a': build must return a Module \(got None\)",
    ),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_file_that_is_wrong_is_refused_in_one_line(why, tmp_path):
    text, message = WRONG[why]
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises((ModelError, PluginError), match=message) as caught:
        named(str(tmp_path / "mine.py"))
    assert "\n" not in str(caught.value)


def test_an_epoch_of_it_can_be_profiled():
    planned = profiling.plan(profiling.Request(graph="small:random", device="cpu", model=str(EXAMPLE), width=8))
    assert "model=Mine layers=2" in planned.title


def test_profile_says_in_one_line_what_is_wrong_with_a_file(capsys, tmp_path):
    (tmp_path / "mine.py").write_text(WRONG["raises"][0])
    assert main(["profile", "--model", str(tmp_path / "mine.py"), "--device", "cpu", "--graph", "small:random"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"error: --model .*mine.py, line 3: AttributeError: .*\n", err)


def test_recommend_judges_the_model_of_a_file_and_names_the_file_in_what_to_run_next(capsys, tmp_path):
    seeds = (0, 1)
    few = [*exact(seeds, model="Mine"), *sampled(0.1, [0.1, 0.2], 4.0, model="Mine"), *exact(), *sampled(0.1, [0.1] * 3, 4.0)]
    path = written(tmp_path / "run.jsonl", few)
    assert main(["recommend", str(path), "--model", str(EXAMPLE), "--json", "-"]) == 3
    (found,) = json.loads(capsys.readouterr().out)["recommendations"]
    assert found["model"] == "Mine"
    assert f"--model {EXAMPLE}" in found["summary"]
    assert main(["recommend", str(path), "--model", "gcn", "--json", "-"]) == 0
    capsys.readouterr()
    assert main(["recommend", str(path), "--model", "GAT"]) == 2
    assert capsys.readouterr().err == "error: --model GAT: no training of GAT is recorded: recorded are Mine, gcn\n"
