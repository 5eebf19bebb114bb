"""Holds the guide's page on many machines to what its simulation gives, in small form."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rsc_bench.suites.sweeping.machines.nature import Nature
from rsc_bench.suites.sweeping.machines.simulation import alike, simulate

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "how-it-works"
PAGE = (FOLDER / "many-machines.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The file that makes the page's tables and its figure."""
    spec = importlib.util.spec_from_file_location("many_machines", FOLDER / "many_machines.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def rows(study: str) -> dict[int, list[str]]:
    """The lines of the table of a study, by the number of devices."""
    table = PAGE[PAGE.index(f"**{study}**") :].split("\n\n")[1]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {int(each[0].replace(",", "")): each for each in cells}


def test_a_paper_takes_as_long_as_the_page_says(script):
    for devices in (64, 1000):
        found = script.on(script.PAPER, devices, script.SMOOTH)
        said = float(rows("A paper")[devices][2])
        assert found.done
        assert found.took_s / 3600 == pytest.approx(said, rel=0.1)


def test_a_paper_with_failures_takes_as_long_as_the_page_says(script):
    found = script.on(script.PAPER, 64, script.ROUGH)
    assert found.took_s / 3600 == pytest.approx(float(rows("A paper")[64][5]), rel=0.1)


def test_the_page_says_of_both_studies_how_many_records_and_parts_they_are(script):
    for study, name in ((script.PAPER, "A paper"), (script.LARGE, "A large study")):
        plan = study.plan()
        said = PAGE[PAGE.index(f"**{name}**") :].split("\n\n")[0]
        longest = max(sum(case.estimate_s for case in cases) for cases in plan.groups().values())
        numbers = [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?= records| parts;|\s+s\.)", said)]
        assert numbers == [len(plan.cases) * study.rounds, len(plan.groups()) * study.rounds, round(longest)]


def test_a_record_costs_the_driver_about_what_the_page_says(tmp_path):
    found = simulate([alike(100, 10)], Nature(devices=100), tmp_path)
    said_ms = float(re.search(r"([\d.]+) at 100, [\d.]+ at 1,000 \| simulation", PAGE)[1])
    assert said_ms / 10 <= found.driver_s * 1e3 <= said_ms * 10


def test_a_record_is_about_as_long_as_the_page_says(tmp_path):
    found = simulate([alike(10, 10)], Nature(devices=4), tmp_path)
    said = float(re.search(r"\| ([\d.]+) KB each on a CPU", PAGE)[1])
    assert found.file_bytes / found.cases / 1000 == pytest.approx(said, rel=0.2)


def test_the_figure_of_the_page_is_there():
    name = re.search(r"```\{image\} (\S+)", PAGE)[1]
    assert (FOLDER / name).stat().st_size > 0
