import pytest
from fake_gpus import FakeGpus

from rsc_bench import allocator
from rsc_bench.suites.devices import HERE, Devices
from rsc_bench.suites.graphs import GraphError
from rsc_bench.suites.options import Options, OptionsError, check, names_suite, numbers, path, share


def refusal(here=HERE, **options):
    with pytest.raises(OptionsError) as caught:
        check(Options(**{"benchmark": True, "graphs": ("small:hub",), "device": "cpu"} | options), here)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budgets": (0.0,)}, "--budget must lie in (0, 1], a share of the exact FLOPs (got 0.0)"),
        ({"budgets": (0.5, 1.5)}, "--budget must lie in (0, 1], a share of the exact FLOPs (got 1.5)"),
        ({"budgets": (float("nan"),)}, "--budget must lie in (0, 1], a share of the exact FLOPs (got nan)"),
        ({"widths": (0,)}, "--width must be at least 1, the columns of the dense operand (got 0)"),
        ({"rounds": 0}, "--rounds must be at least 1 (got 0)"),
        ({"seeds": 0}, "--seeds must be at least 1 (got 0)"),
        ({"epochs": -1}, "--epochs must be at least 1 (got -1)"),
        ({"layers": 0}, "--layers must be at least 1 (got 0)"),
        ({"dtypes": ("float8",)}, "--dtype must be one of float32, bfloat16, float16 (got float8)"),
        ({"reduces": ("prod",)}, "--reduce must be sum, mean, max or min (got prod)"),
        ({"memory": ("stale",)}, "--memory must be fresh or kept (got stale)"),
        ({"memory": ("fresh",), "benchmark": False}, "--memory must go with --benchmark: without it nothing is timed"),
        (
            {"memory": ("fresh", "kept"), "in_process": True},
            "--memory must go without --in-process: it needs a process of its own",
        ),
        ({"device": "banana"}, "--device must be cpu, cuda or cuda:NUMBER (got banana)"),
        (
            {"models": ("GCN",), "dtypes": ("bfloat16",)},
            "--dtype must be float32 where a --model is trained (got bfloat16): leave it out",
        ),
        ({"slow_down": 0.0}, "--slow-down must be above 0% and at most 1000% (got 0%): write 5% or 0.05"),
        ({"slow_down": float("nan")}, "--slow-down must be above 0% and at most 1000% (got nan%): write 5% or 0.05"),
        ({"slow_down": 0.05, "benchmark": False}, "--slow-down must go with --benchmark: without it nothing is timed"),
        (
            {"slow_down": 0.05, "seeds": 1},
            "--slow-down must go with products, not with trainings, which it leaves as they are: name no --model or training",
        ),
    ],
)
def test_what_no_run_can_use_is_refused_with_the_option_the_rule_and_the_value(options, message):
    assert refusal(**options) == message


def test_the_memory_of_results_is_no_choice_on_a_gpu():
    line = "--memory must go with a run on a CPU, for it is main memory (got cuda:0): add --device cpu"
    assert refusal(Devices(FakeGpus(1)), memory=("fresh",), device="cuda:0") == line


def test_kept_memory_is_refused_where_the_allocator_keeps_none_and_fresh_memory_is_not(monkeypatch):
    monkeypatch.setattr(allocator, "why_not", lambda: "memory can be kept where glibc allocates it: nothing was changed")
    assert refusal(memory=("fresh", "kept")) == "--memory kept: memory can be kept where glibc allocates it: nothing was changed"
    check(Options(benchmark=True, device="cpu", memory=("fresh",)))


def test_a_gpu_that_is_not_there_is_refused():
    assert "--device cuda needs an NVIDIA GPU that torch sees" in refusal(Devices(FakeGpus(0)), device="cuda")


def test_a_gpu_past_the_last_is_refused():
    one = Devices(FakeGpus(1))
    check(Options(device="cuda:0"), one)
    assert "--device cuda:1 must be one of the 1 GPUs of this machine" in refusal(one, device="cuda:1")


def test_an_unknown_graph_is_refused_with_the_nearest_names():
    with pytest.raises(GraphError, match="graph 'small:hubs' is not known: nearest are small:hub"):
        check(Options(graphs=("small:hubs",)))


def test_two_graphs_of_one_name_are_refused(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.csv").write_text("source,target\n0,1\n1,0\n")
    paths = tuple(str(tmp_path / folder / "net.csv") for folder in ("one", "two"))
    assert refusal(graphs=paths).startswith("--graph must not name two graphs that are called the same")


@pytest.mark.parametrize(("kind", "what"), [(int, "a whole number"), (float, "a number")])
def test_a_value_that_is_no_number_is_refused(kind, what):
    with pytest.raises(OptionsError, match=rf"--width must be {what} \(got 'abc'\)"):
        numbers("--width", ["1", "abc"], kind)


@pytest.mark.parametrize(("text", "expected"), [("5%", 0.05), ("0.05", 0.05), ("150%", 1.5), (None, None)])
def test_a_share_is_written_as_percent_or_as_a_number(text, expected):
    assert share("--slow-down", text) == expected


def test_a_share_that_is_no_number_is_refused():
    with pytest.raises(OptionsError, match=r"--slow-down must be a number \(got 'much'\)"):
        share("--slow-down", "much")


def test_an_empty_path_is_refused():
    with pytest.raises(OptionsError, match=r"--results must be a path \(got ''\): leave it out for the default"):
        path("--results", "")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["suites/test_training.py"], True),
        (["suites/test_exact.py", "suites/test_training.py::test_training[small:random-GCN]"], True),
        (["/usr/lib/rsc_bench/suites/test_training.py"], True),
        (["rsc_bench.suites.test_training"], True),
        (["rsc_bench.suites.test_training::test_training"], True),
        (["suites/"], False),
        (["rsc_bench.suites"], False),
        (["suites/test_exact.py::test_exact[test_training.py]"], False),
        (["suites/test_growth.py"], False),
        ([], False),
    ],
)
def test_trainings_are_named_by_the_path_of_their_module_or_by_its_dotted_name(arguments, named):
    assert names_suite(arguments, "training") == named
