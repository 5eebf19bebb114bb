"""Plug-ins are found in our folders, in installed packages and in a user's files; what is not understood is one line."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rsc_bench import plugins
from rsc_bench.plugins import Kind, PluginError, Registry

ROOT = Path(__file__).resolve().parents[1]
NAMESPACE = "from types import SimpleNamespace"


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Makes a package of the files given, under a name that no other test has, and a registry of one kind that lies there."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, **files):
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / f"{file}.py").write_text(text)
        return Registry({"thing": Kind("thing", name, "types:SimpleNamespace", more_names="columns", taken=("none",))})

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0].endswith(("_things", "_plugin"))]:
        del sys.modules[name]


@pytest.fixture
def absent_extra(monkeypatch):
    monkeypatch.setitem(plugins.OPTIONAL, "absent_extra", "pip install absent-extra")


def define(name):
    return f"from types import SimpleNamespace\nTHING = SimpleNamespace(name={name!r})\n"


def refused(load):
    with pytest.raises(PluginError) as caught:
        load()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_plugin_is_found_by_being_in_its_folder(registry):
    files = {"b": define("bee"), "a": define("ant"), "no_plugin": "OTHER = 1\n", "_private": define("hidden")}
    found = registry("found_things", __init__="", **files).load("thing")
    assert list(found) == ["ant", "bee"]
    assert found["bee"].name == "bee"


def test_a_file_may_hold_a_family(registry):
    family = "from types import SimpleNamespace\nTHINGS = (SimpleNamespace(name='one'), SimpleNamespace(name='two'))\n"
    assert list(registry("family_things", a=family, b=define("bee")).load("thing")) == ["one", "two", "bee"]


def test_a_folder_without_an_init_file_works_too(registry):
    assert list(registry("bare_things", a=define("ant")).load("thing")) == ["ant"]


def test_an_absent_optional_package_becomes_a_reason(registry, absent_extra):
    found = registry("optional_things", a=define("ant"), b="import absent_extra.part\n").load("thing")
    assert list(found) == ["ant"]
    assert found.missing == {"b": "absent_extra is not installed: pip install absent-extra"}


def test_a_package_that_needs_an_absent_one_is_missing_as_a_whole(registry, absent_extra):
    found = registry("needy_things", __init__="import absent_extra\n", a=define("ant")).load("thing")
    assert (list(found), list(found.missing)) == ([], ["needy_things"])


def test_a_misspelt_import_stops_the_run_and_names_file_and_line(registry):
    made = registry("misspelt_things", a="# a comment\nimport nunpy\n")
    assert refused(lambda: made.load("thing")) == "misspelt_things/a.py, line 2: ModuleNotFoundError: No module named 'nunpy'"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("THING = dict(1)", "line 1: TypeError: 'int' object is not iterable"),
        ("\nTHING = (", "line 2: SyntaxError: '(' was never closed (b.py, line 2)"),
        ("THING = 3", "must define THING = SimpleNamespace(...) (got int)"),
    ],
)
def test_a_file_that_does_not_load_is_named_with_its_line_and_what_it_raised(registry, text, reason):
    message = refused(lambda: registry("broken_things", a=define("ant"), b=text).load("thing"))
    assert message.startswith("broken_things/b.py")
    assert message.endswith(reason)


def test_two_plugins_of_one_name_are_refused_and_both_files_named(registry):
    made = registry("double_things", a=define("ant"), b=define("ant"))
    rule = "both define a THING named 'ant': rename one of them"
    assert refused(lambda: made.load("thing")) == f"double_things/a.py and double_things/b.py: {rule}"


def test_two_plugins_that_share_one_of_their_further_names_are_refused(registry):
    one, two = (f"{NAMESPACE}\nTHING = SimpleNamespace(name={name!r}, columns=('x', {name!r}))\n" for name in ("ant", "bee"))
    made = registry("shared_things", a=one, b=two)
    rule = "both define a THING with 'x' among its columns: rename one of them"
    assert refused(lambda: made.load("thing")) == f"shared_things/a.py and shared_things/b.py: {rule}"


def test_a_name_that_means_something_else_is_refused(registry):
    made = registry("taken_things", a=define("none"))
    rule = "no thing may be named 'none', which means something else there: rename it"
    assert refused(lambda: made.load("thing")) == f"taken_things/a.py: {rule}"


def test_one_plugin_is_found_by_name_and_an_unknown_one_with_the_nearest(registry):
    made = registry("named_things", ant=define("ant"), bee="raise RuntimeError('not for this one')\n")
    assert made.find("thing", "ant").name == "ant"
    with pytest.raises(ValueError, match="allocation 'gready' is not known: nearest is greedy"):
        plugins.find("allocation", "gready")


def test_one_plugin_that_needs_an_absent_package_says_so(registry, absent_extra):
    made = registry("lacking_things", ant="import absent_extra\n")
    with pytest.raises(ValueError, match="thing 'ant' is not available: absent_extra is not installed: pip install absent-extra"):
        made.find("thing", "ant")


def test_a_users_file_adds_its_plugins_to_those_that_are_there(registry, tmp_path):
    made = registry("given_things", a=define("ant"))
    (tmp_path / "mine.py").write_text(define("mine"))
    assert list(made.load("thing")) == ["ant"]
    assert [plugin.name for _, plugin in made.add_file(tmp_path / "mine.py")] == ["mine"]
    assert list(made.load("thing")) == ["ant", "mine"]
    made.add_file(tmp_path / "mine.py")  # a second time it is the same one
    assert list(made.load("thing")) == ["ant", "mine"]


def test_two_files_of_one_name_in_two_folders_are_two_files(registry, tmp_path):
    made = registry("twice_things", a=define("ant"))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(define(folder))
        made.add_file(tmp_path / folder / "mine.py")
    assert list(made.load("thing")) == ["ant", "one", "two"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "mine.py: no such file: give the path of a Python file"),
        ("OTHER = 1\n", "mine.py: must define a plug-in, one of THING (got none): see CONTRIBUTING.md"),
        ("\n\n1 / 0\n", "mine.py, line 3: ZeroDivisionError: division by zero"),
        ("raise SystemExit('over')\n", "mine.py, line 1: SystemExit: over"),
        ("THING = 3\n", "mine.py: must define THING = SimpleNamespace(...) (got int)"),
    ],
    ids=["absent", "none", "raises", "exits", "number"],
)
def test_a_users_file_without_a_plugin_is_refused_in_one_line(registry, tmp_path, text, reason):
    made = registry("refused_things", a=define("ant"))
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    message = refused(lambda: made.add_file(tmp_path / "mine.py"))
    assert message.startswith("--plugin ")
    assert message.endswith(reason)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from kernels import Csr, Kernel", "from rsc_bench.kernels import Csr, Kernel"),
        ("from harness.metrics import Metric", "from rsc_bench.harness.metrics import Metric"),
        ("from kernels.sampled.selection import Selection", "from rsc_bench.kernels.sampled.selections import Selection"),
        ("from suites.graphs.source import Source", "from rsc_bench.suites.graphs.source import Source"),
    ],
)
def test_an_old_import_in_a_users_file_gets_the_new_one(registry, tmp_path, old, new):
    (tmp_path / "mine.py").write_text(f"import os\n{old}\n")
    message = refused(lambda: registry("old_things", a=define("ant")).add_file(tmp_path / "mine.py"))
    assert message == f"--plugin {tmp_path}/mine.py, line 2: `{old}` has moved: write `{new}`"


def test_a_field_that_was_renamed_is_said(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from rsc_bench.harness.metrics import Metric\nMETRIC = Metric('mine', 'ms', 'lower', says='Mine.')\n"
    )
    message = refused(lambda: Registry().add_file(tmp_path / "mine.py"))
    assert "mine.py, line 2: TypeError: Metric.__init__() got an unexpected keyword argument 'says'" in message
    assert message.endswith(": it is now called 'summary'")


ELSEWHERE = """
from pathlib import Path
from rsc_bench.plugins import Kind, Registry
registry = Registry({"thing": Kind("thing", "email", "types:SimpleNamespace")})
print(registry.add_file(Path("plugin.py"))[0][1].name)
"""


def test_another_package_called_kernels_is_the_one_that_a_users_file_gets(tmp_path):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text("def get_kernel():\n    return 'theirs'\n")
    text = "from types import SimpleNamespace\nfrom kernels import get_kernel\nTHING = SimpleNamespace(name=get_kernel())\n"
    (tmp_path / "plugin.py").write_text(text)
    # The checkout comes first on the path, as it does for `python -m pytest suites` and `python -m harness` there.
    code = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]\n{ELSEWHERE}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("theirs\n", "")


def install(folder, entry, group="rsc_bench.things", **files):
    """Lay a distribution out as pip does, with one entry point for things."""
    folder.mkdir(exist_ok=True)
    for file, text in files.items():
        (folder / f"{file}.py").write_text(text)
    information = folder / "made_up-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")


def test_an_installed_package_adds_its_plugins(registry, tmp_path):
    made = registry("shipped_things", a=define("ant"))
    install(tmp_path, "theirs = shipped_plugin:THING", shipped_plugin=define("theirs"))
    assert list(made.load("thing")) == ["ant", "theirs"]


def test_an_installed_package_may_add_a_family(registry, tmp_path):
    made = registry("many_things", a=define("ant"))
    family = f"{NAMESPACE}\nTHINGS = SimpleNamespace(name='one'), SimpleNamespace(name='two')\n"
    install(tmp_path, "theirs = many_plugin:THINGS", many_plugin=family)
    assert list(made.load("thing")) == ["ant", "one", "two"]


def test_an_entry_point_in_a_group_that_no_kind_has_is_refused(registry, tmp_path):
    made = registry("lost_things", a=define("ant"))
    install(tmp_path, "theirs = lost_plugin:THING", group="rsc_bench.thing", lost_plugin=define("theirs"))
    place = "entry point theirs of made-up (rsc_bench.thing)"
    for _ in range(2):  # not only the first time
        assert refused(lambda: made.load("thing")) == f"{place}: there is no such group: nearest is rsc_bench.things"


def test_an_entry_point_that_names_nothing_is_refused(registry, tmp_path):
    made = registry("nowhere_things", a=define("ant"))
    install(tmp_path, "theirs = :::bad")
    place = "entry point theirs of made-up (rsc_bench.things)"
    assert refused(lambda: made.load("thing")) == f"{place}: must be written module:THING (got ':::bad')"


def test_an_installed_plugin_that_does_not_load_is_named_with_its_package(registry, tmp_path):
    made = registry("spoilt_things", a=define("ant"))
    install(tmp_path, "theirs = spoilt_plugin:THING", spoilt_plugin="import nunpy\n")
    place = "entry point theirs of made-up (rsc_bench.things)"
    reason = "ModuleNotFoundError: No module named 'nunpy'"
    assert refused(lambda: made.load("thing")) == f"{place}: {tmp_path}/spoilt_plugin.py, line 1: {reason}"


def test_an_installed_plugin_that_exits_is_an_error_and_no_pass(registry, tmp_path):
    made = registry("leaving_things", a=define("ant"))
    install(tmp_path, "theirs = leaving_plugin:THING", leaving_plugin="raise SystemExit(0)\n")
    assert f"{tmp_path}/leaving_plugin.py, line 1: SystemExit: 0" in refused(lambda: made.load("thing"))


def test_an_installed_plugin_that_needs_an_absent_package_is_missing_with_the_reason(registry, tmp_path, absent_extra):
    made = registry("needing_things", a=define("ant"))
    install(tmp_path, "theirs = needing_plugin:THING", needing_plugin="import absent_extra\n")
    found = made.load("thing")
    assert (list(found), found.missing) == (["ant"], {"theirs": "absent_extra is not installed: pip install absent-extra"})


@pytest.mark.parametrize("kind", plugins.KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_names_a_folder_and_a_type_that_exist(kind):
    module, _, name = kind.type.partition(":")
    assert importlib.import_module(kind.package).__path__
    assert isinstance(getattr(importlib.import_module(module), name), type)


def test_a_users_own_folder_kernels_is_theirs_where_it_has_the_name(tmp_path):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text("")
    (tmp_path / "kernels" / "csr.py").write_text("MINE = 'theirs'\n")
    text = "from types import SimpleNamespace\nfrom kernels.csr import MINE\nTHING = SimpleNamespace(name=MINE)\n"
    (tmp_path / "plugin.py").write_text(text)
    code = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]\n{ELSEWHERE}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("theirs\n", "")


@pytest.mark.parametrize(("name", "module"), [("Case", "case"), ("Measurement", "measurement"), ("Record", "run")])
def test_an_old_record_is_sent_to_the_module_that_has_it_now(registry, tmp_path, name, module):
    (tmp_path / "mine.py").write_text(f"from harness.record import {name}\n")
    message = refused(lambda: registry("record_things", a=define("ant")).add_file(tmp_path / "mine.py"))
    assert message.endswith(f"write `from rsc_bench.harness.records.{module} import {name}`")
    assert hasattr(importlib.import_module(f"rsc_bench.harness.records.{module}"), name)


def test_a_module_of_ours_that_is_imported_whole_is_named_too(registry, tmp_path):
    (tmp_path / "mine.py").write_text("import harness.nothing\n")
    message = refused(lambda: registry("whole_things", a=define("ant")).add_file(tmp_path / "mine.py"))
    assert "ours is rsc_bench.harness" in message


def test_an_error_in_a_file_that_a_plugin_imports_is_not_the_plugins_line(registry, tmp_path):
    (tmp_path / "beside_things.py").write_text("\n\n\n\nbroken = (\n")
    (tmp_path / "mine.py").write_text("import beside_things\n")
    message = refused(lambda: registry("blamed_things", a=define("ant")).add_file(tmp_path / "mine.py"))
    assert "mine.py, line 1: SyntaxError" in message


def test_a_file_is_read_as_it_is_now_and_leaves_nothing_beside_it(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "own" / "mine.py"
    file.parent.mkdir()
    for name in "bc":  # the same size within one second: what a cache of Python takes for the same file
        file.write_text(f"{NAMESPACE}\nTHING = SimpleNamespace(name={name!r})\n")
        things = registry(f"fresh_{name}_things", a=define("ant"))
        things.add_file(file)
        assert name in things.load("thing")
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{NAMESPACE}\nTHING = SimpleNamespace(name='a')\nTHNGS = (THING,)\n", "THNGS is passed over: write THING"),
        ("THINGS = 3\n", "THINGS must be a tuple of SimpleNamespace (got int)"),
        (f"{NAMESPACE}\nTHING = SimpleNamespace(name='')\n", "the name of a thing must be a text that is not empty"),
    ],
    ids=["misspelt", "number", "nameless"],
)
def test_what_would_be_passed_over_in_silence_is_refused(registry, tmp_path, text, reason):
    (tmp_path / "mine.py").write_text(text)
    assert reason in refused(lambda: registry("silent_things", a=define("ant")).add_file(tmp_path / "mine.py"))


def test_loading_a_file_changes_nothing_of_ours(registry, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(f"import os\nos.chdir('/')\nprint('hello')\n{define('bee')}")
    registry("steady_things", a=define("ant")).add_file(Path("mine.py"))
    assert Path.cwd() == tmp_path
    assert capsys.readouterr() == ("", "hello\n"), "JSON may follow on stdout"


@pytest.mark.parametrize("error", ["raise SystemExit(0)", "raise GeneratorExit", "class B(BaseException): pass\nraise B('no')"])
def test_whatever_a_file_raises_is_an_error_of_that_file(registry, tmp_path, error):
    (tmp_path / "mine.py").write_text(error)
    assert "mine.py, line " in refused(lambda: registry("raising_things", a=define("ant")).add_file(tmp_path / "mine.py"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import os\nos._exit(0)\n", "mine.py, line 2: SystemExit: 0"),
        ("import time\ntime.sleep(100)\n", "mine.py, line 2: TimeoutError: takes more than 0.2 s to load"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(1,), name='mine').start()\n",
            "mine.py: RuntimeError: leaves a thread running that it has started (mine): start it in what prepares",
        ),
    ],
)
def test_a_file_that_leaves_hangs_or_goes_on_is_refused_in_one_line(registry, tmp_path, text, reason):
    made = registry("leaving_things", a=define("ant"))
    made.limit_s = 0.2
    (tmp_path / "mine.py").write_text(text)
    assert reason in refused(lambda: made.add_file(tmp_path / "mine.py"))


def test_a_file_that_closes_the_output_leaves_it_open(registry, tmp_path):
    made = registry("closing_things", a=define("ant"))
    (tmp_path / "mine.py").write_text("import os\nos.close(1)\nos.dup2(0, 2)\n")
    before = [os.fstat(standard).st_ino for standard in range(3)]
    refused(lambda: made.add_file(tmp_path / "mine.py"))
    assert [os.fstat(standard).st_ino for standard in range(3)] == before


def test_a_file_is_the_same_by_any_path(registry, tmp_path):
    (tmp_path / "mine.txt").write_text(define("bee"))
    (tmp_path / "link.py").symlink_to(tmp_path / "mine.txt")
    made = registry("linked_things", a=define("ant"))
    made.add_file(tmp_path / "mine.txt")
    made.add_file(tmp_path / "link.py")
    assert list(made.load("thing")) == ["ant", "bee"]


def test_a_folder_is_no_plugin_file(registry, tmp_path):
    assert "is a folder: give the path of a Python file" in refused(
        lambda: registry("folder_things", a=define("ant")).add_file(tmp_path)
    )


def test_a_file_that_tries_both_imports_is_for_both_versions(registry, tmp_path):
    tried = "try:\n    from rsc_bench.kernels import Kernel\nexcept ImportError:\n    from kernels import Kernel\n"
    (tmp_path / "mine.py").write_text(tried + define("bee"))
    assert [plugin.name for _, plugin in registry("tried_things", a=define("ant")).add_file(tmp_path / "mine.py")] == ["bee"]


def test_a_package_is_left_out_of_some_kinds_and_not_of_others(registry, tmp_path):
    made = registry("parted_things", a=define("ant"))
    install(tmp_path, "theirs = parted_plugin:THING", parted_plugin=define("theirs"))
    assert made.load("thing").origins == {"theirs": "made-up"}
    made.leave_out(["other"], ["made-up"])
    assert list(made.load("thing")) == ["ant", "theirs"]
    made.leave_out(["thing"], ["made-up"])
    assert list(made.load("thing")) == ["ant"]
