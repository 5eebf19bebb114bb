"""Writes a comparison as JUnit XML: one test a case, failing where the comparison fails, skipped where it cannot be judged.

The elements and attributes are those of Jenkins' schema (junit-10.xsd), which GitLab and the GitHub actions read as well.
"""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from rsc_bench.harness.compare.comparison import Comparison
from rsc_bench.harness.compare.verdict import Verdict
from rsc_bench.harness.output import Output
from rsc_bench.harness.output.wording import MARK, change_text, headline, name, numbers, sides, why_text
from rsc_bench.text import plain


def text(comparison: Comparison) -> str:
    """Return the XML document."""
    suite = Xml.Element("testsuite", name="compare")
    _properties(suite, comparison)
    for verdict in comparison.verdicts:
        _test(suite, verdict)
    found = {outcome: len(suite.findall(f"testcase/{outcome}")) for outcome in ("failure", "skipped")}
    totals = {"tests": len(comparison.verdicts), "failures": found["failure"], "errors": 0}
    suite.attrib |= {key: str(count) for key, count in (totals | {"skipped": found["skipped"]}).items()}
    suites = Xml.Element("testsuites", {key: str(count) for key, count in totals.items()})
    suites.append(suite)
    Xml.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + f"<!-- {MARK} -->\n" + Xml.tostring(suites, encoding="unicode") + "\n"


def _properties(suite: Xml.Element, comparison: Comparison) -> None:
    said = {"verdict": headline(comparison), "base": comparison.base, "new": comparison.new, "threshold": comparison.threshold}
    properties = Xml.SubElement(suite, "properties")
    for key, value in said.items():
        Xml.SubElement(properties, "property", name=key, value=plain(str(value)))


def _test(suite: Xml.Element, verdict: Verdict) -> None:
    test = Xml.SubElement(suite, "testcase", classname=plain(f"compare.{verdict.case.suite}"), name=plain(name(verdict)))
    said = _message(verdict)
    if verdict.value_unit == "s" and verdict.values[1] is not None:
        test.set("time", f"{verdict.values[1]:.9f}")
    if verdict.fails:
        Xml.SubElement(test, "failure", type=verdict.change, message=said).text = said
    elif verdict.change == "still broken" or (verdict.change == "unclear" and not verdict.no_slower):
        Xml.SubElement(test, "skipped", message=said)
    else:
        Xml.SubElement(test, "system-out").text = said


def _message(verdict: Verdict) -> str:
    ratio, interval, rounds = numbers(verdict)
    margin = f"margin {100 * verdict.margin:.3g} %" if verdict.margin is not None else ""
    better = "above 1 is better" if verdict.higher_is_better else "above 1 is worse"
    base, new = sides(verdict)
    values = f"{verdict.metric} {base or 'none'} -> {new or 'none'}" if base or new else ""
    parts = [change_text(verdict), values, f"new / base {ratio} ({better})" if ratio else ""]
    parts += [
        f"95 % interval {interval}" if interval else "",
        margin,
        f"{verdict.unit} {rounds}",
        plain(why_text(verdict)),
    ]
    return "; ".join(part for part in parts if part)


OUTPUT = Output("junit", "As JUnit XML, a test a case.", lambda comparison, _: text(comparison))
