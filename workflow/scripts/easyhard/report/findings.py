"""What was found: sentences written from the figures, so that other figures give other words."""

from functools import partial

from easyhard.report.labels import item_title, metric_label, value_text
from easyhard.report.methods import TARGET, median_cut
from easyhard.report.metrics import Figures
from easyhard.report.tables import band_text
from easyhard.report.words import (
    compare,
    comparison,
    count,
    highest,
    listed,
    lowest,
    majority_class,
    measured,
    mode_places,
    p_text,
    plain_ranks,
    plural,
    signals_of,
    text,
    untrained_signals,
)

KEPT = 0.95
"""The founding document's own mark for a faithful approximation: r with the exact metric above it."""

SIGNIFICANT = 0.05
IDENTITY_TOLERANCE = 0.005


def findings(figures: Figures, is_founding_corpus: bool) -> list[str]:
    """The findings of one run, most telling first; what could not be measured (null) is left out.

    Raises InputError naming a figure that the table does not have at all.
    """
    found = [
        best_method(figures),
        best_signal(figures),
        exit_classifier(figures),
        loss_regression(figures),
        loss_classification(figures),
        metric_prediction(figures),
        low_rank(figures),
        correct_token(figures),
        loss_shape(figures),
        unseen_targets(figures),
        perplexity(figures),
        bands(figures) if is_founding_corpus else None,
    ]
    return [sentence for sentence in found if sentence is not None]


def best_method(figures: Figures) -> str | None:
    """Which of all methods that do not see the target separates best at the median cut, and how far from the oracle."""
    blind = [method for method in median_cut(figures) if method.sees != TARGET and method.loss_diff.value is not None]
    oracle = figures.value("separation", "oracle", "loss_diff")
    if not blind or not oracle:
        return None
    best = blind[0]
    return (
        f"Of the {len(blind)} methods that do not see the target, {best.title} ({best.sees}) separates best at the "
        f"median cut: Loss Diff {best.value:.2f} nats, {100 * best.value / oracle:.1f} % of the oracle's {oracle:.2f}."
    )


def best_signal(figures: Figures) -> str | None:
    """Which untrained signal separates best and worst without the target, and whether the published best holds up."""
    shares = measured(figures, "separation", untrained_signals(figures), "oracle_share")
    if not shares:
        return None
    said = partial(text, figures, "separation")
    best, worst = highest(shares), lowest(shares)
    return (
        f"Of the untrained signals, {item_title(best)} separates best, with Loss Diff {said(best, 'loss_diff')} nats "
        f"or {said(best, 'oracle_share')} % of the oracle's, and {item_title(worst)} worst, with "
        f"{said(worst, 'oracle_share')} %.{_published_best(figures, shares)}"
    )


def exit_classifier(figures: Figures) -> str | None:
    """How many untrained signals separate better than the trained exit classifier."""
    trained = figures.value("separation", "exit_classifier", "oracle_share")
    untrained = measured(figures, "separation", untrained_signals(figures), "oracle_share")
    if trained is None or not untrained:
        return None
    share = text(figures, "separation", "exit_classifier", "oracle_share")
    better = count(sum(value > trained for value in untrained.values()), len(untrained))
    return (
        f"The exit classifier, a linear layer trained on the loss, has {share} % of the oracle's Loss Diff; "
        f"{better} untrained signals separate better."
    )


def loss_regression(figures: Figures) -> str | None:
    """Whether an MLP predicts the loss better than a linear layer."""
    scores = measured(figures, "regression", figures.items("regression"), "pearson")
    if "linear" not in scores or len(scores) < 2:
        return None
    said = partial(text, figures, "regression")
    deep = highest({item: value for item, value in scores.items() if item != "linear"})
    word = compare(figures, "regression", (deep, "linear"), "pearson", ("better than", "worse than", "no better than"))
    return (
        f"The best MLP ({item_title(deep)}) predicts the loss from the hidden state {word} a linear layer does: "
        f"r {said(deep, 'pearson')} against {said('linear', 'pearson')}."
    )


def loss_classification(figures: Figures) -> str | None:
    """Whether a classifier of easy tokens beats calling every token the same."""
    accuracy = measured(figures, "classification", figures.items("classification"), "accuracy")
    trained = {item: value for item, value in accuracy.items() if item != "majority"}
    if "majority" not in accuracy or not trained:
        return None
    said = partial(text, figures, "classification")
    best = highest(trained)
    word = compare(figures, "classification", (best, "majority"), "accuracy", ("above", "below", "level with"))
    return (
        f"The most accurate classifier of easy tokens ({item_title(best)}) is right on {said(best, 'accuracy')} %, "
        f"{word} calling every token {majority_class(figures)} ({said('majority', 'accuracy')} %); its balanced "
        f"accuracy is {said(best, 'balanced_accuracy')} % (chance 50 %), its AUROC {said(best, 'auroc')} (chance 0.5)."
    )


