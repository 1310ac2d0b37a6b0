"""What probes are trained on: the loss, the head's own statistics, labels, and blends of a statistic and its label."""

from dataclasses import dataclass

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.signals.catalogue import TASKS, Kind

ROUNDING = 1e-4  # by which a sum of probabilities in float32 may leave [0, 1]


@dataclass(frozen=True)
class Task:
    """A target for each token, (tokens,) float32: any number for a regression, in [0, 1] for a classification.

    `truth` (tokens,) is what the prediction is to mean in the end, and is calibrated to.
    """

    name: str
    target: Tensor
    truth: Tensor

    @property
    def kind(self) -> Kind:
        return TASKS[self.name].kind


def tasks_of(
    loss: Tensor,
    *,
    easy_threshold: float,
    label_share: float,
    label_worth: float,
    entropy: Tensor | None = None,
    tail_mass: Tensor | None = None,
    correct: Tensor | None = None,
) -> dict[str, Task]:
    """Return the tasks that the given columns allow, by name; every column is (tokens,), loss and entropy in nats.

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

    Raises InputError when label_share is not in [0, 1], or a tail mass is not.
    """
    if not 0 <= label_share <= 1:
        raise InputError(f"label_share: {label_share}; a share from 0 to 1 is wanted")
    loss = loss.float()
    easy = (loss <= easy_threshold).float()
    tasks = [_plain("loss", loss), _plain("log1p_loss", torch.log1p(loss)), _plain("easy", easy)]
    if correct is not None:
        tasks.append(_plain("correct", correct))
    if entropy is not None:
        blend = torch.lerp(entropy.float(), loss, label_share)
        tasks += [_plain("entropy", entropy), Task("guided_loss", blend, loss)]
    if tail_mass is not None and entropy is not None:
        hard = torch.lerp(_probability(tail_mass.float()), 1 - easy, label_share)
        both = torch.lerp(entropy.float(), loss, label_share) + label_worth * hard
        tasks.append(Task("guided_both", both, loss + label_worth * (1 - easy)))
    if tail_mass is not None:
        tail = _probability(tail_mass.float())
        tasks += [_plain("tail_mass", tail), Task("guided_easy", torch.lerp(1 - tail, easy, label_share), easy)]
    return {task.name: task for task in tasks}


def _plain(name: str, target: Tensor) -> Task:
    return Task(name, target.float(), target.float())


def _probability(tail_mass: Tensor) -> Tensor:
    outside = int(((tail_mass < -ROUNDING) | (tail_mass > 1 + ROUNDING)).sum())
    if outside:
        raise InputError(
            f"tail_mass: {outside} of {len(tail_mass)} values lie outside [0, 1]; probabilities are wanted"
        )
    return tail_mass.clamp(0, 1)
