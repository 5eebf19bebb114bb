"""Remembers what is in the tensors of a matrix, so that it is seen whether they are still what they were."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from rsc_bench.kernels import Csr

_BLOCK = 1024


class Fingerprint:
    """What is in the tensors of a matrix and of its transpose, so that a change of any of them is seen later."""

    def __init__(self, matrix: Csr, transposed: bool = True) -> None:
        """Read them; of the transpose too where `transposed`, which makes it."""
        self._matrix, self._transposed = matrix, transposed
        self._sums = self._read()

    def changed(self) -> list[str]:
        """Return the names of the tensors that are not what they were."""
        return [name for name, now in self._read().items() if name in self._sums and not torch.equal(self._sums[name], now)]

    def _read(self) -> dict[str, torch.Tensor]:
        parts = {"": self._matrix} | ({"transposed ": self._matrix.transpose()} if self._transposed else {})
        return {prefix + name: sums(tensor) for prefix, part in parts.items() for name, tensor in _tensors(part)}


def _tensors(matrix: Csr) -> Iterator[tuple[str, torch.Tensor]]:
    for holder in (matrix, matrix.scaling):
        for name, value in vars(holder).items() if holder is not None else ():
            if isinstance(value, torch.Tensor):
                yield name, value


def sums(tensor: torch.Tensor) -> torch.Tensor:
    """Return sums of a tensor's bits by place: what changes with any one of them, and nearly always where two are exchanged.

    A tenth of the time of a checksum, which each case would pay for hundreds of megabytes.
    """
    bits = tensor.detach().reshape(-1).view(torch.int32 if tensor.element_size() % 4 == 0 else torch.int8)
    whole = bits.numel() // _BLOCK * _BLOCK
    blocks = bits[:whole].reshape(-1, _BLOCK)
    by_row = (blocks.sum(1, dtype=torch.int64) * torch.arange(1, len(blocks) + 1, device=bits.device)).sum()
    return torch.cat([blocks.sum(0, dtype=torch.int64), by_row.reshape(1), bits[whole:].long()])
