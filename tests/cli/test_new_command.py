"""Every kind of plug-in is written and loads; what each does in a run is tested in `tests/test_adding_a_plugin.py`."""

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from made_runs import case, ok, written
from own_plugins import plugins_as_they_were

from rsc_bench.kinds import KINDS
from rsc_bench.plugins import REGISTRY, Registry
from rsc_bench.text import call as call_of


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_of_every_kind_loads_under_the_name_that_was_given(call, tmp_path, kind):
    status, out, err = call("new", kind, "my_thing", "--output", tmp_path)
    path = tmp_path / "my_thing.py"
    assert (status, err) == (0, "")
    written, follows = out.splitlines()
    assert written == str(path)
    assert follows.startswith(f"next: {call_of('')}")
    assert str(path) in follows
    ((found, plugin),) = Registry().add_file(path)
    assert found.name == kind
    assert plugin.name == ("my-thing" if kind == "output" else "my_thing")
    assert "$" not in path.read_text()


def test_a_new_kernel_passes_every_contract_test(call, tmp_path):
    from rsc_bench.suites.spmm import contract

    call("new", "kernel", "my_kernel", "--output", tmp_path)
    ((_, kernel),) = REGISTRY.read_file(tmp_path / "my_kernel.py", "--kernel")
    trials = list(contract.trials("my_kernel"))
    for trial in trials:
        contract.check(kernel, trial)
    assert len(trials) == 72


def test_nothing_is_overwritten(call, tmp_path):
    (tmp_path / "mine.py").write_text("mine")
    status, _, err = call("new", "metric", "mine", "--output", tmp_path)
    assert (status, err) == (2, f"error: {tmp_path / 'mine.py'}: is there already, and nothing is overwritten: give another name\n")
    assert (tmp_path / "mine.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("kernal", "mine", "'kernal' is no kind of plug-in: nearest are kernel"),
        ("kernel", "my-kernel", "NAME must be letters, digits and '_', a letter first (got 'my-kernel')"),
        ("kernel", "class", "NAME must be letters"),
        ("metric", "speedup", "metric 'speedup' is there already"),
        ("output", "JSON", "output 'json' is there already"),
    ],
)
def test_what_cannot_be_is_one_line(call, tmp_path, kind, name, said):
    status, out, err = call("new", kind, name, "--output", tmp_path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_a_format_has_the_very_name_that_was_asked_for(call, tmp_path):
    run = written(tmp_path / "run.jsonl", [ok(case("mkl"), 1.0)])
    for name in ("my_format", "myFormat"):
        status, out, _ = call("new", "export", name, "--output", tmp_path)
        assert status == 0
        assert out.rstrip().endswith(f"--format {name}")
        given = ("--plugin", tmp_path / f"{name}.py", "--format", name, "--output", "-")
        with plugins_as_they_were():
            assert call("export", run, *given)[:2] == (0, "# written by rsc-bench\nmkl\n")
