import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

import click
from made_runs import case, ok, written

import rsc_bench
from rsc_bench import caches
from rsc_bench.cli import main
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.plugins import PluginError

ROOT = Path(__file__).resolve().parents[2]
TIMES = (1.0, 1.01, 1.02)


@pytest.fixture
def make(tmp_path):
    """Writes a run of one case whose times are scaled."""

    def file(name, factor=1.0, rounds=3, kernel="mkl"):
        return str(written(tmp_path / name, *([ok(case(kernel), factor * t)] for t in TIMES[:rounds])))

    return file


def is_one_line(err):
    return err.startswith("error: ") and err.count("\n") == 1 and err.endswith("\n")


def python(*arguments, **options):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, **options)


def test_help_imports_nothing_heavy():
    code = "import sys; from rsc_bench.cli import main; main(['--help']); print([n for n in {names} if n in sys.modules])"
    done = python("-c", code.format(names=["torch", "numpy", "pandas", "plotly", "rich", "msgspec", "psutil", "scipy"]))
    assert done.stdout.endswith("[]\n")
    assert all(command in done.stdout for command in ("bench", "list", "doctor", "report", "compare"))


def test_the_exit_status_reaches_the_shell(make):
    done = python("-m", "harness", "compare", make("base.jsonl"), make("new.jsonl", 2.0))
    assert (done.returncode, done.stderr) == (1, "")
    done = python("-m", "harness", "compare", make("more.jsonl"), "none.jsonl")
    assert done.returncode == 2
    assert is_one_line(done.stderr)


@pytest.mark.parametrize(("factor", "rounds", "status"), [(1.0, 3, 0), (0.5, 3, 0), (2.0, 3, 1), (2.0, 2, 3)])
def test_compare_exits_by_its_verdict(call, make, factor, rounds, status):
    assert call("compare", make("base.jsonl"), make("new.jsonl", factor, rounds))[0] == status


def test_compare_exits_1_where_a_case_is_missing(call, make):
    assert call("compare", make("base.jsonl"), make("new.jsonl", kernel="other"))[0] == 1


def test_compare_writes_what_is_asked_for(call, make, tmp_path):
    files = [tmp_path / "deep" / name for name in ("v.md", "v.xml", "v.json")]
    status, out, err = call(
        "compare", make("base.jsonl"), make("new.jsonl", 2.0), "--markdown", files[0], "--junit", files[1], "--json", files[2]
    )
    assert (status, err) == (1, "")
    assert out.startswith("FAIL: 1 slower")
    assert files[0].read_text().startswith("## FAIL")
    assert Xml.parse(files[1]).getroot().get("failures") == "1"
    assert json.loads(files[2].read_text())["exit_status"] == 1
    assert sorted(files[0].parent.iterdir()) == sorted(files)


@pytest.mark.parametrize(("threshold", "status"), [("5%", 1), ("0.05", 1), ("30%", 0), ("0.3", 0)])
def test_a_threshold_is_a_percentage_or_a_share(call, make, threshold, status):
    assert call("compare", make("base.jsonl"), make("new.jsonl", 1.2), "--threshold", threshold)[0] == status


@pytest.mark.parametrize("threshold", ["5", "0", "-1%", "100%", "five", "", "nan", "inf%"])
def test_a_threshold_that_is_no_share_is_one_line(call, make, threshold):
    status, out, err = call("compare", make("base.jsonl"), make("new.jsonl"), "--threshold", threshold)
    assert (status, out) == (2, "")
    assert err == f"error: --threshold must be above 0% and below 100% (got {threshold!r}): write 5% or 0.05\n"


@pytest.mark.parametrize(
    "arguments", [["compare"], ["compare", "one"], ["no-such"], ["list", "--no-such"], ["compare", "a", "b", "c"]]
)
def test_bad_usage_is_one_line(call, arguments):
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert is_one_line(err)


def test_the_version_is_known_without_an_installation(call):
    assert call("--version") == (0, f"rsc-bench {rsc_bench.__version__}\n", "")


