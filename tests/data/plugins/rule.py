"""Calls everything the same: a decision rule to be added."""

from rsc_bench.harness.statistics.rules import Answer, Rule


def judge(questions):
    return [Answer("same", 1.0, (1.0, 1.0), chance=1.0, chance_limit=0.01, looks="same", no_slower=True) for _ in questions]


RULE = Rule("mine", "Nothing ever changes.", judge)
