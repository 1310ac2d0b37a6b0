"""Stacks: gradient-boosted trees that read all signals of a cost class, and which of the signals they rest on."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar

import numpy as np
from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score
from threadpoolctl import ThreadpoolController, threadpool_limits

from easyhard.errors import InputError
from easyhard.probes.documents import Rows, document_folds
from easyhard.signals.catalogue import STACKS

Column = NDArray[Any]
Matrix = NDArray[np.float64]
Model: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor
Goal = Literal["hard", "loss"]
Item = TypeVar("Item")

DEPTH = 8
LEAST_LEAF = 100  # tokens: a leaf of fewer says more of one document than of the signals
SHARE_TRIED = 0.5  # of the signals at each split: many say nearly the same; and seeds differ by it
BINS = 127


class StackSettings(TypedDict):
    """How stacks are grown and looked into.

    The grid learning_rates × leaves is tried on about `tuning_tokens` of the fit rows, in `folds` folds of whole
    documents. A stack grows until `patience` trees have not helped on the select rows, to `max_trees` at most.
    Importance is measured on about `importance_tokens` of the select rows, `importance_repeats` times.
    """

    learning_rates: Sequence[float]
    leaves: Sequence[int]
    max_trees: int
    patience: int
    folds: int
    tuning_tokens: int
    importance_tokens: int
    importance_repeats: int


@dataclass(frozen=True)
class StackData:
    """Signals by name, and per token whether it is hard, its loss (nats) and its document: (tokens,) each. Only tokens
    of the rows `fit` and `select` are wanted here; `say` asks about any others.

    On `fit` rows, values of trained signals must come from models that did not see the row's document.
    `fit` and `select` are int64 row numbers.
    """

    signals: Mapping[str, Column]
    hard: Column
    loss: Column
    documents: NDArray[np.integer]
    fit: Rows
    select: Rows


@dataclass(frozen=True)
class Stack:
    """The trees of each seed, which read the signals `inputs`.

    `learning_rate` and `leaves` were chosen; `comparisons` bounds the comparisons of one token's prediction: trees
    times depth, the mean over seeds. `importance` is, by signal, the drop of the AUROC of hard when the signal is
    permuted among select rows, mean and standard deviation over the repeats, in the first seed's stack.
    """

    inputs: list[str]
    models: list[Model]
    learning_rate: float
    leaves: int
    comparisons: float
    importance: dict[str, tuple[float, float]]

    def say(self, signals: Mapping[str, Column]) -> list[NDArray[np.float32]]:
        """Return what each seed's trees say of tokens with these signals, (tokens,) each: the probability of hard, or
        the loss. Raises InputError as `fit_stack` does."""
        x = _matrix(signals, self.inputs, len(signals[self.inputs[0]]))
        return [_say(model, x).astype(np.float32) for model in self.models]


def stack_inputs(classes: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the signals that each stack of STACKS reads, of `classes`: signal → its class; empty stacks left out."""
    inputs = {stack: [name for name, kind in classes.items() if kind in read] for stack, read in STACKS.items()}
    return {stack: names for stack, names in inputs.items() if names}


def stack_multiply_adds(inputs: Sequence[str], costs: Mapping[str, Mapping[str, int]]) -> int:
    """Return what the inputs cost together per token, where `costs` has the parts of each: part → multiply-adds.

    A part that several share, as the pass over the vocabulary, is paid once.

    >>> stack_multiply_adds(["entropy", "margin"], {"entropy": {"head": 640}, "margin": {"head": 640}})
    640
    """
    parts: dict[str, int] = {}
    for name in inputs:
        parts |= costs[name]
    return sum(parts.values())


def fit_stack(
    data: StackData, inputs: Sequence[str], goal: Goal, settings: StackSettings, seeds: Sequence[int], threads: int = 1
) -> Stack:
    """Fit trees (histogram gradient boosting; Ke et al., LightGBM, NeurIPS 2017) on `inputs`, once a seed.

    goal: `hard`, a classifier of the label, or `loss`, a regression of the loss. Nested by document: learning rate and
    number of leaves are chosen across folds of fit documents, growth ends by the select rows, and no other row is
    looked at. The same seeds give the same trees for any number of `threads`, which try pairs of the grid and permute
    signals side by side. Raises InputError naming a signal of the wrong length or with a value
    that is not finite, an unknown signal, or a label that is the same for all fit or all select rows.
    """
    x, y = _matrix(data.signals, inputs, len(data.loss)), _target(data, goal)
    learning_rate, leaves = _choose(x, y, data, goal, settings, seeds[0], threads)
    models = []
    for seed in seeds:
        model = _model(goal, learning_rate, leaves, settings, seed)
        models.append(model.fit(x[data.fit], y[data.fit], X_val=x[data.select], y_val=y[data.select]))
    return Stack(
        inputs=list(inputs),
        models=models,
        learning_rate=learning_rate,
        leaves=leaves,
        comparisons=float(np.mean([model.n_iter_ for model in models])) * min(DEPTH, leaves - 1),
        importance=_importance(models[0], x, data, inputs, settings, seeds[0], threads),
    )


