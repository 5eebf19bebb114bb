import pytest

from rsc_bench.harness.machine.findings.software import MIN_PYTHON, REQUIRED, is_present, packages, python
from rsc_bench.optional import OPTIONAL


def test_an_old_python_fails():
    found = python((3, 10, 12))
    assert (found.state, found.summary, found.remedy) == ("missing", "3.10.12", "use Python 3.11 or newer")
    assert python((*MIN_PYTHON, 0)).state == "ok"
    assert python().state == "ok"


def test_where_nothing_is_absent_there_is_one_line():
    (found,) = packages(lambda name: True)
    assert (found.name, found.state) == ("packages", "ok")


@pytest.mark.parametrize("name", sorted(set(OPTIONAL) - set(REQUIRED)))
def test_an_absent_optional_package_is_a_hint_that_has_the_way_to_get_it(name):
    required, absent = packages(lambda other: other != name)
    assert required.state == "ok"
    assert (absent.name, absent.state, absent.remedy) == (name, "hint", OPTIONAL[name])


def test_a_package_of_an_extra_names_the_extra():
    (found,) = [each for each in packages(lambda name: name != "torch_geometric") if each.state != "ok"]
    assert found.remedy == 'pip install "rsc-bench[train]"'


def test_an_absent_required_package_is_missing_and_comes_with_the_package_itself():
    found = next(packages(lambda name: name not in {"msgspec", "rich"}))
    assert (found.state, found.summary) == ("missing", "not installed: msgspec, rich")
    assert found.remedy.startswith("pip install rsc-bench")


def test_a_package_is_present_where_it_could_be_imported():
    assert is_present("json")
    assert not is_present("no_such_package")
