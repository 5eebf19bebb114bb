"""What every output keeps, those of plug-ins too."""

import re

import pytest

pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import case, ok, run

from rsc_bench.harness.compare.comparison import compare
from rsc_bench.harness.output.console import Screen
from rsc_bench.plugins import load

EVIL = "a\x1b[31m\n|<b>"


@pytest.fixture(params=load("output").values(), ids=lambda output: output.name)
def output(request):
    return request.param


def test_a_name_can_be_an_option_and_a_summary_is_one_sentence(output):
    assert re.fullmatch(r"[a-z][a-z0-9-]*", output.name)
    assert output.summary.endswith(".")
    assert "\n" not in output.summary


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_it_is_text_of_whole_lines_whatever_was_measured_and_steers_no_terminal(output, rounds):
    sides = [run(*([ok(case(EVIL), time_s)] for _ in range(rounds))) for time_s in (1.0, 2.0)]
    text = output.render(compare(*sides), Screen(80))
    assert text.endswith("\n")
    assert "\x1b" not in text
