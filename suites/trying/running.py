"""Runs a try in a process, ends it in time, and gathers what it told: also what it was at when it crashed or hung."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rsc_bench.suites.trying.child import ENDED, Asked

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in')


@dataclass
class Told:
    """What a try told."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind."""
        return [event for event in self.events if event["kind"] == kind]

    def one(self, kind: str) -> dict[str, Any] | None:
        """Return the last event of a kind, or None."""
        return next(iter(reversed(self.of(kind))), None)


def run(asked: Asked) -> Told:
    """Try a kernel and return what was told, in the seconds that it may take at most."""
    file = Path(asked.file)
    with tempfile.TemporaryDirectory() as folder:
        stack = Path(folder, "stack")  # where it writes where it hangs
        command, environment = _start(replace(asked, stack=str(stack)))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True)
        try:
            text = _read(process, asked.began_s + ENDED * asked.seconds)
            ended = process.poll() is not None or '{"kind": "end"}' in text
        finally:
            _end(process)
        told = Told([json.loads(line) for line in text.splitlines() if line.endswith("}")])
        if told.one("end") is None:
            told.events.append(_lost(told, process.returncode if ended else None, _place(stack, file), asked.seconds))
        return told


def _start(asked: Asked) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs `main`, and its environment."""
    code = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from rsc_bench.suites.trying.child import main; main(sys.argv[1])"
    )
    quiet = {"KINETO_LOG_LEVEL": "6"} | dict(os.environ)
    return [sys.executable, "-c", code, json.dumps(asdict(asked)), json.dumps(sys.path)], quiet


def _read(process: subprocess.Popen[bytes], until_s: float) -> str:
    assert process.stdout is not None
    parts = []
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while (left := until_s - time.monotonic()) > 0:
            if waiting.select(left):
                part = os.read(process.stdout.fileno(), 1 << 16)
                if not part:
                    process.wait()
                    break
                parts.append(part)
    return b"".join(parts).decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _lost(told: Told, returncode: int | None, place: str | None, seconds: float) -> dict[str, Any]:
    """What became of a try that did not come to its end, as the verdict of what it was at."""
    begun = told.one("begun")
    if returncode is None and begun is None and place is None:
        why = "this machine is busy, or its libraries load slowly"
        return {"kind": "refused", "message": f"nothing was tried within {seconds:g} s: {why}: --seconds 60 gives it more"}
    if returncode is None and told.one("speed") is not None:  # what takes no time of the kernel is behind it
        return {"kind": "no profile", "reason": "no time was left"}
    at = begun["what"] if begun else "loading the file"
    if returncode is None:
        reason, status = f"did not return within the {seconds:g} s of a try", "hung"
    else:
        how = signal.Signals(-returncode).name if returncode < 0 else f"status {returncode}"
        reason, status = f"ended the process ({how})", "crashed"
    return {"kind": "verdict", "trial": at, "status": status, "place": place, "reason": reason}


def _place(stack: Path, file: Path) -> str | None:
    """The innermost line of the user's file in the stack that a hang has written."""
    text = stack.read_text(errors="replace") if stack.exists() else ""
    found = [hit for hit in _FRAME.finditer(text) if hit["file"] == str(file.resolve())]
    return f"{file.name}:{found[0]['line']}" if found else None
