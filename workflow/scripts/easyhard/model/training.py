"""Training of the LEGO model: AdamW on the loss, early stopping on validation perplexity, best weights kept."""

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

    `settings` has learning_rate, gradient_clip, max_epochs, patience and what `training_loss` reads. Each epoch's state
    goes to `checkpoint`; a state found there under the same `identity` is taken up, and the result is the same as
    without the interruption. The last exit's perplexity decides when to stop. Raises InputError when a hidden state is
    not finite.
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


def training_loss(model: Lego, inputs: Tensor, targets: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """The loss of a batch, inputs and targets (sequences, length), which training makes small; nats.

    settings: `exits`, of the last exit, or joint: Σ w_b times that of block b's exit, w being `exit_weights`, or 1 each
    where that is None; `reduction`: sum or mean over the tokens. Not a number where a hidden state is not finite.
    """
    states, weights = [model(inputs)], [1.0]
    if settings["exits"] == "joint":
        states = model.block_states(inputs)
        weights = settings["exit_weights"] or [1.0] * len(states)
    losses = [
        weight * linear_cross_entropy(hidden.flatten(0, 1), model.head, targets.flatten(), settings["reduction"])
        if torch.isfinite(hidden).all()
        else hidden.new_tensor(math.nan)
        for weight, hidden in zip(weights, states, strict=True)
    ]
    return torch.stack(losses).sum() if len(losses) > 1 else losses[0]


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
    """One pass over `data` in the order of `batches` (indices of sequences); the mean of `training_loss` per token."""
    progress = Progress(f"train epoch {epoch} of at most {settings['max_epochs']}", len(batches), "steps")
    total, tokens = 0.0, 0
    for step, batch in enumerate(batches, start=1):
        inputs, targets = data.inputs[batch], data.targets[batch]
        optimizer.zero_grad(set_to_none=True)
        loss = training_loss(model, inputs, targets, settings)
        if loss.isnan():
            raise InputError(
                f"training.learning_rate {settings['learning_rate']}: hidden states are not finite at epoch {epoch}, "
                f"step {step}; wanted: a learning rate at which training does not diverge"
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["gradient_clip"])
        optimizer.step()
        total += loss.item() * (targets.numel() if settings["reduction"] == "mean" else 1)
        tokens += targets.numel()
        progress.update(step, loss=total / tokens)
    return total / tokens
