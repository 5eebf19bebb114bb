"""Holds what judges any repository in CI to what the guide says: valid, pinned, exit statuses kept, and what to set said."""

import json
import os
import re
import subprocess

import pytest

pytest.importorskip("ruamel.yaml", reason="ruamel.yaml is not installed: pip install check-jsonschema")

from test_workflows import GITLAB, ROOT, fake, loaded, options_of, program, run, step

JUDGE = ROOT / ".ci/judge"
ACTION = ROOT / ".github/actions/judge/action.yml"
WORKFLOW = ROOT / ".github/workflows/judge.yml"
HISTORY = ROOT / ".github/workflows/history.yml"
TEMPLATE = ROOT / ".gitlab/judge.yml"
GUIDE = ROOT / "docs/how-to/judge-any-repository.md"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def bash(script, folder, **environment):
    return run("bash", "-e", "-o", "pipefail", "-c", script, cwd=folder, env={**os.environ, **environment})


@pytest.mark.parametrize(("schema", "path"), [("vendor.github-actions", ACTION), ("vendor.gitlab-ci", TEMPLATE)])
def test_what_others_include_is_valid_by_the_published_schema(schema, path):
    done = run(program("check-jsonschema"), "--builtin-schema", schema, path)
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing_in_the_script():
    done = run(program("shellcheck"), JUDGE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [ACTION, WORKFLOW, HISTORY, TEMPLATE], ids=lambda path: path.name)
def test_each_names_the_page_of_the_guide_that_explains_it(path):
    (page,) = set(re.findall(r"docs/[\w/-]+\.md", path.read_text()))
    assert ROOT / page == GUIDE


@pytest.mark.parametrize("path", [ACTION, WORKFLOW, HISTORY, TEMPLATE], ids=lambda path: path.name)
def test_what_a_user_sets_is_named_in_the_guide(path):
    tree = loaded(path)
    if path == TEMPLATE:
        names = [name for name in tree[".judge-benchmarks"]["variables"] if name != "GIT_DEPTH"]
    else:
        names = tree["inputs"] if path == ACTION else tree["on"]["workflow_call"]["inputs"]
    text = GUIDE.read_text()
    assert [name for name in names if f"`{name}`" not in text] == []


# `rsc-bench ab`: notes what it was asked, and leaves a verdict.
AB = """
printf '%s\\n' "$@" > "$ASKED"
if [ "$STATUS" != 2 ]; then echo "## the verdict" > "$OUTPUT/verdict.md"; fi
exit "$STATUS"
"""


