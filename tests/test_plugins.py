import sys

import pytest

from rsc_bench import plugins


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes a package of the files given, under a name that no other test has."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def make(name, **files):
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / f"{file}.py").write_text(text)
        return name

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def define(name):
    return f"from types import SimpleNamespace\nTHING = SimpleNamespace(name={name!r})\n"


def test_a_plugin_is_found_by_being_in_its_folder(package):
    name = package(
        "found_things", __init__="", b=define("bee"), a=define("ant"), no_plugin="OTHER = 1\n", _private=define("hidden")
    )
    assert list(plugins.load(name, "THING")) == ["ant", "bee"]
    assert plugins.load(name, "THING")["bee"].name == "bee"


def test_a_folder_without_an_init_file_works_too(package):
    assert list(plugins.load(package("bare_things", a=define("ant")), "THING")) == ["ant"]


def test_an_absent_optional_package_becomes_a_reason(package, monkeypatch):
    monkeypatch.setitem(plugins.OPTIONAL, "absent_extra", "pip install absent-extra")
    name = package("optional_things", a=define("ant"), b="import absent_extra.part\n")
    loaded = plugins.load(name, "THING")
    assert list(loaded) == ["ant"]
    assert loaded.missing == {"b": "absent_extra is not installed: pip install absent-extra"}


def test_a_package_that_needs_an_absent_one_is_missing_as_a_whole(package, monkeypatch):
    monkeypatch.setitem(plugins.OPTIONAL, "absent_extra", "pip install absent-extra")
    loaded = plugins.load(package("needy_things", __init__="import absent_extra\n", a=define("ant")), "THING")
    assert (list(loaded), list(loaded.missing)) == ([], ["needy_things"])


def test_a_misspelt_import_stops_the_run(package):
    with pytest.raises(plugins.PluginError, match=r"^misspelt_things/a\.py: ModuleNotFoundError: No module named 'nunpy'$"):
        plugins.load(package("misspelt_things", a="import nunpy\n"), "THING")


@pytest.mark.parametrize(
    ("text", "summary"),
    [("THING = dict(1)", "TypeError: 'int' object is not iterable"), ("THING = (", r"SyntaxError: .* line 1\)")],
)
def test_a_file_that_does_not_load_is_named_with_what_it_raised(package, text, summary):
    with pytest.raises(plugins.PluginError, match=f"^broken_things/b.py: {summary}$"):
        plugins.load(package("broken_things", a=define("ant"), b=text), "THING")


def test_two_plugins_of_one_name_are_refused(package):
    with pytest.raises(plugins.PluginError, match="two files in double_things define a THING named 'ant': rename one"):
        plugins.load(package("double_things", a=define("ant"), b=define("ant")), "THING")
