"""Remembers what is in the tensors of a matrix, so that it is seen whether they are still what they were."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from rsc_bench.kernels import Csr

_BLOCK = 1024
Sums = dict[str, torch.Tensor]
"""Of each tensor of a matrix, by its name."""


class Fingerprint:
    """What is in the tensors of a matrix and of its transpose, so that a change of any of them is seen later."""

    def __init__(self, matrix: Csr, transposed: bool = True, sums: Sums | None = None) -> None:
        """Read them, of the transpose too where `transposed`, which makes it; `sums`: what they must be, where that is known."""
        self._matrix, self._transposed = matrix, transposed
        self.sums = self._read() if sums is None else sums

    def changed(self) -> list[str]:
        """Return the names of the tensors that are not what they were."""
        return [name for name, now in self._read().items() if name in self.sums and not torch.equal(self.sums[name], now)]

    def _read(self) -> Sums:
        parts = {"": self._matrix} | ({"transposed ": self._matrix.transpose()} if self._transposed else {})
        return {prefix + name: sums(tensor) for prefix, part in parts.items() for name, tensor in _tensors(part)}


def _tensors(matrix: Csr) -> Iterator[tuple[str, torch.Tensor]]:
    for holder in (matrix, matrix.scaling):
        for name, value in vars(holder).items() if holder is not None else ():
            if isinstance(value, torch.Tensor):
                yield name, value


def sums(tensor: torch.Tensor) -> torch.Tensor:
    """Return sums of a tensor's bits by place: what changes with any one of them, and nearly always where two are exchanged.

    A fraction of the time of a checksum, which each case would pay for hundreds of megabytes: eight bytes at once are summed, and
    what is more than they hold is dropped.
    """
    flat = tensor.detach().reshape(-1)
    raw = (flat.clone() if flat.storage_offset() * flat.element_size() % 8 else flat).view(torch.int8)
    whole = raw.numel() // (8 * _BLOCK) * (8 * _BLOCK)
    blocks = raw[:whole].view(torch.int64).reshape(-1, _BLOCK)
    by_row = (blocks.sum(1) * torch.arange(1, len(blocks) + 1, device=raw.device)).sum()
    return torch.cat([blocks.sum(0), by_row.reshape(1), raw[whole:].long()])
