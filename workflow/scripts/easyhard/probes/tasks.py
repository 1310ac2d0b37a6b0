"""What probes are trained on: the loss, the head's own statistics, labels, and blends of a statistic and its label."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Task:
    """A target for each token, (tokens,) float32: any number for a regression, in [0, 1] for a classification.

    `truth` (tokens,) is what the prediction is to mean in the end, and is calibrated to.
    """

    target: Tensor
    truth: Tensor


def tasks_of(
    loss: Tensor,
    entropy: Tensor,
    *,
    easy_threshold: float,
    label_share: float,
    label_worth: float,
    tail_mass: Tensor | None = None,
    correct: Tensor | None = None,
) -> dict[str, Task]:
    """Return the tasks that the given columns allow, by name; every column is (tokens,) float32, loss and
    entropy in nats.

        loss, log1p_loss            squared error
        easy                        cross-entropy on loss ≤ easy_threshold
        correct                     cross-entropy on: the argmax is the target (BERxiT, Xin et al., EACL 2021)
        entropy                     distillation: squared error to the head's entropy
        tail_mass                   distillation: cross-entropy to the head's tail mass at easy_threshold
        guided_loss, guided_easy    distillation and label at once: label_share of the loss (of the easy label), the
                                    rest entropy (1 − tail mass). Both objectives are linear in the target but for a
                                    constant, so to train on the blend is to train on the sum of the two objectives
                                    (Hinton et al., arXiv:1503.02531). Its truth is the loss (the label).
        guided_both                 squared error to the blend for the loss, and label_worth nats times that for hard:
                                    one number for both. Its truth is loss + label_worth · (loss > easy_threshold)
    """
    easy = (loss <= easy_threshold).float()
    blend = torch.lerp(entropy, loss, label_share)
    pairs = {"loss": (loss, loss), "log1p_loss": (torch.log1p(loss), torch.log1p(loss)), "easy": (easy, easy)}
    pairs |= {"entropy": (entropy, entropy), "guided_loss": (blend, loss)}
    if correct is not None:
        pairs["correct"] = (correct, correct)
    if tail_mass is not None:
        tail = tail_mass.clamp(0, 1)  # a sum of probabilities in float32 may leave [0, 1]
        both = blend + label_worth * torch.lerp(tail, 1 - easy, label_share)
        pairs |= {"tail_mass": (tail, tail), "guided_easy": (torch.lerp(1 - tail, easy, label_share), easy)}
        pairs["guided_both"] = (both, loss + label_worth * (1 - easy))
    return {name: Task(target.float(), truth.float()) for name, (target, truth) in pairs.items()}
