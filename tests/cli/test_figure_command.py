import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("pandas", reason="figures need pandas: pip install pandas")

import msgspec
from synthetic_results import case, ok, write_results

from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.ceilings import Ceilings, Probe
from rsc_bench.harness.records.run import Round
from rsc_bench.reports.drawing import printed

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture
def run(tmp_path):
    records = [ok(case("mkl", width=width), 20) for width in (64, 256)]
    records += [ok(case("topk(mkl)", 0.1, width=width), 4) for width in (64, 256)]
    return write_results(tmp_path / "run.jsonl", [records])


@pytest.fixture
def asked(monkeypatch):
    """What is asked of the browser, in place of one."""
    found = []
    monkeypatch.setattr(printed, "image", lambda *asked: found.append(asked[1:]) or b"<svg/>")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    return found


def test_the_suffix_is_the_form_and_the_width_is_in_inches_or_by_name(call, run, tmp_path, asked):
    for name, width in (("a.svg", "column"), ("a.pdf", "page"), ("a.png", "5")):
        status, out, err = call("figure", "speedup_budget", run, "--output", tmp_path / name, "--width", width)
        assert (status, out) == (0, f"{tmp_path / name}\n")
        assert err == "shows width=256; --where chooses: width: 256, 64\n"
    assert asked == [(0, 3.35, "svg"), (0, 7.0, "pdf"), (0, 5.0, "png")]


def test_a_panel_is_chosen(call, run, tmp_path, asked):
    assert call("figure", "speedup_budget", run, "--output", tmp_path / "a.svg", "--where", "width=64")[0] == 0
    assert asked == [(1, 3.35, "svg")]


def test_what_the_page_says_below_a_figure_is_said(call, tmp_path, asked):
    ceilings = Ceilings(device="cpu", probes=[Probe(what="copy", means="copy_", operand_bytes=9, moved_bytes=9, times_s=[1.0])])
    file = ResultsFile(tmp_path / "run.jsonl", {})
    busy = msgspec.structs.replace(ceilings, busy_share=0.37)
    file.start_round(Round(index=1, of=1, cases=1, started="2026-03-01T10:00:00Z", ceilings=busy))
    file.append(ok(case("mkl"), 20))
    file.close()
    err = call("figure", "roofline", file.path, "--output", tmp_path / "a.svg")[2]
    assert err.startswith("Other programs took 37 % of all cores when the ceilings were measured: they may be too low")
    assert err.count("\n") == 1


BAD = {
    "a name": (["speedup_bugdet"], r"figure 'speedup_bugdet' is not known: nearest are speedup_budget.*; all are ablation, "),
    "no data": (["learning_curves"], r"run.jsonl has no data for it: it has data for .*speedup_budget"),
    "a width": (["speedup_budget", "--width", "colum"], r"--width must be column, page, or inches from 1 to 40 \(got 'colum'\)"),
    "a form": (["speedup_budget", "--output", "a.eps"], r"--output must end in .svg, .pdf, .png \(got 'a.eps'\)"),
    "a panel": (["speedup_budget", "--where", "width=65"], r"it has no panel of width=65: it has width 256, 64"),
    "no panel": (["speedup_budget", "--where", "width"], r"--where must be NAME=VALUE \(got 'width'\)"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_one_line_with_the_names(call, run, asked, arguments, said):
    output = [] if "--output" in arguments else ["--output", run.with_name("a.svg")]
    status, out, err = call("figure", arguments[0], run, *arguments[1:], *output)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert re.search(said, err)
    assert asked == []


def test_no_file_but_an_image_is_replaced(call, run, tmp_path, asked):
    (tmp_path / "a.svg").write_text("notes")
    for output in (tmp_path / "a.svg", run):
        assert call("figure", "speedup_budget", run, "--output", output)[0] == 2
    (tmp_path / "a.svg").write_text("<svg/>")
    assert call("figure", "speedup_budget", run, "--output", tmp_path / "a.svg")[0] == 0


def test_without_kaleido_it_names_the_extra(call, run, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    line = 'error: figure: kaleido is not installed: pip install "rsc-bench[figures]"\n'
    assert call("figure", "speedup_budget", run, "--output", tmp_path / "a.svg") == (2, "", line)


@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="no Chrome or Chromium is installed: it draws the image")
def test_an_image_is_as_wide_as_a_column(run, tmp_path):
    pytest.importorskip("kaleido", reason="kaleido is not installed: pip install kaleido")
    command = [sys.executable, "-m", "harness", "figure", "speedup_budget", str(run), "--output", str(tmp_path / "a.svg")]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert float(re.search(r'<svg[^>]* width="([\d.]+)"', text)[1]) == pytest.approx(3.35 * 96)
    assert "budget C, share of the exact FLOPs" in text
