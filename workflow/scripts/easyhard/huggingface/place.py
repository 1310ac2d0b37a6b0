"""Where a model from elsewhere is run, as the settings say."""

import torch

from easyhard.device import use_device
from easyhard.errors import InputError


def wanted_device(wanted: str, threads: int, gpus: int) -> torch.device:
    """`auto`: a GPU where the scheduler grants one (`gpus`) and there is one, else the CPU; `cpu` and `cuda`: that one.

    Raises InputError when `cuda` is wanted and not to be had.
    """
    device = use_device(threads, 0 if wanted == "cpu" else gpus)
    if wanted == "cuda" and device.type != "cuda":
        reason = "no CUDA device is found" if gpus else "--resources gpu=0 keeps jobs off it"
        raise InputError(f"model.device: cuda, and {reason}; a GPU, or model.device: auto, is wanted")
    return device
