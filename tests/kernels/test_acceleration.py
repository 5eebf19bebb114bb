import pytest
import torch

from rsc_bench.kernels.acceleration import with_triton

CPU = torch.device("cpu")


def without(module):
    def imported(name):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    return imported


def test_triton_is_for_gpus_and_for_its_interpreter(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert with_triton("sampled._scores_triton", CPU) is None


def test_without_triton_a_step_is_left_to_plain_torch(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert with_triton("sampled._scores_triton", CPU, without("triton.language")) is None


def test_a_misspelt_import_is_a_bug_and_raised(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with pytest.raises(ModuleNotFoundError, match="tritton"):
        with_triton("sampled._scores_triton", CPU, without("tritton"))