def metric_prediction(figures: Figures) -> str | None:
    """Which signal of the logits is easiest and hardest to predict from the hidden state."""
    scores = measured(figures, "metric_prediction", signals_of(figures, "metric_prediction"), "pearson")
    if not scores:
        return None
    said = partial(text, figures, "metric_prediction")
    best, worst = highest(scores), lowest(scores)
    return (
        f"From the hidden state alone, {item_title(best)} is predicted best (r {said(best, 'pearson')}) and "
        f"{item_title(worst)} worst (r {said(worst, 'pearson')})."
    )


def low_rank(figures: Figures) -> str | None:
    """From which rank on plain SVD keeps the max probability, and how near the highest rank that does not comes."""
    items = [f"plain/{rank}" for rank in plain_ranks(figures)]
    scores = measured(figures, "low_rank", items, "max_probability_pearson")
    if not scores:
        return None
    kept = [item for item, value in scores.items() if value > KEPT]
    lost = [item for item in scores if item not in kept]
    sentence = f"A plain SVD of the head keeps the max probability (r above {KEPT} with the exact one) "
    sentence += f"from rank {item_title(kept[0])} on" if kept else "at none of the ranks tried"
    if lost:
        r = text(figures, "low_rank", lost[-1], "max_probability_pearson")
        sentence += f"; at rank {item_title(lost[-1])} r is {r}"
    return f"{sentence}."


def correct_token(figures: Figures) -> str | None:
    """Whether the probability of the correct token separates as the oracle does, as it must."""
    share = figures.value("separation", "target_probability", "oracle_share")
    if share is None:
        return None
    reached = text(figures, "separation", "target_probability", "oracle_share")
    sentence = f"The probability of the correct token reaches {reached} % of the oracle's Loss Diff"
    if abs(share - 1) > IDENTITY_TOLERANCE:
        return f"{sentence}, where loss = −log p asks for 100 %: the losses or the probabilities are wrong."
    return f"{sentence} because loss = −log p: an identity, no finding."


def loss_shape(figures: Figures) -> str | None:
    """How many modes the loss has, and whether the dip test rejects a single one."""
    places = mode_places(figures)
    if not places:
        return None
    sentence = f"The density of the loss has {plural(len(places), 'mode')}, near {listed(places)} nats"
    p = figures.value("loss_distribution", "loss", "dip_p_thinned")
    if p is None:
        return f"{sentence}."
    rejects = "rejects" if p < SIGNIFICANT else "does not reject"
    return f"{sentence}; the dip test {rejects} a single mode ({p_text(p)}, on one token a sequence)."


def unseen_targets(figures: Figures) -> str | None:
    """How many targets training never saw, and how their loss stands to that of all tokens."""
    if not figures.has("loss_distribution", "loss", "unseen_target_share"):
        return None
    said = partial(text, figures, "loss_distribution", "loss")
    sentence = f"{said('unseen_target_share')} % of the validation targets never occur in the training text"
    mean = figures.value("loss_distribution", "loss", "unseen_target_mean_loss")
    if mean is None:
        return f"{sentence}."
    every = figures.value("loss_distribution", "loss", "mean")
    word = comparison(mean, every, ("above", "below", "level with"))
    return f"{sentence}; their mean loss is {said('unseen_target_mean_loss')} nats, {word} the {said('mean')} of all."


def perplexity(figures: Figures) -> str | None:
    """How good the language model is."""
    if not figures.has("model", "language_model", "validation_perplexity"):
        return None
    said = partial(text, figures, "model", "language_model")
    return (
        f"The language model's best validation perplexity is {said('validation_perplexity')}, at epoch "
        f"{said('best_epoch')} of {said('epochs')}."
    )


def bands(figures: Figures) -> str | None:
    """How many of the figures that have a band are inside it, and which are not."""
    banded = figures.banded()
    if not banded:
        return None
    outside = [_outside(figures, *name) for name in banded if figures.figure(*name).outside]
    if not outside:
        return f"All {len(banded)} figures that have a band for a faithful run are inside it."
    return (
        f"Of the {len(banded)} figures that have a band for a faithful run, {len(banded) - len(outside)} are inside "
        f"it; outside: {'; '.join(outside)}."
    )


def _published_best(figures: Figures, shares: dict[str, float]) -> str:
    """Whether the signal that was published as the best is the best of the published ones here too."""
    published = {item: figures.figure("separation", item, "oracle_share").published for item in shares}
    known = {item: value for item, value in published.items() if value is not None}
    if not known:
        return ""
    here = highest({item: shares[item] for item in known})
    verdict = "it is here too" if here == highest(known) else f"here it is {item_title(here)}"
    return f" Of the {len(known)} that were published {item_title(highest(known))} was the best; {verdict}."


def _outside(figures: Figures, section: str, item: str, metric: str) -> str:
    label, figure = metric_label(section, metric), figures.figure(section, item, metric)
    unit = f" {label.unit}" if label.unit else ""
    return (
        f"{section.replace('_', ' ')}, {item_title(item)}: {label.name} {value_text(label, figure.value)} "
        f"({band_text(label, figure)}{unit})"
    )
