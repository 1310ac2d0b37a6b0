"""Which signal at an exit tells best whether a token may leave there, at what cost."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from easyhard.evaluation.columns import Column, Mask, finite
from easyhard.evaluation.drawn import Drawn, Placed
from easyhard.evaluation.exit_names import LENS, LOW_RANK, TRANSLATED, exit_name
from easyhard.evaluation.exits import Head, Totals, share
from easyhard.evaluation.judging import Documents
from easyhard.evaluation.ranking import (
    Curve,
    Groups,
    coarsen,
    curve_auprc,
    curve_auroc,
    equal_scores,
    make_curve,
    once,
)
from easyhard.evaluation.resampling import Estimate, combine_seeds, estimate_row
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.run import Run
from easyhard.signals.description import Description, describe
from easyhard.signals.tokens import FIT, StoredSignal, stored_signals

SECTION: Final = "exit_signals"
PROBES: Final = "exit_probes"
FAILS: Final = "fails"
"""The label that is of hard tokens; the others are of easy ones, which may leave."""
BINS: Final = 512
CLASSES: Final = {"hidden": "layers"}
"""Of signals at exits these cost classes are told apart no further."""


class ExitJudge:
    """Measures signals of one exit against its labels, on the test rows and resamples of all others.

    Values are exact. On resamples scores are put into about 512 bins of about equal size, and each replicate is moved
    by the exact value less the binned value of all tokens, as `Judge` does it with more figures. Measured on 40,000
    scores in 24 resamples of 60 documents, that moves a replicate of an AUROC by at most 2·10⁻⁵ and one of an average
    precision by 6·10⁻⁴: 0.12 standard errors at most.
    """

    def __init__(self, labels: Mapping[str, Mask], documents: Documents, drawn: Drawn) -> None:
        """labels: label → (tokens,). One that fit, select or test rows have only one kind of is left out. `drawn` are
        the documents' resamples."""
        parts = documents.tokens.rows(FIT), documents.select, documents.test
        self._labels = {
            label: [mask[rows] for rows in parts]
            for label, mask in labels.items()
            if all(0 < mask[rows].sum() < len(rows) for rows in parts)
        }
        self._parts, self._drawn = parts, drawn
        self._totals = Totals(documents.resamples)
        self._everything = self._totals(np.ones(len(documents.test)))
        self._positives = {label: self._totals(on_test) for label, (*_, on_test) in self._labels.items()}

    def measure(self, values: Column, high_means_easy: bool | None) -> dict[str, Estimate]:
        """Return every figure of a signal, (tokens,) and finite, of each label that is not left out.

        High values stand for the label where they mean easy, for `fails` where they mean hard; with None, where they do
        by the AUROC on fit rows. auroc_<label> and auprc_<label>: the label is the positive class.
        select_auroc_<label>: on select, without replicates. f1_<label>: from the score on that has the highest F1 on
        select; f1_always_<label>: of saying yes to every token, 2p / (1 + p) with p the label's share; f1_gain_<label>:
        the first less the second.
        """
        upward = self._directions(values, high_means_easy)
        found: dict[str, Estimate] = {}
        for sign in (1, -1):
            own = [label for label, up in upward.items() if up == (sign > 0)]
            if own:
                found |= self._measure(sign * values, own)
        return found

    def _directions(self, values: Column, high_means_easy: bool | None) -> dict[str, bool]:
        """Whether high values stand for each label."""
        if high_means_easy is not None:
            return {label: high_means_easy != (label == FAILS) for label in self._labels}
        groups = equal_scores(values[self._parts[0]])
        return {label: bool(curve_auroc(*once(groups, own[0]))[0] >= 0.5) for label, own in self._labels.items()}

    def _measure(self, scores: Column, labels: Sequence[str]) -> dict[str, Estimate]:
        _, on_select, on_test = (scores[rows] for rows in self._parts)
        select, test = equal_scores(on_select), equal_scores(on_test)
        placed = self._drawn.at(coarsen(test, BINS))
        tokens = placed.tally(np.ones(len(on_test), dtype=bool))
        curves = [make_curve(tokens.on(block), placed.bins.mixed) for block in self._drawn.blocks]
        figures: dict[str, Estimate] = {}
        for label in labels:
            _, among_select, positive = self._labels[label]
            figures |= self._ranked(label, test, placed, curves, positive)
            alone = curve_auroc(*once(select, among_select))
            figures[f"select_auroc_{label}"] = np.append(alone, np.full(len(self._everything) - 1, np.nan))
            called = on_test >= best_cut(on_select, select, among_select)
            hits, positives = self._totals(called & positive), self._positives[label]
            figures[f"f1_{label}"] = share(2 * hits, self._totals(called) + positives)
            figures[f"f1_always_{label}"] = share(2 * positives, self._everything + positives)
            figures[f"f1_gain_{label}"] = figures[f"f1_{label}"] - figures[f"f1_always_{label}"]
        return figures

    def _ranked(
        self, label: str, test: Groups, placed: Placed, curves: Sequence[Curve], positive: Mask
    ) -> dict[str, Estimate]:
        exact, tally = once(test, positive), placed.tally(positive)
        sampled = [tally.on(block) for block in self._drawn.blocks]
        figures = {}
        for name, metric in (("auroc", curve_auroc), ("auprc", curve_auprc)):
            value = float(metric(*exact)[0])
            found = np.concatenate([metric(curve, own) for curve, own in zip(curves, sampled, strict=True)])
            figures[f"{name}_{label}"] = np.append(value, found[1:] + (value - found[0]))
        return figures