@pytest.fixture
def judged(tmp_path):
    """Runs the script in front of a program that is there already: the exit status, what was said, and what was asked."""

    def run_it(status=0, **environment):
        (tmp_path / "home").mkdir()
        fake(tmp_path / "home/bin", "rsc-bench", AB)
        given = {"RSC_BENCH_HOME": str(tmp_path / "home"), "ASKED": str(tmp_path / "asked"), "STATUS": str(status)}
        given |= {"OUTPUT": str(tmp_path / "measured"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "COMMAND": "pytest b"}
        done = run(JUDGE, cwd=tmp_path, env={**os.environ, **given, **environment})
        asked = (tmp_path / "asked").read_text().splitlines() if (tmp_path / "asked").exists() else []
        return done, asked

    return run_it


def test_a_pull_request_as_it_would_be_merged_is_judged_against_its_base_in_nine_rounds(judged, tmp_path):
    done, asked = judged(GITHUB_ACTIONS="true")
    assert done.returncode == 0, done.stderr
    assert asked[:9] == ["ab", "--base", "HEAD^1", "--new", "HEAD", "--rounds", "9", "--threshold", "5%"]
    assert asked[-3:] == ["--", "pytest", "b"]
    assert (tmp_path / "summary.md").read_text() == "## the verdict\n"


def test_the_words_of_a_command_are_those_of_a_shell(judged):
    _, asked = judged(COMMAND="pytest 'my benchmarks' -k \"a or b\"", SET_UP="make it", BASE="v1")
    assert asked[asked.index("--") + 1 :] == ["pytest", "my benchmarks", "-k", "a or b"]
    assert asked[asked.index("--set-up") + 1] == "make it"
    assert asked[asked.index("--base") + 1] == "v1"


@pytest.mark.parametrize(("on_github", "status", "exits"), [("true", 1, 1), ("true", 2, 2), ("true", 3, 0), ("", 3, 3), ("", 1, 1)])
def test_slower_fails_and_what_cannot_be_judged_warns(judged, on_github, status, exits):
    done, _ = judged(status, GITHUB_ACTIONS=on_github)
    assert done.returncode == exits
    assert ("::warning" in done.stdout) == (on_github == "true" and status == 3)


def test_a_command_that_nobody_set_is_said(judged):
    done, asked = judged(COMMAND="")
    assert (done.returncode, asked) == (2, [])
    assert "COMMAND must say what measures the benchmarks (got nothing): set it to pytest benchmarks/" in done.stderr


def test_the_options_that_it_gives_exist_and_what_it_installs_is_declared():
    pytest.importorskip("click", reason="click is not installed: pip install click")
    text = JUDGE.read_text()
    given = set(re.findall(r"--[a-z-]+", text[text.index("options=(") : text.index("|| status")]))
    assert {"--base", "--set-up", "--junit"} <= given <= options_of("ab") | {"--"}
    (light,) = re.findall(r"pip install --quiet (click[\w ]+)", text)
    declared = (ROOT / "pyproject.toml").read_text()
    assert [name for name in light.split() if f'"{name}>=' not in declared] == []
    assert "torch" not in light


def test_the_action_gives_the_script_all_that_it_takes_with_the_same_defaults():
    action = loaded(ACTION)
    (only,) = action["runs"]["steps"]
    given = {name: value for name, value in only["env"].items() if name != "ACTION"}
    assert set(given) == {"COMMAND", "BASE", "NEW", "ROUNDS", "THRESHOLD", "SET_UP", "OUTPUT"}
    assert {re.search(r"inputs\.([\w-]+)", value).group(1) for value in given.values()} < set(action["inputs"])
    assert (ACTION.parent / "../../../.ci/judge").resolve() == JUDGE
    text = JUDGE.read_text()
    for name, key in (("BASE", "base"), ("NEW", "new"), ("ROUNDS", "rounds"), ("THRESHOLD", "threshold"), ("OUTPUT", "output")):
        assert f"${{{name}:-{action['inputs'][key]['default']}}}" in text


CALLED = {"RUNNER_LABELS": '["self-hosted", "quiet"]', "SOURCE": f"o/rsc-bench@{COMMIT}", "NOT_MEASURED": "false"}


@pytest.mark.parametrize("path", [WORKFLOW, HISTORY], ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({}, 0, ""),
        ({"RUNNER_LABELS": '"ubuntu-latest"'}, 0, ""),
        ({"RUNNER_LABELS": ""}, 2, "::error title=no runner::set the input runner to the labels of one, as JSON: runner: '["),
        ({"RUNNER_LABELS": "quiet"}, 2, "::error title=no runner::runner must be JSON (got quiet): write '\"ubuntu-latest\"'"),
        ({"SOURCE": "o/rsc-bench@main"}, 2, "::error title=no commit::rsc-bench must be OWNER/NAME@COMMIT, all 40 digits (got "),
        ({"SOURCE": f"$(id)/x@{COMMIT}"}, 2, "::error title=no commit::"),
    ],
)
def test_a_reusable_workflow_says_what_to_set(path, given, status, said, tmp_path):
    script = step(loaded(path)["jobs"]["inputs"], "Refuse what cannot be run, and say what to set")["run"]
    done = bash(script, tmp_path, **{**CALLED, **given}, GITHUB_OUTPUT=str(tmp_path / "output"))
    assert done.returncode == status, done.stderr
    assert said in done.stdout
    if status == 0:
        assert {"repository=o/rsc-bench", f"commit={COMMIT}"} <= set((tmp_path / "output").read_text().splitlines())


