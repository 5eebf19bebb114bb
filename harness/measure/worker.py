"""Does jobs in a process of its own: one that hangs, crashes or leaves costs its job alone, and shares nothing with others.

A job is some bytes in and some bytes out (`Worker.ask`, `serve`), so that it is all the same where the process runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from rsc_bench.harness.measure import frames
from rsc_bench.harness.measure.frames import ANSWER, END, NOTE, READY

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from {module} import {name}; {name}(sys.argv[1])"
_TICK_S = 0.5
START_S = 600.0
"""Seconds that a process gets to start and to load its code: no limit of a job is about that."""
MOST_LOG = 1 << 22
"""Bytes that stay of what one job prints."""
_GRACE_S = 5.0
"""Seconds that a process whose pipe is closed gets to end, before it is killed."""
_STACK = getattr(signal, "SIGUSR2", None) if hasattr(faulthandler, "register") else None
"""The signal for which a process writes its stack into the log; None where the system has none."""
_STACK_S, _SETTLE_S = 2.0, 0.05
"""Seconds that it gets to begin with that, and then to end."""
_PR_SET_PDEATHSIG = 1
_BY_OTHERS = {-number for number in signal.Signals if number.name in ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")}
"""Statuses of a process that did not end by itself."""

Note = Callable[[bytes], None]
"""Sends something of a job that is not done yet, as how far it is."""
Answer = Callable[[bytes, Note], bytes]
"""Does a job: what it is and where notes go in, its answer out."""


class WorkerLost(Exception):
    """A process that ended, or had to be ended, before it answered; the message is how, as a record's reason."""

    def __init__(self, how: str, started: bool = True, over: bool = False, by_others: bool = False) -> None:
        super().__init__(how)
        self.by_others = by_others
        """Whether the system or a user ended it, as where memory is short: the same job may pass another time."""
        self.started = started
        """Whether it had started; else no job is to blame."""
        self.over = over
        """Whether it was ended because a job went over its time limit."""


