"""Calls a function in a thread of its own, again and again, until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE_S = 5.0
"""Seconds that a call may take before it is left behind: a driver that hangs must not hang the run."""


class Poller:
    """One thread that calls `read` every `period_s`, until that returns False or `stop` is called."""

    def __init__(self, read: Callable[[], bool], period_s: float, patience_s: float = PATIENCE_S) -> None:
        self._read, self._period_s, self._patience_s = read, period_s, patience_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sensors", daemon=True)

    def start(self) -> None:
        """Call once here, so that the first reading is from the start, then go on in the thread."""
        if self._read():
            self._thread.start()

    def stop(self) -> bool:
        """Wait for the last call to end, and return whether it did; a second time it does nothing."""
        self._stopping.set()
        if self._thread.ident is None:  # ended with its first call
            return True
        self._thread.join(self._patience_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.wait(self._period_s):
            if not self._read():
                return
