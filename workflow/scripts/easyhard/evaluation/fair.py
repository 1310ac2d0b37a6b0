"""The protocol `fair`: every signal judged on documents that nobody has seen, with intervals, side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError
from easyhard.evaluation.augrc import augrc
from easyhard.evaluation.auroc import auroc
from easyhard.evaluation.clusters import Clusters, make_clusters
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.correlation import spearman
from easyhard.evaluation.differences import Standing, difference_rows
from easyhard.evaluation.estimate_rows import estimate_row
from easyhard.evaluation.judge import RISK_METRICS, Judge
from easyhard.evaluation.parts import PART_NAMES
from easyhard.evaluation.resampling import Estimate, Resamples, combine_seeds, draw_resamples
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import Mask

CHANCE: Final = 0.5
"""The AUROC of a signal that knows nothing."""


@dataclass(frozen=True)
class PartRows:
    """The rows of one part, (tokens,) each: loss (nats), which tokens each label calls hard, document and sequence."""

    loss: NDArray[np.floating[Any]]
    labels: Mapping[str, Mask]
    document: NDArray[np.int32]
    sequence: NDArray[np.int32]


@dataclass(frozen=True)
class Candidate:
    """A signal to judge. Each of `seeds` loads the columns of one training, or the only ones there are: (select, test).

    They are loaded one at a time and not kept. `needs` is the cost class, `multiply_adds` the cost of a token.
    """

    name: str
    needs: str
    high_means_easy: bool
    multiply_adds: float
    seeds: Sequence[Callable[[], tuple[ArrayLike, ArrayLike]]]


@dataclass(frozen=True)
class Head:
    """The size of the output head, whose pass over the vocabulary is the measure of cost."""

    vocabulary_size: int
    dim: int

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one token's logits."""
        return self.vocabulary_size * self.dim


@dataclass(frozen=True)
class Settings:
    """How to judge: `main_label` ranks the signals, `thresholds` (nats) are those of the labels made from the loss.

    `head` and `ceiling_auroc`, the AUROC that a calibrated model could reach on the main label, are None when unknown.
    """

    main_label: str
    thresholds: Mapping[str, float]
    resamples: int
    seed: int
    threads: int
    head: Head | None
    ceiling_auroc: float | None


def learn_orientation(values: ArrayLike, loss: ArrayLike) -> bool:
    """Return whether high values mean easy: Spearman's correlation with the loss on the fit rows is below 0.

    values, loss: (tokens,), of the fit rows only. Raises InputError naming a column that `check_columns` refuses.
    """
    return spearman(*check_columns({"values": values, "loss": loss})) < 0


def part_rows(part: NDArray[np.int8], document: NDArray[np.int32], sequence: NDArray[np.int32]) -> list[Row]:
    """Return how many documents, tokens and sequences each part has, section `fair_data`; all columns (tokens,)."""
    rows = []
    for number, name in enumerate(PART_NAMES):
        inside = part == number
        places = np.unique(np.stack([document[inside], sequence[inside]]), axis=1)
        figures = {"documents": len(np.unique(places[0])), "tokens": inside.sum(), "sequences": places.shape[1]}
        rows += make_rows("fair_data", name, figures)
    return rows


def fair_rows(select: PartRows, test: PartRows, candidates: Iterable[Candidate], settings: Settings) -> list[Row]:
    """Judge the signals on the test rows: sections fair_data, fair_labels, fair_signals, fair_risk, fair_differences.

    `select` only says which signal of a cost class is the best. Signals are shared out to `settings.threads` threads,
    whose number changes no figure. Raises InputError naming the label or column that does not do.
    """
    _check_main_label(select, test, settings.main_label)
    (loss,) = check_columns({"loss of the test rows": test.loss})
    clusters = make_clusters(test.document, test.sequence)
    resamples = draw_resamples(clusters.count, settings.resamples, settings.seed)
    judge = Judge(loss, test.labels, clusters, resamples)

    def judged(candidate: Candidate) -> tuple[list[Row], Standing]:
        figures, on_select = _measure(candidate, judge, resamples, select, test, settings.main_label)
        main = figures[f"auroc_{settings.main_label}"]
        standing = Standing(candidate.name, candidate.needs, **on_select, auroc=main, augrc=figures["augrc"])
        return _signal_rows(candidate, figures, on_select, settings, clusters.count), standing

    with ThreadPoolExecutor(settings.threads) as pool:
        results = list(pool.map(judged, candidates))
    rows = _background_rows(judge.measure(np.zeros(len(loss))), test, clusters, settings)
    for signal_rows, _ in results:
        rows += signal_rows
    return rows + difference_rows([standing for _, standing in results], clusters.count)


