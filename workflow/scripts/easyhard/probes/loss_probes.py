"""The founding MLPs on the loss: four that predict it, four that say whether it is low."""

import copy
import time
from collections.abc import Callable
from typing import NamedTuple, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from easyhard.probes.inputs import check_inputs, random_parts
from easyhard.probes.mlp import HIDDEN_SIZES, mlp
from easyhard.probes.store import CLASSIFICATION, REGRESSION, Column, LossPredictions
from easyhard.progress import Progress


class LossProbeSettings(TypedDict):
    """How the loss probes are trained; shares are of all tokens, `easy_threshold` is in nats."""

    test_share: float
    validation_share: float
    easy_threshold: float
    learning_rate: float
    batch_size: int
    max_epochs: int
    patience: int


class ProbeSummary(TypedDict):
    """How one probe's training went: epochs run, wall seconds, number of weights."""

    epochs: int
    seconds: float
    parameters: int


class _Task(NamedTuple):
    """What is predicted: a target (tokens,), the objective on raw outputs, and what makes predictions of them."""

    name: str
    target: Tensor
    objective: Callable[[Tensor, Tensor], Tensor]
    link: Callable[[Tensor], Tensor]


class _Part(NamedTuple):
    hidden: Tensor
    target: Tensor


class _Parts(NamedTuple):
    train: _Part
    validation: _Part


def fit_loss_probes(
    hidden: Tensor, loss: Tensor, settings: LossProbeSettings, *, seed: int, progress: Progress
) -> tuple[LossPredictions, dict[str, ProbeSummary]]:
    """Fit every probe of HIDDEN_SIZES twice: to the loss (squared error) and to loss ≤ threshold (cross-entropy).

    hidden: (tokens, dim) float32; loss: (tokens,) float32, nats; both on the device that is to do the work. Tokens are
    parted at random into train, validation and test; Adam, early stopping on the validation part, best weights kept.
    Returns predictions for the test part and a summary by probe, named regression_<probe> and classification_<probe>.
    `progress` counts probes. Raises InputError on bad shapes, too few tokens, or values that are not finite.
    """
    check_inputs(hidden, "loss", loss)
    shares = (settings["test_share"], settings["validation_share"])
    test, validation, train = (part.to(hidden.device) for part in random_parts(len(hidden), shares, seed))
    predicted: dict[str, dict[str, Column]] = {REGRESSION: {}, CLASSIFICATION: {}}
    summaries: dict[str, ProbeSummary] = {}
    for task in _tasks(loss, settings["easy_threshold"]):
        parts = _Parts(*(_Part(hidden[rows], task.target[rows]) for rows in (train, validation)))
        for probe, sizes in HIDDEN_SIZES.items():
            model = mlp(hidden.shape[1], sizes, seed=seed).to(hidden.device)
            summaries[task.name + probe] = _train(model, parts, task.objective, settings, seed)
            predicted[task.name][probe] = _predict(model, hidden[test], task.link)
            progress.update(len(summaries))
    rows, losses = test.cpu().numpy(), loss[test].cpu().numpy()
    return LossPredictions(rows, losses, predicted[REGRESSION], predicted[CLASSIFICATION]), summaries


def _tasks(loss: Tensor, easy_threshold: float) -> tuple[_Task, _Task]:
    easy = (loss <= easy_threshold).to(loss.dtype)
    return (
        _Task(REGRESSION, loss, mse_loss, torch.clone),
        _Task(CLASSIFICATION, easy, binary_cross_entropy_with_logits, torch.sigmoid),
    )


def _train(
    model: nn.Module,
    parts: _Parts,
    objective: Callable[[Tensor, Tensor], Tensor],
    settings: LossProbeSettings,
    seed: int,
) -> ProbeSummary:
    """Train `model` in place until validation has not improved for `patience` epochs; it ends with its best weights."""
    start = time.perf_counter()
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"], fused=True)
    generator = torch.Generator().manual_seed(seed)
    best, best_epoch, best_weights = float("inf"), 0, copy.deepcopy(model.state_dict())
    epoch = 0
    while epoch < settings["max_epochs"] and epoch - best_epoch < settings["patience"]:
        epoch += 1
        _train_epoch(model, parts.train, objective, optimizer, settings["batch_size"], generator)
        with torch.no_grad():
            error = objective(model(parts.validation.hidden), parts.validation.target).item()
        if error < best:
            best, best_epoch, best_weights = error, epoch, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_weights)
    parameters = sum(weights.numel() for weights in model.parameters())
    return ProbeSummary(epochs=epoch, seconds=time.perf_counter() - start, parameters=parameters)


def _train_epoch(
    model: nn.Module,
    train: _Part,
    objective: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    generator: torch.Generator,
) -> None:
    order = torch.randperm(len(train.target), generator=generator).to(train.target.device)
    for rows in torch.split(order, batch_size):
        optimizer.zero_grad()
        objective(model(train.hidden[rows]), train.target[rows]).backward()
        optimizer.step()


@torch.no_grad()
def _predict(model: nn.Module, hidden: Tensor, link: Callable[[Tensor], Tensor]) -> Column:
    return link(model(hidden)).cpu().numpy()
