"""The verdicts as files: a comment, JUnit XML, and JSON."""

import dataclasses
import html
import json
import re
from xml.etree import ElementTree as Xml

import pytest
from made_runs import MACHINE, case, not_ok, ok, run, timed

from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.compare.reasons import Missing, TooFew
from rsc_bench.harness.compare.verdict import Verdict
from rsc_bench.harness.output import json as as_json
from rsc_bench.harness.output import junit, markdown
from rsc_bench.harness.output.wording import MARK
from rsc_bench.text import plain

EVIL = "a|b`c`<script>*x*[y](z)&\x1b[31m\n]]>\x00\u2028\u202e"
TIMES = (1.0, 1.01, 1.02)
# What Jenkins' schema for JUnit files allows of what is written here (xunit-plugin, junit-10.xsd): elements and attributes.
JENKINS = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}


def comparison(name="slow"):
    """One slower by the name, one the same, one gone, one wrong, and one with a round too few."""
    base = [[ok(case(name), t), ok(case("even"), t), ok(case("gone"), t), ok(case("off"), t), ok(case("odd"), t)] for t in TIMES]
    new = [[ok(case(name), 2 * t), ok(case("even"), t), not_ok(case("off"), "wrong", f"not equal {name}")] for t in TIMES]
    new[0].append(ok(case("odd"), 1.0))
    environment = {**MACHINE, "checkout": {"commit": name}}
    return compare(run(*base, path="base.jsonl"), run(*new, environment=environment, path="new.jsonl"), 0.05)


def of_many(changes, width=8):
    """A comparison in which so many cases came out each way, their graphs' names as long as the width."""
    one = comparison()
    verdicts = [
        Verdict(
            case(f"{change}{i}", graph="g" * width),
            change,
            1.0 + i / 1e4,
            (1.0, 1.2),
            (3, 3),
            Missing() if change == "missing" else None,
        )
        for change, count in changes.items()
        for i in range(count)
    ]
    return dataclasses.replace(one, verdicts=tuple(verdicts))


@pytest.mark.parametrize("output", [as_json, junit, markdown])
def test_every_file_of_ours_says_near_its_start_that_it_is_one(output):
    assert MARK in output.text(comparison(EVIL))[:300]


def opened(text):
    """What stands there before anything is unfolded."""
    return re.sub(r"<details>.*?</details>\n", "", text, flags=re.DOTALL)


def folded(text):
    """The summaries, each with its lines that are rows."""
    parts = re.findall(r"<details><summary>(.*?)</summary>\n(.*?)</details>", text, re.DOTALL)
    return {title: [line for line in body.splitlines() if line.startswith("| ") and "twin" in line] for title, body in parts}


def test_the_comment_is_the_verdict_the_counts_and_what_changed():
    text = opened(markdown.text(comparison()))
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "## FAIL: 1 slower, 1 broken, 1 missing (threshold 5 %)"
    assert lines[2] == "1 slower, 1 broken, 1 missing, 1 unclear, 1 same."
    assert lines[3] == "New is new.jsonl, base is base.jsonl; 3 rounds of each. Measured on Example 9000, torch 2.13.0."
    rows = [line.split(" | ")[0] for line in lines if line.startswith("| **")]
    assert rows == ["| **slower**", "| **broken**", "| **missing**"]
    assert "| **slower** | 1.010&nbsp;s | 2.020&nbsp;s | 2.000 | 1.9" in text


def test_what_did_not_change_is_folded_with_what_would_settle_it():
    parts = folded(markdown.text(comparison()))
    assert list(parts) == ["Files, and what else differs", "1 unclear", "1 same"]
    assert parts["1 unclear"][0].startswith("| 3, 1 | ")
    assert " | 3 rounds | " in parts["1 unclear"][0]
    assert parts["1 same"][0].startswith("| same | 1.010&nbsp;s | 1.010&nbsp;s | 1.000 | ")


def of_commits(base, new):
    rounds = [[ok(case(), t)] for t in TIMES]
    sides = [
        run(*rounds, environment={**MACHINE, "checkout": checkout}, path=f"{folder}/run.jsonl")
        for folder, checkout in (("a", base), ("b", new))
    ]
    return compare(*sides, 0.05)


def test_the_comment_names_the_commits_and_the_turns():
    found = of_commits({"commit": "0123456789abcdef"}, {"commit": "fedcba9876543210"})
    assert "New is fedcba98, base is 01234567; 3 rounds of each." in markdown.text(found)
    turns = dataclasses.replace(found, verdicts=tuple(dataclasses.replace(each, paired=True) for each in found.verdicts))
    assert "; 3 rounds of each, taken in turns." in markdown.text(turns)


def test_what_is_not_committed_is_named_and_one_commit_is_not_named_twice():
    clean, changed = ({"commit": "0123456789abcdef", "changes": changes} for changes in (None, "c0ffee"))
    assert "New is 01234567 with uncommitted changes, base is 01234567;" in markdown.text(of_commits(clean, changed))
    assert "New is b/run.jsonl, base is a/run.jsonl;" in markdown.text(of_commits(clean, clean))


