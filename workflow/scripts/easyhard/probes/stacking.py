"""Stacks: gradient-boosted trees that read all signals of a cost class, and which of the signals they rest on."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, TypeAlias

import numpy as np
from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score
from threadpoolctl import ThreadpoolController, threadpool_limits

from easyhard.errors import InputError
from easyhard.probes.documents import Rows, document_folds

Column = NDArray[Any]
Matrix = NDArray[np.float64]
Model: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor
Goal = Literal["hard", "loss"]
Settings = Mapping[str, Any]

DEPTH = 8
LEAST_LEAF = 100  # tokens: a leaf of fewer says more of one document than of the signals
SHARE_TRIED = 0.5  # of the signals at each split: many say nearly the same; and seeds differ by it
BINS = 127


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
    """Trees that read the signals `inputs`, and how they were grown.

    `learning_rate` and `leaves` were chosen; `comparisons` bounds the comparisons of one token's prediction: trees
    times depth. `importance` is, by signal, the drop of the AUROC of hard when the signal is permuted among select
    rows, mean and standard deviation over the repeats.
    """

    inputs: Sequence[str]
    model: Model
    growth: dict[str, Any]

    def say(self, signals: Mapping[str, Column]) -> NDArray[np.float32]:
        """Return what the trees say of tokens with these signals, (tokens,): the probability of hard, or the loss."""
        return _say(self.model, _matrix(signals, self.inputs)).astype(np.float32)


def fit_stack(
    data: StackData, inputs: Sequence[str], goal: Goal, settings: Settings, seed: int, threads: int = 1
) -> Stack:
    """Fit trees (histogram gradient boosting; Ke et al., LightGBM, NeurIPS 2017) on `inputs`.

    goal: `hard`, a classifier of the label, or `loss`, a regression of the loss. `settings` are those of stacks. Nested
    by document: learning rate and number of leaves are chosen across folds of fit documents, growth ends by the select
    rows, and no other row is looked at. The same seed gives the same trees for any number of `threads`. Raises
    InputError naming a signal with a value that is not finite, or when all fit or all select rows have one label.
    """
    for name, rows in (("fit", data.fit), ("select", data.select)):
        if len(np.unique(data.hard[rows])) < 2:
            raise InputError(f"hard: the same for all {len(rows)} {name} rows; hard and easy tokens are wanted")
    x = _matrix(data.signals, inputs)
    y = data.hard.astype(np.int8) if goal == "hard" else data.loss
    learning_rate, leaves = _choose(x, y, data, goal, settings, seed, threads)
    model = _model(goal, learning_rate, leaves, settings, seed)
    model.fit(x[data.fit], y[data.fit], X_val=x[data.select], y_val=y[data.select])
    growth: dict[str, Any] = {"learning_rate": learning_rate, "leaves": leaves}
    growth["comparisons"] = float(model.n_iter_) * min(DEPTH, leaves - 1)
    growth["importance"] = dict(zip(inputs, _importance(model, x, data, settings, seed, threads), strict=True))
    return Stack(inputs, model, growth)


def _matrix(signals: Mapping[str, Column], inputs: Sequence[str]) -> Matrix:
    """The signals side by side, (tokens, signals)."""
    x = np.empty((len(signals[inputs[0]]), len(inputs)), dtype=np.float64, order="F")
    for number, name in enumerate(inputs):
        x[:, number] = signals[name]
        bad = int((~np.isfinite(x[:, number])).sum())
        if bad:
            raise InputError(f"{name}: {bad} of {len(x)} values are not finite; finite ones are wanted")
    return x


def _choose(
    x: Matrix, y: Column, data: StackData, goal: Goal, settings: Settings, seed: int, threads: int
) -> tuple[float, int]:
    """The pair of the grid whose trees, grown on the other folds, err least on the folds left out.

    What has one kind alone grows no trees that tell kinds: such folds are left out, and of none it is the first pair.
    """
    fit, select = (_thinned(rows, settings["tuning_tokens"]) for rows in (data.fit, data.select))
    pairs = list(product(settings["learning_rates"], settings["leaves"]))
    folds = [
        (np.setdiff1d(fit, fold, assume_unique=True), fold)
        for fold in document_folds(data.documents, fit, settings["folds"])
    ]
    if goal == "hard":
        folds = [own for own in folds if min(len(np.unique(y[own[0]])), len(np.unique(y[select]))) > 1]
    if not folds:
        return pairs[0]

    def error(trial: tuple[tuple[float, int], tuple[Rows, Rows]]) -> float:
        pair, (rows, fold) = trial
        model = _model(goal, *pair, settings, seed)
        model.fit(x[rows], y[rows], X_val=x[select], y_val=y[select])
        said = _say(model, x[fold])
        each = log_loss(y[fold], said, labels=[0, 1]) if goal == "hard" else mean_squared_error(y[fold], said)
        return len(fold) * float(each)

    # Trees as small as these give several threads too little to do: each trial takes one
    with ThreadPoolExecutor(threads, initializer=threadpool_limits, initargs=(1,)) as pool:
        errors = list(pool.map(error, product(pairs, folds)))
    totals = [sum(errors[start : start + len(folds)]) for start in range(0, len(errors), len(folds))]
    return pairs[int(np.argmin(totals))]


def _model(goal: Goal, learning_rate: float, leaves: int, settings: Settings, seed: int) -> Model:
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


def _importance(
    model: Model, x: Matrix, data: StackData, settings: Settings, seed: int, threads: int
) -> list[tuple[float, float]]:
    """Of each column of x."""
    rows = _thinned(data.select, settings["importance_tokens"])
    pools = ThreadpoolController()

    def auroc(model: Model, x: Matrix, hard: Column) -> float:
        with pools.limit(limits=1):  # of the thread that this is
            return float(roc_auc_score(hard, _say(model, x)))

    with parallel_config("threading", n_jobs=threads):
        found = permutation_importance(
            model, x[rows], data.hard[rows], scoring=auroc, n_repeats=settings["importance_repeats"], random_state=seed
        )
    return list(zip(found.importances_mean.tolist(), found.importances_std.tolist(), strict=True))


def _thinned(rows: Rows, about: int) -> Rows:
    """Every so many-th of the rows, so that at most `about` remain: all documents keep their share."""
    return rows[:: -(-len(rows) // about)]
