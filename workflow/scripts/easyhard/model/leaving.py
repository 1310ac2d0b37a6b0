"""Tokens that leave a LEGO after one of its blocks: how sure an exit is, where it lets go, what the others become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from easyhard.errors import InputError
from easyhard.logits.statistics import logit_statistics
from easyhard.model.lego import Lego, Stage
from easyhard.model.training import Sequences


@dataclass(frozen=True)
class Exit:
    """An exit after a block before the last: a token leaves where its confidence reaches `threshold`.

    The confidence is σ(w·h + b), `classifier` being w (dim,) and b (), or, without one, the largest probability.
    """

    threshold: float
    classifier: tuple[Tensor, Tensor] | None

    def confidence(self, states: Tensor, head: Tensor) -> Tensor:
        """Confidence (tokens,) of states (tokens, dim) that the head (V, dim) reads."""
        return confidence(states, head, self.classifier)


def confidence(states: Tensor, head: Tensor, classifier: tuple[Tensor, Tensor] | None) -> Tensor:
    """How sure an exit is of each token (tokens,): σ(w·h + b), or the largest probability without a classifier."""
    if classifier is None:
        return logit_statistics(states, head.detach(), statistics=["max_probability"])["max_probability"]
    weight, bias = classifier
    return torch.sigmoid(states @ weight + bias)


def exit_label(states: Tensor, targets: Tensor, head: Tensor, label: str) -> Tensor:
    """What an exit classifier learns of each token (tokens,): the largest probability, `distill`, or exp(−loss)."""
    name = {"distill": "max_probability", "loss": "target_probability"}[label]
    return logit_statistics(states, head.detach(), targets, statistics=[name])[name]


def fit_classifier(
    states: Tensor, label: Tensor, inside: Tensor, settings: Mapping[str, Any], seed: int
) -> tuple[Tensor, Tensor]:
    """w (dim,) and b () of σ(w·h + b), by Adam on the squared error to `label`, summed over a batch of sequences.

    states (sequences, length, dim), label and which tokens are `inside` still (sequences, length); settings:
    learning_rate, epochs and batch_size, which counts sequences. Every epoch takes all of them in a new random order.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        linear = nn.Linear(states.shape[-1], 1)
    linear.to(states.device)
    optimizer = torch.optim.Adam(linear.parameters(), lr=settings["learning_rate"])
    for _ in range(settings["epochs"]):
        order = torch.randperm(len(states), generator=generator).to(states.device)
        for rows in order.split(settings["batch_size"]):
            optimizer.zero_grad()
            said = torch.sigmoid(linear(states[rows]).squeeze(-1))
            (said - label[rows])[inside[rows]].square().sum().backward()
            optimizer.step()
    return linear.weight.detach()[0], linear.bias.detach()[0]


def repack(states: Tensor, targets: Tensor, hard: Tensor) -> Sequences:
    """The hard tokens alone, in their order, in sequences of the same length; a remainder is dropped.

    states (sequences, length, dim), targets and hard (sequences, length). Raises InputError when they fill no sequence.
    """
    length = targets.shape[1]
    count = int(hard.sum()) // length
    if not count:
        raise InputError(
            f"training.blocks.hard_ratio: {int(hard.sum())} hard tokens fill no sequence of {length}; a larger one, or "
            "more text, is wanted"
        )
    own = hard.nonzero(as_tuple=True)
    kept = slice(0, count * length)
    return Sequences(
        states[own][kept].view(count, length, -1).contiguous(), targets[own][kept].view(count, length).contiguous()
    )


@dataclass(frozen=True)
class Left:
    """Where tokens have left, and with what: block, 0 being the first, loss (nats) and whether the first choice was
    right, (sequences, length) each."""

    block: Tensor
    loss: Tensor
    right: Tensor


@torch.no_grad()
def run_leaving(lego: Lego, exits: Sequence[Exit | None], data: Sequences, kept: str, batch_size: int) -> Left:
    """Whole sequences through block after block, every token leaving at the first exit that lets it go, or at the last.

    `exits`: one a block before the last; None lets nobody go. A token that has left keeps, as the state that later
    blocks see of it, the `input` or the `output` of the block it left after.
    """
    parts = [
        _leave(lego, exits, inputs, targets, kept)
        for inputs, targets in zip(data.inputs.split(batch_size), data.targets.split(batch_size), strict=True)
    ]
    return Left(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _leave(
    lego: Lego, exits: Sequence[Exit | None], inputs: Tensor, targets: Tensor, kept: str
) -> tuple[Tensor, Tensor, Tensor]:
    x, last = lego.embedding(inputs), len(lego.blocks) - 1
    block, loss = torch.full_like(targets, last), torch.zeros(targets.shape, device=x.device)
    right, inside = torch.zeros_like(targets, dtype=torch.bool), torch.ones_like(targets, dtype=torch.bool)
    for number in range(last + 1):
        stage = Stage(lego, number)
        after = stage(inputs if number == 0 else x)
        own, leaves = exits[number] if number < last else None, inside.clone()
        if number < last:
            sure = torch.zeros_like(inside) if own is None else _sure(own, after, stage.head)
            leaves &= sure
        if bool(leaves.any()):
            found = logit_statistics(after[leaves], stage.head, targets[leaves], statistics=["loss", "argmax"])
            block[leaves], loss[leaves] = number, found["loss"]
            right[leaves] = found["argmax"] == targets[leaves]
        stays = inside & ~leaves
        moved = stays if kept == "input" else inside
        x, inside = torch.where(moved[..., None], after, x), stays
    return block, loss, right


def _sure(own: Exit, states: Tensor, head: Tensor) -> Tensor:
    flat = own.confidence(states.flatten(0, 1), head)
    return (flat >= own.threshold).view(states.shape[:2])