def test_the_largest_change_comes_first_and_only_a_few_stand_open():
    text = markdown.text(of_many({"slower": 40, "faster": 2}))
    rows = re.findall(r"host (\w+) \|", opened(text))
    assert rows[:3] == ["slower39", "slower38", "slower37"]
    assert len(rows) == markdown.OPEN_ROWS
    assert len(re.findall(r"host \w+ \|", text)) == 42
    assert "<summary>27 more that changed</summary>" in text


@pytest.mark.parametrize(
    "changes", [{"same": 5000}, {"slower": 900, "same": 5000}, {"missing": 5000}, {"unclear": 3000, "new": 3000}]
)
@pytest.mark.parametrize("width", [8, 5000])
def test_a_comment_is_never_longer_than_github_takes(changes, width):
    text = markdown.text(of_many(changes, width=width))
    assert 0.9 * markdown.LIMIT < len(text) <= markdown.LIMIT
    assert re.search(r"\d more are left out, because a comment holds 65,536 characters; the file of --json has them\.", text)
    assert text.count("<details>") == text.count("</details>")


def test_what_is_left_out_first_is_what_stayed_the_same():
    text = markdown.text(of_many({"slower": 100, "unclear": 100, "same": 5000}))
    assert text.count("**slower**") == 100
    assert len(re.findall(r"host unclear\d+", text)) == 100
    (left_out,) = re.findall(r"(\d+) more are left out", text)
    assert len(re.findall(r"host same\d+", text)) == 5000 - int(left_out) > 0


def test_why_nothing_can_be_judged_is_not_folded():
    two = compare(timed(*TIMES), timed(*TIMES, environment={"cpu": {"model": "Example 100"}}), 0.05)
    text = opened(markdown.text(two))
    assert text.startswith("## CANNOT BE JUDGED")
    assert "the machines differ: cpu.model Example 9000 -> Example 100" in text
    assert "--across machines" in text


def test_a_common_reason_is_said_once():
    base = run(*([ok(case(f"k{i}"), t) for i in range(4)] for t in TIMES))
    text = markdown.text(compare(base, run([ok(case("other"), 1.0)]), 0.05))
    assert text.count("measured in base") == 1
    assert text.count(" k0 \\[1\\] |") == 1


def test_a_long_reason_is_cut():
    new = run(*([not_ok(case(), "failed", "x" * 5000)] for _ in TIMES))
    (reason,) = re.findall("x+…", markdown.text(compare(timed(*TIMES), new, 0.05)))
    assert len(reason) < markdown.CELL


def test_a_special_letter_of_a_name_is_escaped_and_every_row_keeps_its_cells():
    text = markdown.text(comparison(EVIL))
    rows = [line for line in text.splitlines() if line.startswith("| ") and "twin" in line]
    assert len(rows) == 5
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7, 8}
    assert re.findall(r".<script>", text) == ["\\<script>"] * text.count("<script>")


def test_a_renderer_sees_the_tables_and_every_letter_of_a_name():
    markdown_it = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed: pip install rich")
    page = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown.text(comparison(EVIL)))
    assert page.count("<table>") == 3
    assert page.count("<tr>") == 3 + 5
    assert page.count("<details>") == page.count("</details>") == 3
    assert "<script>" not in page
    assert f"cpu host {plain(EVIL)}</td>" in html.unescape(page)


@pytest.mark.parametrize(
    "text",
    ["small:hub d=16 cached_topk(mkl) C=0.1", "torch 2.13.0+cpu, a -> b", "use --rounds 3", "5 % (2 of 3), a/b.jsonl", "é: 1.5 µs"],
)
def test_what_nothing_reads_as_markup_stays_as_it_is(text):
    assert markdown.escaped(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "__init__ _a_ a__b_ _",
        "*a* **b** ~~c~~ `d` ```",
        "[a](b) ![c](d)",
        "[a]: b",
        "<b>&amp;&#60;&lt;</b>",
        "<!-- a",
        "\\*a",
        *(f"{start} a" for start in ("#", "1.", "12)", "-", "+", ">", "---", "=")),
        *("1.", "=", "-"),
    ],
)
def test_a_renderer_shows_every_text_letter_by_letter(text):
    markdown_it = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed: pip install rich")
    renderer = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for before in ("", "- ", "before\n"):
        page = renderer.render(f"{before}{markdown.escaped(text)}\n")
        assert re.sub(r"</?(p|ul|li)>|\n", "", html.unescape(page)) == before.strip("- \n") + text


@pytest.mark.parametrize(("text", "escaped"), [("#12 !3 &4", "\\#12 \\!3 \\&4"), ("http://a", "http\\://a"), ("a@b.c", "a\\@b.c")])
def test_what_a_server_would_make_a_link_of_is_escaped(text, escaped):
    assert markdown.escaped(text) == escaped


