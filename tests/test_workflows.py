"""Holds the workflows to what the guide says of them: valid, pinned, no fork's code on a runner of yours, exit statuses kept.

Beside them, what else stands in the repository for its visitors: hooks, templates, citation and changelog.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from configparser import ConfigParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

yaml = pytest.importorskip("ruamel.yaml", reason="ruamel.yaml is not installed: pip install check-jsonschema")

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github/workflows/benchmark.yml"
CHECKS = ROOT / ".github/workflows/checks.yml"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
COMMENT = ROOT / ".ci/comment"
HOOKS = ROOT / ".pre-commit-config.yaml"
TEMPLATES = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
CITATION = ROOT / "CITATION.cff"
CHANGELOG = ROOT / "CHANGELOG.md"


def loaded(path):
    return yaml.YAML(typ="safe").load(path.read_text())


@pytest.fixture(scope="module")
def jobs():
    return loaded(GITHUB)["jobs"]


@pytest.fixture(scope="module")
def checks():
    return loaded(CHECKS)["jobs"]


@pytest.fixture(scope="module")
def gitlab():
    return loaded(GITLAB)


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def tox():
    settings = ConfigParser()
    settings.read(ROOT / "tox.ini")
    return settings


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
    done = run(program("actionlint"), "-shellcheck", shellcheck, *WORKFLOWS)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_actionlint_would_find_a_job_that_needs_none(tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text(GITHUB.read_text().replace("needs: gpus", "needs: gpu"))
    done = run(program("actionlint"), broken)
    assert done.returncode == 1
    assert '"gpu"' in done.stdout


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.gitlab-ci", [GITLAB]),
        ("vendor.github-issue-forms", TEMPLATES),
        ("vendor.citation-file-format", [CITATION]),
    ],
)
def test_what_others_read_is_valid_by_the_published_schema(schema, paths):
    assert paths
    done = run(program("check-jsonschema"), "--builtin-schema", schema, *paths)
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing_in_the_script():
    done = run(program("shellcheck"), COMMENT)
    assert done.returncode == 0, done.stdout


def actions(path):
    """Each action that a workflow uses, with the comment behind it."""
    return re.findall(r"uses: (\S+)(.*)", path.read_text())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_githubs_own_and_pinned_to_a_commit(path):
    used = actions(path)
    assert used
    assert [
        each for each in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each[0]) or not re.match(r" # v\d", each[1])
    ] == []


def test_all_workflows_use_the_same_version_of_an_action():
    pins = {each for path in WORKFLOWS for each in actions(path)}
    names = [pin.partition("@")[0] for pin, _ in pins]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_leaves_its_token_in_the_checkout(path):
    steps = [each for job in loaded(path)["jobs"].values() for each in job["steps"]]
    checkouts = [each["with"] for each in steps if each.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(given["persist-credentials"] is False for given in checkouts)


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=lambda path: path.name)
def test_a_workflow_names_the_page_of_the_guide_that_explains_it(path):
    (page,) = re.findall(r"docs/[\w/-]+\.md", path.read_text())
    assert (ROOT / page).is_file()


def test_what_may_write_runs_nothing_of_the_checkout(jobs):
    assert loaded(GITHUB)["permissions"] == {"contents": "read"}
    writing = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}
    assert writing == {"comment": {"pull-requests": "write"}, "commit": {}}
    assert not any("checkout" in each.get("uses", "") for each in jobs["comment"]["steps"])
    assert "secrets." not in GITHUB.read_text()
    assert "pull_request_target" not in GITHUB.read_text()


def test_no_code_of_a_fork_reaches_a_runner_by_itself(jobs, gitlab):
    assert "github.event.pull_request.head.repo.full_name == github.repository" in jobs["measure"]["if"]
    rule = next(each["if"] for each in gitlab[".for-merge-requests"]["rules"] if "merge_request_event" in each["if"])
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID" in rule


@pytest.mark.parametrize(
    ("given", "status"),
    [("0123456789abcdef0123456789abcdef01234567", 0), ("main", 2), ("refs/pull/7/head", 2), ("0123456", 2), ("", 2)],
)
def test_what_is_judged_by_hand_is_a_commit_and_no_name_that_may_move(jobs, tmp_path, given, status):
    script = step(jobs["commit"], "Refuse what is no commit")["run"]
    environment = {**os.environ, "COMMIT": given, "GITHUB_OUTPUT": str(tmp_path / "output")}
    done = run("bash", "-e", "-o", "pipefail", "-c", script, cwd=tmp_path, env=environment)
    assert done.returncode == status
    assert (tmp_path / "output").exists() == (status == 0)


def test_every_job_checks_that_commit_out(jobs):
    checkouts = [each["with"]["ref"] for job in jobs.values() for each in job["steps"] if "checkout" in each.get("uses", "")]
    assert checkouts == ["${{ needs.commit.outputs.sha }}"] * 2
    assert "github.ref" not in GITHUB.read_text().replace("github.repository", "")
    assert "default" not in loaded(GITHUB)["on"]["workflow_dispatch"]["inputs"]["new"]
    assert (jobs["measure"]["needs"], jobs["gpus"]["needs"]) == ("commit", ["commit", "measure"])


def test_every_gpu_is_measured_on_a_runner_with_its_label_also_where_another_fails(jobs, gitlab):
    strategy = jobs["measure"]["strategy"]
    assert (strategy["fail-fast"], strategy["matrix"]["gpu"]) == (False, "${{ fromJSON(vars.GPU_RUNNERS || '[]') }}")
    assert jobs["measure"]["runs-on"] == ["self-hosted", "${{ matrix.gpu }}"]
    assert gitlab["measure"]["tags"] == ["$GPU"]


def given_options(script):
    """The options of `harness ab` in a script, up to those that go to the suites."""
    command = re.search(r"python -m harness ab (.*?) -- ", script, re.DOTALL)
    return set(re.findall(r"--[\w-]+", command.group(1)))


def options_of(name):
    """The options of a command of ours, those of plug-ins among them."""
    import click

    from rsc_bench.cli import cli

    context = click.Context(cli)
    command = cli.get_command(context, name)
    return {each for parameter in command.get_params(context) for each in parameter.opts}


def test_the_commands_that_they_call_exist(jobs, gitlab):
    pytest.importorskip("click", reason="click is not installed: pip install click")
    for script in (step(jobs["measure"], "Measure and judge")["run"], "\n".join(gitlab["measure"]["script"])):
        assert given_options(script) - options_of("ab") == set()
    assert {"--normalise", "--markdown"} <= options_of("compare")
    assert "--output" in options_of("report")


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


def test_what_the_second_job_installs_is_what_the_project_declares(jobs, gitlab, project):
    install = next(each["run"] for each in jobs["gpus"]["steps"] if "pip install" in each.get("run", ""))
    assert gitlab["gpus"]["before_script"] == [install]
    declared = {re.match(r"[\w-]+", each).group() for each in project["dependencies"]}
    assert set(install.split("install ")[1].split()) <= declared


# `python -m harness report` and `compare`: notes what it was asked, and says something.
HARNESS = """
echo "$@" >> "$ASKED"
if [ "$3" = compare ]; then
  if [[ "$*" == *--normalise* ]] && [ -n "${ONE_KIND:-}" ]; then exit 2; fi
  echo "## across" > "${@: -1}"
  exit "${STATUS:-0}"
