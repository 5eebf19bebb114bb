"""Runs a command, and kills it, with all that it has started, as soon as the process that wanted it is gone.

A script that imports nothing of ours, so that it starts in milliseconds: ``python -I -S leash.py COMMAND...``, in a process group
of its own, with a pipe as standard input. Only the process that wants the command holds the other end of the pipe, so that the pipe
ends with it, however it ends: also where it is killed and can do nothing any more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

NO_PROGRAM = 127


def main(command: list[str]) -> int:
    """Run a command, and return its exit status; of one that a signal ended, or that is none, what a shell returns."""
    threading.Thread(target=_end_with_the_pipe, daemon=True).start()
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        sys.stderr.write(f"{command[0]}: cannot be run ({error.strerror})\n")
        return NO_PROGRAM
    return status if status >= 0 else 128 - status


def _end_with_the_pipe() -> None:
    while os.read(0, 1):  # nothing is ever written to it: the only answer is its end
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
