"""An error in pytest or in our hooks is one line, with the status that stands for it."""

import pytest

from rsc_bench.harness.records.file import ResultsError
from rsc_bench.suites.measuring.internal_errors import InternalErrors


class Raises:
    """A plug-in of pytest in whose hook something goes wrong."""

    def __init__(self, error):
        self.error = error

    def pytest_collection_modifyitems(self):
        raise self.error


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run pytest with an error in a hook: status, what it said, and how many tracebacks were kept."""
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "test_a.py").write_text("def test_a():\n    pass\n")
    arguments = ["-c", "/dev/null", "--rootdir", str(tmp_path), "-p", "no:cacheprovider", str(tmp_path / "test_a.py")]

    def run(error):
        status = pytest.main(arguments, plugins=[InternalErrors(), Raises(error)])
        return status, capsys.readouterr().out, len(list(tmp_path.glob("cache/kept/*")))

    return run


def test_an_error_of_ours_is_one_line_and_its_traceback_is_kept(run):
    status, said, kept = run(ZeroDivisionError("a bug"))
    line = "INTERNALERROR> an error of rsc-bench itself (ZeroDivisionError: a bug): please report it with its traceback"
    assert (status, said.count("INTERNALERROR"), said.count(line), kept) == (4, 1, 1, 1)


def test_what_a_user_can_do_something_about_is_one_line_too(run):
    status, said, kept = run(ResultsError("run.jsonl: cannot be written"))
    assert (status, said.count("INTERNALERROR"), kept) == (2, 1, 0)
    assert "INTERNALERROR> run.jsonl: cannot be written\n" in said