fi
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


def test_two_gpus_of_one_kind_are_compared_by_their_times(comments):
    status, text, asked = comments(ONE_KIND="1")
    assert status == 0
    assert "<details><summary>h200 against a100</summary>\n\n#### across\n" in text
    assert ["--normalise" in line for line in asked.splitlines()] == [False, True, False]


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


PROJECT = "/api/projects/1"
NEWEST = f"{PROJECT}/merge_requests/7/pipelines?per_page=1"
JOBS = f"{PROJECT}/pipelines/70/jobs?scope[]=success&per_page=100&page=1"
ARTIFACT = f"{PROJECT}/jobs/71/artifacts/measured/comment.md"
NOTES = f"{PROJECT}/merge_requests/7/notes"
MARK = "<!-- written by rsc-bench -->"


class FakeGitLab(BaseHTTPRequestHandler):
    """Answers as GitLab does, and notes what it was told to write, and with which token."""

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.command != "GET":
            self.server.written.append((self.command, self.path, json.loads(body)["body"]))
        self.server.tokens.add((self.path, self.headers.get("PRIVATE-TOKEN")))
        found = self.server.answers.get(self.path, "{}" if self.command != "GET" else None)
        moved = isinstance(found, str) and found.startswith("http")
        self.send_response(404 if found is None else 302 if moved else 200)
        if moved:
            self.send_header("Location", found)
        self.end_headers()
        self.wfile.write((found or "").encode())

    do_GET = do_POST = do_PUT = answer  # noqa: N815 (the names that http.server looks for)

    def log_message(self, *_):
        pass