def test_no_command_shows_the_help(call):
    status, _, err = call()
    assert status == 2
    assert "Commands:" in err


def spoilt(good, tmp_path):
    data = Path(good).read_bytes()
    lines = data.split(b"\n")
    yield "empty", b""
    yield "cut-header", data[:25]
    yield "damaged", b"\n".join([lines[0], lines[1][:9], *lines[2:]])
    yield "schema", data.replace(b'"schema":1', b'"schema":2')
    yield "png", b"\x89PNG\r\n\x1a\n\x00\x00"
    yield "list", b"[1]\n"
    yield "deep", b"[" * 100_000 + b"\n"
    yield "binary", bytes(range(256)) + b"\n"


@pytest.mark.parametrize("place", ["base", "new"])
def test_a_file_that_cannot_be_used_is_one_line_and_stays_as_it_is(call, make, tmp_path, place):
    good = make("good.jsonl")
    for name, content in spoilt(good, tmp_path):
        bad = tmp_path / f"{name}.jsonl"
        bad.write_bytes(content)
        status, out, err = call("compare", *((bad, good) if place == "base" else (good, bad)))
        assert (name, status, out) == (name, 2, "")
        assert is_one_line(err)
        assert str(bad) in err
        assert bad.read_bytes() == content


def test_a_directory_and_a_missing_file_are_one_line(call, make, tmp_path):
    good = make("good.jsonl")
    for bad in (tmp_path, tmp_path / "none.jsonl", Path(good) / "below"):
        status, _, err = call("compare", good, bad)
        assert status == 2
        assert is_one_line(err)


def test_a_file_killed_in_its_last_line_is_judged_by_what_is_finished(call, make):
    base, new = make("base.jsonl"), make("new.jsonl")
    whole = Path(new).read_bytes()
    Path(new).write_bytes(whole + whole.split(b"\n")[2][:40])
    assert call("compare", base, new)[0] == 0


@pytest.mark.parametrize("option", ["--markdown", "--junit", "--json"])
def test_an_output_that_cannot_be_written_is_one_line_and_leaves_nothing(call, make, tmp_path, option):
    base, new = make("base.jsonl"), make("new.jsonl")
    (tmp_path / "file").touch()
    before = sorted(tmp_path.iterdir())
    for target in (tmp_path / "file" / "below", tmp_path, Path("/proc/none/here"), tmp_path / ("x" * 300)):
        status, out, err = call("compare", base, new, option, target)
        assert (status, out) == (2, "")
        assert is_one_line(err)
        assert f"{target}: cannot be written" in err
    assert sorted(tmp_path.iterdir()) == before


def test_a_device_and_a_link_stay_what_they_are(call, make, tmp_path):
    base, link = make("base.jsonl"), tmp_path / "link.json"
    link.symlink_to(tmp_path / "there.json")
    assert call("compare", base, base, "--json", "/dev/null", "--markdown", link)[0] == 0
    assert Path("/dev/null").is_char_device()
    assert link.is_symlink()
    assert link.read_text().startswith("## PASS")


def test_results_are_never_written_over(call, make, tmp_path):
    base, new, disguised = make("base.jsonl"), make("new.jsonl"), make("other.html")
    for target in (new, disguised, tmp_path / "fresh.jsonl"):
        for command in (["compare", base, new, "--json", target], ["report", base, "--output", target]):
            status, _, err = call(*command)
            assert status == 2
            assert "results are never overwritten" in err
    assert not (tmp_path / "fresh.jsonl").exists()
    assert Path(disguised).read_bytes() == Path(base).read_bytes()


@pytest.mark.parametrize("option", ["--output", "--markdown", "--junit", "--json"])
def test_a_file_of_another_program_is_never_replaced(call, make, tmp_path, option):
    base, readme = make("base.jsonl"), tmp_path / "README.md"
    readme.write_text("# RSC Bench\n")
    command = ["report", base] if option == "--output" else ["compare", base, base]
    status, out, err = call(*command, option, readme)
    assert (status, out) == (2, "")
    assert err == f"error: {readme}: was not written by this program, and is not replaced: give another path\n"
    assert readme.read_text() == "# RSC Bench\n"


