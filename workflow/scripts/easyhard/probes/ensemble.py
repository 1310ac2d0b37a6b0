"""Training of many probes: each on one thread, as if the others were not there.

A member is one network, one task, one set of rows and one seed. PyTorch's threads take members in turn, so no result
depends on the number of threads or on what else is trained. Members side by side in one batched product are no faster
on a CPU: the hidden layers are wide enough to fill a product each, and a member that has stopped costs nothing more.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypedDict

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from easyhard.errors import InputError
from easyhard.logits.tiles import each, spans
from easyhard.probes.networks import Weights, first_weights, gradients, outputs
from easyhard.probes.standardise import Inputs, Moments, moments
from easyhard.probes.tasks import Task
from easyhard.progress import Progress
from easyhard.signals.catalogue import Architecture, Kind

BLOCK = 4_096  # rows predicted at a time
LEAST_STEPS = 100  # of an epoch: a small set of rows is passed several times, or it would get fewer steps to learn in
AVERAGING = 0.99  # the running mean of the weights remembers 1 / (1 − this) = 100 steps


class ProbeSettings(TypedDict):
    """How a probe is trained: `hidden` is the hidden layer's size; the rest says how long and how fast.

    An epoch is a pass over the fit rows in batches, or several passes where one has fewer than 100 batches. After each
    the probe is judged on the select rows; training ends after `patience` epochs without a better one.
    """

    hidden: int
    learning_rate: float
    batch_size: int
    max_epochs: int
    patience: int


@dataclass(frozen=True)
class Member:
    """One probe to be trained on `fit` rows and stopped by `select` rows.

    Rows are int64 indices into the inputs and the task, on their device.
    """

    architecture: Architecture
    inputs: Inputs
    task: Task
    fit: Tensor
    select: Tensor
    seed: int


@dataclass(frozen=True)
class Trained:
    """A trained member, and what it says of the select rows, `on_select`, (select rows,) float32.

    `error` is the objective on the select rows, squared error of the standardised target or cross-entropy in nats, at
    `best_epoch`, whose weights speak; `epochs` were run, in `seconds`.
    """

    architecture: Architecture
    weights: Weights
    unit: Moments
    on_select: Tensor
    error: float
    best_epoch: int
    epochs: int
    seconds: float

    def say(self, inputs: Inputs, rows: Tensor) -> Tensor:
        """Of each row of the inputs, (rows,) float32: a logit, or for a regression a number in the target's unit."""
        return _predict(self.architecture, self.weights, inputs, rows) * self.unit.deviation + self.unit.mean


def train(members: Sequence[Member], settings: ProbeSettings, progress: Progress) -> Iterator[Trained]:
    """Train the members and yield them in their order; `progress` counts them.

    Adam on batches drawn without replacement; targets of regressions standardised over the member's fit rows. What is
    judged, and kept, is a running mean of the weights (Polyak & Juditsky, 1992), steadier than those of any one step.
    Raises InputError when a member lacks fit or select rows, or diverges.
    """
    for member in members:
        if not len(member.fit) or not len(member.select):
            raise InputError(
                f"{member.task.name}: {len(member.fit)} fit and {len(member.select)} select rows; both are wanted"
            )
    device = members[0].fit.device if members else torch.device("cpu")
    for done, trained in enumerate(each(partial(_train, settings=settings), members, device), start=1):
        progress.update(done)
        yield trained


@dataclass(frozen=True)
class _Best:
    weights: Weights
    error: float = float("inf")
    epoch: int = 0


def _train(member: Member, settings: ProbeSettings) -> Trained:
    start = time.perf_counter()
    unit = _unit(member.task, member.fit)
    target = (member.task.target - unit.mean) / unit.deviation  # (tokens,)
    best, epoch = _Best([]), 0
    for epoch, weights in enumerate(_epochs(member, target, settings), start=1):
        error = _error(member, weights, target)
        if error < best.error:
            best = _Best([tensor.clone() for tensor in weights], error, epoch)
        if epoch - best.epoch >= settings["patience"]:
            break
    if not best.weights:
        raise InputError(
            f"learning_rate: {settings['learning_rate']}; {member.task.name} diverged, a lower one is wanted"
        )
    on_select = _predict(member.architecture, best.weights, member.inputs, member.select) * unit.deviation + unit.mean
    seconds = time.perf_counter() - start
    return Trained(member.architecture, best.weights, unit, on_select, best.error, best.epoch, epoch, seconds)


def _unit(task: Task, fit: Tensor) -> Moments:
    """Mean and deviation by which the target is standardised: 0 and 1 for a classification."""
    if task.kind == "regression":
        return moments([task.target[:, None]], fit)
    return Moments(task.target.new_zeros(1), task.target.new_ones(1))


def _epochs(member: Member, target: Tensor, settings: ProbeSettings) -> Iterator[Weights]:
    """Yield the mean weights after each epoch; they are the same tensors each time."""
    first = first_weights(member.architecture, member.inputs.width, settings["hidden"], member.seed)
    weights = [tensor.to(target.device) for tensor in first]
    mean = [tensor.clone() for tensor in weights]
    optimizer = torch.optim.Adam(weights, lr=settings["learning_rate"], fused=True)
    batches = _batches(member.fit, settings["batch_size"], member.seed)
    steps = max(LEAST_STEPS, -(-len(member.fit) // settings["batch_size"]))
    for step in range(1, settings["max_epochs"] * steps + 1):
        rows = next(batches)
        slope = partial(SLOPES[member.task.kind], target.index_select(0, rows))
        found = gradients(member.architecture, weights, member.inputs.at(rows), slope)
        for tensor, gradient in zip(weights, found, strict=True):
            tensor.grad = gradient
        optimizer.step()
        memory = min(AVERAGING, step / (step + 9))  # short at first: early weights are far from where they will be
        for tensor, running in zip(weights, mean, strict=True):
            running.lerp_(tensor, 1 - memory)
        if step % steps == 0:
            yield mean


def _batches(rows: Tensor, size: int, seed: int) -> Iterator[Tensor]:
    """Yield batches of at most `size` of the rows, pass after pass, each pass in a new random order."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(rows), generator=generator).to(rows.device)
        yield from rows[order].split(size)


def _error(member: Member, weights: Weights, target: Tensor) -> float:
    """The objective on the select rows."""
    output = _predict(member.architecture, weights, member.inputs, member.select)
    return ERRORS[member.task.kind](target[member.select], output).double().mean().item()


def _predict(architecture: Architecture, weights: Weights, inputs: Inputs, rows: Tensor) -> Tensor:
    """Outputs (rows,), computed in blocks."""
    blocks = (inputs.at(rows[block]) for block in spans(len(rows), BLOCK))
    return torch.cat([outputs(architecture, weights, x) for x in blocks] or [rows.new_empty(0).float()])


# By kind of task: the objective of each row, and the gradient of its mean by the outputs: (target, output) → (rows,).
ERRORS: dict[Kind, Callable[[Tensor, Tensor], Tensor]] = {
    "regression": lambda target, output: (output - target).square(),
    "classification": lambda target, output: binary_cross_entropy_with_logits(output, target, reduction="none"),
}
SLOPES: dict[Kind, Callable[[Tensor, Tensor], Tensor]] = {
    "regression": lambda target, output: (output - target) * (2 / len(target)),
    "classification": lambda target, output: (torch.sigmoid(output) - target) / len(target),
}
