"""Kernels are trusted when they agree with the tiled code on a sample, and only then."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton")

from easyhard.logits import cross_entropy, low_rank, statistics, triton_statistics
from easyhard.logits import trust as trust_module
from easyhard.logits.trust import Trust
from plain_logits import DEVICE

TRUSTS = [statistics._trusted, cross_entropy._trusted, low_rank._trusted]


@pytest.fixture(autouse=True)
def a_small_sample_for_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes minutes for what a GPU is asked to do; still ragged, and several tiles either way."""
    if DEVICE.type == "cpu":
        monkeypatch.setattr(trust_module, "SAMPLE_TOKENS", 31)
        monkeypatch.setattr(trust_module, "SAMPLE_WORDS", 67)


@pytest.mark.parametrize("trust", TRUSTS, ids=lambda trust: trust.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernels_pass(trust: Trust, dtype: torch.dtype) -> None:
    assert trust.passes(DEVICE, dtype, 24)


@pytest.mark.parametrize("wrong", [1e-2, float("nan")])
def test_a_kernel_that_is_off_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: float
) -> None:
    right = triton_statistics.gather

    def off(*arguments: object) -> dict[str, Tensor]:
        found = right(*arguments)  # type: ignore[arg-type]
        return found | {"entropy": found["entropy"] + wrong}

    monkeypatch.setattr(triton_statistics, "gather", off)
    assert not statistics._trusted.passes(DEVICE, torch.float32, 24)
    assert "logit statistics: Triton's kernels are off by" in caplog.text


def test_a_kernel_that_does_not_compile_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(hidden: Tensor, head: Tensor, targets: Tensor) -> float:
        raise RuntimeError("no compiler")

    assert not Trust("sample", breaks).passes(DEVICE, torch.float32, 8)
    assert "sample: Triton's kernels cannot be used (RuntimeError)" in caplog.text


def test_only_cuda_states_are_asked_about_and_every_dim_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel is compiled for one dim, and takes other tiles for a large one."""
    tried: list[int] = []
    trust = Trust("sample", lambda *sample: tried.append(0) or 0.0)
    assert not trust(torch.zeros(2, 3))
    monkeypatch.setattr(trust, "passes", lambda device, dtype, dim: tried.append(dim) or True)
    for dim in (64, 4096, 64, 4096):
        assert trust(SimpleNamespace(is_cuda=True, device=DEVICE, dtype=torch.bfloat16, shape=(2, dim)))  # type: ignore[arg-type]
    assert tried == [64, 4096]
