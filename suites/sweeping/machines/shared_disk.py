"""A simulated shared file system: its bandwidth is divided among all that read at a time, so that each of many waits longer."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf


@dataclass
class SharedDisk:
    """Readers that all get the same share; times are virtual, in seconds."""

    bytes_per_s: float
    """Of all readers together."""
    link_bytes_per_s: float
    """Of one reader at most."""
    _now: float = 0.0
    _served: float = 0.0
    """Bytes that a reader has got that reads since the beginning."""
    _readers: list[tuple[float, str]] = field(default_factory=list)
    """A heap: how much is served when a reader has all, and its name."""

    def _rate(self) -> float:
        return min(self.link_bytes_per_s, self.bytes_per_s / max(1, len(self._readers)))

    def read(self, reader: str, size: float) -> None:
        """Begin to read so many bytes, now."""
        heappush(self._readers, (self._served + size, reader))

    def next_end(self) -> float:
        """Return when the next reader has all, if no other one begins; infinite where none reads."""
        return self._now + max(0.0, self._readers[0][0] - self._served) / self._rate() if self._readers else inf

    def advance(self, until: float) -> list[tuple[float, str]]:
        """Let time go on; return the readers that are through by then, each with when it was."""
        ended = []
        while (end := self.next_end()) <= until:
            self._served, self._now = self._readers[0][0], end
            ended.append((end, heappop(self._readers)[1]))
        self._served += (until - self._now) * self._rate()
        self._now = until
        return ended
