"""What the founding document's figures do not show: a paragraph for each table concerned, with this run's figures."""

from functools import partial

from easyhard.report.findings import SIGNIFICANT
from easyhard.report.labels import item_title
from easyhard.report.methods import classifiers
from easyhard.report.metrics import Figures
from easyhard.report.words import (
    highest,
    listed,
    majority_class,
    measured,
    mode_places,
    p_text,
    plain_ranks,
    plural,
    text,
)

SHAPES = {"normal": "a normal", "uniform": "a uniform", "exponential": "an exponential"}


def cohens_d(figures: Figures) -> str:
    """A large Cohen's d after a median split is no evidence of two modes: shapes without two modes give as much."""
    said = partial(text, figures, "loss_distribution", "loss")
    ours = figures.value("loss_distribution", "loss", "cohens_d")
    shapes = {shape: figures.value("loss_distribution", "loss", f"cohens_d_{shape}") for shape in SHAPES}
    given = listed([f"{said(f'cohens_d_{shape}')} for {name}" for shape, name in SHAPES.items()])
    as_high = [
        SHAPES[shape] for shape, value in shapes.items() if ours is not None and value is not None and value >= ours
    ]
    verdict = (
        f"At least as high a d as the loss's comes from {listed(as_high)} distribution, which has no two modes."
        if as_high
        else "The loss's d is above all of these, but d measures spread and not the number of modes."
    )
    return (
        "**A large Cohen's d is no evidence of two modes.** Cutting any distribution at its median drives the halves "
        f"apart: Cohen's d is {said('cohens_d')} for the loss, and {given} distribution. {verdict} The shape itself "
        "has to be tested."
    )


def modes(figures: Figures) -> str:
    """What the dip test and the kernel density say of the loss's modes, and what the modes are made of."""
    said = partial(text, figures, "loss_distribution", "loss")
    tests = [_dip(figures, item, name) for item, name in (("loss", "the loss"), ("log_loss", "the log of the loss"))]
    parts = [
        f"{place} nats ({said(f'mode_{index}_share')} % of the tokens; training never saw the target of "
        f"{said(f'mode_{index}_unseen_share')} % of them)"
        for index, place in enumerate(mode_places(figures), start=1)
    ]
    density = ""
    if parts:
        density = (
            f" A kernel density of the loss (bandwidth {said('bandwidth')} nats) has {plural(len(parts), 'mode')}: "
            f"{listed(parts)}."
        )
    return (
        "**The shape, tested.** Hartigan's dip test, on one token a sequence because neighbours are not independent: "
        f"{listed(tests)}.{density}"
    )


def tautology(figures: Figures) -> str:
    """The correct token's probability needs the target, so it is an oracle and no signal."""
    said = partial(text, figures, "separation")
    ours = "target_probability"
    return (
        "**This is a tautology, not a result.** The loss is −log p of the correct token, so ordering tokens by one is "
        f"ordering them by the other: Loss Diff {said(ours, 'loss_diff')} nats against the oracle's "
        f"{said('oracle', 'loss_diff')}, {said(ours, 'oracle_share')} %. That r is {said(ours, 'pearson')} and not -1 "
        "is the logarithm's bend. Whatever needs the target is an oracle and no signal: at inference the target is not "
        "there."
    )


def majority(figures: Figures) -> str:
    """What accuracy and F1 are worth when most tokens belong to one class."""
    said = partial(text, figures, "classification")
    models = classifiers(figures)
    accuracy = measured(figures, "classification", ["majority", *models], "accuracy")
    points = {item: 100 * (accuracy[item] - accuracy["majority"]) for item in models if item in accuracy}
    gaps = [f"{item_title(item)} {gap:+.1f}" for item, gap in points.items()]
    balanced = measured(figures, "classification", models, "balanced_accuracy")
    best = (
        f" The highest balanced accuracy is {said(highest(balanced), 'balanced_accuracy')} % "
        f"({item_title(highest(balanced))}), where the majority and chance have 50 %."
        if balanced
        else ""
    )
    return (
        f"**Read against the majority.** Calling every token {majority_class(figures)} is right on "
        f"{said('majority', 'accuracy')} % and has F1 {said('majority', 'f1')} for hard. Against that the models' "
        f"accuracy is, in points: {', '.join(gaps)}.{best} Accuracy and F1 mostly repeat how rare the smaller class "
        "is; balanced accuracy, AUROC and AUPRC do not."
    )


def two_cuts(figures: Figures) -> str:
    """Loss Diff at a classifier's own threshold and at the median are two measures."""
    said = partial(text, figures, "classification")
    trained = measured(figures, "classification", classifiers(figures), "loss_diff")
    example = ""
    if trained:
        best = highest(trained)
        example = (
            f" Here {item_title(best)} calls {said(best, 'easy_share')} % of the tokens easy at 0.5 and has a Loss "
            f"Diff of {said(best, 'loss_diff')} nats; cut at its median it has {said(best, 'loss_diff_median')}."
        )
    return (
        "**Two cuts, never to be compared.** Loss Diff depends on where one cuts, and a classifier's own threshold of "
        f"0.5 is another place than the median.{example} The founding document's 42 % of the oracle for a classifier "
        "is of the first kind; the shares that it stands beside are of the second."
    )


def low_rank(figures: Figures) -> str:
    """How much of the exact separation plain SVD keeps at its highest rank below full."""
    ranks = plain_ranks(figures)
    rank = f"plain/{ranks[max(len(ranks) - 2, 0)]}"
    share = text(figures, "low_rank", rank, "oracle_share")
    exact = text(figures, "separation", "max_minus_mean", "oracle_share")
    return (
        f"At rank {item_title(rank)} the low-rank max − mean has {share} % of the oracle's Loss Diff, the exact one "
        f"{exact} %. This speaks of plain SVD alone, which treats all directions of the hidden state alike; it does "
        "not show that every low rank fails."
    )


def _dip(figures: Figures, item: str, name: str) -> str:
    p = figures.value("loss_distribution", item, "dip_p_thinned")
    dip = f"dip {text(figures, 'loss_distribution', item, 'dip')}"
    if p is None:
        return f"for {name} too few sequences for a p-value ({dip})"
    return f"for {name} a single mode is {'rejected' if p < SIGNIFICANT else 'not rejected'} ({dip}, {p_text(p)})"
