import pytest

from rsc_bench.plugins import OPTIONAL
from rsc_bench.suites.catalog import Choice, KernelError, catalog
from rsc_bench.suites.spmm.cases.choosing import named

MINE = """
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.mkl import prepare
KERNEL = Kernel("mine", "cpu", "Mine.", prepare)
"""


@pytest.fixture
def file(tmp_path):
    """Writes a kernel file."""

    def write(text=MINE, name="mine.py"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def refused(*named):
    with pytest.raises(KernelError) as caught:
        catalog(named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_selection_is_known_before_every_kernel():
    names = catalog().names()
    assert {"mkl", "topk(mkl)", "cached_topk(mkl)", "random(torch_reduce)", "cached_importance(mkl)"} <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", catalog().names())
def test_every_name_is_found_and_is_the_name_of_its_choice(name):
    assert catalog().find(name).name == name


def test_a_choice_becomes_a_kernel_of_its_name():
    known = catalog()
    assert known.build(Choice("mkl"), None) is known.exact["mkl"]
    assert known.build(Choice("mkl", "topk", cached=True), 0.1).name == "cached_topk(mkl)"


NEAR = [("mlk", "mkl"), ("topk(mlk)", "topk(mkl)"), ("top(mkl)", "topk(mkl)"), ("baseline", "baselines")]


@pytest.mark.parametrize(("name", "near"), NEAR)
def test_an_unknown_kernel_is_refused_with_the_nearest_names(name, near):
    with pytest.raises(KernelError, match=r"nearest (is|are) ") as caught:
        catalog().find(name)
    assert near in str(caught.value)


def test_a_name_like_no_other_is_refused_with_where_the_names_stand():
    with pytest.raises(KernelError, match=r"--kernel 'qqqqqqq' is not a known kernel or a file: `python -m harness list`"):
        catalog().find("qqqqqqq")


def test_a_file_is_a_kernel_under_its_own_name(file):
    path = file()
    known = catalog([path, path, "mkl"])
    assert known.find(path) == known.find("mine") == Choice("mine")
    assert known.find("cached_topk(mine)") == Choice("mine", "topk", cached=True)


def test_a_kernel_for_a_gpu_is_one_for_a_cpu_where_tritons_interpreter_runs_it(file, monkeypatch):
    """Its author writes nothing for it; also what it says it lacks is a GPU."""
    text = "from rsc_bench.kernels import Kernel\nfrom rsc_bench.kernels.exact.mkl import prepare\n"
    path = file(text + "KERNEL = Kernel('mine', 'cuda', 'Mine.', prepare, missing=lambda: 'no GPU')\n")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert (catalog([path]).exact["mine"].device, catalog([path]).exact["mine"].why_not()) == ("cuda", "no GPU")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert (catalog([path]).exact["mine"].device, catalog([path]).exact["mine"].why_not()) == ("cpu", None)


def test_a_file_that_is_not_named_is_not_loaded(file, monkeypatch, tmp_path):
    file("raise SystemExit('loaded')", "kernel.py")
    monkeypatch.chdir(tmp_path)
    assert "mine" not in catalog(["mkl"]).exact


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refused(f"{tmp_path}/none.py").endswith("none.py: no such file: give the path of a Python file")


def test_a_folder_is_no_kernel_file(tmp_path):
    (tmp_path / "folder.py").mkdir()
    assert "is a folder" in refused(f"{tmp_path}/folder.py")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "mine.py: must define KERNEL = Kernel(...), KERNELS = (...) or SELECTION = Selection(...) (got none): see `"),
        ("KERNEL = 3", "mine.py: must define KERNEL = Kernel(...) (got int)"),
        ("def prepare(:\n", "mine.py, line 1: SyntaxError: "),
        ("\nimport nunpy_misspelt", "mine.py, line 2: ModuleNotFoundError: No module named 'nunpy_misspelt'"),
        ("raise RuntimeError('first\\nsecond')", "mine.py, line 1: RuntimeError: first"),
        ("raise SystemExit(3)", "mine.py, line 1: SystemExit"),
        (b"KERNEL = '\xff'".decode("latin1"), "mine.py: must define KERNEL"),
    ],
    ids=["empty", "number", "syntax", "import", "raises", "exits", "string"],
)
def test_a_file_that_defines_no_kernel_is_refused_with_the_file_the_line_and_the_reason(file, text, reason):
    message = refused(file(text))
    assert message.startswith("--kernel ")
    assert reason in message


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ('"cpu", "Mine."', '"gpu", "Mine."', ("device", "cpu", "cuda", "gpu")),
        ("prepare)", 'prepare, "mine")', ("role", "ours", "mine")),
    ],
    ids=["device", "role"],
)
def test_a_kernel_that_no_sweep_would_know_what_to_do_with_is_refused_with_its_line(file, right, wrong, named):
    message = refused(file(MINE.replace(right, wrong)))
    assert "mine.py, line 4: ValueError: " in message
    assert all(word in message for word in named)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(b"\x00\xff\x00")
    assert "mine.py" in refused(str(path))


def test_a_kernel_must_have_a_name_of_its_own(file):
    assert "its kernel must have a name of its own (got 'mkl'): rename it" in refused(file(MINE.replace("mine", "mkl")))
    one, two = file(name="one.py"), file(name="two.py")
    assert "two.py: its kernel must have a name of its own (got 'mine')" in refused(one, two)


@pytest.mark.parametrize("name", ["topk(mkl)", "my kernel", ""])
def test_a_kernel_must_have_a_name_that_can_stand_in_others(file, name):
    assert "name" in refused(file(MINE.replace('"mine"', repr(name))))


def test_a_package_that_is_missing_for_a_file_is_named_with_its_remedy(file, monkeypatch):
    monkeypatch.setitem(OPTIONAL, "absent_extra", "pip install absent-extra")
    assert refused(file("import absent_extra")).endswith("mine.py, line 1: absent_extra is not installed: pip install absent-extra")


SEVERAL = """
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.mkl import prepare
from rsc_bench.kernels.sampled.selections import Selection, topk
KERNELS = (Kernel("one", "cpu", "One.", prepare), Kernel("other", "cpu", "Other.", prepare, exact=False, selects=True))
SELECTION = Selection("mine", "Mine.", topk.draw)
"""


def test_a_file_may_have_several_kernels_and_selections_and_all_are_measured(file):
    path = file(SEVERAL)
    known = catalog([path])
    assert (known.from_files, known.selections_of) == ({path: ("one", "other")}, {path: ("mine",)})
    assert known.foreign() == ["one", "other"]
    found = [choice.name for choice in named(path, known, "cpu")]
    assert found[:5] == ["one", "topk(one)", "cached_topk(one)", "other", "cached_other"]
    assert found[5:] in ([], ["mine(rows_numba)", "cached_mine(rows_numba)"])
    with pytest.raises(KernelError, match=r"must have one kernel here \(got one, other\): give it as --plugin, and name one"):
        known.find(path)


def test_a_selection_of_a_file_has_a_name_of_its_own(file):
    taken = "from rsc_bench.kernels.sampled.selections import Selection, topk\nSELECTION = Selection('random', 'Mine.', topk.draw)"
    assert refused(file(taken)).endswith("its selection must have a name of its own (got 'random'): rename it")
