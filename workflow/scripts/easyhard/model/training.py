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
from easyhard.model.lego import Lego, Stage
from easyhard.progress import Progress

logger = logging.getLogger("easyhard")


@dataclass(frozen=True)
class Sequences:
    """Token ids cut for teacher forcing: `inputs` and `targets`, both (sequences, length) int64.

    For a block after the first, `inputs` are the states (sequences, length, dim) that it is given. A target below 0 is
    none: that token has no part in the loss.
    """

    inputs: Tensor
    targets: Tensor

    def __getitem__(self, rows: Tensor | slice) -> "Sequences":
        return Sequences(self.inputs[rows], self.targets[rows])


def train(
    model: Lego | Stage,
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


def training_loss(model: Lego | Stage, inputs: Tensor, targets: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """The loss of a batch, inputs and targets (sequences, length), which training makes small; nats.

    settings: `exits`, of the last exit, or joint: Σ w_b times that of block b's exit, w being `exit_weights`, or 1 each
    where that is None; `reduction`: sum or mean over the tokens. Not a number where a hidden state is not finite.
    """
    if settings["exits"] == "joint" and isinstance(model, Lego):
        states = model.block_states(inputs)
        heads = [model.head_of(block) for block in range(len(states))]
        weights = settings["exit_weights"] or [1.0] * len(states)
    else:
        states, heads, weights = [model(inputs)], [model.head], [1.0]
    if not all(bool(hidden.isfinite().all()) for hidden in states):
        return states[0].new_tensor(math.nan)
    losses = [
        weight * linear_cross_entropy(*_known(hidden, targets, head), settings["reduction"])
        for weight, hidden, head in zip(weights, states, heads, strict=True)
    ]
    return torch.stack(losses).sum()


def _known(hidden: Tensor, targets: Tensor, head: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """States (tokens, dim), head, and targets (tokens,) of the tokens that have one."""
    known = targets >= 0
    if bool(known.all()):
        return hidden.flatten(0, 1), head, targets.flatten()
    return hidden[known], head, targets[known]


@torch.no_grad()
def mean_loss(model: Lego | Stage, data: Sequences, batch_size: int) -> float:
    """Mean loss per token in nats over `data`; the perplexity is its exponential."""
    total, tokens = 0.0, 0
    for inputs, targets in zip(data.inputs.split(batch_size), data.targets.split(batch_size), strict=True):
        losses = per_token_loss(*_known(model(inputs), targets, model.head))
        total, tokens = total + losses.double().sum().item(), tokens + len(losses)
    return total / tokens


def _train_epoch(
    model: Lego | Stage,
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
        known = int((targets >= 0).sum())
        total += loss.item() * (known if settings["reduction"] == "mean" else 1)
        tokens += known
        progress.update(step, loss=total / tokens)
    return total / tokens
