"""Training of the LEGO model: AdamW on the summed loss, early stopping on validation perplexity, best weights kept."""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.cross_entropy import linear_cross_entropy, per_token_loss
from easyhard.model.checkpoint import load_checkpoint, save_checkpoint
from easyhard.model.curve import Epoch, best_epoch
from easyhard.model.lego import Lego
from easyhard.progress import Progress

logger = logging.getLogger("easyhard")


@dataclass(frozen=True)
class Sequences:
    """Token ids cut for teacher forcing: `inputs` and `targets`, both (sequences, length) int64."""

    inputs: Tensor
    targets: Tensor


def train(
    model: Lego,
    train_set: Sequences,
    validation_set: Sequences,
    *,
    settings: Mapping[str, Any],
    batch_size: int,
    seed: int,
    checkpoint: str | Path,
    identity: str,
) -> list[Epoch]:
    """Train `model` in place, leave the weights of the best validation epoch in it, and return the training curve.

    `settings` has learning_rate, gradient_clip, max_epochs and patience. Each epoch's state goes to `checkpoint`; a
    state found there under the same `identity` is taken up, and the result is the same as without the interruption.
    Raises InputError when the loss is not finite.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=settings["learning_rate"], fused=True)
    curve: list[Epoch] = []
    best: dict[str, Tensor] = {}
    if (state := load_checkpoint(checkpoint, identity)) is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        curve, best = [Epoch(**point) for point in state["curve"]], state["best"]
        logger.info("goes on after epoch %d from the checkpoint", len(curve))
    while not curve or (
        len(curve) < settings["max_epochs"] and len(curve) - best_epoch(curve).epoch < settings["patience"]
    ):
        start = time.monotonic()
        epoch = len(curve) + 1
        order = torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(len(train_set.inputs)))
        train_loss = _train_epoch(model, optimizer, train_set, order.split(batch_size), settings, epoch)
        validation_loss = mean_loss(model, validation_set, batch_size)
        curve.append(Epoch(epoch, train_loss, validation_loss, time.monotonic() - start))
        logger.info("epoch %d: validation perplexity %.2f", epoch, math.exp(validation_loss))
        if best_epoch(curve).epoch == epoch:
            best = {name: value.clone() for name, value in model.state_dict().items()}
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "best": best}
        save_checkpoint(checkpoint, identity, {**state, "curve": [asdict(point) for point in curve]})
    model.load_state_dict(best)
    return curve


@torch.no_grad()
def mean_loss(model: Lego, data: Sequences, batch_size: int) -> float:
    """Mean loss per token in nats over `data`; the perplexity is its exponential."""
    total = 0.0
    for inputs, targets in zip(data.inputs.split(batch_size), data.targets.split(batch_size), strict=True):
        hidden = model(inputs).flatten(0, 1)  # (tokens, dim)
        total += per_token_loss(hidden, model.head, targets.flatten()).double().sum().item()
    return total / data.targets.numel()


def _train_epoch(
    model: Lego,
    optimizer: torch.optim.Optimizer,
    data: Sequences,
    batches: tuple[Tensor, ...],
    settings: Mapping[str, Any],
    epoch: int,
) -> float:
    """One pass over `data` in the order of `batches` (indices of sequences); the mean loss per token."""
    progress = Progress(f"train epoch {epoch} of at most {settings['max_epochs']}", len(batches), "steps")
    total, tokens = 0.0, 0
    for step, batch in enumerate(batches, start=1):
        inputs, targets = data.inputs[batch], data.targets[batch].flatten()
        optimizer.zero_grad(set_to_none=True)
        hidden = model(inputs).flatten(0, 1)  # (tokens, dim)
        if not torch.isfinite(hidden).all():
            raise InputError(
                f"training.learning_rate {settings['learning_rate']}: hidden states are not finite at epoch {epoch}, "
                f"step {step}; wanted: a learning rate at which training does not diverge"
            )
        loss = linear_cross_entropy(hidden, model.head, targets, reduction="sum")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["gradient_clip"])
        optimizer.step()
        total, tokens = total + loss.item(), tokens + targets.numel()
        progress.update(step, loss=total / tokens)
    return total / tokens
