"""Probes of parted documents: trained on fit rows, stopped and calibrated on select rows, asked about any row.

A fit is one probe, one set of rows and one seed. PyTorch's threads take fits in turn, each on one thread as if the
others were not there, so no result depends on the number of threads or on what else is trained. Networks side by side
in one batched product are no faster on a CPU: the hidden layers are wide enough to fill a product each, and a network
that has stopped costs nothing more.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from easyhard.errors import InputError
from easyhard.logits.tiles import each, spans
from easyhard.probes.calibration import Column, Line, least_squares_line, platt_line
from easyhard.probes.data import ProbeData
from easyhard.probes.documents import Rows
from easyhard.probes.networks import Weights, first_weights, gradients, outputs
from easyhard.probes.standardise import Inputs, Moments, moments
from easyhard.probes.tasks import Task
from easyhard.progress import Progress
from easyhard.signals.catalogue import Architecture, Kind, family_and_task, task_kind

Values = NDArray[np.float32]

BLOCK = 4_096  # rows predicted at a time
LEAST_STEPS = 100  # of an epoch: a small set of rows is passed several times, or it would get fewer steps to learn in
AVERAGING = 0.99  # the running mean of the weights remembers 1 / (1 − this) = 100 steps


@dataclass(frozen=True)
class Fit:
    """One probe, by its name, to be fitted on `rows` with one seed, and asked about the rows `asked`, both ascending,
    for the column `column`, which several may share."""

    column: str
    probe: str
    rows: Rows
    seed: int
    asked: Rows


@dataclass(frozen=True)
class Trained:
    """A trained probe: its weights, the moments that scale its inputs, and the line that calibrates it.

    `unit` has the mean and deviation of a regression's target. Of the course of the training there are `error`, the
    objective on the select rows, squared error of the standardised target or cross-entropy in nats, at `best_epoch`,
    whose weights speak; and `epochs` that were run, in `seconds`.
    """

    weights: Weights
    moments: Moments
    unit: Moments
    line: Line
    course: dict[str, float]

    def values(self, kind: Kind, output: Tensor) -> Values:
        """Return what the network's outputs (rows,) mean: probabilities, or numbers in the truth's unit."""
        return LINKS[kind](self.line.at(_float64(output * self.unit.deviation + self.unit.mean))).astype(np.float32)


def train(data: ProbeData, fits: Sequence[Fit], settings: Mapping[str, Any]) -> list[Trained]:
    """Return the trained probes, in the order of `fits`; one of the same array of rows and seed is trained once.

    `settings` are those of fair_probes. Adam on batches drawn without replacement; targets of regressions standardised
    over the fit's rows. An epoch is a pass over them, or several where one has fewer than LEAST_STEPS batches; training
    ends after `patience` epochs that were no better on the select rows. What is judged, and kept, is a running mean of
    the weights (Polyak & Juditsky, 1992), steadier than those of any one step. Raises InputError when a fit has no
    rows, or diverges.
    """
    kept = [data.hidden, data.context[torch.from_numpy(data.kept).to(data.context.device)]]
    inputs: dict[tuple[int, bool], Inputs] = {}  # fits of the same rows share what they read
    for wanted in fits:
        if not len(wanted.rows):
            raise InputError(f"{wanted.column}: no rows to fit on; at least one document is wanted")
        reads_context = family_and_task(wanted.probe)[0].reads_context
        if (id(wanted.rows), reads_context) not in inputs:
            groups = kept[: 1 + reads_context]
            inputs[id(wanted.rows), reads_context] = Inputs(groups, moments(groups, data.places(wanted.rows)))
    keys = [(wanted.probe, id(wanted.rows), wanted.seed) for wanted in fits]
    unique = dict(zip(keys, fits, strict=True))
    progress = Progress("probes", len(unique), "fits")
    trained: dict[tuple[str, int, int], Trained] = {}
    one = partial(_train, data=data, inputs=inputs, settings=settings)
    for key, found in zip(unique, each(one, unique.values(), data.hidden.device), strict=True):
        trained[key] = found
        progress.update(len(trained))
    return [trained[key] for key in keys]


def _train(
    wanted: Fit, data: ProbeData, inputs: Mapping[tuple[int, bool], Inputs], settings: Mapping[str, Any]
) -> Trained:
    family, task = family_and_task(wanted.probe)
    own = inputs[id(wanted.rows), family.reads_context]
    rows, select = data.places(wanted.rows), data.places(data.select)
    return fit_network(family.architecture, task, data.tasks[task], own, rows, select, settings, wanted.seed)


def fit_network(
    architecture: Architecture,
    name: str,
    task: Task,
    inputs: Inputs,
    rows: Tensor,
    select: Tensor,
    settings: Mapping[str, Any],
    seed: int,
) -> Trained:
    """Return a network fitted to the task called `name` on `rows` of the inputs, stopped and calibrated by the rows
    `select`, int64 both, as `train` says. Call it without gradients. Raises InputError when it diverges."""
    start, kind = time.perf_counter(), task_kind(name)
    unit = Moments(task.target.new_zeros(1), task.target.new_ones(1))
    if kind == "regression":
        unit = moments([task.target[:, None]], rows)
    target = (task.target - unit.mean) / unit.deviation  # (kept rows,)
    least, best_epoch, best = float("inf"), 0, None
    for epoch, weights in enumerate(_epochs(architecture, kind, inputs, target, rows, settings, seed), start=1):
        output = _predict(architecture, weights, inputs, select)
        error = ERRORS[kind](target[select], output).double().mean().item()
        if error < least:
            least, best_epoch = error, epoch
            best, on_select = [tensor.clone() for tensor in weights], output * unit.deviation + unit.mean
        if epoch - best_epoch >= settings["patience"]:
            break
    if best is None:
        raise InputError(f"learning_rate: {settings['learning_rate']}; {name} diverged, a lower one is wanted")
    line = LINES[kind](_float64(on_select), _float64(task.truth[select]))
    course = {"epochs": epoch, "best_epoch": best_epoch, "error": least, "seconds": time.perf_counter() - start}
    return Trained(best, inputs.moments, unit, line, course)


def _epochs(
    architecture: Architecture,
    kind: Kind,
    inputs: Inputs,
    target: Tensor,
    rows: Tensor,
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[Weights]:
    """Yield the mean weights after each epoch; they are the same tensors each time."""
    first = first_weights(architecture, len(inputs.moments.mean), settings["hidden"], seed)
    weights = [tensor.to(target.device) for tensor in first]
    mean = [tensor.clone() for tensor in weights]
    optimizer = torch.optim.Adam(weights, lr=settings["learning_rate"], fused=True)
    batches = _batches(rows, settings["batch_size"], seed)
    steps = max(LEAST_STEPS, -(-len(rows) // settings["batch_size"]))
    for step in range(1, settings["max_epochs"] * steps + 1):
        batch = next(batches)
        slope = partial(SLOPES[kind], target.index_select(0, batch))
        found = gradients(architecture, weights, inputs.at(batch), slope)
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


def columns_of(data: ProbeData, fits: Sequence[Fit], trained: Sequence[Trained]) -> Iterator[dict[str, Values]]:
    """Stream what trained probes say of the rows they are asked about: for each batch of states the columns of the
    fits, (batch,) each, NaN where none is asked. No more than a batch of states is held."""
    first = 0
    for hidden in data.states():
        batch = slice(first, first := first + len(hidden))
        ask = partial(_ask, batch=batch, groups=[hidden, data.context[batch]])
        columns = {wanted.column: np.full(len(hidden), np.nan, dtype=np.float32) for wanted in fits}
        said = each(ask, list(zip(fits, trained, strict=True)), hidden.device)
        for wanted, (rows, values) in zip(fits, said, strict=True):
            columns[wanted.column][rows] = values
        yield columns


def _ask(pair: tuple[Fit, Trained], batch: slice, groups: Sequence[Tensor]) -> tuple[Rows, Values]:
    """The rows of a batch that a fit is asked about, numbered within it, and what its probe says of them, (rows,) each:
    probabilities, or numbers in the truth's unit."""
    wanted, probe = pair
    family, task = family_and_task(wanted.probe)
    rows = wanted.asked[slice(*np.searchsorted(wanted.asked, [batch.start, batch.stop]))] - batch.start
    inputs = Inputs(groups[: 1 + family.reads_context], probe.moments)
    output = _predict(family.architecture, probe.weights, inputs, torch.from_numpy(rows).to(groups[0].device))
    return rows, probe.values(task_kind(task), output)


