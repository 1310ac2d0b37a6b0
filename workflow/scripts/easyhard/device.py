"""Where torch computes: the device and the number of threads of a job."""

import logging
import os

import torch

logger = logging.getLogger("easyhard")


def use_device(threads: int, gpus: int) -> torch.device:
    """Set torch's threads to `threads` (at most the cores this process may use) and choose the device.

    `gpus` is what the scheduler granted: 0 means the CPU. Without a CUDA device the job runs on the CPU and says so.
    Results are deterministic for a given device and number of threads.
    """
    torch.set_num_threads(min(threads, len(os.sched_getaffinity(0))))
    torch.use_deterministic_algorithms(True, warn_only=True)
    # A tenth of a sweep over the vocabulary, for tensors that are written before they are read
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if gpus and torch.cuda.is_available():
        logger.info("on %s", torch.cuda.get_device_name())
        return torch.device("cuda")
    logger.info("on the CPU, %d threads%s", torch.get_num_threads(), " (no CUDA device)" if gpus else "")
    return torch.device("cpu")


def describe(device: torch.device) -> str:
    """The device in words, for the report."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"
