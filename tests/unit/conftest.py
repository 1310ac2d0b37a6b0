"""Without a GPU, Triton's kernels are run by its interpreter; it must be told so before anything imports it."""

import os

import torch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")
