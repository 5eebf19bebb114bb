import re
import subprocess

import pytest
from synthetic_results import write_results
from synthetic_trainings import Trainings, trainings
from test_report_browser import CHROMIUM, PROBE

from rsc_bench.reports.page.render import write

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: install chromium to see the page drawn")

ACT = """
<script>
addEventListener("load", () => setTimeout(() => {
  const seen = (text) => Object.assign(document.createElement("p"), {className: "seen", textContent: text});
  const say = (name, value) => document.body.append(seen(`${name}=${value}`));
  say("drawings", [...document.querySelectorAll(".drawing")].filter((node) => node.querySelector("svg .trace, svg .bars")).length);
  const figure = document.getElementById("accuracy_speedup");
  const axis = () => figure.querySelector(".ytitle").textContent;
  const [graph, , against] = figure.querySelectorAll(".choices select");
  say("graph", graph.value);
  say("axis", axis().slice(0, 13));
  against.value = "torch_sparse";
  against.dispatchEvent(new Event("change"));
  say("against", against.value);
  const learning = document.getElementById("learning_curves");
  const ends = () => learning.querySelector(".xtitle").textContent;
  const axes = [...learning.querySelectorAll(".choices select")].at(-1);
  say("over", [axes.value, ends()].join());
  axes.value = "seconds";
  axes.dispatchEvent(new Event("change"));
  say("then", ends());
  const table = document.getElementById("case-table");
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const place = labels.findIndex((label) => label.startsWith("test metric"));
  table.tHead.rows[0].cells[place].querySelector("button").click();
  say("best", /^9[56][.][0-9][0-9]$/.test(table.tBodies[0].rows[0].cells[place].textContent));
  const wide = document.querySelector("#training .scroll");
  say("fits", wide.scrollWidth <= wide.clientWidth);
  say("errors", errors.join("|"));
}, 500));
</script>
"""


def test_a_browser_draws_the_trainings_and_shows_what_is_chosen(tmp_path):
    page = tmp_path / "page.html"
    write([write_results(tmp_path / "run.jsonl", [trainings(Trainings())])], page)
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("<head>", f"<head>{PROBE}").replace("</body>", f"{ACT}</body>"), encoding="utf-8")
    switches = "headless no-sandbox disable-gpu no-first-run disable-background-networking disable-component-update disable-sync"
    command = [CHROMIUM, *(f"--{switch}" for switch in switches.split()), f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--window-size=1280,900", "--virtual-time-budget=8000", "--dump-dom", page.as_uri()]
    document = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert dict(re.findall(r'<p class="seen">(\w+)=(.*?)</p>', document)) == {
        "drawings": "7",
        "graph": "Cornell5",
        "axis": "test accuracy",
        "against": "torch_sparse",
        "over": "epochs,epoch",
        "then": "time of training, evaluation left out [s]",
        "best": "true",
        "fits": "true",
        "errors": "",
    }
