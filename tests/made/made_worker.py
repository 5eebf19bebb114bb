"""What a worker's process does in tests: each job is the name of a way to behave."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import time

from rsc_bench.harness.measure.worker import Answer, Note, serve


def behave(log: str) -> None:
    """Answer jobs."""
    serve(_made, log)


def _made(setup: bytes) -> Answer:
    if setup == b"slow":
        time.sleep(1)
    return lambda job, note: _answer(setup, job, note)


def _answer(setup: bytes, job: bytes, note: Note) -> bytes:
    act = ACTS.get(job.decode())
    if act is not None:
        act()
    if job == b"child":
        return b"%d" % subprocess.Popen(["sleep", "1000"]).pid
    if job == b"notes":
        for step in range(5):
            note(b"%d" % step)
            time.sleep(0.1)
    return setup + b":" + job + b":%d" % os.getpid()


def _print() -> None:
    sys.stdout.write("to the log\n")
    sys.stdout.flush()
    os.write(2, b"to the log, too\n")


def _fork_and_come_back() -> None:
    os.fork()


def _fork_and_abort() -> None:
    if os.fork():
        os.abort()
    time.sleep(1000)


def _write_into_the_pipes() -> None:
    for pipe in range(3, 30):
        with contextlib.suppress(OSError):
            os.write(pipe, b"=" + b"\x7f" * 20)


def _print_much() -> None:
    for _ in range(300):
        os.write(1, b"x" * 2**16)


ACTS = {
    "print much": _print_much,
    "fork": _fork_and_come_back,
    "fork and abort": _fork_and_abort,
    "garbage": _write_into_the_pipes,
    "print": _print,
    "hang": lambda: time.sleep(1000),
    "hang in C": lambda: ctypes.CDLL(None).sleep(1000),
    "crash": lambda: ctypes.string_at(0),
    "leave": lambda: os._exit(7),
    "abort": os.abort,
    "killed": lambda: os.kill(os.getpid(), 9),
}
