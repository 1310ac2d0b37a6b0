"""The device that the settings ask for, or one line that says why it is not to be had."""

import pytest
import torch

from easyhard.errors import InputError
from easyhard.huggingface.place import wanted_device

HAS_GPU = torch.cuda.is_available()


def test_the_cpu_whatever_is_granted() -> None:
    assert wanted_device("cpu", 2, 1).type == "cpu"
    assert wanted_device("auto", 2, 0).type == "cpu"
    assert wanted_device("auto", 2, 1).type == ("cuda" if HAS_GPU else "cpu")


def test_cuda_or_nothing() -> None:
    with pytest.raises(InputError, match=r"model\.device: cuda, and --resources gpu=0"):
        wanted_device("cuda", 2, 0)
    if HAS_GPU:
        assert wanted_device("cuda", 2, 1).type == "cuda"
        return
    with pytest.raises(InputError, match=r"model\.device: cuda, and no CUDA device is found"):
        wanted_device("cuda", 2, 1)