def test_the_code_of_a_fork_is_measured_only_where_it_is_allowed_and_that_is_said(tmp_path):
    jobs = loaded(WORKFLOW)["jobs"]
    assert "github.event.pull_request.head.repo.full_name == github.repository || inputs.forks" in jobs["judge"]["if"]
    script = step(jobs["inputs"], "Refuse what cannot be run, and say what to set")["run"]
    done = bash(script, tmp_path, **CALLED | {"NOT_MEASURED": "true"}, GITHUB_OUTPUT=str(tmp_path / "output"))
    assert "::notice title=not measured::This is the code of a fork" in done.stdout
    rules = loaded(TEMPLATE)[".judge-benchmarks"]["rules"]
    assert rules[0] == loaded(GITLAB)[".for-merge-requests"]["rules"][1]


@pytest.mark.parametrize("path", [WORKFLOW, HISTORY], ids=lambda path: path.name)
def test_only_the_job_that_keeps_may_write_and_it_runs_nothing_of_a_checkout(path):
    tree = loaded(path)
    assert tree["permissions"] == {"contents": "read"}
    writing = {name: job["permissions"] for name, job in tree["jobs"].items() if job.get("permissions")}
    assert writing == ({"keep": {"contents": "write"}} if path == HISTORY else {})
    assert "secrets." not in path.read_text()
    if path == HISTORY:
        assert not any("checkout" in each.get("uses", "") for each in tree["jobs"]["keep"]["steps"])


@pytest.fixture(scope="module")
def history():
    return loaded(HISTORY)["jobs"]


def test_each_round_of_a_commit_is_a_run_of_the_command_into_a_file_of_its_own(history, tmp_path):
    script = step(history["measure"], "Measure")["run"]
    measured = tmp_path / "measured"
    done = bash(script, tmp_path, COMMAND="cp /dev/null '{file}'", ROUNDS="3", MEASURED=str(measured))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in measured.iterdir()) == ["1.json", "2.json", "3.json"]
    done = bash(script, tmp_path, COMMAND="pytest", ROUNDS="3", MEASURED=str(measured))
    assert done.returncode == 2
    assert "::error title=no file::the command must write to {file} (got pytest)" in done.stdout


# `python -m harness import` and `history`: notes what it was asked.
HARNESS = """
echo "$@" >> "$ASKED"
if [ "$3" = history ]; then echo "## standing"; exit "$STATUS"; fi
"""