@pytest.fixture
def lab():
    """A GitLab with one open merge request, of which the last pipeline has left a comment."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeGitLab)
    server.written, server.tokens = [], set()
    requests = [{"iid": 7, "project_id": 1}]
    server.answers = {
        "/api/user": json.dumps({"id": 5}),
        f"{PROJECT}/merge_requests?state=opened&per_page=100&page=1": json.dumps(requests),
        NEWEST: json.dumps([{"id": 70, "project_id": 1}]),
        JOBS: json.dumps([{"id": 72, "name": "measure"}, {"id": 71, "name": "gpus"}]),
        ARTIFACT: f"{MARK}\n## PASS\n",
        f"{NOTES}?per_page=100&page=1": "[]",
    }
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.api = f"http://127.0.0.1:{server.server_address[1]}/api"
    yield server
    server.shutdown()
    server.server_close()


def commented(lab):
    """Run the script of the scheduled job: its exit status, and what it wrote."""
    given = {"CI_API_V4_URL": lab.api, "CI_PROJECT_ID": "1", "BENCHMARK_TOKEN": "secret"}
    return run(sys.executable, ROOT / ".ci/gitlab_comments.py", env={**os.environ, **given}).returncode, lab.written


def note(body, author=5):
    return json.dumps([{"id": 11, "author": {"id": author}, "body": body}])


@pytest.mark.parametrize(
    ("notes", "written"),
    [
        ("[]", [("POST", NOTES, f"{MARK}\n## PASS\n")]),
        (note("nice"), [("POST", NOTES, f"{MARK}\n## PASS\n")]),
        (note(f"{MARK}\n## FAIL"), [("PUT", f"{NOTES}/11", f"{MARK}\n## PASS\n")]),
        (note(f"{MARK}\n## PASS"), []),
        (note(f"{MARK}\n## FAIL", author=6), [("POST", NOTES, f"{MARK}\n## PASS\n")]),  # a note of somebody else's stays
    ],
)
def test_the_note_on_gitlab_is_written_once_and_then_anew(lab, notes, written):
    lab.answers[f"{NOTES}?per_page=100&page=1"] = notes
    assert commented(lab) == (0, written)


def test_a_comment_gives_no_order_with_the_rights_of_the_token(lab):
    lab.answers[ARTIFACT] = f"{MARK}\n/merge\n  /approve\r/label ~done\nand a/b"
    ((_, _, body),) = commented(lab)[1]
    assert body == f"{MARK}\n\\/merge\n  \\/approve\n\\/label ~done\nand a/b"


def test_a_comment_of_any_length_is_cut(lab):
    lab.answers[ARTIFACT] = "x" * 200_000
    ((_, _, body),) = commented(lab)[1]
    assert body.startswith(MARK)
    assert len(body) <= 65_537


@pytest.mark.parametrize(
    "answers",
    [
        {NEWEST: "[]"},
        {NEWEST: json.dumps([{"id": 70, "project_id": 2}])},  # of a fork, in which anything may be called gpus
        {JOBS: "[]"},
    ],
)
def test_a_merge_request_that_has_measured_nothing_gets_no_note(lab, answers):
    lab.answers |= answers
    assert commented(lab) == (0, [])


def test_what_cannot_be_read_of_one_merge_request_keeps_no_other_from_its_note(lab):
    path = f"{PROJECT}/merge_requests?state=opened&per_page=100&page=1"
    lab.answers[path] = json.dumps([{"iid": 6, "project_id": 1}, {"iid": 7, "project_id": 1}])
    status, written = commented(lab)
    assert (status, [each[:2] for each in written]) == (1, [("POST", NOTES)])


def test_the_token_does_not_follow_an_artifact_to_another_host(lab):
    elsewhere = f"{lab.api}/elsewhere".replace("127.0.0.1", "localhost")
    lab.answers |= {ARTIFACT: elsewhere, "/api/elsewhere": "said"}
    assert commented(lab)[1] == [("POST", NOTES, f"{MARK}\nsaid")]
    assert dict(lab.tokens)["/api/elsewhere"] is None
    assert dict(lab.tokens)[ARTIFACT] == "secret"


def test_no_job_that_runs_the_code_of_a_merge_request_names_a_token(gitlab):
    jobs = {name: job for name, job in gitlab.items() if isinstance(job, dict) and "script" in job}
    assert set(jobs) == {"measure", "gpus", "comment"}
    assert not any("TOKEN" in json.dumps(job) for job in gitlab.values())
    assert jobs["comment"]["script"] == ["python .ci/gitlab_comments.py"]
    (rule,) = jobs["comment"]["rules"]
    for part in (
        '$CI_PIPELINE_SOURCE == "schedule"',
        "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
        '$CI_COMMIT_REF_PROTECTED == "true"',
    ):
        assert part in rule["if"]
    assert all("schedule" not in json.dumps(jobs[name]) for name in ("measure", "gpus"))
    assert "protected" in (ROOT / "docs/tutorials/guard-a-repository.md").read_text()


def test_the_comment_is_in_the_log_of_the_job_that_makes_it(gitlab):
    assert gitlab["gpus"]["script"][-1] == "cat measured/comment.md"


def test_the_tests_run_on_every_python_that_the_project_supports(checks, project):
    classified = [each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r"Python :: 3\.\d+$", each)]
    assert checks["tests"]["strategy"] == {"fail-fast": False, "matrix": {"python": classified}}
    assert project["requires-python"] == ">=3.11,<3.14"
    assert classified == ["3.11", "3.12", "3.13"]


def test_the_checks_are_environments_of_tox(checks, tox):
    matrix = checks["checks"]["strategy"]["matrix"]
    environments = ["tests", *matrix["environment"], *(each["environment"] for each in matrix["include"])]
    assert set(environments) >= {each.strip() for each in tox["tox"]["env_list"].split(",")}
    assert [each for each in environments if f"testenv:{each}" not in tox] == []


def test_the_lowest_releases_are_those_that_the_project_declares(project):
    # What `baselines` and `types` install has environments of its own; torch stands in constraints.txt, and wheel has no bound.
    others = {"baselines", "torch-sparse", "types"}
    extras = [each for name, parts in project["optional-dependencies"].items() if name not in others for each in parts]
    declared = dict(re.findall(r"^([\w-]+)>=([\d.]+)", "\n".join(project["dependencies"] + extras), re.MULTILINE))
    pinned = dict(re.findall(r"^([\w-]+)==([\d.]+)", (ROOT / "constraints-lowest.txt").read_text(), re.MULTILINE))
    assert pinned.keys() == declared.keys() - {"torch"}
    assert {name: low for name, low in declared.items() if name != "torch" and not f"{pinned[name]}.".startswith(f"{low}.")} == {}


def test_the_checks_only_read_and_know_no_secret():
    assert loaded(CHECKS)["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in loaded(CHECKS)["jobs"].values())
    assert not re.search(r"secrets\.|pull_request_target|self-hosted", CHECKS.read_text())


def test_what_the_package_job_calls_exists(checks):
    pytest.importorskip("click", reason="click is not installed: pip install click")
    import rsc_bench
    from rsc_bench.plugins import load

    script = step(checks["package"], "Use it from another folder")["run"]
    assert set(re.findall(r"^rsc-bench (\w+)", script, re.MULTILINE)) - set(load("command")) == set()
    names = re.search(r"from rsc_bench import ([\w, ]+)", script).group(1).split(", ")
    assert set(rsc_bench.__all__) - {"__version__"} == set(names)
    examples = re.findall(r"\$GITHUB_WORKSPACE/([\w/]+\.py)", script)
    assert examples
    assert all((ROOT / path).is_file() for path in examples)


def test_the_hooks_are_valid():
    done = run(program("pre-commit"), "validate-config", HOOKS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_have_the_linter_of_tox(tox):
    hooks = {hook["id"]: hook for repo in loaded(HOOKS)["repos"] for hook in repo["hooks"]}
    for name in ("ruff-check", "ruff-format"):
        assert hooks[name]["additional_dependencies"] == [tox["testenv:lint"]["deps"]]


def test_a_bug_report_asks_for_the_doctor_and_a_wrong_number_for_the_results_file():
    bodies = {path.stem: path.read_text() for path in TEMPLATES}
    assert bodies.keys() == {"bug", "plugin", "wrong_number"}
    assert "rsc-bench doctor" in bodies["bug"]
    assert "results file" in bodies["wrong_number"]


def test_the_citation_and_the_changelog_are_of_this_version():
    from rsc_bench import __version__

    citation = loaded(CITATION)
    released = re.findall(r"^## \[([\d.]+)\] - (\d{4}-\d\d-\d\d)$", CHANGELOG.read_text(), re.MULTILINE)
    assert released[0] == (__version__, str(citation["date-released"]))
    assert citation["version"] == __version__


def test_the_changelog_has_the_sections_of_its_form():
    sections = re.findall(r"^### (.+)$", CHANGELOG.read_text(), re.MULTILINE)
    assert set(sections) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert re.findall(r"^## (.+)$", CHANGELOG.read_text(), re.MULTILINE)[-1].startswith("[0.1.0]")
