"""The founding probes, ReLU perceptrons on hidden states: one trainer, and a table of what is trained on what.

One decides exits, four foretell the loss, four say whether it is low, and one foretells each statistic of the logits.
"""

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from easyhard.errors import InputError
from easyhard.progress import Progress

HIDDEN_SIZES: dict[str, tuple[int, ...]] = {"linear": (), "mlp2": (128,), "mlp3": (128, 128), "mlp2_wide": (256,)}
METRICS = ("max_probability", "max_logit", "max_minus_mean", "margin")  # each foretold by a probe of its own
ALL = slice(None)


def mlp(dim: int, hidden_sizes: Iterable[int], *, seed: int) -> nn.Sequential:
    """Return a perceptron (tokens, dim) → (tokens,) on the CPU, with PyTorch's default initialisation from `seed`."""
    sizes = [dim, *hidden_sizes, 1]
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Flatten(0))


def he_mlp(dim: int, hidden_sizes: Iterable[int], *, seed: int) -> nn.Sequential:
    """Return `mlp` with He's normal initialisation (weights of variance 2 / inputs, zero biases; arXiv:1502.01852)."""
    model = mlp(dim, hidden_sizes, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    return model


@dataclass(frozen=True)
class Probe:
    """What a probe learns of each token, and how. Token numbers are int64, on the target's device.

    target: (tokens,), trained on as (target − mean) / deviation; the objective is of raw outputs and that, `link` makes
    predictions of outputs. An epoch takes the `train` tokens in random order, `batch_size` at a time, or all at once
    where that is None. Without validation tokens the last weights after `epochs` stay; with them, training ends once
    they have not improved for `patience` epochs, and the best weights stay. `test` tokens are asked about.
    """

    target: Tensor
    train: Tensor | slice
    test: Tensor | slice
    optimizer: Callable[..., torch.optim.Optimizer]
    learning_rate: float
    epochs: int
    validation: Tensor | None = None
    batch_size: int | None = None
    patience: int = 0
    hidden_sizes: tuple[int, ...] = ()
    initial: Callable[..., nn.Sequential] = mlp
    objective: Callable[[Tensor, Tensor], Tensor] = mse_loss
    link: Callable[[Tensor], Tensor] = torch.clone
    mean: Tensor | float = 0.0
    deviation: Tensor | float = 1.0

    @torch.no_grad()
    def say(self, model: nn.Sequential, hidden: Tensor) -> Tensor:
        """Return the predictions of a trained model, (rows,), for hidden states (rows, dim).

        Raises InputError when one is not finite: in a column it would pass for a row that the probe says nothing of.
        """
        said = self.link(model(hidden) * self.deviation + self.mean)
        if not bool(said.isfinite().all()):
            raise InputError(f"learning_rate: {self.learning_rate:g}; the probe diverged, a lower one is wanted")
        return said


def fit(hidden: Tensor, probe: Probe, seed: int) -> tuple[nn.Sequential, int]:
    """Return a model trained on hidden states (tokens, dim) float32, from first weights and in an order that `seed`
    decides, and for how many epochs."""
    target = (probe.target - probe.mean) / probe.deviation
    x, y = hidden[probe.train], target[probe.train]
    model = probe.initial(hidden.shape[1], probe.hidden_sizes, seed=seed).to(hidden.device)
    optimizer = probe.optimizer(model.parameters(), lr=probe.learning_rate)
    best, best_epoch, best_weights = float("inf"), 0, copy.deepcopy(model.state_dict())
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(1, probe.epochs + 1):
        order = torch.randperm(len(y), generator=generator).to(y.device)
        batches: Sequence[Tensor | slice] = [ALL] if probe.batch_size is None else order.split(probe.batch_size)
        for rows in batches:
            optimizer.zero_grad()
            probe.objective(model(x[rows]), y[rows]).backward()
            optimizer.step()
        if probe.validation is None:
            continue
        with torch.no_grad():
            error = probe.objective(model(hidden[probe.validation]), target[probe.validation]).item()
        if error < best:
            best, best_epoch, best_weights = error, epoch, copy.deepcopy(model.state_dict())
        if epoch - best_epoch >= probe.patience:
            break
    if probe.validation is not None:
        model.load_state_dict(best_weights)
    return model, epoch


def exit_classifier(loss: Tensor, settings: Mapping[str, Any]) -> Probe:
    """w·h + b, fitted to the loss (tokens,), nats, of all tokens by full-batch Adam on the squared error.

    The founding study takes 50 epochs at learning rate 1e-2, which is short of convergence.
    """
    return Probe(loss, ALL, ALL, torch.optim.Adam, settings["learning_rate"], settings["epochs"])


def loss_probes(loss: Tensor, settings: Mapping[str, Any], seed: int) -> dict[str, Probe]:
    """Perceptrons of the loss (tokens,), nats, by squared error, and of loss ≤ easy_threshold, by cross-entropy.

    Tokens are parted at random into train, validation and test; Adam, early stopping on the validation part.
    """
    test, validation, train = random_parts(loss, (settings["test_share"], settings["validation_share"]), seed)
    probe = partial(
        Probe,
        optimizer=partial(torch.optim.Adam, fused=True),
        learning_rate=settings["learning_rate"],
        epochs=settings["max_epochs"],
        train=train,
        validation=validation,
        test=test,
        batch_size=settings["batch_size"],
        patience=settings["patience"],
    )
    easy = (loss <= settings["easy_threshold"]).to(loss.dtype)
    cross_entropy = partial(probe, easy, objective=binary_cross_entropy_with_logits, link=torch.sigmoid)
    return {
        f"{kind}/{name}": one(hidden_sizes=sizes)
        for kind, one in (("regression", partial(probe, loss)), ("classification", cross_entropy))
        for name, sizes in HIDDEN_SIZES.items()
    }


def metric_probes(metrics: Mapping[str, Tensor], settings: Mapping[str, Any], seed: int) -> dict[str, Probe]:
    """A perceptron of one hidden layer for each metric, signal → (tokens,), by plain SGD on the standardised values.

    He's initialisation; tokens are parted at random into train and test. Raises InputError naming a metric that is
    not finite or constant on train.
    """
    probes = {}
    for name, values in metrics.items():
        test, train = random_parts(values, (settings["test_share"],), seed)
        low, high = values[train].min().item(), values[train].max().item()
        if not 0 < high - low < math.inf:
            raise InputError(f"{name}: train values from {low:g} to {high:g}; finite ones that vary are wanted")
        deviation, mean = torch.std_mean(values[train], correction=0)
        probes[f"metric/{name}"] = Probe(
            values,
            train,
            test,
            torch.optim.SGD,
            settings["learning_rate"],
            settings["epochs"],
            batch_size=settings["batch_size"],
            hidden_sizes=(settings["hidden"],),
            initial=he_mlp,
            mean=mean,
            deviation=deviation,
        )
    return probes


def random_parts(tokens: Tensor, shares: Sequence[float], seed: int) -> list[Tensor]:
    """Part the numbers of `tokens` (tokens,) at random: one part a share, rounded up to whole tokens, then the rest.

    Returns int64 tensors of ascending numbers, on the tokens' device. Raises InputError when a part would be empty.
    """
    sizes = [math.ceil(round(share * len(tokens), 6)) for share in shares]
    sizes.append(len(tokens) - sum(sizes))
    if min(sizes) < 1:
        raise InputError(
            f"tokens: {len(tokens)} parted by shares {list(shares)} leaves a part empty; more tokens are wanted"
        )
    order = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))
    return [part.sort().values.to(tokens.device) for part in torch.split(order, sizes)]


def fit_all(
    hidden: Tensor, probes: Mapping[str, Probe], seed: int
) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, int]]]:
    """Fit every probe on hidden states (tokens, dim) float32.

    Returns predictions by probe, (tokens,) each, NaN but on its test tokens: nats, the probability of easy, or the
    metric's own unit; and by probe the epochs run and the number of weights.
    """
    progress = Progress("founding probes", len(probes), "probes")
    columns, summaries = {}, {}
    for name, probe in probes.items():
        model, epochs = fit(hidden, probe, seed)
        column = hidden.new_full((len(hidden),), math.nan)
        column[probe.test] = probe.say(model, hidden[probe.test])
        columns[name] = column.cpu().numpy()
        summaries[name] = {"epochs": epochs, "parameters": sum(weights.numel() for weights in model.parameters())}
        progress.update(len(columns))
    return columns, summaries
