"""Stands in for ``torch.cuda`` where a test asks which devices there are."""

from __future__ import annotations

import warnings


class FakeGpus:
    """A machine with so many GPUs; torch warns when it looks for them first, and never again."""

    def __init__(self, count: int, warning: str | None = None) -> None:
        self.count, self.warning = count, warning
        self.used: list[str] = []

    def is_available(self) -> bool:
        if self.warning:
            warnings.warn(self.warning, stacklevel=1)
            self.warning = None
        return self.count > 0

    def device_count(self) -> int:
        return self.count

    def set_device(self, device: str) -> None:
        self.used.append(device)
