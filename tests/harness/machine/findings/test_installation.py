import json

import pytest

import rsc_bench
from rsc_bench.harness.machine.findings.installation import Installed, installation, installed


@pytest.fixture
def checkout(tmp_path):
    """A folder like a checkout of ours."""
    return made_checkout(tmp_path / "checkout")


def made_checkout(root):
    for part in ("pyproject.toml", "rsc_bench/__init__.py", "harness/__main__.py"):
        (root / part).parent.mkdir(parents=True, exist_ok=True)
        (root / part).touch()
    return root


@pytest.fixture
def site(tmp_path):
    """A folder like ``site-packages``."""
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


def found_in(package_root, *installed, folder, version="0.2.0"):
    return installation(package_root / "rsc_bench", version, installed, folder)


def test_a_checkout_that_runs_by_itself_is_named(checkout):
    found = found_in(checkout, folder=checkout)
    assert (found.name, found.state, found.remedy) == ("installation", "ok", None)
    assert found.summary == f"rsc-bench 0.2.0 from {checkout}/rsc_bench (a checkout that is not installed)"


def test_an_editable_installation_is_named(checkout, tmp_path):
    found = found_in(checkout, Installed("0.2.0", checkout, editable=True), folder=tmp_path)
    assert (found.state, found.summary) == ("ok", f"rsc-bench 0.2.0 from {checkout}/rsc_bench (an editable installation)")


def test_an_installed_wheel_is_named(site, tmp_path):
    found = found_in(site, Installed("0.2.0", site), folder=tmp_path)
    assert (found.state, found.summary) == ("ok", f"rsc-bench 0.2.0 from {site}/rsc_bench (an installed wheel)")


def test_a_folder_on_the_path_is_named(site, tmp_path):
    assert found_in(site, folder=tmp_path).summary.endswith("(a folder that is not installed)")


@pytest.mark.parametrize("editable", [False, True])
def test_a_checkout_beside_another_installation_is_a_hint_that_names_both(checkout, site, editable):
    found = found_in(checkout, Installed("0.1.0", site, editable), folder=checkout)
    also = f"rsc-bench 0.1.0 in {site}" + " (editable)" * editable
    assert found.state == "hint"
    assert (
        found.summary == f"rsc-bench 0.2.0 from {checkout}/rsc_bench (a checkout that is not installed); installed as well: {also}"
    )
    assert f"pip install -e {checkout}" in found.remedy
    assert "pip uninstall rsc-bench" in found.remedy


def test_two_installations_are_a_hint_that_names_both(checkout, site, tmp_path):
    found = found_in(site, Installed("0.2.0", site), Installed("0.1.0", checkout, editable=True), folder=tmp_path)
    assert found.state == "hint"
    assert "(an installed wheel); installed as well: rsc-bench 0.1.0 in" in found.summary
    assert found.remedy.startswith("keep one of them: pip uninstall rsc-bench")


def test_one_installation_that_is_found_twice_is_one(site, tmp_path):
    assert found_in(site, Installed("0.2.0", site), Installed("0.2.0", site), folder=tmp_path).state == "ok"


def test_a_checkout_in_the_current_folder_that_does_not_run_is_a_hint(checkout, site):
    found = found_in(site, Installed("0.2.0", site), folder=checkout)
    assert found.state == "hint"
    assert found.summary.endswith(f"(an installed wheel); not from the checkout in the current folder, {checkout}")
    assert found.remedy.startswith("python -m harness runs that checkout")


def test_an_editable_installation_of_an_older_version_is_a_hint(checkout, tmp_path):
    found = found_in(checkout, Installed("0.1.0", checkout, editable=True), folder=tmp_path)
    assert (found.state, found.remedy) == ("hint", f"pip install -e {checkout}")
    assert found.summary.endswith("(an editable installation); installed as 0.1.0")


def test_the_one_that_runs_here_is_found():
    found = installation()
    assert found.summary.startswith(f"rsc-bench {rsc_bench.__version__} from {rsc_bench.__path__[0]} (")


def metadata_in(site, source=None, folder="rsc_bench-0.1.0.dist-info"):
    """What pip writes of an installation, as far as it matters."""
    (site / folder).mkdir()
    (site / folder / ("METADATA" if folder.endswith("dist-info") else "PKG-INFO")).write_text("Name: rsc-bench\nVersion: 0.1.0\n")
    if source is not None:
        (site / folder / "direct_url.json").write_text(json.dumps(source))


def test_a_wheel_lies_where_its_metadata_lies(site):
    metadata_in(site)
    assert installed([str(site)]) == [Installed("0.1.0", site.resolve())]


def test_a_folder_that_was_installed_is_a_copy_of_it(site, checkout):
    metadata_in(site, {"url": checkout.as_uri(), "dir_info": {}})
    assert installed([str(site)]) == [Installed("0.1.0", site.resolve())]


def test_an_editable_installation_lies_where_it_was_installed_from(site, tmp_path):
    checkout = made_checkout(tmp_path / "with a blank")
    metadata_in(site, {"url": checkout.as_uri(), "dir_info": {"editable": True}})
    assert installed([str(site)]) == [Installed("0.1.0", checkout.resolve(), editable=True)]


def test_what_building_left_in_a_checkout_is_no_other_installation(checkout):
    metadata_in(checkout, folder="rsc_bench.egg-info")
    found = found_in(checkout, *installed([str(checkout)]), folder=checkout, version="0.2.0")
    assert (found.state, found.summary.partition("(")[2]) == ("ok", "a checkout that is not installed)")


def test_where_nothing_is_installed_nothing_is_found(site):
    assert installed([str(site)]) == []
