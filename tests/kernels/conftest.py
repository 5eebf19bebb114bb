"""Tests of kernels multiply matrices of a few rows: torch's threads would wait for work longer than they do any."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def _one_thread_of_torch():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
