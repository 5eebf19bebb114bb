"""Keeps what is expensive to make for those who ask again, as long as all of it together takes no more memory than it may."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """Things by key; the least recently used are dropped when all take too much together, the last one never."""

    def __init__(self, size_bytes: Callable[[T], int], most_bytes: Callable[[int], int]) -> None:
        """Begin with nothing.

        Args:
            size_bytes: size of a thing; read anew each time, because a thing may grow.
            most_bytes: what all of them may take, from what they take now.
        """
        self._things: dict[Hashable, T] = {}
        self._size_bytes, self._most_bytes = size_bytes, most_bytes

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the thing of a key, made where it is not there."""
        thing = self._things.pop(key) if key in self._things else make()
        self._things[key] = thing
        self._make_room()
        return thing

    def keep_last(self) -> None:
        """Drop all but what was used last."""
        while len(self._things) > 1:
            self._drop_oldest()

    def _make_room(self) -> None:
        while len(self._things) > 1:
            taken = sum(map(self._size_bytes, self._things.values()))
            if taken <= self._most_bytes(taken):
                return
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        del self._things[next(iter(self._things))]
