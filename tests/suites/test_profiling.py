"""What the command `profile` finds, shows and leaves."""

from dataclasses import replace

import pytest

pytest.importorskip("numba", reason="the kernel profiled here needs numba: pip install numba")

from rsc_bench.cli import main
from rsc_bench.harness.measure.profile import ProfileError
from rsc_bench.suites.profiling import Request, plan

HUB = Request(graph="small:hub", device="cpu")


@pytest.fixture
def profile(capsys, tmp_path):
    """Runs the command: exit status, stdout, stderr, the files it left."""

    def run(*arguments):
        status = main(["profile", "--output", str(tmp_path / "traces"), "--device", "cpu", *arguments])
        out, err = capsys.readouterr()
        return status, out, err, [path.name for path in (tmp_path / "traces").glob("*")]

    return run


def phases(out):
    """Calls of each phase in the first table."""
    lines = out.split("\nphase", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return {" ".join(line.split()[:-3]): int(line.split()[-3]) for line in lines if line.split()[-3].isdigit()}


def test_a_product_that_caches_is_called_for_one_interval_and_selects_once(profile):
    status, out, err, files = profile(
        "--graph", "small:hub", "--width", "8", "--kernel", "cached_topk(rows_numba)", "--budget", "0.5"
    )
    assert (status, err) == (0, "")
    assert phases(out) == {"backward SpMM": 10, "select": 1, "all of it": 1}
    (file,) = files
    assert file.endswith("-small-hub-d8-cached_topk-rows_numba--C0.5.json")
    assert f"{file}\n" in out
    assert "https://ui.perfetto.dev" in out


def test_a_fresh_selection_is_made_in_every_call(profile):
    _, out, _, _ = profile("--graph", "small:hub", "--width", "8", "--kernel", "topk(rows_numba)")
    assert phases(out) == {"backward SpMM": 10, "select": 10, "all of it": 1}


def test_an_exact_product_has_nothing_to_select(profile):
    _, out, _, _ = profile("--graph", "small:hub", "--width", "8", "--kernel", "rows_numba")
    assert phases(out) == {"backward SpMM": 10, "all of it": 1}


def test_the_first_epoch_that_samples_selects_by_the_budgets_that_the_one_before_has_shared_out(profile):
    pytest.importorskip("torch_geometric", reason="training needs PyTorch Geometric: pip install torch-geometric")
    status, out, err, files = profile("--graph", "small:random", "--model", "GCN", "--width", "8")
    assert (status, err) == (0, "")
    # Three layers multiply once each way. Each aggregates behind its weights, so the first one, too, has a gradient to sample.
    assert phases(out) == {
        "forward SpMM": 3,
        "backward SpMM": 3,
        "select": 3,
        "allocate": 0,
        "optimiser": 1,
        "all of it": 1,
    }
    assert "epoch 6: the first that samples" in out
    assert len(files) == 1


def test_an_exact_epoch_neither_selects_nor_allocates(profile):
    pytest.importorskip("torch_geometric", reason="training needs PyTorch Geometric: pip install torch-geometric")
    _, out, _, _ = profile("--graph", "small:random", "--model", "GCN", "--width", "8", "--kernel", "rows_numba")
    found = phases(out)
    assert (found["forward SpMM"], found["backward SpMM"], found["select"], found["allocate"]) == (3, 3, 0, 0)


def test_without_a_kernel_ours_is_profiled_and_samples_where_there_is_a_budget():
    assert "cpu profiler rows_numba, 10 calls" in plan(replace(HUB, width=3)).title
    assert "cpu profiler cached_topk(rows_numba) C=0.3, 10 calls" in plan(replace(HUB, width=3, budget=0.3)).title


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"graph": "small:hubb"}, "graph 'small:hubb' is not known"),
        ({"kernel": "rows_numb"}, "--kernel 'rows_numb' is not a known kernel or a file: nearest are rows_numba"),
        ({"budget": 1.5}, r"--budget must lie in \(0, 1\]"),
        ({"width": 0}, "--width must be at least 1"),
        ({"model": "GCM"}, "--model 'GCM' is not known: nearest are GCN"),
        (
            {"kernel": "mkl", "budget": 0.1},
            r"a kernel that samples \(got mkl\): write --kernel 'cached_topk\(mkl\)'",
        ),
        ({"width": 10**9}, "need .* GB of memory"),
    ],
)
def test_what_cannot_be_profiled_is_refused_in_one_line(given, message):
    with pytest.raises(ProfileError, match=message) as caught:
        plan(replace(HUB, **given))
    assert "\n" not in str(caught.value)


def test_bad_usage_exits_2_and_a_trace_that_cannot_be_written_1_after_the_tables(profile, tmp_path):
    status, out, err, files = profile("--graph", "small:hubb")
    assert (status, out, files) == (2, "", [])
    assert err.startswith("error: graph 'small:hubb' is not known")
    (tmp_path / "traces").touch()
    status, out, err, _ = profile("--graph", "small:hub", "--width", "8", "--kernel", "rows_numba")
    assert status == 1
    assert phases(out)["backward SpMM"] == 10
    assert err.startswith("error: ")
    assert "the trace cannot be written" in err
    assert err.count("\n") == 1
