"""Signals judged on documents that nobody has seen, with intervals, side by side."""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from easyhard.evaluation.advice import advice_rows
from easyhard.evaluation.columns import ARGMAX_WRONG, Column, Mask, Rows, finite
from easyhard.evaluation.correlation import spearman
from easyhard.evaluation.differences import Standing, difference_rows
from easyhard.evaluation.judge import RISK_METRICS, Judge
from easyhard.evaluation.labels import make_labels
from easyhard.evaluation.ranking import augrc, auroc
from easyhard.evaluation.resampling import Estimate, combine_seeds, draw_resamples, estimate_row, make_clusters
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.strata import Strata, strata_rows
from easyhard.signals.parts import PART_NAMES
from easyhard.signals.registry import Sizes
from easyhard.signals.tokens import FIT, SELECT, TEST, TokenTable

CHANCE: Final = 0.5
"""The AUROC of a signal that knows nothing."""

Figures = dict[str, Estimate]


@dataclass(frozen=True)
class Candidate:
    """A signal to judge. Each of `seeds` loads the column (tokens,) of one training, or the only one there is.

    They are loaded one at a time and not kept. `needs` is the cost class, `multiply_adds` the cost of a token;
    `stratified` says whether it is judged among tokens that are alike too.
    """

    name: str
    needs: str
    high_means_easy: bool
    multiply_adds: float
    seeds: Sequence[Callable[[], ArrayLike]]
    stratified: bool = True

    def hardness(self, values: ArrayLike, rows: Rows) -> Column:
        """Scores of some tokens, high for tokens thought hard. Raises InputError as `finite` does."""
        column = finite(self.name, np.asarray(values)[rows])
        return -column if self.high_means_easy else column


class Documents:
    """Tokens of parted documents, what each label calls hard, and what is resampled of the test documents.

    `labels`, `thresholds`, `main` and `left_out` are those of `Labels`. `select` and `test` are row numbers, `loss`
    (nats) and `resamples` of the test rows.
    """

    def __init__(self, tokens: TokenTable, argmax_wrong: Mask | None, settings: Mapping[str, Any], seed: int) -> None:
        """settings: thresholds and main_threshold in nats, the number of resamples; argmax_wrong: (tokens,), None where
        it is not known. Raises InputError as `make_labels` and `make_clusters` do."""
        self.tokens, self.argmax_wrong = tokens, argmax_wrong
        self.select, self.test = tokens.rows(SELECT), tokens.rows(TEST)
        self.loss = finite("loss of the test rows", tokens.loss[self.test])
        own = make_labels(tokens, argmax_wrong, settings)
        self.labels, self.thresholds, self.main, self.left_out = own.masks, own.thresholds, own.main, own.left_out
        clusters = make_clusters(tokens.document[self.test], tokens.sequence[self.test])
        self.resamples = draw_resamples(clusters, settings["resamples"], seed)

    def judge(self, *labels: str) -> Judge:
        """What measures signals on the test rows, by these labels."""
        return Judge(self.loss, {label: self.labels[label][self.test] for label in labels}, self.resamples)

    def high_means_easy(self, values: Column) -> bool:
        """Whether high values, (tokens,), mean easy: Spearman's correlation with the loss on fit rows is below 0."""
        fit = self.tokens.rows(FIT)
        return spearman(*(finite(f"{len(fit)} fit rows", column[fit]) for column in (values, self.tokens.loss))) < 0

    def part_rows(self) -> list[Row]:
        """Return how many documents, tokens and sequences each part has, section `fair_data`."""
        rows = []
        for number, name in enumerate(PART_NAMES):
            inside = self.tokens.rows(number)
            places = np.unique(np.stack([self.tokens.document[inside], self.tokens.sequence[inside]]), axis=1)
            figures = {"documents": len(np.unique(places[0])), "tokens": len(inside), "sequences": places.shape[1]}
            rows += make_rows("fair_data", name, figures)
        return rows


