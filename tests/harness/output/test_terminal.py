import json
import re

import pytest

pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import MACHINE, case, not_ok, ok, run, timed
from msgspec.structs import replace

from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.output import json as as_json
from rsc_bench.harness.output import markdown, terminal
from rsc_bench.harness.output.console import Screen
from rsc_bench.harness.output.wording import counts_line, headline, remarks
from rsc_bench.harness.records.run import Round
from rsc_bench.text import bench, plain

EVIL = "a|b`c`<script>*x*[y](z)&\x1b[31m\n]]>\x00\u2028\u202e"
TIMES = (1.0, 1.01, 1.02)


def comparison(name="slow"):
    base = [[ok(case(name), t), ok(case("even"), t), ok(case("gone"), t), ok(case("off"), t), ok(case("odd"), t)] for t in TIMES]
    new = [[ok(case(name), 2 * t), ok(case("even"), t), not_ok(case("off"), "wrong", f"not equal {name}")] for t in TIMES]
    new[0].append(ok(case("odd"), 1.0))
    return compare(run(*base), run(*new, environment={**MACHINE, "versions": {"torch": name}}), 0.05, across={"versions"})


def drawn(every_case=False, of=None):
    return terminal.text(of or comparison(), Screen(160, every_case=every_case))


def test_the_verdict_comes_first_and_all_cases_are_counted():
    assert drawn().startswith("FAIL: 1 slower, 1 broken, 1 missing (threshold 5 %)\n")
    assert counts_line(comparison()) == "1 slower, 1 broken, 1 missing, 1 unclear, 1 same"


@pytest.mark.parametrize(
    ("base", "new", "summary"),
    [
        (timed(*TIMES), timed(*TIMES), "PASS: nothing is slower (threshold 5 %)"),
        (timed(*TIMES), timed(1.0), "CANNOT BE JUDGED: 1 of 1 common cases are unclear (threshold 5 %)"),
        (run(), run(), "CANNOT BE JUDGED: the two runs have no case in common"),
        (run([not_ok(case(), "skipped", "no GPU")]),) * 2 + ("CANNOT BE JUDGED: no case is measured on both sides",),
    ],
)
def test_the_headline_says_what_the_exit_status_says(base, new, summary):
    assert headline(compare(base, new, 0.05)) == summary


def test_the_terminal_shows_what_changed_and_on_request_all():
    assert [name in drawn() for name in ("slow", "gone", "off", "odd", "even")] == [True, True, True, True, False]
    assert "host even" in drawn(every_case=True)
    assert "ratio = new / base: above 1 is slower, or larger" in drawn()
    assert "2.000" in drawn()
    assert "the versions differ: versions.torch 2.13.0 -> slow" in drawn()


def test_the_terminal_shows_the_gravest_of_very_many():
    base = run(*([ok(case(f"k{i}"), t) for i in range(60)] for t in TIMES))
    new = run(*([ok(case(f"k{i}"), (2 + i) * t) for i in range(60)] for t in TIMES))
    text = drawn(of=compare(base, new, 0.05))
    assert "10 more: --all shows them" in text
    assert ("host k59" in text, "host k0 " in text) == (True, False)
    assert "host k0 " in drawn(every_case=True, of=compare(base, new, 0.05))


def few(*rounds, names="abcd", path="made.jsonl"):
    return run(*([ok(case(f"k_{name}"), time_s) for name in names] for time_s in rounds), path=path)


def test_a_reason_that_many_cases_have_is_said_once_with_the_command_that_adds_rounds():
    text = drawn(of=compare(few(1.0, path="my base.jsonl"), few(1.0, 1.0, path="new.jsonl"), 0.05))
    assert text.count("needs at least 3 rounds") == 1
    assert "[1] 4 cases: needs at least 3 rounds on each side (has 1 and 2)\n" in text
    assert len(re.findall(r"host k_[a-d] \[1\]", text)) == 4
    assert [line.partition("before: ")[2] for line in text.splitlines() if line.startswith("to add rounds")] == [
        bench("--results 'my base.jsonl' --rounds 2"),
        bench("--results new.jsonl --rounds 1"),
    ]