def _measure(
    candidate: Candidate, judge: Judge, resamples: Resamples, select: PartRows, test: PartRows, main_label: str
) -> tuple[dict[str, Estimate], dict[str, float]]:
    """All figures on the test rows, seeds combined; AUROC of the main label and AUGRC on select, means over seeds."""
    figures, select_figures = [], []
    for seed in range(len(candidate.seeds)):
        on_select, on_test = _hardness(candidate, seed, select, test)
        loss = select.loss.astype(np.float64)
        select_figures.append([auroc(on_select, select.labels[main_label]), augrc(on_select, loss)])
        figures.append(judge.measure(on_test))
        del on_select, on_test  # before the next seed's are loaded
    combined = {name: combine_seeds([seed[name] for seed in figures], resamples) for name in figures[0]}
    means = np.mean(select_figures, axis=0)
    return combined, {"select_auroc": float(means[0]), "select_augrc": float(means[1])}


def _hardness(candidate: Candidate, seed: int, select: PartRows, test: PartRows) -> tuple[Column, Column]:
    """Hardness scores on the select and the test rows, high for tokens thought hard."""
    on_select, on_test = candidate.seeds[seed]()
    _, select_values = check_columns({"loss of the select rows": select.loss, candidate.name: on_select})
    _, test_values = check_columns({"loss of the test rows": test.loss, candidate.name: on_test})
    return (-select_values, -test_values) if candidate.high_means_easy else (select_values, test_values)


def _signal_rows(
    candidate: Candidate,
    figures: Mapping[str, Estimate],
    on_select: Mapping[str, float],
    settings: Settings,
    clusters: int,
) -> list[Row]:
    known = {
        "multiply_adds": candidate.multiply_adds,
        "high_means_easy": float(candidate.high_means_easy),
        "seeds": float(len(candidate.seeds)),
        **on_select,
    }
    if settings.head is not None:
        known["cost_share"] = candidate.multiply_adds / settings.head.multiply_adds
    rows = make_rows("fair_signals", candidate.name, known)
    measured = dict(figures)
    if settings.ceiling_auroc is not None and settings.ceiling_auroc > CHANCE:
        measured["ceiling_share"] = _share_of_excess(figures[f"auroc_{settings.main_label}"], settings.ceiling_auroc)
    for metric, estimate in measured.items():
        section = "fair_risk" if metric in RISK_METRICS else "fair_signals"
        rows.append(estimate_row(section, candidate.name, metric, estimate, clusters))
    return rows


def _share_of_excess(measured: Estimate, ceiling: float) -> Estimate:
    """An AUROC's excess over chance as a share of the ceiling's, which is taken as known."""
    excess = ceiling - CHANCE
    return Estimate((measured.value - CHANCE) / excess, (measured.replicates - CHANCE) / excess)


def _background_rows(
    constant: Mapping[str, Estimate], test: PartRows, clusters: Clusters, settings: Settings
) -> list[Row]:
    """What the test rows are like; a constant signal's average precision is the prevalence, its risk the mean loss."""
    known = {
        "count": float(clusters.count),
        "are_documents": float(clusters.are_documents),
        "resamples": float(settings.resamples),
        "median_loss": float(np.median(test.loss.astype(np.float64))),
    }
    if settings.main_label in settings.thresholds:
        known["main_threshold"] = settings.thresholds[settings.main_label]
    if settings.head is not None:
        known["vocabulary_size"] = float(settings.head.vocabulary_size)
        known["dim"] = float(settings.head.dim)
        known["head_multiply_adds"] = float(settings.head.multiply_adds)
    rows = make_rows("fair_data", "clusters", known)
    rows.append(estimate_row("fair_data", "clusters", "loss_mean", constant["risk_100"], clusters.count))
    for label in test.labels:
        rows.append(estimate_row("fair_labels", label, "prevalence", constant[f"auprc_{label}"], clusters.count))
        rows.append(Row("fair_labels", label, "threshold", settings.thresholds.get(label)))
    return rows


def _check_main_label(select: PartRows, test: PartRows, main_label: str) -> None:
    for name, part in (("select", select), ("test", test)):
        hard = part.labels.get(main_label)
        if hard is None:
            raise InputError(f"main_label: {main_label!r} on {name}; one of {', '.join(part.labels)} is wanted")
        if hard.all() or not hard.any():
            raise InputError(f"{main_label}: {hard.sum()} of {len(hard)} {name} tokens are hard; both kinds are wanted")