def judged_rows(
    documents: Documents,
    candidates: Sequence[Candidate],
    sizes: Sizes | None,
    whole: float | None,
    ceiling: float | None,
    advice: Mapping[str, Any],
    threads: int,
) -> list[Row]:
    """Judge the signals on the test rows: sections fair_data, _labels, _signals, _risk, _differences, _strata, advice.

    The select rows only say which signals are the best. `sizes` are those of the head and `whole` the multiply-adds of
    the whole model, the measures of cost; `ceiling` is the AUROC of the main label that a calibrated model could reach;
    each None where unknown; `advice` has the settings of `advice_rows`. Signals are shared out to threads, whose number
    changes no figure. Raises InputError naming a signal with a value that is not finite.
    """
    judge, resamples, tokens = documents.judge(*documents.labels), documents.resamples, documents.tokens
    main, select, test, count = documents.main, documents.select, documents.test, resamples.clusters.count
    loss = tokens.loss[select].astype(np.float64)
    advised = [main, *(label for label in documents.labels if label == ARGMAX_WRONG)]
    head = None if sizes is None else float(sizes.words * sizes.dim)
    traits = {"frequency": tokens.target_count, "position": tokens.position, "document": tokens.document}
    alike = {name: values[test].astype(np.int64) for name, values in traits.items()}
    strata = Strata(documents.labels[main][test], alike, resamples)

    def measure(candidate: Candidate, load: Callable[[], ArrayLike]) -> tuple[Figures, Figures, list[float]]:
        values = load()
        on_select, on_test = candidate.hardness(values, select), candidate.hardness(values, test)
        within = strata.measure(on_test) if candidate.stratified else {}
        of_labels = [auroc(on_select, documents.labels[label][select]) for label in advised]
        return judge.measure(on_test), within, [*of_labels, augrc(on_select, loss)]

    def judged(candidate: Candidate) -> tuple[list[Row], list[Row], Standing]:
        figures, within, on_select = zip(*(measure(candidate, load) for load in candidate.seeds), strict=True)
        *by_auroc, by_augrc = np.mean(on_select, axis=0).tolist()
        found = combine_seeds(figures, resamples)
        ranked = found[f"auroc_{main}"]
        known = {"multiply_adds": candidate.multiply_adds, "high_means_easy": candidate.high_means_easy}
        known |= {"seeds": len(candidate.seeds), "select_auroc": by_auroc[0], "select_augrc": by_augrc}
        for name, of in (("cost_share", head), ("model_share", whole)):
            if of is not None:
                known[name] = candidate.multiply_adds / of
        if ceiling is not None and ceiling > CHANCE:  # the excess over chance as a share of the ceiling's
            found["ceiling_share"] = (ranked - CHANCE) / (ceiling - CHANCE)
        rows = make_rows("fair_signals", candidate.name, known)
        for metric, estimate in found.items():
            section = "fair_risk" if metric in RISK_METRICS else "fair_signals"
            rows.append(estimate_row(section, candidate.name, metric, estimate, count))
        cost = candidate.multiply_adds if math.isfinite(candidate.multiply_adds) else math.inf
        aurocs = {label: found[f"auroc_{label}"] for label in advised}
        on_labels = dict(zip(advised, by_auroc, strict=True))
        standing = Standing(candidate.name, candidate.needs, cost, on_labels, aurocs, by_augrc, found["augrc"])
        return rows, strata_rows(candidate.name, combine_seeds(within, resamples), count), standing

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        of_signals, of_strata, standings = zip(*pool.map(judged, candidates), strict=True)
    constant = judge.measure(np.zeros(len(documents.loss)))
    rows = [*documents.part_rows(), *_background_rows(documents, constant, sizes), *chain(*of_signals)]
    rows += difference_rows(standings, count) + advice_rows(standings, head, whole, advice, count)
    rows += [Row("fair_signals", candidate.name, f"needs_{candidate.needs}", 1.0) for candidate in candidates]
    return [*rows, *strata.token_rows(), *chain(*of_strata)]


def _background_rows(documents: Documents, constant: Mapping[str, Estimate], sizes: Sizes | None) -> list[Row]:
    """What the test rows are like; a constant signal's average precision is the prevalence, its risk the mean loss."""
    clusters = documents.resamples.clusters
    known = {
        "count": clusters.count,
        "are_documents": clusters.are_documents,
        "resamples": len(documents.resamples.seed_draws),
        "median_loss": float(np.median(documents.loss)),
        "main_threshold": documents.thresholds[documents.main],
    }
    if sizes is not None:
        known |= {"vocabulary_size": sizes.words, "dim": sizes.dim, "head_multiply_adds": sizes.words * sizes.dim}
    rows = [*make_rows("fair_data", "clusters", known), *documents.left_out]
    rows.append(estimate_row("fair_data", "clusters", "loss_mean", constant["risk_100"], clusters.count))
    for label in documents.labels:
        rows.append(estimate_row("fair_labels", label, "prevalence", constant[f"auprc_{label}"], clusters.count))
        rows.append(Row("fair_labels", label, "threshold", documents.thresholds.get(label)))
    return rows
