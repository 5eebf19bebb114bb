import os
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

import click
from made_runs import case, ok, written

from rsc_bench.cli.report import draw
from rsc_bench.text import bench


@pytest.fixture
def call(call):
    """Runs the command: exit status, stdout, stderr."""
    return partial(call, "report")


class Page:
    """Notes what it is to be drawn from, and where; or fails."""

    def __init__(self, fail=None):
        self.fail = fail
        self.drawn = []

    def write(self, paths, output):
        if self.fail:
            raise self.fail
        self.drawn.append((paths, output))


def test_the_newest_results_are_drawn_beside_them(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    for name in ("old", "zebra"):
        written(tmp_path / f"results/{name}.jsonl", [ok(case(), 1.0)])
    os.utime(tmp_path / "results/old.jsonl", (2e9, 2e9))
    monkeypatch.chdir(tmp_path)
    page = Page()
    assert draw([], None, page.write) == Path("results/old.html")
    assert page.drawn == [([Path("results/old.jsonl")], Path("results/old.html"))]


def test_the_files_given_are_drawn_to_the_output_given():
    page, files = Page(), [Path("a.jsonl"), Path("b.jsonl")]
    assert draw(files, Path("c.html"), page.write) == Path("c.html")
    assert page.drawn == [(files, Path("c.html"))]


def test_a_folder_stands_for_the_results_files_in_it_and_its_page_is_in_it(tmp_path):
    folder, apart = tmp_path / "study", tmp_path / "apart.jsonl"
    for name in ("study/two.jsonl", "study/one.jsonl", "study/.hidden.jsonl", "study/notes.txt", "study/below/three.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    page, inside = Page(), [folder / "one.jsonl", folder / "two.jsonl"]
    assert draw([folder], None, page.write) == folder / "report.html"
    assert draw([apart, folder], None, page.write) == tmp_path / "apart.html"
    assert draw([folder, folder / "two.jsonl"], None, page.write) == folder / "report.html"
    assert [paths for paths, _ in page.drawn] == [inside, [apart, *inside], [folder / "two.jsonl", folder / "one.jsonl"]]


def test_a_folder_of_results_is_drawn(call, tmp_path):
    for name in ("one", "two"):
        written(tmp_path / f"{name}.jsonl", [ok(case(), 1.0)])
    assert call(tmp_path) == (0, f"{tmp_path}/report.html\n", "")
    page = (tmp_path / "report.html").read_text()
    assert all(f"<strong>{name}.jsonl</strong>" in page for name in ("one", "two"))


def test_a_folder_without_results_is_one_line(call, tmp_path):
    assert call(tmp_path) == (2, "", f"error: no results file in {tmp_path}/: `{bench()}` makes one\n")


def test_without_results_it_says_what_makes_them(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call() == (2, "", f"error: no results file in results/: `{bench()}` makes one\n")


def test_a_page_replaces_no_directory_and_no_device(call, tmp_path):
    for output in (tmp_path, Path("/dev/null")):
        status, _, err = call("a.jsonl", "--output", output)
        assert (status, err) == (2, f"error: {output}: cannot be written (it is no regular file): give another path\n")


def test_a_page_that_cannot_be_written_is_one_line():
    page = Page(fail=PermissionError(13, "Permission denied"))
    with pytest.raises(click.ClickException, match=r"^c.html: cannot be written \(Permission denied\): give another path$"):
        draw([Path("a.jsonl")], Path("c.html"), page.write)


def test_a_page_is_drawn_over_the_page_that_was_there(call, tmp_path):
    base = written(tmp_path / "base.jsonl", [ok(case(), 1.0)])
    assert call(base)[0] == 0
    output = base.with_suffix(".html")
    output.write_text(output.read_text().replace("</html>", "<!-- old -->"))
    assert call(base) == (0, f"{output}\n", "")
    assert "<!-- old -->" not in output.read_text()
