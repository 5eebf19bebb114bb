"""Holds the CI workflows to what docs/decisions/ci.md says of them: valid, pinned, nothing of a fork's run, exit statuses kept."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

yaml = pytest.importorskip("ruamel.yaml", reason="ruamel.yaml is not installed: pip install check-jsonschema")

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github/workflows/benchmark.yml"
GITLAB = ROOT / ".gitlab-ci.yml"
COMMENT = ROOT / ".ci/comment"


def loaded(path):
    return yaml.YAML(typ="safe").load(path.read_text())


@pytest.fixture(scope="module")
def jobs():
    return loaded(GITHUB)["jobs"]


@pytest.fixture(scope="module")
def gitlab():
    return loaded(GITLAB)


def program(name):
    """A command of the environment that the tests run in, or of the machine."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return found or pytest.skip(f"{name} is not installed: pip install {name}")


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False, **options)


def step(job, name):
    return next(each for each in job["steps"] if each.get("name") == name)


def fake(folder, name, script):
    """A program of that name, in front of the real one on the PATH of what is run."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
    (folder / name).chmod(0o755)
    return {**os.environ, "PATH": os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])}


def test_actionlint_finds_nothing():
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or ""
    done = run(program("actionlint"), "-shellcheck", shellcheck, GITHUB)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_actionlint_would_find_a_job_that_needs_none(tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text(GITHUB.read_text().replace("needs: gpus", "needs: gpu"))
    done = run(program("actionlint"), broken)
    assert done.returncode == 1
    assert '"gpu"' in done.stdout


@pytest.mark.parametrize(("schema", "path"), [("vendor.github-workflows", GITHUB), ("vendor.gitlab-ci", GITLAB)])
def test_each_workflow_is_valid_by_the_published_schema(schema, path):
    done = run(program("check-jsonschema"), "--builtin-schema", schema, path)
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing_in_the_script():
    done = run(program("shellcheck"), COMMENT)
    assert done.returncode == 0, done.stdout


def test_every_action_is_githubs_own_and_pinned_to_a_commit():
    used = re.findall(r"uses: (\S+)(.*)", GITHUB.read_text())
    assert len(used) >= 6
    assert [
        each for each in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each[0]) or not re.match(r" # v\d", each[1])
    ] == []


def test_what_may_write_runs_nothing_of_the_checkout(jobs):
    assert loaded(GITHUB)["permissions"] == {"contents": "read"}
    writing = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}
    assert writing == {"comment": {"pull-requests": "write"}}
    assert not any("checkout" in each.get("uses", "") for each in jobs["comment"]["steps"])
    assert "secrets." not in GITHUB.read_text()
    assert "pull_request_target" not in GITHUB.read_text()


def test_no_code_of_a_fork_reaches_a_runner_by_itself(jobs, gitlab):
    assert "github.event.pull_request.head.repo.full_name == github.repository" in jobs["measure"]["if"]
    rule = next(each["if"] for each in gitlab[".for-merge-requests"]["rules"] if "merge_request_event" in each["if"])
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID" in rule


def test_every_gpu_is_measured_on_a_runner_with_its_label_also_where_another_fails(jobs, gitlab):
    strategy = jobs["measure"]["strategy"]
    assert (strategy["fail-fast"], strategy["matrix"]["gpu"]) == (False, "${{ fromJSON(vars.GPU_RUNNERS || '[]') }}")
    assert jobs["measure"]["runs-on"] == ["self-hosted", "${{ matrix.gpu }}"]
    assert gitlab["measure"]["tags"] == ["$GPU"]


def given_options(script):
    """The options of `harness ab` in a script, up to those that go to the suites."""
    command = re.search(r"python -m harness ab (.*?) -- ", script, re.DOTALL)
    return set(re.findall(r"--[\w-]+", command.group(1)))


def test_the_commands_that_they_call_exist(jobs, gitlab):
    pytest.importorskip("click", reason="click is not installed: pip install click")
    from rsc_bench.cli import cli

    options = {name: {each for parameter in command.params for each in parameter.opts} for name, command in cli.commands.items()}
    for script in (step(jobs["measure"], "Measure and judge")["run"], "\n".join(gitlab["measure"]["script"])):
        assert given_options(script) - options["ab"] == set()
    assert {"--normalise", "--markdown"} <= options["compare"]
    assert "--output" in options["report"]


# What `python -m harness ab` leaves, and its exit status.
AB = """
if [ "$1 $2 $3" != "-m harness ab" ]; then exit 99; fi
if [ "$STATUS" != 2 ]; then echo "## the verdict" > measured/verdict.md; fi
echo "$@"
exit "$STATUS"
"""


@pytest.mark.parametrize(("status", "exits", "warns"), [(0, 0, False), (1, 1, False), (2, 2, False), (3, 0, True)])
def test_slower_fails_the_job_and_what_cannot_be_judged_warns(jobs, tmp_path, status, exits, warns):
    script = step(jobs["measure"], "Measure and judge")["run"]
    environment = fake(tmp_path / "bin", "python", AB) | {"STATUS": str(status), "OPTIONS": "--device cuda --width 64"}
    fake(tmp_path / "bin", "git", "echo c0ffee")
    environment |= {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "BASE": "HEAD^1"}
    done = run("bash", "-e", "-o", "pipefail", "-c", script, cwd=tmp_path, env=environment)
    assert done.returncode == exits, done.stderr
    assert ("::warning" in done.stdout) == warns
    assert "--base c0ffee --new HEAD " in done.stdout
    assert done.stdout.splitlines()[0].endswith("-- --device cuda --width 64")
    assert (tmp_path / "summary.md").exists() == (status != 2)


def test_gitlab_takes_the_exit_status_and_lets_3_pass_with_a_warning(gitlab):
    assert gitlab["measure"]["allow_failure"] == {"exit_codes": 3}
    assert gitlab["measure"]["script"][-1].rstrip().endswith("-- $BENCHMARK_OPTIONS")
    assert gitlab["measure"]["artifacts"]["when"] == "always"
    assert gitlab["measure"]["artifacts"]["reports"]["junit"] == "measured/*/verdict.xml"


def test_what_the_second_job_installs_is_what_the_project_declares(jobs, gitlab):
    install = next(each["run"] for each in jobs["gpus"]["steps"] if "pip install" in each.get("run", ""))
    assert gitlab["gpus"]["before_script"] == [install]
    declared = re.findall(r'^  "([\w-]+)>=', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert set(install.split("install ")[1].split()) <= set(declared)


# `python -m harness report` and `compare`: notes what it was asked, and says something.
HARNESS = """
echo "$@" >> "$ASKED"
if [ "$3" = compare ]; then echo "## across" > "$8"; exit "${STATUS:-0}"; fi
"""


@pytest.fixture
def comments(tmp_path):
    """Runs .ci/comment over two GPUs, one of which may have measured nothing."""
    folder = tmp_path / "measured"

    def run_it(verdict="## PASS: nothing\n\nall well\n", second=True, **environment):
        for gpu in ("gpu-a100", "gpu-h200")[: 1 + second]:
            (folder / gpu).mkdir(parents=True)
            (folder / gpu / "1-ab-new.jsonl").touch()
            (folder / gpu / "verdict.md").write_text(verdict)
        (folder / "gpu-idle").mkdir()
        given = fake(tmp_path / "bin", "python", HARNESS) | {"ASKED": str(tmp_path / "asked")} | environment
        done = run(COMMENT, folder, "https://example.org/1", env=given)
        asked = (tmp_path / "asked").read_text() if (tmp_path / "asked").exists() else ""
        return done.returncode, (folder / "comment.md").read_text() if done.returncode == 0 else done.stderr, asked

    return run_it


def test_the_comment_has_every_gpus_verdict_first_and_then_what_is_between_them(comments):
    status, text, asked = comments()
    assert status == 0
    assert text.startswith("<!-- written by rsc-bench -->\n## a100: PASS: nothing\n\nall well\n\n## h200: PASS")
    assert "## idle: not measured" in text
    assert "<details><summary>h200 against a100</summary>\n\n#### across\n" in text
    assert text.endswith("(https://example.org/1)\n")
    assert [line.split()[2] for line in asked.splitlines()] == ["report", "compare"]
    assert "--normalise" in asked


@pytest.mark.parametrize(("found", "status"), [(1, 0), (3, 0), (2, 2)])
def test_a_difference_of_two_gpus_fails_nothing_but_an_error_does(comments, found, status):
    assert comments(STATUS=str(found))[0] == status


def test_a_comment_that_would_be_too_long_has_the_first_line_of_each(comments):
    status, text, _ = comments(verdict="## FAIL: 9 slower\n" + "x" * 40_000)
    assert status == 0
    assert len(text) < 1000
    assert "## a100: FAIL: 9 slower\n\n## h200: FAIL: 9 slower" in text


def test_one_gpu_is_compared_with_none(comments):
    _, text, asked = comments(second=False)
    assert "against" not in text
    assert [line.split()[2] for line in asked.splitlines()] == ["report"]


# `gh`: the comments that there are, and what is asked of it.
GH = """
echo "$@" >> "$ASKED"
if [ "$2" = --paginate ]; then printf "%s" "$IDS"; fi
"""


@pytest.mark.parametrize(
    ("ids", "asks"),
    [
        ("", "api --method POST repos/o/r/issues/7/comments --field body=@comment.md"),
        ("12\n", "api --method PATCH repos/o/r/issues/comments/12 --field body=@comment.md"),
    ],
)
def test_the_comment_is_written_once_and_then_anew(jobs, tmp_path, ids, asks):
    script = step(jobs["comment"], "Write the comment, or write it anew")["run"]
    environment = fake(tmp_path / "bin", "gh", GH) | {"ASKED": str(tmp_path / "asked"), "IDS": ids}
    environment |= {"GITHUB_REPOSITORY": "o/r", "NUMBER": "7"}
    done = run("bash", "-e", "-o", "pipefail", "-c", script, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text().splitlines()[-1] == asks


# `curl`: the notes that there are, and what is asked of it.
CURL = """
echo "$@" >> "$ASKED"
if [[ "$*" == *per_page* ]]; then printf "%s" "$NOTES"; fi
"""


@pytest.mark.parametrize(
    ("notes", "asks"),
    [
        ('[{"id": 11, "body": "nice"}]', "--request POST https://lab/projects/1/merge_requests/7/notes"),
        ('[{"id": 12, "body": "<!-- written by rsc-bench -->"}]', "--request PUT https://lab/projects/1/merge_requests/7/notes/12"),
    ],
)
def test_the_note_on_gitlab_is_written_once_and_then_anew(gitlab, tmp_path, notes, asks):
    script = gitlab["gpus"]["script"][-1]
    given = {"CI_API_V4_URL": "https://lab", "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "7", "BENCHMARK_TOKEN": "t"}
    environment = fake(tmp_path / "bin", "curl", CURL) | given | {"ASKED": str(tmp_path / "asked"), "NOTES": notes}
    done = run("bash", "-e", "-o", "pipefail", "-c", script, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    last = (tmp_path / "asked").read_text().splitlines()[-1]
    assert last.endswith(asks)
    assert "--form body=<measured/comment.md" in last


def test_without_a_token_the_comment_is_in_the_jobs_log(gitlab, tmp_path):
    (tmp_path / "measured").mkdir()
    (tmp_path / "measured/comment.md").write_text("said\n")
    environment = fake(tmp_path / "bin", "curl", "exit 1") | {"CI_MERGE_REQUEST_IID": "7"}
    done = run("bash", "-e", "-c", gitlab["gpus"]["script"][-1], cwd=tmp_path, env=environment)
    assert (done.returncode, done.stdout) == (0, "said\n")
