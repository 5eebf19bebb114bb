"""Writes what the pipelines of merge requests have measured as a note on each of them, once, and then anew.

Run by a scheduled pipeline of the default branch, which alone sees the token: a merge request's own pipeline runs its code, and
would hand it the token. Of a merge request only text is read here. Needs nothing but Python.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

MARK = "<!-- written by rsc-bench -->"
JOB, COMMENT = "gpus", "measured/comment.md"
"""The job that leaves a comment, and the file of it."""
LONGEST = 65_536
"""Characters of a comment; a merge request's code may have written any number."""
PAGE = 100


class GitLab:
    """The API of one project."""

    def __init__(self, api: str, project: str, token: str) -> None:
        self._api, self._token = api, token
        self.project = f"projects/{project}"

    def ask(self, path: str, method: str = "GET", **data: str) -> bytes:
        """Return the answer to a request; raises ``HTTPError`` where it is refused."""
        body = json.dumps(data).encode() if data else None
        request = Request(f"{self._api}/{path}", body, {"Content-Type": "application/json"}, method=method)  # noqa: S310
        # Artifacts may lie with another host: the token does not go there.
        request.add_unredirected_header("PRIVATE-TOKEN", self._token)
        with urlopen(request, timeout=60) as answer:  # noqa: S310 (GitLab names its own address)
            found: bytes = answer.read(100 * LONGEST)
        return found

    def every(self, path: str) -> Iterator[Any]:
        """Yield the entries of all pages of a list."""
        number, size = 1, PAGE
        while size == PAGE:
            entries = json.loads(self.ask(f"{path}{'&' if '?' in path else '?'}per_page={PAGE}&page={number}"))
            yield from entries
            number, size = number + 1, len(entries)


def comment(gitlab: GitLab, request: dict[str, Any]) -> str | None:
    """Return what the newest pipeline of a merge request has to say; None where it has measured nothing."""
    pipelines = json.loads(gitlab.ask(f"{gitlab.project}/merge_requests/{request['iid']}/pipelines?per_page=1"))
    # The pipeline of a fork belongs to the fork, where anything may be called like the job.
    for pipeline in (each for each in pipelines if each["project_id"] == request["project_id"]):
        jobs = gitlab.every(f"{gitlab.project}/pipelines/{pipeline['id']}/jobs?scope[]=success")
        for job in (each for each in jobs if each["name"] == JOB):
            return defused(gitlab.ask(f"{gitlab.project}/jobs/{job['id']}/artifacts/{COMMENT}").decode(errors="replace"))
    return None


def defused(text: str) -> str:
    """Return text with no line that GitLab would carry out, as ``/merge``, with the rights of the token."""
    safe = re.sub(r"^(\s*)/", r"\1\\/", text[: LONGEST - len(MARK)].replace("\r", "\n"), flags=re.MULTILINE)
    return safe if MARK in safe else f"{MARK}\n{safe}"


def write(gitlab: GitLab, request: dict[str, Any], user: int, text: str) -> None:
    """Write the note of a merge request, or write it anew; one that says the same stays as it is."""
    notes = f"{gitlab.project}/merge_requests/{request['iid']}/notes"
    mine = next((note for note in gitlab.every(notes) if note["author"]["id"] == user and MARK in note["body"]), None)
    if mine is None:
        gitlab.ask(notes, "POST", body=text)
    elif mine["body"].strip() != text.strip():
        gitlab.ask(f"{notes}/{mine['id']}", "PUT", body=text)


def main() -> int:
    """Write every note; return 1 where one could not be written."""
    gitlab = GitLab(os.environ["CI_API_V4_URL"], os.environ["CI_PROJECT_ID"], os.environ["BENCHMARK_TOKEN"])
    user = json.loads(gitlab.ask("user"))["id"]
    failed = 0
    for request in gitlab.every(f"{gitlab.project}/merge_requests?state=opened"):
        try:
            text = comment(gitlab, request)
            if text is not None:
                write(gitlab, request, user, text)
        except HTTPError as error:
            failed += 1
            sys.stderr.write(f"merge request {request['iid']}: {error}\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
