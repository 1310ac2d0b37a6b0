"""Whether a GPU's kernels may be used: they must compile there and agree with the tiled code on a small sample.

Which kernels compile, and what they compute, depends on the GPU, the driver and Triton's version; a wrong number that
nobody sees is worse than a slow one.
"""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

logger = logging.getLogger("easyhard")

SAMPLE_TOKENS, SAMPLE_WORDS = 203, 2_029  # ragged, so that edges of tiles are part of it
TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}

Disagreement = Callable[[Tensor, Tensor, Tensor], float]


class Trust:
    """Asked with hidden states, says whether the kernels `name` are for them; each device, type and dim is tried once.

    disagreement(hidden, head, targets) runs kernels and tiled code on a sample and gives their largest difference.
    """

    def __init__(self, name: str, disagreement: Disagreement) -> None:
        self.name, self.disagreement = name, disagreement
        self.known: dict[tuple[torch.device, torch.dtype, int], bool] = {}

    def __call__(self, hidden: Tensor) -> bool:
        if not hidden.is_cuda or hidden.dtype not in TOLERANCES:
            return False
        key = hidden.device, hidden.dtype, hidden.shape[1]
        if key not in self.known:
            self.known[key] = self.passes(*key)
        return self.known[key]

    def passes(self, device: torch.device, dtype: torch.dtype, dim: int) -> bool:
        """Try the kernels on a sample of random states; a failure is logged, with its reason."""
        generator = torch.Generator().manual_seed(0)
        hidden = torch.randn(SAMPLE_TOKENS, dim, generator=generator).to(device, dtype)
        head = (torch.randn(SAMPLE_WORDS, dim, generator=generator) / dim**0.5).to(device, dtype)
        targets = torch.randint(SAMPLE_WORDS, (SAMPLE_TOKENS,), generator=generator).to(device)
        try:
            worst = self.disagreement(hidden, head, targets)
        except Exception as error:  # no Triton, no compiler, or a GPU that it does not know
            logger.warning("%s: Triton's kernels cannot be used (%s); PyTorch's are", self.name, type(error).__name__)
            return False
        if not worst <= TOLERANCES[dtype]:
            logger.warning("%s: Triton's kernels are off by %.2g here and left out", self.name, worst)
            return False
        return True


def largest_difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """max |a - b| over pairs of tensors of the same shape; nan where one has a nan."""
    differences = [(a.double() - b.double()).abs().max() for a, b in zip(ours, theirs, strict=True)]
    return float(torch.stack(differences).max())