@pytest.mark.parametrize(("status", "exits"), [(0, 0), (1, 0), (3, 0), (2, 2), (4, 4)])
@pytest.mark.parametrize("ours", [True, False])
def test_the_history_is_judged_with_the_new_run_last(history, tmp_path, status, exits, ours):
    script = step(history["judge"], "Find the change points")["run"]
    for folder in ("rsc-bench", "measured", "before/runs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "measured/1.json").write_text('{"run":{}}' if ours else "{}")
    (tmp_path / "before/runs/1.jsonl").touch()
    environment = fake(tmp_path / "bin", "python", HARNESS) | {"ASKED": str(tmp_path / "asked"), "STATUS": str(status)}
    environment |= {name: str(tmp_path / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")} | {"WITHIN": "20"}
    done = run("bash", "-e", "-o", "pipefail", "-c", script, cwd=tmp_path / "rsc-bench", env=environment)
    assert done.returncode == exits, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-1] == "-m harness history ../before/runs/1.jsonl ../run.jsonl --within 20 --json ../history.json"
    assert len(asked) == (1 if ours else 2)
    if exits == 0:
        assert (tmp_path / "github_output").read_text() == f"status={status}\n"
        assert (tmp_path / "comment.md").read_text() == "<!-- written by rsc-bench -->\n```\n## standing\n```\n"


# `gh`: whether there is the branch, and what is asked of it.
GH = """
echo "$@" >> "$ASKED"
if [[ "$*" == */git/ref/heads/* ]]; then exit "$NO_BRANCH"; fi
echo c0ffee
"""


@pytest.mark.parametrize(("no_branch", "made"), [(0, []), (1, ["git/trees", "git/commits", "git/refs"])])
def test_a_run_is_kept_in_a_branch_that_is_made_where_there_is_none(history, tmp_path, no_branch, made):
    script = step(history["keep"], "Keep the run in the branch, which is made where there is none")["run"]
    (tmp_path / "run.jsonl").write_text("times\n")
    environment = fake(tmp_path / "bin", "gh", GH) | {"ASKED": str(tmp_path / "asked"), "NO_BRANCH": str(no_branch)}
    environment |= {"GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": COMMIT, "BRANCH": "kept"}
    done = run("bash", "-e", "-o", "pipefail", "-c", script, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[1].removeprefix("repos/o/r/") for line in asked[1:-1]] == made
    assert re.fullmatch(
        rf"api --method PUT repos/o/r/contents/runs/\d{{8}}-\d{{6}}-{COMMIT[:12]}\.jsonl --input content\.json", asked[-1]
    )
    content = json.loads((tmp_path / "content.json").read_text())
    assert content == {"message": f"Times of {COMMIT}", "branch": "kept", "content": "dGltZXMK"}


@pytest.mark.parametrize(("status", "exits", "comments"), [(0, 0, 0), (1, 1, 1), (3, 0, 0)])
def test_a_slowdown_gets_a_comment_at_its_commit_and_fails(history, tmp_path, status, exits, comments):
    script = step(history["keep"], "Comment and fail where the newest change point is a slowdown")["run"]
    (tmp_path / "asked").touch()
    environment = fake(tmp_path / "bin", "gh", GH) | {"ASKED": str(tmp_path / "asked"), "NO_BRANCH": "0", "STATUS": str(status)}
    environment |= {"GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": COMMIT}
    done = run("bash", "-e", "-o", "pipefail", "-c", script, cwd=tmp_path, env=environment)
    assert done.returncode == exits, done.stderr
    posted = f"api --method POST repos/o/r/commits/{COMMIT}/comments --field body=@comment.md\n"
    assert (tmp_path / "asked").read_text() == posted * comments
    assert ("::notice title=cannot be judged" in done.stdout) == (status == 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"BENCHMARK_COMMAND": ""}, "set the variables RSC_BENCH_URL, RSC_BENCH_COMMIT and BENCHMARK_COMMAND of this job"),
        ({"RSC_BENCH_COMMIT": "main"}, "RSC_BENCH_COMMIT must be a commit, all 40 digits (got main): a name may move"),
    ],
)
def test_the_template_for_gitlab_says_what_to_set(tmp_path, given, said):
    script = loaded(TEMPLATE)[".judge-benchmarks"]["script"][0]
    variables = {"RSC_BENCH_URL": "https://example.org/r.git", "RSC_BENCH_COMMIT": COMMIT, "BENCHMARK_COMMAND": "pytest b"}
    assert bash(script, tmp_path, **variables).returncode == 0
    done = bash(script, tmp_path, **variables | given)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_the_template_for_gitlab_judges_against_where_the_merge_request_parted(tmp_path):
    job = loaded(TEMPLATE)[".judge-benchmarks"]
    source = tmp_path / "source"
    (source / ".ci").mkdir(parents=True)
    (source / ".ci/judge").write_text('#!/bin/sh\necho "$COMMAND|$BASE|$ROUNDS|$THRESHOLD|$OUTPUT" > "$ASKED"\nexit 3\n')
    (source / ".ci/judge").chmod(0o755)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(source))
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "one")):
        subprocess.run([*git, *words], check=True, timeout=60)
    commit = run(*git, "rev-parse", "HEAD").stdout.strip()
    given = {name: str(value) for name, value in job["variables"].items()}
    given |= {
        "RSC_BENCH_URL": str(source),
        "RSC_BENCH_COMMIT": commit,
        "BENCHMARK_COMMAND": "pytest b",
        "BENCHMARK_INSTALL": "true",
    }
    given |= {"CI_MERGE_REQUEST_DIFF_BASE_SHA": commit, "ASKED": str(tmp_path / "asked")}
    done = bash("\n".join(job["script"]), source, **given)
    assert done.returncode == 3, done.stderr
    assert (tmp_path / "asked").read_text() == f"pytest b|{commit}|9|5%|measured\n"
    assert job["allow_failure"] == {"exit_codes": 3}


def test_the_examples_in_the_guide_call_what_is_there():
    examples = "\n".join(re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL))
    for path in (ACTION.parent, WORKFLOW, HISTORY, TEMPLATE):
        assert str(path.relative_to(ROOT)) in examples