def _predict(architecture: Architecture, weights: Weights, inputs: Inputs, rows: Tensor) -> Tensor:
    """Outputs (rows,), computed in blocks."""
    blocks = (inputs.at(rows[block]) for block in spans(len(rows), BLOCK))
    return torch.cat([outputs(architecture, weights, x) for x in blocks] or [rows.new_empty(0).float()])


def _float64(column: Tensor) -> Column:
    return column.double().cpu().numpy()


# By kind of task: the objective of each row, and the gradient of its mean by the outputs: (target, output) → (rows,).
ERRORS: dict[Kind, Callable[[Tensor, Tensor], Tensor]] = {
    "regression": lambda target, output: (output - target).square(),
    "classification": lambda target, output: binary_cross_entropy_with_logits(output, target, reduction="none"),
}
SLOPES: dict[Kind, Callable[[Tensor, Tensor], Tensor]] = {
    "regression": lambda target, output: (output - target) * (2 / len(target)),
    "classification": lambda target, output: (torch.sigmoid(output) - target) / len(target),
}
# And how raw outputs are calibrated, (outputs, truth) → line, and what makes values of calibrated ones.
LINES: dict[Kind, Callable[[Column, Column], Line]] = {
    "regression": least_squares_line,
    "classification": platt_line,
}
LINKS: dict[Kind, Callable[[Column], Column]] = {"regression": np.asarray, "classification": expit}
