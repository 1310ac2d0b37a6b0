"""What was found: sentences written from the figures, so that other figures give other words."""

from easyhard.report.labels import item_title, metric_label, value_text
from easyhard.report.metrics import Figures
from easyhard.report.tables import band_text
from easyhard.report.words import (
    compare,
    comparison,
    count,
    listed,
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


def findings(figures: Figures, is_founding_corpus: bool) -> list[str]:
    """The findings of one run, most telling first; what could not be measured (null) is left out.

    Raises InputError naming a figure that the table does not have at all.
    """
    found = [
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


def best_signal(figures: Figures) -> str | None:
    """Which untrained signal separates best and worst without seeing the target, and whether the published best is the same."""
    shares = measured(figures, "separation", untrained_signals(figures), "oracle_share")
    if not shares:
        return None
    best, worst = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    loss_diff, share = (text(figures, "separation", best, metric) for metric in ("loss_diff", "oracle_share"))
    sentence = (
        f"Of the signals that come from the logits without the target, {item_title(best)} separates best: Loss Diff {loss_diff} nats, "
        f"{share} % of the oracle's"
    )
    if worst != best:
        sentence += f"; {item_title(worst)} separates worst, with {text(figures, 'separation', worst, 'oracle_share')} %"
    published = {
        item: value
        for item in shares
        if (value := figures.figure("separation", item, "oracle_share").published) is not None
    }
    if not published:
        return f"{sentence}."
    published_best = max(published, key=published.__getitem__)
    again = max(published, key=shares.__getitem__) == published_best
    verdict = "here too" if again else f"here it is {item_title(max(published, key=shares.__getitem__))}"
    return f"{sentence}. Of the {len(published)} published ones {item_title(published_best)} was best; {verdict}."


def exit_classifier(figures: Figures) -> str | None:
    """Whether the trained exit classifier separates better than the untrained signals."""
    trained = measured(figures, "separation", ["exit_classifier"], "oracle_share").get("exit_classifier")
    untrained = measured(figures, "separation", untrained_signals(figures), "oracle_share")
    if trained is None or not untrained:
        return None
    better = sum(value > trained for value in untrained.values())
    return (
        f"The exit classifier, a linear layer trained on the loss, has {text(figures, 'separation', 'exit_classifier', 'oracle_share')} % "
        f"of the oracle's Loss Diff; {count(better, len(untrained))} untrained signals separate better."
    )


def loss_regression(figures: Figures) -> str | None:
    """Whether an MLP predicts the loss better than a linear layer."""
    scores = measured(figures, "regression", figures.items("regression"), "pearson")
    if "linear" not in scores or len(scores) < 2:
        return None
    deep = max((item for item in scores if item != "linear"), key=scores.__getitem__)
    word = compare(figures, "regression", (deep, "linear"), "pearson", ("better than", "worse than", "no better than"))
    return (
        f"The best MLP ({item_title(deep)}) predicts the loss from the hidden state {word} a linear layer does: "
        f"r {text(figures, 'regression', deep, 'pearson')} against {text(figures, 'regression', 'linear', 'pearson')}."
    )


def loss_classification(figures: Figures) -> str | None:
    """Whether a classifier of easy tokens beats calling every token hard."""
    accuracy = measured(figures, "classification", figures.items("classification"), "accuracy")
    trained = {item: value for item, value in accuracy.items() if item != "majority"}
    if "majority" not in accuracy or not trained:
        return None
    best = max(trained, key=trained.__getitem__)
    word = compare(figures, "classification", (best, "majority"), "accuracy", ("above", "below", "level with"))
    balanced, area = (text(figures, "classification", best, metric) for metric in ("balanced_accuracy", "auroc"))
    return (
        f"The most accurate classifier of easy tokens ({item_title(best)}) is right on "
        f"{text(figures, 'classification', best, 'accuracy')} %, {word} calling every token the same "
        f"({text(figures, 'classification', 'majority', 'accuracy')} %); its balanced accuracy is {balanced} % (chance 50 %), its AUROC {area}."
    )


def metric_prediction(figures: Figures) -> str | None:
    """Which metric of the logits is easiest and hardest to predict from the hidden state."""
    scores = measured(figures, "metric_prediction", signals_of(figures, "metric_prediction"), "pearson")
    if len(scores) < 2:
        return None
    best, worst = max(scores, key=scores.__getitem__), min(scores, key=scores.__getitem__)
    return (
        f"From the hidden state alone, {item_title(best)} is predicted best (r {text(figures, 'metric_prediction', best, 'pearson')}) "
        f"and {item_title(worst)} worst (r {text(figures, 'metric_prediction', worst, 'pearson')})."
    )


def low_rank(figures: Figures) -> str | None:
    """From which rank on plain SVD keeps the max probability, and what its separation costs."""
    ranks = plain_ranks(figures)
    scores = measured(figures, "low_rank", [f"plain/{rank}" for rank in ranks], "max_probability_pearson")
    if not scores:
        return None
    kept = [item for item, value in scores.items() if value > KEPT]
    lost = [item for item in scores if item not in kept]
    sentence = f"A plain SVD of the head keeps the max probability (r above {KEPT} with the exact one) "
    sentence += f"from rank {item_title(kept[0])} on" if kept else "at none of the ranks tried"
    if lost:
        sentence += f"; at rank {item_title(lost[-1])} r is {text(figures, 'low_rank', lost[-1], 'max_probability_pearson')}"
    return f"{sentence}."


def correct_token(figures: Figures) -> str | None:
    """Whether the probability of the correct token separates as the oracle does, as it must."""
    share = figures.value("separation", "target_probability", "oracle_share")
    if share is None:
        return None
    text = text(figures, "separation", "target_probability", "oracle_share")
    if abs(share - 1) > 0.005:
        return (
            f"The probability of the correct token reaches {text} % of the oracle's Loss Diff; it should be 100 %, for loss = −log p: "
            "look for an error in the losses or the probabilities."
        )
    return f"The probability of the correct token reaches {text} % of the oracle's Loss Diff because loss = −log p: an identity, no finding."


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
    """How many targets training never saw, and how much they weigh in the loss."""
    share = figures.value("loss_distribution", "loss", "unseen_target_share")
    mean = figures.value("loss_distribution", "loss", "unseen_target_mean_loss")
    if share is None:
        return None
    text = text(figures, "loss_distribution", "loss", "unseen_target_share")
    if mean is None:
        return f"{text} % of the validation targets never occur in the training text."
    word = comparison(mean, figures.value("loss_distribution", "loss", "mean"), ("above", "below", "level with"))
    return (
        f"{text} % of the validation targets never occur in the training text; their mean loss is "
        f"{text(figures, 'loss_distribution', 'loss', 'unseen_target_mean_loss')} nats, {word} the {text(figures, 'loss_distribution', 'loss', 'mean')} of all tokens."
    )


def perplexity(figures: Figures) -> str | None:
    """How good the language model is."""
    if not figures.has("model", "language_model", "validation_perplexity"):
        return None
    perplexity, epoch, epochs = (
        text(figures, "model", "language_model", metric) for metric in ("validation_perplexity", "best_epoch", "epochs")
    )
    return f"The language model's best validation perplexity is {perplexity}, at epoch {epoch} of {epochs}."


def bands(figures: Figures) -> str | None:
    """How many of the figures that have a band are inside it, and which are not."""
    banded = figures.banded()
    if not banded:
        return None
    outside = [name for name in banded if figures.figure(*name).outside]
    if not outside:
        return f"All {len(banded)} figures that have a band for a faithful run are inside it."
    return (
        f"Of the {len(banded)} figures that have a band for a faithful run, {len(banded) - len(outside)} are inside it; outside: "
        f"{'; '.join(_outside_text(figures, *name) for name in outside)}."
    )


def _outside_text(figures: Figures, section: str, item: str, metric: str) -> str:
    label, figure = metric_label(section, metric), figures.figure(section, item, metric)
    subject = f"{section.replace('_', ' ')}, {item_title(item)}: {label.name}"
    unit = f" {label.unit}" if label.unit else ""
    return f"{subject} {value_text(label, figure.value)} ({band_text(label, figure)}{unit})"