def _matrix(signals: Mapping[str, Column], inputs: Sequence[str], tokens: int) -> Matrix:
    """The signals side by side, (tokens, signals)."""
    x = np.empty((tokens, len(inputs)), dtype=np.float64, order="F")
    for number, name in enumerate(inputs):
        if name not in signals:
            raise InputError(f"inputs: {name!r} is not among the signals; wanted of {', '.join(signals)}")
        column = np.asarray(signals[name])
        if column.shape != (tokens,):
            raise InputError(f"{name}: shape {column.shape}; ({tokens},) is wanted, one value a token")
        bad = int((~np.isfinite(column)).sum())
        if bad:
            raise InputError(f"{name}: {bad} of {len(column)} values are not finite; finite ones are wanted")
        x[:, number] = column
    return x


def _target(data: StackData, goal: Goal) -> Column:
    for name, rows in (("fit", data.fit), ("select", data.select)):
        hard = data.hard[rows]
        if not hard.any() or hard.all():
            raise InputError(f"hard: the same for all {len(rows)} {name} rows; hard and easy tokens are wanted")
    return data.hard.astype(np.int8) if goal == "hard" else data.loss


def _choose(
    x: Matrix, y: Column, data: StackData, goal: Goal, settings: StackSettings, seed: int, threads: int
) -> tuple[float, int]:
    """The pair of the grid whose trees, grown on the other folds, err least on the folds left out."""
    fit, select = (_thinned(rows, settings["tuning_tokens"]) for rows in (data.fit, data.select))
    folds = document_folds(data.documents, fit, settings["folds"])
    pairs = list(product(settings["learning_rates"], settings["leaves"]))

    def error(trial: tuple[tuple[float, int], Rows]) -> float:
        pair, fold = trial
        rows = np.setdiff1d(fit, fold, assume_unique=True)
        model = _model(goal, *pair, settings, seed)
        model.fit(x[rows], y[rows], X_val=x[select], y_val=y[select])
        return len(fold) * _error(goal, y[fold], _say(model, x[fold]))

    errors = _side_by_side(error, list(product(pairs, folds)), threads)
    totals = [sum(errors[start : start + len(folds)]) for start in range(0, len(errors), len(folds))]
    return pairs[int(np.argmin(totals))]


def _side_by_side(function: Callable[[Item], float], items: Sequence[Item], threads: int) -> list[float]:
    """function(item) of each item, `threads` at once, each on one thread: small trees give several too little to do."""
    with ThreadPoolExecutor(threads, initializer=threadpool_limits, initargs=(1,)) as pool:
        return list(pool.map(function, items))


def _model(goal: Goal, learning_rate: float, leaves: int, settings: StackSettings, seed: int) -> Model:
    kind = HistGradientBoostingClassifier if goal == "hard" else HistGradientBoostingRegressor
    return kind(
        learning_rate=learning_rate,
        max_leaf_nodes=leaves,
        max_depth=DEPTH,
        min_samples_leaf=LEAST_LEAF,
        max_features=SHARE_TRIED,
        max_bins=BINS,
        max_iter=settings["max_trees"],
        early_stopping=True,
        n_iter_no_change=settings["patience"],
        random_state=seed,
    )


def _say(model: Model, x: Matrix) -> Column:
    """The probability of hard, or the loss, (rows,)."""
    x = np.asfortranarray(x)  # trees read single columns: two to six times as fast as by rows
    if isinstance(model, HistGradientBoostingClassifier):
        return model.predict_proba(x)[:, 1]
    return model.predict(x)


def _error(goal: Goal, truth: Column, said: Column) -> float:
    return float(log_loss(truth, said, labels=[0, 1]) if goal == "hard" else mean_squared_error(truth, said))


def _importance(
    model: Model,
    x: Matrix,
    data: StackData,
    inputs: Sequence[str],
    settings: StackSettings,
    seed: int,
    threads: int,
) -> dict[str, tuple[float, float]]:
    rows = _thinned(data.select, settings["importance_tokens"])
    pools = ThreadpoolController()

    def auroc(model: Model, x: Matrix, hard: Column) -> float:
        with pools.limit(limits=1):  # of the thread that this is
            return float(roc_auc_score(hard, _say(model, x)))

    with parallel_config("threading", n_jobs=threads):
        found = permutation_importance(
            model, x[rows], data.hard[rows], scoring=auroc, n_repeats=settings["importance_repeats"], random_state=seed
        )
    pairs = zip(found.importances_mean, found.importances_std, strict=True)
    return {name: (float(mean), float(std)) for name, (mean, std) in zip(inputs, pairs, strict=True)}


def _thinned(rows: Rows, about: int) -> Rows:
    """Every so many-th of the rows, so that at most `about` remain: all documents keep their share."""
    return rows[:: -(-len(rows) // about)]
