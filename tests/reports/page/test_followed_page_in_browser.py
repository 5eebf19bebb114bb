import json
import re
import shutil
import subprocess

import pytest
from synthetic_results import Sweep, sweep, write_results

from rsc_bench.reports.page.render import Again, write

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: install chromium to see the page drawn")

# A reader who chooses, sorts, turns a page and scrolls; what stands there before the page is loaded anew, and after it.
ACT = """
<script>
const look = () => {
  const sorted = document.querySelector("#case-table th[aria-sort]");
  const figure = document.getElementById("error_speedup");
  return {
    chosen: figure.querySelector("select").value,
    kept: document.querySelectorAll(".filters select")[1].value,
    words: document.querySelector("input[type=search]").value,
    sorted: `${sorted.textContent} ${sorted.getAttribute("aria-sort")}`,
    rows: document.querySelector(".pager span").textContent,
    open: document.querySelector("#unmeasured details").open,
    below: Math.round(figure.getBoundingClientRect().top),
  };
};
const act = () => {
  const pick = (node, value, event) => { node.value = value; node.dispatchEvent(new Event(event)); };
  const select = document.querySelector("#error_speedup select");
  pick(select, select.options[1].value, "change");
  pick(document.querySelector("input[type=search]"), "o", "input");
  pick(document.querySelectorAll(".filters select")[1], "twin:reddit2@0.1", "change");
  const head = [...document.querySelectorAll("#case-table th")].find((cell) => cell.textContent.startsWith("latency"));
  head.querySelector("button").click();
  document.querySelectorAll(".pager button")[1].click();
  document.querySelector("#unmeasured details").open = true;
  scrollTo(0, document.getElementById("error_speedup").getBoundingClientRect().top + scrollY - 100);
};
const loads = Number(sessionStorage.getItem("loads") ?? 0) + 1;
sessionStorage.setItem("loads", loads);
// Every later drawing has more above than the first one.
if (loads > 1) document.querySelector("header").append(Object.assign(document.createElement("div"), { style: "height: 700px" }));
const say = (load) => {
  const text = sessionStorage.getItem(`seen${load}`);
  document.body.append(Object.assign(document.createElement("p"), { className: "seen", textContent: text }));
};
for (let load = 1; load < loads; load += 1) say(load); // the document may be dumped at any moment
// Right behind what the page itself does when it is loaded.
document.addEventListener("DOMContentLoaded", () => pageData.then(() => {
  if (loads === 1) act();
  sessionStorage.setItem(`seen${loads}`, JSON.stringify(look()));
  say(loads);
}));
</script>
"""


def dumped(tmp_path, page) -> str:
    switches = "headless no-sandbox disable-gpu no-first-run disable-background-networking disable-component-update disable-sync"
    command = [CHROMIUM, *(f"--{switch}" for switch in switches.split()), f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


CHOSEN = {
    "chosen": "twin:reddit2@0.1",
    "kept": "twin:reddit2@0.1",
    "words": "o",
    "sorted": "latency [ms] ↓▼ descending",
    "rows": "51 to 100 of 100",
    "open": True,
    "below": 100,
}

# At its second load the page is the last drawing, which has no paragraph that says that there will be another one.
LAST = """
<script>
if (sessionStorage.getItem("loads")) document.querySelector(".again")?.remove();
</script>
"""


def seen_in(tmp_path, before=""):
    page, again = tmp_path / "page.html", Again("2026-03-02 10:00:00 UTC", 4.0)
    write([write_results(tmp_path / "run.jsonl", sweep(Sweep(rounds=1)))], page, again)
    text = page.read_text(encoding="utf-8").replace("</main>", f"</main>{before}").replace("</body>", f"{ACT}</body>")
    page.write_text(text, encoding="utf-8")
    return [json.loads(text) for text in re.findall(r'<p class="seen">(.*?)</p>', dumped(tmp_path, page))]


def test_the_reader_of_a_page_that_is_redrawn_stays_where_he_is_with_what_he_chose(tmp_path):
    seen = seen_in(tmp_path)
    assert len(seen) >= 2, "it is loaded anew by itself"
    assert all(state == seen[0] for state in seen)
    assert seen[0] == CHOSEN


def test_the_last_drawing_leaves_the_reader_where_he_is_and_is_not_loaded_anew(tmp_path):
    assert seen_in(tmp_path, LAST) == [CHOSEN, CHOSEN]
