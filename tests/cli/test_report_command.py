import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

import click
from made_runs import case, ok, written

from rsc_bench.cli._followed import Places
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


def test_a_newer_file_without_a_record_is_passed_over_and_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "results").mkdir()
    written(tmp_path / "results/old.jsonl", [ok(case(), 1.0)])
    for place, (name, rounds) in enumerate({"ended": [], "killed": [[]]}.items(), 1):
        written(tmp_path / f"results/{name}.jsonl", *rounds)
        os.utime(tmp_path / f"results/{name}.jsonl", (2e9 + place, 2e9 + place))
    monkeypatch.chdir(tmp_path)
    page = Page()
    assert draw([], None, page.write) == Path("results/old.html")
    said = "note: passed over, for want of a record: results/killed.jsonl, results/ended.jsonl\n"
    assert capsys.readouterr() == ("", said)
    (tmp_path / "results/old.jsonl").unlink()
    with pytest.raises(click.ClickException, match=r"no results file with a record \(2 without\) in results/: `"):
        draw([], None, page.write)
    (tmp_path / "results/broken.jsonl").write_text("{\n")
    assert draw([], None, page.write) == Path("results/broken.html"), "drawing it says what is wrong"


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


def lines_of(process, count):
    return [process.stdout.readline() for _ in range(count)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_follows_a_folder_until_it_is_interrupted_and_leaves_a_page_that_stays_as_it_is(tmp_path, number):
    pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")
    command = [sys.executable, "-m", "rsc_bench", "report", "--follow", tmp_path / "study", "--every", "0.1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        page = tmp_path / "study/report.html"
        assert lines_of(process, 2) == [
            f"{page}: redrawn as records come, until Ctrl-C\n",
            f"waiting for results in {tmp_path}/study\n",
        ]
        written(tmp_path / "study/one.jsonl", [ok(case(), 1.0)])
        assert lines_of(process, 1)[0].endswith("1 records, round 1 of 1: 1 of 1 cases\n")
        assert "As of <b>" in page.read_text()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")
    assert rest.endswith("for the last time\n")
    assert "As of <b>" not in page.read_text()


def test_what_cannot_come_into_being_is_not_waited_for(call, tmp_path):
    path = tmp_path / "none/run.jsonl"
    reason = f"cannot be waited for, there is no folder {path.parent}"
    assert call(path, "--follow") == (2, "", f"error: {path}: {reason}: make it, or give another path\n")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e9"])
def test_drawings_are_apart_by_a_number_of_seconds(call, seconds):
    status, _, err = call("a.jsonl", "--follow", "--every", seconds)
    assert (status, err.startswith("error: --every must be 0.1 to 86400 seconds (got ")) == (2, True)


def test_every_is_of_follow(call):
    assert call("a.jsonl", "--every", "5") == (2, "", "error: --every is of --follow: give both, or none of them\n")


def test_results_are_not_followed_onto_themselves(call, tmp_path):
    base = written(tmp_path / "base.jsonl", [ok(case(), 1.0)])
    status, _, err = call(base, "--follow", "--output", base)
    assert (status, "results are never overwritten" in err) == (2, True)


def test_places_are_files_and_folders_that_may_come_later(tmp_path):
    file, folder = tmp_path / "apart.jsonl", tmp_path / "study"
    places = Places([file, folder])
    assert (places.found(), places.page) == ([], tmp_path / "apart.html")
    folder.mkdir()
    for name in ("two", "one", ".hidden"):
        (folder / f"{name}.jsonl").touch()
    file.touch()
    assert places.found() == [file, folder / "one.jsonl", folder / "two.jsonl"]
    assert Places([folder, folder / "one.jsonl"]).found() == [folder / "one.jsonl", folder / "two.jsonl"]
    assert Places([tmp_path / "new"]).page == tmp_path / "new/report.html", "without an ending it is a folder"
    assert Places([tmp_path / "new.jsonl"]).page == tmp_path / "new.html"


def test_without_results_it_follows_the_newest_and_what_is_written_from_then_on(tmp_path):
    for place, name in enumerate(("old", "older", "newest")):
        (tmp_path / f"{name}.jsonl").touch()
        os.utime(tmp_path / f"{name}.jsonl", (place + 1, place + 1))
    places = Places([tmp_path], newest=True)
    assert places.found() == [tmp_path / "newest.jsonl"]
    for name in ("old", "new"):
        (tmp_path / f"{name}.jsonl").write_text("more")
    assert places.found() == [tmp_path / f"{name}.jsonl" for name in ("new", "newest", "old")]