class Worker:
    """A process that does one job after another, started by the first; what it prints goes to a log."""

    def __init__(self, entry: Callable[[str], None], setup: bytes, log: Path) -> None:
        """Start the process.

        Args:
            entry: a function of a module, called in the process with the path of the log; it calls `serve`.
            setup: what `serve` hands to its maker.
            log: file to which the process appends what it prints.
        """
        start = _START.format(module=entry.__module__, name=entry.__qualname__)
        self._log, self._log_end, self._log_cut = log, MOST_LOG, False
        self._process = subprocess.Popen(
            [sys.executable, "-c", start, str(log), json.dumps(sys.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._frames: queue.Queue[tuple[bytes, bytes]] = queue.Queue()
        self._ready = self._busy = False
        self._how: str | None = None
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()
        with contextlib.suppress(OSError):  # it has ended already: asking it says how
            self._send(setup)

    def ask(self, job: bytes, limit_s: float, noted: Note, waiting: Callable[[float], None]) -> bytes:
        """Return the answer to a job; raises `WorkerLost` where none comes, and then the process is no more.

        Args:
            job: the job.
            limit_s: seconds that it may take once the process is ready, or that may pass between two of its notes.
            noted: takes each note.
            waiting: is called twice a second with the seconds since the job began.
        """
        begin = monotonic()
        end = begin + (limit_s if self._ready else START_S)
        if self._how is not None:
            raise WorkerLost(self._how, self._ready)
        self._busy = True
        self._log_end = MOST_LOG + self._log_size()
        self._log_cut = False
        self._resume()
        with contextlib.suppress(OSError):
            self._send(job)
        while True:
            try:
                kind, content = self._frames.get(timeout=max(0.0, min(_TICK_S, end - monotonic())))
            except queue.Empty:
                if monotonic() >= end:
                    self._log_stack()
                    raise self._late(limit_s) from None
                if self._process.poll() is not None and not self._receives():
                    raise self.lost(self._ended()) from None
                self._cut_log()
                waiting(monotonic() - begin)
                continue
            if kind == ANSWER:
                self._cut_log()
                self._busy = False
                return content
            if kind == END:
                raise self.lost(self._ended())
            if kind == NOTE:
                noted(content)
            self._ready = True
            end = monotonic() + limit_s

    def _late(self, limit_s: float) -> WorkerLost:
        if not self._ready:
            return self.lost(f"its process did not start in {START_S:g} s (is the machine busy, or its memory full?)")
        return self.lost(f"over its time limit of {limit_s:g} s", over=True)

    def _log_stack(self) -> None:
        """Let the process write into the log where it is; it does so within a signal handler, also in the middle of C code."""
        if _STACK is None:
            return
        before, end = self._log_size(), monotonic() + _STACK_S
        self._process.send_signal(_STACK)
        while self._log_size() == before and self._process.poll() is None and monotonic() < end:
            sleep(_SETTLE_S)
        sleep(_SETTLE_S)

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:  # nothing is logged
            return 0

    def _cut_log(self) -> None:
        """Cut off what a job has printed beyond measure: a full disk would take the records of others."""
        with contextlib.suppress(OSError):
            if self._log.stat().st_size <= self._log_end:
                return
            os.truncate(self._log, self._log_end)
            if not self._log_cut:
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(f"\n... ({MOST_LOG:,} bytes are kept of what one case prints)\n")
                self._log_cut, self._log_end = True, self._log.stat().st_size

    def pause(self) -> None:
        """Let the process, and what it has started, take no time from what is measured elsewhere; `ask` lets it go on."""
        if sys.platform == "linux":  # elsewhere a process that is stopped would outlive a parent that is killed
            self._signal(signal.SIGSTOP)

    def _resume(self) -> None:
        if sys.platform == "linux":
            self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, number)  # it leads a group of its own

    def kill(self) -> None:
        """End the process at once, with what it has started."""
        if hasattr(os, "killpg"):
            self._signal(signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._receiver.join(_GRACE_S)
        pipes = [self._process.stdin]
        # Closing what a thread still reads would wait for it: a grandchild that left the group may hold the other end.
        pipes += [] if self._receiver.is_alive() else [self._process.stdout]
        for pipe in pipes:
            with contextlib.suppress(OSError):  # what is left in it is for nobody
                assert pipe is not None
                pipe.close()

    def close(self) -> None:
        """Let the process end, or end it where it is at work or does not."""
        assert self._process.stdin is not None
        self._resume()
        if not self._busy:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        self.kill()

    def _send(self, content: bytes) -> None:
        assert self._process.stdin is not None
        frames.write(self._process.stdin, ANSWER, content)

    def _receive(self) -> None:
        assert self._process.stdout is not None
        while True:
            kind, content = frames.read(self._process.stdout)
            self._frames.put((kind, content))
            if kind == END:
                return

    def _receives(self) -> bool:
        """Whether something may still come of a process that has ended: what it wrote, but not what a child of it keeps open."""
        self._receiver.join(_TICK_S)
        return not self._receiver.is_alive() or not self._frames.empty()

    def lost(self, how: str, over: bool = False) -> WorkerLost:
        """End the process, because of what is said; return the error to raise."""
        self._how, lost = how, WorkerLost(how, self._ready, over, self._process.poll() in _BY_OTHERS)
        self.kill()
        return lost

    def _ended(self) -> str:
        """How the process ended by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        status = self._process.poll()
        if status is None:
            return "its process closed its pipe, and was ended"
        if status >= 0:
            return f"its process ended with status {status}"
        name = signal.Signals(-status).name if -status in list(signal.Signals) else f"signal {-status}"
        return f"its process was ended by {name}{', as a system does that runs out of memory' * (name == 'SIGKILL')}"


def serve(make: Callable[[bytes], Answer], log: str) -> None:
    """Answer jobs until no more come: what a worker's process does.

    What is printed, by a kernel say, goes to the log, and so does the stack of a crash: the pipe belongs to the answers.

    Args:
        make: from the setup to what does the jobs.
        log: path of the file that output is appended to.
    """
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _redirect(log)
    _end_with_parent()
    _keep_from_children(inbox.fileno(), outbox.fileno())
    own = os.getpid()

    def write(kind: bytes, content: bytes) -> None:
        if os.getpid() != own:  # what is measured has forked, and its child came back, too
            os._exit(0)
        frames.write(outbox, kind, content)

    kind, setup = frames.read(inbox)
    answer = make(setup)
    write(READY, b"")
    while True:
        kind, job = frames.read(inbox)
        if kind == END:
            return
        write(ANSWER, answer(job, partial(write, NOTE)))


def _keep_from_children(*pipes: int) -> None:
    """Give a child that this process forks nothing to say, and let it hold no pipe open when this process has ended."""

    def close() -> None:
        nothing = os.open(os.devnull, os.O_RDWR)
        for pipe in pipes:
            os.dup2(nothing, pipe, inheritable=False)
        os.close(nothing)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=close)


def _redirect(log: str) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError:  # what is printed is lost, and no job for it
        output = os.dup(nowhere)
    for source, target in ((nowhere, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nowhere)
    os.close(output)
    faulthandler.enable()
    if _STACK is not None:
        faulthandler.register(_STACK)


def _end_with_parent() -> None:
    """Let this process end when its parent does, however that ends; and lead a group, which can be ended as one."""
    parent = os.getppid()
    os.setsid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # Linux; elsewhere its pipe tells it, after the job
    if os.getppid() != parent:  # it has ended in between
        os._exit(1)
