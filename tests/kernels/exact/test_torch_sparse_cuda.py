"""torch-sparse on a GPU is torch-sparse on a CPU under a name of its own; it is missing with its reason where it has no CUDA."""

import pytest

pytest.importorskip("torch_sparse", reason="torch_sparse is not installed: tox run -e baselines")

import torch

from rsc_bench.kernels.exact import cusparse, torch_sparse, torch_sparse_cuda


def test_it_is_the_same_kernel_on_another_device():
    assert torch_sparse_cuda.KERNEL.prepare.function is torch_sparse.KERNEL.prepare.function
    assert torch_sparse_cuda.KERNEL.device == "cuda"


def test_a_build_without_cuda_is_named(monkeypatch):
    monkeypatch.setattr(torch.ops.torch_sparse, "cuda_version", lambda: -1)
    assert "built without CUDA" in torch_sparse_cuda.missing()


def test_a_build_with_cuda_still_needs_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.ops.torch_sparse, "cuda_version", lambda: 12_080)
    assert torch_sparse_cuda.missing() == cusparse.missing()