def test_what_we_wrote_and_an_empty_file_are_replaced(call, make, tmp_path):
    base, worse = make("base.jsonl"), make("worse.jsonl", 2.0)
    (tmp_path / "v.md").touch()
    outputs = ["--markdown", tmp_path / "v.md", "--junit", tmp_path / "v.xml", "--json", tmp_path / "v.json"]
    assert call("compare", base, base, *outputs)[0] == 0
    assert call("compare", base, worse, *outputs)[0] == 1
    assert (tmp_path / "v.md").read_text().startswith("## FAIL")
    assert Xml.parse(tmp_path / "v.xml").getroot().get("failures") == "1"
    assert json.loads((tmp_path / "v.json").read_text())["exit_status"] == 1


@pytest.mark.parametrize(
    ("fail", "line"),
    [
        (ResultsError("a\nb: bad\x1b"), "error: a b: bad\ufffd\n"),
        (PluginError("mine.py, line 2: bad"), "error: mine.py, line 2: bad\n"),
        (ModuleNotFoundError("No module", name="plotly.io"), "error: plotly is not installed: pip install plotly\n"),
    ],
)
def test_what_a_user_can_do_something_about_is_one_line(capsys, fail, line):
    assert main([], raising(fail)) == 2
    assert capsys.readouterr() == ("", line)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder in which tracebacks are kept."""
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "cache"))
    caches.private.cache_clear()
    yield tmp_path / "cache/kept"
    caches.private.cache_clear()


BUGS = [
    ZeroDivisionError("a\x1b[31m\nb"),
    MemoryError(),
    OSError(5, "I/O"),
    ModuleNotFoundError("No module", name="rsc_bench.misspelt"),
]


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_of_ours_is_no_users_error_and_no_verdict_and_its_traceback_is_kept(capsys, cache, bug):
    assert main([], raising(bug)) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert is_one_line(err)
    assert "\x1b" not in err
    (kept,) = cache.iterdir()
    assert f"please report it with its traceback, which is in {kept}\n" in err
    assert "Traceback (most recent call last)" in kept.read_text()


def test_few_tracebacks_are_kept_and_not_for_long(capsys, cache):
    cache.mkdir(parents=True)
    for days in range(10):
        old = cache / f"error-{days}.txt"
        old.touch()
        os.utime(old, (time.time() - days * 24 * 3600 - 60,) * 2)
    main(["--version"])
    assert sorted(path.name for path in cache.iterdir()) == [f"error-{days}.txt" for days in range(5)]
    os.utime(cache / "error-4.txt", (0, 0))
    main(["--version"])
    assert not (cache / "error-4.txt").exists()


def test_a_traceback_that_cannot_be_kept_leaves_one_line(capsys, cache, tmp_path, monkeypatch):
    (tmp_path / "cache").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "cache/none"))
    assert main([], raising(ZeroDivisionError())) == 4
    assert "please report it; its traceback cannot be kept (Not a directory)" in capsys.readouterr().err


def test_where_there_is_no_cache_folder_it_is_kept_in_the_temporary_one(capsys, cache, tmp_path, monkeypatch):
    (tmp_path / "cache").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    assert main([], raising(ZeroDivisionError())) == 4
    assert str(tmp_path / "tmp") in capsys.readouterr().err
    assert caches.private().parent == tmp_path / "tmp"
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "tmp").iterdir()] == [0], "one folder, closed to others"


@pytest.mark.parametrize("arguments", ["--help", "compare --help", "compare {base} {base}", "compare {base} {base} --json"])
def test_a_closed_output_is_no_verdict(make, arguments):
    base = make("base.jsonl")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "harness", *arguments.format(base=base).split()]
    done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (4, "error: the output: was closed before all of it was written\n")


@pytest.mark.parametrize(("closed", "status"), [("<&- >&- 2>&-", 0), (">/dev/full 2>&-", 2)])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_was_closed_from_the_start_is_nobodys_and_takes_no_answer_away(make, closed, status):
    file = shlex.quote(str(make("base")))
    command = f"{shlex.quote(sys.executable)} -m harness compare {file} {file} {closed}"
    assert subprocess.run(["sh", "-c", command], cwd=ROOT, check=False).returncode == status


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_output_is_no_verdict(make, stream):
    arguments = ["compare", make("base.jsonl"), make("new.jsonl", 2.0) if stream == "stdout" else "none.jsonl"]
    with Path("/dev/full").open("w") as full:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: full}
        done = subprocess.run([sys.executable, "-m", "harness", *arguments], cwd=ROOT, check=False, **streams)
    assert done.returncode == 2


def test_a_name_that_moves_the_cursor_is_printed_plainly(call, make, tmp_path):
    pytest.importorskip("pandas", reason="the page needs pandas: pip install pandas")
    base, hostile = make("base.jsonl"), tmp_path / "a\x1b[2Jb\n.json"
    for command in ("report", "export"):
        status, out, err = call(command, base, "--output", hostile)
        assert (status, out, err) == (0, f"{tmp_path}/a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}.json\n", "")
        hostile.unlink()
    assert "\x1b" not in call("import", tmp_path / "\x1b.json", "--results", tmp_path / "new.jsonl")[2]


def raising(error):
    """A command that ends so."""

    @click.command()
    def command():
        raise error

    return command


BROKEN_FIGURE = """
import sys
import rsc_bench.reports.figures
rsc_bench.reports.figures.__path__.append(sys.argv.pop(1))
import rsc_bench
from rsc_bench import caches
from rsc_bench.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("command", ["list", "report"])
def test_a_plugin_file_that_does_not_load_is_one_line(make, tmp_path, command):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/mine.py").write_text("from rsc_bench.reports.figures import Figure\nFIGURE = Figure('mine')\n")
    done = python("-c", BROKEN_FIGURE, tmp_path / "mine", command, *([make("base.jsonl")] if command == "report" else []))
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_line(done.stderr)
    assert done.stderr.startswith("error: reports/figures/mine.py, line 2: TypeError: Figure.__init__() missing 3 required")
    assert not (tmp_path / "base.html").exists()