def test_junit_fails_what_fails_and_skips_what_cannot_be_judged():
    suite = Xml.fromstring(junit.text(comparison(EVIL))).find("testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped", "errors")} == {
        "tests": "5",
        "failures": "3",
        "skipped": "1",
        "errors": "0",
    }
    failing = [test.find("failure").get("type") for test in suite.iter("testcase") if test.find("failure") is not None]
    assert failing == ["slower", "missing", "broken"]
    (skipped,) = suite.iter("skipped")
    assert "needs at least 3" in skipped.get("message")


def test_what_is_broken_on_both_sides_is_folded_in_the_comment_and_skipped_in_junit():
    both = run(*([ok(case("even"), t), not_ok(case("off"), "failed", "no memory")] for t in TIMES))
    found = compare(both, run(*([ok(case("even"), 1.001 * t), not_ok(case("off"), "wrong", "row 3")] for t in TIMES)))
    (row,) = folded(markdown.text(found))["1 still broken"]
    assert "failed in base, in new wrong" in row
    (skipped,) = Xml.fromstring(junit.text(found)).iter("skipped")
    assert skipped.get("message").startswith("still broken; ")


def test_junit_says_the_numbers_of_a_slower_case():
    said = next(Xml.fromstring(junit.text(comparison())).iter("failure")).get("message")
    assert said.startswith("slower; time 1.010 s -> 2.020 s; new / base 2.000 (above 1 is worse); 95 % interval 1.9")
    assert said.endswith("; margin 5 %; rounds 3, 3")


def test_junit_has_the_new_time_of_a_case_where_a_ci_server_shows_times():
    tests = Xml.fromstring(junit.text(comparison())).iter("testcase")
    times = {test.get("name").rpartition(" ")[2]: test.get("time") for test in tests}
    assert times == {"slow": "2.020000000", "even": "1.010000000", "gone": None, "off": None, "odd": "1.000000000"}


def test_junit_passes_where_it_is_only_unclear_whether_anything_became_better():
    found = of_many({"unclear": 2})
    better, open_one = found.verdicts
    found = dataclasses.replace(found, verdicts=(dataclasses.replace(better, no_slower=True), open_one))
    assert [test.find("skipped") is not None for test in Xml.fromstring(junit.text(found)).iter("testcase")] == [False, True]


def test_junit_has_no_element_and_no_attribute_that_jenkins_does_not_know():
    root = Xml.fromstring(junit.text(comparison(EVIL)))
    assert {element.tag for element in root.iter()} == set(JENKINS)
    assert [(each.tag, key) for each in root.iter() for key in set(each.keys()) - JENKINS[each.tag]] == []
    assert all(root.find("testsuite").get(needed) for needed in ("name", "tests", "failures", "errors"))
    assert all(test.get("name") for test in root.iter("testcase"))


def test_json_holds_everything_that_is_known_of_a_case():
    found = comparison(EVIL)
    tree = json.loads(as_json.text(found))
    slow = tree["verdicts"][0]
    assert set(slow) == {field.name for field in dataclasses.fields(Verdict)} | {"name"}
    assert (slow["case"]["kernel"], slow["change"], slow["ratio"], slow["rounds"]) == (EVIL, "slower", 2.0, {"base": 3, "new": 3})
    assert slow["interval"] == list(found.verdicts[0].interval)
    assert (slow["values"], slow["value_unit"]) == ({"base": 1.01, "new": 2.02}, "s")
    assert (slow["metric"], slow["margin"]) == ("time", 0.05)


def test_json_has_each_reason_as_the_sentence_that_a_reader_sees():
    reasons = [verdict["reason"] for verdict in json.loads(as_json.text(comparison()))["verdicts"]]
    assert reasons == [
        None,
        None,
        "measured in base, absent in new",
        "wrong: not equal slow",
        "needs at least 3 rounds on each side (has 3 and 1)",
    ]


def test_json_has_the_reasons_of_the_parts_of_a_verdict_as_sentences_too():
    found = comparison()
    part = dataclasses.replace(found.verdicts[0], reason=TooFew("rounds", (1, 2)))
    whole = dataclasses.replace(found, verdicts=(dataclasses.replace(part, parts=(part, found.verdicts[0])),))
    parts = json.loads(as_json.text(whole))["verdicts"][0]["parts"]
    assert [each["reason"] for each in parts] == ["needs at least 3 rounds on each side (has 1 and 2)", None]


def test_json_holds_the_whole_verdict_and_both_environments():
    tree = json.loads(as_json.text(comparison(EVIL)))
    assert (tree["schema"], tree["exit_status"], tree["threshold"]) == (1, 1, 0.05)
    changes = {"slower": 1, "broken": 1, "missing": 1, "still broken": 0, "unclear": 1, "faster": 0, "new": 0, "same": 1}
    assert tree["counts"] == changes | {"not judged": 0}
    assert tree["differences"] == {"checkout.commit": {"base": None, "new": EVIL}}
    assert tree["environment"]["cpu"]["model"] == "Example 9000"