def best_cut(scores: Column, groups: Groups, positive: Mask) -> float:
    """Return the score from which on to say yes so that F1 is highest, the highest score of equals.

    scores, positive: (tokens,), one positive at least; groups: `equal_scores` of the scores.

    >>> scores = np.array([0.9, 0.8, 0.7, 0.1])
    >>> float(best_cut(scores, equal_scores(scores), np.array([True, False, True, False])))
    0.7
    """
    hits, called = (np.cumsum(groups.sums(values)) for values in (positive, np.ones(len(scores))))
    best = np.argmax(2 * hits / (called + hits[-1]))
    return float(scores[groups.order[groups.starts[best]]])


def exit_signal_rows(run: Run, heads: Mapping[str, Head]) -> list[Row]:
    """Return section `exit_signals`: every signal at every exit but the last, `layer/signal` or `layer/head/signal`.

    The figures are those of `ExitJudge.measure`, on test rows. A signal that reads another head is measured against
    what leaving through that head does, where its outcomes are known. multiply_adds a token, and layers, how many
    layers cost as much; seeds, of a trained signal; class_<cost class>, where trained probes are `probes` whatever they
    read. Signals are shared out to threads, whose number changes no figure. Raises InputError naming a signal with a
    value that is not finite.
    """
    documents, costs = run.documents, run.json("exits_summary")
    drawn, layer_cost = Drawn(documents.resamples), sum(costs["layers"]) / len(costs["layers"])
    judges = {
        (layer, head): ExitJudge(labels, documents, drawn)
        for head, own in heads.items()
        for layer, labels in own.labels.items()
    }

    def measured(signal: StoredSignal) -> list[Row]:
        at = exit_name(signal.name)
        known = described(run, signal.name)
        judge = judges[at.layer, at.head if at.head in heads else LENS]
        columns = [finite(signal.name, values) for values in signal.read(len(documents.tokens))]
        found = combine_seeds([judge.measure(own, known.high_means_easy) for own in columns], documents.resamples)
        cost = known.multiply_adds
        rows = make_rows(SECTION, signal.name, {"multiply_adds": cost, "layers": cost / layer_cost})
        rows += make_rows(SECTION, signal.name, {"seeds": len(columns), f"class_{class_of(run, signal, known)}": 1.0})
        count = documents.resamples.clusters.count
        return rows + [estimate_row(SECTION, signal.name, metric, figure, count) for metric, figure in found.items()]

    signals = stored_signals([run.files[table] for table in ("exit_signals", PROBES) if table in run.files])
    with threadpool_limits(1), ThreadPoolExecutor(run.threads) as pool:
        return list(chain(*pool.map(measured, signals)))


def described(run: Run, signal: str) -> Description:
    """What is known of a signal at an exit: what the fit of probes says, else what the registry does of the signal.

    Through the low-rank head a signal is that of the weighted rank; through one that translates states first it costs
    that too, a matrix of dim × dim.
    """
    said, at = run.json("exits_summary").get("costs", {}), exit_name(signal)
    name = f"weighted/{run.settings['exit_rank']}/{at.name}" if at.head == LOW_RANK else at.name
    known = describe(name, said.get(signal) or {}, run.sizes)
    if at.head == TRANSLATED and run.sizes is not None:
        return Description(known.needs, known.multiply_adds + run.sizes.dim**2, known.high_means_easy)
    return known


def class_of(run: Run, signal: StoredSignal, known: Description) -> str:
    """The cost class of a signal at an exit as tables have it."""
    if signal.paths is run.files.get(PROBES) and known.needs != "context":
        return PROBES.removeprefix("exit_")
    return CLASSES.get(known.needs, known.needs)