def test_the_command_that_adds_rounds_has_the_options_of_the_last_session():
    options = ["sampled", "--kernel", "my kernel.py", "--width", "16"]
    before = run([ok(case(), 1.0)], path="my base.jsonl")
    base = replace(before, rounds=[(replace(start, options=options), records) for start, records in before.rounds])
    lines = drawn(of=compare(base, timed(*TIMES, path="new.jsonl"), 0.05)).splitlines()
    (line,) = [line for line in lines if line.startswith("to add rounds")]
    assert line == "to add rounds: " + bench("--kernel 'my kernel.py' --width 16 --results 'my base.jsonl' --rounds 2", "sampled")


def test_a_reason_of_its_own_stays_under_its_case_and_enough_rounds_ask_for_none():
    text = drawn()
    assert "[1]" not in text
    assert "host odd" in text
    assert "needs at least 3 rounds on each side (has 3 and 1)" in text
    assert "--results made.jsonl --rounds 2" in text
    assert "to add rounds" not in drawn(of=compare(timed(*TIMES), timed(*TIMES), 0.05))


def test_reasons_of_a_few_among_very_many_stay_with_their_cases():
    base = run([*(ok(case(f"k{i}"), 1.0) for i in range(100)), *(ok(case(f"gone{i}"), 1.0) for i in range(9))])
    text = drawn(of=compare(base, run([ok(case(f"k{i}"), 1.0) for i in range(100)]), 0.05))
    assert "[1] 100 cases: needs at least 3 rounds" in text
    assert text.count("measured in base, absent in new") == 9


def test_two_files_without_a_common_case_say_so_in_one_line():
    apart = compare(few(*TIMES, names="abc"), few(*TIMES, names="xyz"), 0.05)
    text = drawn(of=apart)
    assert text.startswith("FAIL: 3 missing")
    differs = "kernel is k_a, k_b, k_c in base and k_x, k_y, k_z in new"
    remedy = "measure new again, as base was, with --kernel k_a --kernel k_b --kernel k_c"
    assert text.count(f"no case is in both files: {differs}: {remedy}\n") == 1
    assert "no case is in both files" not in drawn()
    assert list(remarks(compare(run(), run(), 0.05))) == []


def test_where_only_combinations_differ_that_is_said():
    base = run([ok(case("a", width=1), 1.0), ok(case("b", width=2), 1.0)])
    new = run([ok(case("a", width=2), 1.0), ok(case("b", width=1), 1.0)])
    (line,) = (line for line in remarks(compare(base, new)) if line.startswith("no case is in both"))
    assert "no field differs in all of them" in line


@pytest.mark.parametrize("width", [80, 160])
def test_times_stand_beside_the_ratio_in_a_fitting_unit(width):
    base, new = timed(*(t / 1000 for t in TIMES)), timed(*(2 * t / 1000 for t in TIMES))
    text = terminal.text(compare(base, new, 0.05), Screen(width))
    assert re.search("1.010 ms -> 2.020 ms" if width == 80 else "1.010 ms │ 2.020 ms │ 2.000", text)


def test_a_round_that_stopped_early_is_a_remark_in_every_text():
    cut = timed(*TIMES)
    cut.rounds.append((Round(index=4, of=4, cases=11, started="2026-01-01T00:00:00Z"), []))
    summary = "made.jsonl: round 4 stopped after 0 of 11 cases; measure into that file again to carry on"
    of = compare(cut, timed(*TIMES), 0.05)
    assert summary in drawn(of=of)
    assert markdown.escaped(summary) in markdown.text(of)
    assert json.loads(as_json.text(of))["remarks"] == [summary]


def test_the_remedy_for_two_machines_is_named():
    other = compare(timed(*TIMES), timed(*TIMES, environment={"cpu": {"model": "Example 100"}}), 0.05)
    assert "the machines differ: cpu.model Example 9000 -> Example 100" in drawn(of=other)
    assert "what differs is judged only with --across machines" in drawn(of=other)


def test_colour_is_for_a_terminal_only():
    assert "\x1b[" in terminal.text(comparison(), Screen(160, colour=True))
    assert "\x1b[" not in drawn()


def test_a_name_cannot_steer_the_terminal():
    text = drawn(of=comparison(EVIL))
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "[y](z)" in text


def test_plain_text_is_one_printable_line():
    assert plain("ᵀ é 中 a b") == "ᵀ é 中 a b"
    assert plain("a\nb\x1b\ud800") == "a\ufffdb\ufffd\ufffd"