WITHOUT_TORCH = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Absent())
import rsc_bench
from rsc_bench import caches
from rsc_bench.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_torch_list_says_so_and_compare_works(make):
    listed = python("-c", WITHOUT_TORCH, "list", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    tree = json.loads(listed.stdout)
    assert tree["metrics"]
    assert [(entry["available"], entry["reason"].partition(":")[0]) for entry in tree["kernels"]] == [
        (False, "torch is not installed")
    ]
    assert python("-c", WITHOUT_TORCH, "compare", make("base.jsonl"), make("new.jsonl")).returncode == 0


def test_an_unknown_command_is_one_line_that_says_where_a_plugin_stands(call):
    status, _, error = call("hello", "--plugin", "mine.py")
    assert status == 2
    assert "--help` lists them; --plugin FILE.py of a command stands before its name" in error
    assert len(error.splitlines()) == 1


def test_every_command_is_whole_in_the_list_of_commands(call):
    assert "..." not in call("--help")[1].partition("Commands:")[2]


COMMAND = """
import click

@click.command("mine")
{option}
def mine(**given):
    return "done"

COMMAND = mine
"""


@pytest.mark.parametrize(
    ("option", "rule"),
    [
        ("", "a command must return its exit status, a whole number or None (got 'done')"),
        ("@click.option('--plugin')", "command 'mine': must have no --plugin of its own: every command gets ours"),
    ],
    ids=["status", "option"],
)
def test_a_users_command_that_cannot_work_is_one_line(tmp_path, option, rule):
    (tmp_path / "mine.py").write_text(COMMAND.format(option=option))
    done = python("-m", "harness", "--plugin", tmp_path / "mine.py", "mine")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {rule}\n")
