"""Runs a function on one file after the other in a process of its own, which may crash, hang or take memory without harm."""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST_SECONDS, MOST_BYTES = 5.0, 10**9
WALL_BYTES = 6 * 2**30
"""More memory than this is refused to the process, so that a bad file cannot take the machine down."""
START_SECONDS = 120


class Watched:
    """A process that calls ``module:function`` with a path; calling this says how it went."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, path: Path) -> None:
        """Raise ``AssertionError`` where the function raises, crashes, takes longer or takes more memory than it may."""
        process = self._started()
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        answer = self._answer(MOST_SECONDS)
        if answer is None:
            self.close()
            raise AssertionError(f"it hangs: no answer after {MOST_SECONDS} s")
        if not answer:
            raise AssertionError(f"it ends its process: exit status {process.wait()}")
        found = json.loads(answer)
        assert found["error"] is None, found["error"]
        assert found["bytes"] <= MOST_BYTES, f"it takes {found['bytes']:,} bytes"
        assert found["seconds"] <= MOST_SECONDS, f"it takes {found['seconds']} s"

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            folders = [str(HERE), str(HERE.parents[1])]
            self._process = subprocess.Popen(
                [sys.executable, __file__, self._function],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            )
            assert self._answer(START_SECONDS) == "ready\n", f"{self._function} does not start"
        return self._process

    def _answer(self, seconds: float) -> str | None:
        """Return the next line, empty where the process has ended; None where it says nothing for so long."""
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            return None
        return self._process.stdout.readline()


def peak_bytes() -> int:
    """The largest part of main memory that this process has had since the mark was put down."""
    return 1024 * next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)


def serve(function: str) -> None:
    """Answer each path on the standard input with what the function did, in one line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is printed is no answer
    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(module), name)
    resource.setrlimit(resource.RLIMIT_DATA, (WALL_BYTES, WALL_BYTES))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")  # puts the mark of the peak down to what is taken now
        before, start, error = peak_bytes(), time.monotonic(), None
        try:
            call(Path(line.removesuffix("\n")))
        except BaseException:  # the test says which
            error = traceback.format_exc()
        found = {"error": error, "bytes": peak_bytes() - before, "seconds": time.monotonic() - start}
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
