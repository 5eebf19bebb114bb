"""Turns the class of each node into labels and features from which a model can learn, but not from the features alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rsc_bench.suites.graphs.synthetic.block_model import Floats, Ints, Stream

if TYPE_CHECKING:
    import torch

ROWS = 2**16
"""Nodes whose multi-label rows are drawn at a time, so that memory stays near that of the result."""


@dataclass(frozen=True, eq=False)
class Attributes:
    """What stands beside the structure of a synthetic graph, drawn from seeds of its own."""

    block: Ints
    """(nodes,): class, or hidden community, of each node."""
    blocks: int
    """Number of them."""
    noise: float | Floats
    """Share of labels that say nothing about the block; (nodes,) where nodes differ in how likely theirs does."""
    signal: float
    """Distance of a block's centre from the origin, in standard deviations of a feature's noise."""
    seed: tuple[int, ...]
    """Distinguishes graphs; labels are the same for the same seed on every machine."""

    def labels(self) -> torch.Tensor:
        """Return (nodes,), int64: the block, and for the share `noise` of nodes that of another."""
        import torch

        stream = Stream(*self.seed, 1)
        other = self.block[(stream.uniform(self.block.size) * self.block.size).astype(np.int64)]
        return torch.from_numpy(np.where(stream.uniform(self.block.size) < self.noise, other, self.block))

    def tasks(self, count: int) -> torch.Tensor:
        """Return (nodes, count), float32 of 0 and 1.

        A fifth of the tasks is typical of a block, and ``1 - noise`` of its nodes have them.
        """
        import torch

        stream = Stream(*self.seed, 1)
        typical = stream.uniform(self.blocks * count).reshape(self.blocks, count) < 0.2
        noise = np.broadcast_to(self.noise, self.block.shape)[:, None]
        labels = np.empty((self.block.size, count), dtype=np.float32)
        for start in range(0, self.block.size, ROWS):
            part = slice(start, start + ROWS)
            chance = np.where(typical[self.block[part]], 1 - noise[part], noise[part] / 5)
            labels[part] = stream.uniform(chance.size).reshape(chance.shape) < chance
        return torch.from_numpy(labels)

    def features(self, width: int) -> torch.Tensor:
        """Return (nodes, width), float32: the block's centre plus standard normal noise."""
        import torch

        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence((*self.seed, 2))))
        centres = generator.standard_normal((self.blocks, width), dtype=np.float32) * np.float32(self.signal / np.sqrt(width))
        features = generator.standard_normal((self.block.size, width), dtype=np.float32)
        features += centres[self.block]
        return torch.from_numpy(features)
