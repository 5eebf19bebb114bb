import re
import shutil
import subprocess

import pytest
from synthetic_results import Sweep, case, ok, sweep, write_results

from rsc_bench.reports.drawing import stored
from rsc_bench.reports.page.render import write

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: install chromium to see the page drawn")

# What a reader would do, done by a script; what it saw ends up in the dumped document.
PROBE = """
<script>
window.errors = [];
addEventListener("error", (event) => errors.push(event.message));
console.error = (...words) => errors.push(words.join(" "));
</script>
"""
ACT = """
<script>
addEventListener("load", () => setTimeout(() => {
  const seen = (text) => Object.assign(document.createElement("p"), {className: "seen", textContent: text});
  const say = (name, value) => document.body.append(seen(`${name}=${value}`));
  const table = document.getElementById("case-table");
  const column = (place) => [...table.tBodies[0].rows].map((row) => row.cells[place].textContent);
  const place = (label) => [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.startsWith(label));
  say("rows", table.tBodies[0].rows.length);
  say("drawings", [...document.querySelectorAll(".drawing")].filter((node) => node.querySelector("svg .trace")).length);
  table.tHead.rows[0].cells[place("latency")].querySelector("button").click();
  table.tHead.rows[0].cells[place("latency")].querySelector("button").click();
  say("ascending", column(place("latency")).slice(0, 2).join());
  const calls = table.tHead.rows[0].cells[place("break-even")];
  const longest = (calls.querySelector("button").click(), column(place("break-even"))[0]);
  calls.querySelector("button").click();
  say("calls", [longest, column(place("break-even"))[0]].join());
  table.tHead.rows[0].cells[place("latency")].querySelector("button").click();
  table.tHead.rows[0].cells[place("latency")].querySelector("button").click();
  say("sorted", table.tHead.rows[0].cells[place("latency")].getAttribute("aria-sort"));
  const search = document.querySelector("input[type=search]");
  search.value = "cached numba";
  search.dispatchEvent(new Event("input"));
  say("found", [...new Set(column(place("kernel")))].join());
  const labels = [...document.querySelectorAll(".filters label")];
  const budget = labels.find((label) => label.textContent.startsWith("budget")).querySelector("select");
  budget.value = "0.5";
  budget.dispatchEvent(new Event("change"));
  say("filtered", [...new Set(column(place("budget")))].join());
  const choice = document.querySelector("#error_speedup .choices select");
  choice.selectedIndex = 1;
  choice.dispatchEvent(new Event("change"));
  say("chosen", choice.value);
  say("redrawn", document.querySelectorAll("#error_speedup svg .trace").length);
  say("found_out", [...document.querySelectorAll(".found")].map((node) => node.textContent).join(""));
  say("errors", errors.join("|"));
}, 500));
</script>
"""


def dumped(tmp_path, text: str) -> str:
    page = tmp_path / "page.html"
    page.write_text(text.replace("<head>", f"<head>{PROBE}").replace("</body>", f"{ACT}</body>"), encoding="utf-8")
    switches = "headless no-sandbox disable-gpu no-first-run disable-background-networking disable-component-update disable-sync"
    command = [CHROMIUM, *(f"--{switch}" for switch in switches.split()), f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=8000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("most_letters", [stored.MOST_LETTERS, 0], ids=["as it is", "packed"])
def test_a_browser_draws_the_figures_and_sorts_and_filters_the_table(tmp_path, monkeypatch, most_letters):
    monkeypatch.setattr(stored, "MOST_LETTERS", most_letters)
    growing = [ok(case("mkl", suite="growth", width=width), width) for width in (16, 32)]
    write([write_results(tmp_path / "run.jsonl", [[*sweep(Sweep(rounds=1))[0], *growing]])], tmp_path / "page.html")
    document = dumped(tmp_path, (tmp_path / "page.html").read_text(encoding="utf-8"))
    seen = dict(re.findall(r'<p class="seen">(\w+)=(.*?)</p>', document))
    assert seen == {
        "rows": "50",
        "drawings": "8",
        # cached_topk(rows_numba) at C = 0.05 on the smallest product: 12 ms x 0.05 + 1.5 ms / 10; then torch_reduce with 16 ms.
        "ascending": "0.750,0.950",
        "sorted": "ascending",
        # rows_numba has its first result soonest: slower calls never pay, and each of its own kind has paid at once.
        "calls": "never,0",
        "found": "cached_topk(rows_numba)",
        "filtered": "0.5",
        "chosen": "twin:reddit2@0.1",
        "redrawn": "4",
        "found_out": "1× is the fastest exact kernel of float32, rows_numba."
        "Over the width of ring: what the device can reach is not known (the file is older than they are).",
        "errors": "",
    }


def test_a_hostile_name_runs_nothing_in_a_browser(tmp_path):
    hostile = "<img src=x onerror=errors.push('ran')>"
    records = [ok(case("mkl", graph=graph), 4) for graph in (hostile, "ring")]
    records += [ok(case(f"topk({hostile})", 0.5, graph), 2) for graph in (hostile, "ring")]
    write([write_results(tmp_path / "run.jsonl", [records])], tmp_path / "page.html")
    document = dumped(tmp_path, (tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "<img" not in document
    assert re.search(r'<p class="seen">drawings=\d+</p>', document)
    assert "ran" not in re.findall(r'<p class="seen">errors=(.*?)</p>', document)
