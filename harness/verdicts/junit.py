"""Writes a comparison as JUnit XML: one test a case, failing where the comparison fails, skipped where it is unclear."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from harness.compare import FAILING, Comparison, Verdict
from harness.verdicts import MARK, RATIO, numbers, plain


def text(comparison: Comparison) -> str:
    """Return the XML document."""
    failures = sum(comparison.counts[change] for change in FAILING)
    skipped = comparison.counts["unclear"]
    totals = {"tests": str(len(comparison.verdicts)), "failures": str(failures), "skipped": str(skipped), "errors": "0"}
    suite = Xml.Element("testsuite", {"name": "compare", **totals})
    for verdict in comparison.verdicts:
        _test(suite, verdict)
    suites = Xml.Element("testsuites", totals)
    suites.append(suite)
    Xml.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + f"<!-- {MARK} -->\n" + Xml.tostring(suites, encoding="unicode") + "\n"


def _test(suite: Xml.Element, verdict: Verdict) -> None:
    name = plain(str(verdict.case))
    test = Xml.SubElement(suite, "testcase", classname=plain(f"compare.{verdict.case.suite}"), name=name)
    if verdict.change in FAILING:
        Xml.SubElement(test, "failure", type=verdict.change, message=_message(verdict)).text = _message(verdict)
    elif verdict.change == "unclear":
        Xml.SubElement(test, "skipped", message=_message(verdict))
    else:
        Xml.SubElement(test, "system-out").text = _message(verdict)


def _message(verdict: Verdict) -> str:
    ratio, interval, rounds = numbers(verdict)
    parts = [verdict.change, f"ratio {ratio} ({RATIO})" if ratio else "", f"95 % interval {interval}" if interval else ""]
    parts += [f"rounds {rounds}", plain(verdict.reason or "")]
    return "; ".join(part for part in parts if part)
