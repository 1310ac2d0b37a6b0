"""The statistics of whole rows of logits, each as its formula has it."""

from torch import Tensor


def plain_statistics(z: Tensor) -> dict[str, Tensor]:
    p, top = z.softmax(1), z.topk(2, dim=1).values
    return {
        "max_probability": p.amax(1),
        "max_logit": top[:, 0],
        "max_minus_mean": top[:, 0] - z.mean(1),
        "margin": top[:, 0] - top[:, 1],
        "entropy": -(p * z.log_softmax(1)).sum(1),
    }
