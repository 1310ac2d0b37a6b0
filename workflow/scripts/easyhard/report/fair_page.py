"""The first page: which signal to use at which cost, how sure, how far from the ceiling; written from the figures."""

from functools import partial

from easyhard.report.fair_items import (
    CHEAP,
    cheapest_first,
    class_best,
    main_label,
    number,
    optional,
    overall_best,
    select_score,
    signals_by_class,
)
from easyhard.report.fair_words import (
    BETTER,
    NOT_WORSE,
    cost,
    difference,
    estimate,
    holm,
    interval,
    standing,
)
from easyhard.report.findings import SIGNIFICANT
from easyhard.report.labels import NULL, OWN, hard_title, metric_label, signal_title, value_text
from easyhard.report.metrics import Figures
from easyhard.report.tables import markdown
from easyhard.report.words import comparison, listed, text

CHEAP_SHARE = 0.005
"""The mark: no more than this share of the head's multiply-adds."""

CHANCE = 0.5
HEADS = " of the head's multiply-adds"
LEADS = {
    "hidden": "Without a pass over the vocabulary",
    "context": "With earlier tokens as well",
    "layers": "With other layers' states as well",
    "low_rank": "With a low-rank head",
    "head": "With a pass over the vocabulary",
    "all": "With all of these together",
    OWN: "Of the signals brought along",
}


def recommendation(figures: Figures) -> str:
    """Which signal to use without a pass over the vocabulary, beside the best head signal.

    Without a hidden-state signal it speaks of the next class that there is, without a head signal of that class alone.
    Raises InputError when no signal is marked as the best of its class.
    """
    best = class_best(figures)
    item = next((item for name, item in best.items() if name != "head"), overall_best(figures))
    lead = LEADS[next(name for name, own in best.items() if own == item)]
    sentence = f"{lead}, use **{signal_title(item)}**: {_quality(figures, item)}"
    head = best.get("head")
    if head is None or head == item:
        return f"{sentence}."
    return (
        f"{sentence}; the best head signal, {signal_title(head)}, has {_auroc(figures, head)}"
        f"{_at_cost(figures, head, '')}; the difference is {_against_head(figures, item)}."
    )


def other_classes(figures: Figures) -> list[str]:
    """For each further class without the head its best signal and how that stands to the best head signal."""
    best = class_best(figures)
    head = best.pop("head", None)
    if head is None:
        return []
    return [
        f"{LEADS[name]}: **{signal_title(item)}**, {_quality(figures, item)}; the difference from "
        f"{signal_title(head)} is {_against_head(figures, item)}."
        for name, item in list(best.items())[1:]
    ]


def class_table(figures: Figures) -> str:
    """One row a cost class: its best signal, how good it is, what it costs, how near the ceiling it comes."""
    label = main_label(figures)
    best = class_best(figures)
    metrics = [f"auroc_{label}", "augrc", "oracle_share", "ceiling_share"]
    shown = [name for name in metrics if any(figures.has("fair_signals", item, name) for item in best.values())]
    header = ["needs", "best signal", *(metric_label("fair_signals", name).heading for name in shown)]
    rows = [
        [
            name.replace("_", " "),
            signal_title(item),
            *(estimate(figures, "fair_signals", item, metric) for metric in shown),
            estimate(figures, "fair_signals", item, "multiply_adds"),
            cost(figures, item),
        ]
        for name, item in best.items()
    ]
    return markdown([*header, "multiply-adds", "of the head's (%)"], rows, left=2)


def basis(figures: Figures) -> str:
    """What was compared, on how much text, and from which resamples the intervals come."""
    label = main_label(figures)
    said = partial(text, figures, "fair_data")
    hard = text(figures, "fair_labels", label, "prevalence")
    return (
        f"Hard is a token with {hard_title(label)} nats: {hard} % of the {said('test', 'tokens')} test tokens "
        f"({said('test', 'documents')} documents). What is trained was fitted on the fit part; the select part "
        "stopped it and chose each class's best. Brackets are 95 % intervals from "
        f"{said('clusters', 'resamples')} resamples, the same for all signals, of {_resampled(figures)}; the seeds of "
        "trained signals enter. Of AUROC, oracle share and share of the ceiling more is better, of AUGRC less."
    )


def marks(figures: Figures) -> list[tuple[str, str]]:
    """The two marks to aim at, each as a question with its answer; none without a head signal to compare with."""
    asked = [
        (
            "Is a signal without a pass over the vocabulary, at no more than "
            f"{100 * CHEAP_SHARE:g} % of the head's multiply-adds, as good as the best head signal?",
            cheap_mark(figures),
        ),
        ("Does the hidden state together with earlier tokens beat the best head signal?", context_mark(figures)),
    ]
    return [(question, answer) for question, answer in asked if answer is not None]


def cheap_mark(figures: Figures) -> str | None:
    """Whether a signal without a pass over the vocabulary is not worse than the best head signal; None without one.

    The signal is the best on select among those of the classes CHEAP that cost at most CHEAP_SHARE of the head.
    """
    head = class_best(figures).get("head")
    if head is None:
        return None
    affordable = affordable_signals(figures)
    if not affordable:
        return f"**No.** No measured signal costs at most {100 * CHEAP_SHARE:g} % of the head's multiply-adds."
    item = max(affordable, key=lambda name: select_score(figures, name))
    auroc = standing(optional(figures, "fair_differences", item, "auroc_from_head_best"), low_is_good=False)
    augrc = standing(optional(figures, "fair_differences", item, "augrc_from_head_best"), low_is_good=True)
    met = auroc in (BETTER, NOT_WORSE) and augrc in (BETTER, NOT_WORSE)
    return (
        f"**{_answer(met)}.** The best of these on select is {signal_title(item)}, at {cost(figures, item)} % of the "
        f"head's multiply-adds. Against {signal_title(head)}: AUROC {_difference(figures, item, 'auroc')} "
        f"({auroc or NULL}), AUGRC {_difference(figures, item, 'augrc')} nats ({augrc or NULL})."
        f"{_kept(figures, item, head)}{_harder_rival(figures, item, affordable)}"
    )


def affordable_signals(figures: Figures) -> list[str]:
    """The signals of the classes CHEAP that cost at most CHEAP_SHARE of the head, the cheapest first."""
    cheap = [item for name, items in signals_by_class(figures).items() if name in CHEAP for item in items]
    return [item for item in cheapest_first(figures, cheap) if _share(figures, item) <= CHEAP_SHARE]


def _harder_rival(figures: Figures, item: str, affordable: list[str]) -> str:
    """How the signal, and the affordable one with the lowest AUGRC on select, stand to the head's lowest AUGRC."""
    lowest = [name for name in figures.items("fair_differences") if _flag(figures, name, "is_head_lowest")]
    if not lowest:
        return ""
    by_augrc = min(affordable, key=lambda name: number(figures, "fair_signals", name, "select_augrc"))
    told = [
        f"{signal_title(name)} {difference(figures, 'fair_differences', name, 'augrc_from_head_lowest')} nats "
        f"({standing(optional(figures, 'fair_differences', name, 'augrc_from_head_lowest'), low_is_good=True) or NULL})"
        for name in dict.fromkeys([item, by_augrc])
    ]
    return (
        f" By AUGRC alone {signal_title(lowest[0])} is the head's best on select, and a harder rival: against it "
        f"{listed(told)}."
    )


def _flag(figures: Figures, item: str, metric: str) -> bool:
    return optional(figures, "fair_differences", item, metric).value == 1


def context_mark(figures: Figures) -> str | None:
    """Whether the best signal with earlier tokens beats the best head signal significantly; None without either."""
    best = class_best(figures)
    if "head" not in best or "context" not in best:
        return None
    item = best["context"]
    gap = optional(figures, "fair_differences", item, "auroc_from_head_best")
    p = optional(figures, "fair_differences", item, "auroc_from_head_best_p").value
    bounds = interval(gap)
    beats = standing(gap, low_is_good=False) == BETTER and (p is None or p < SIGNIFICANT)
    sentence = (
        f"**{_answer(beats)}.** The best of these on select is {signal_title(item)}. Against "
        f"{signal_title(best['head'])}: AUROC {_against_head(figures, item)}."
    )
    if beats or gap.value is None or bounds is None:
        return sentence
    label = metric_label("fair_differences", "auroc_from_head_best")
    if gap.value <= 0:
        return f"{sentence} It is behind by {value_text(label, -gap.value)}."
    if bounds[0] > 0:
        return f"{sentence} It is ahead by the interval alone, not after adjusting for all signals compared."
    return f"{sentence} It is ahead by {value_text(label, gap.value)}, with an interval of ± {_half(bounds)}."


def reach(figures: Figures) -> list[str]:
    """How far the best signals are from what can be reached, and how well the model is calibrated."""
    found = [*ceilings(figures), calibration(figures)]
    return [sentence for sentence in found if sentence is not None]


def ceilings(figures: Figures) -> list[str]:
    """How near the best signals come to what a calibrated model could reach, in AUROC and in oracle share."""
    label, item = main_label(figures), overall_best(figures)
    found = []
    if figures.has("fair_ceilings", label, "auroc"):
        ceiling = estimate(figures, "fair_ceilings", label, "auroc")
        share = estimate(figures, "fair_signals", item, "ceiling_share")
        found.append(
            f"Were every target drawn from the model, the best possible AUROC for {hard_title(label)} would be "
            f"{ceiling}. The best signal, {signal_title(item)}, has {_auroc(figures, item)}: {share} % of that, "
            f"both counted from chance.{_past_the_ceiling(figures, item)}"
        )
    if figures.has("fair_ceilings", "loss", "oracle_share"):
        found.append(
            f"Of the loss oracle's Loss Diff, {signal_title(item)} has "
            f"{estimate(figures, 'fair_signals', item, 'oracle_share')} %. No score can reach 100 % without the "
            "target; on drawn targets the best has "
            f"{estimate(figures, 'fair_ceilings', 'loss', 'oracle_share')} %."
        )
    return found


def _past_the_ceiling(figures: Figures, item: str) -> str:
    """Why a signal may have more than the ceiling, where one has."""
    share = optional(figures, "fair_signals", item, "ceiling_share").value
    if share is None or share <= 1:
        return ""
    return (
        " What is fitted to real losses can pass a ceiling that takes the model at its word: it learns where the model "
        "is wrong, and what earlier tokens say that the model does not use."
    )


def calibration(figures: Figures) -> str | None:
    """The model's calibration error before and after a temperature fitted apart; None where it was not measured."""
    before = optional(figures, "fair_calibration", "model", "ece").value
    after = optional(figures, "fair_calibration", "temperature", "ece").value
    if before is None or after is None:
        return None
    said = partial(estimate, figures, "fair_calibration")
    word = comparison(after, before, ("raises", "lowers", "leaves"))
    confidence = optional(figures, "fair_calibration", "model", "mean_confidence").value
    accuracy = optional(figures, "fair_calibration", "model", "accuracy").value
    lean = comparison(confidence, accuracy, ("too sure", "not sure enough", "as sure as it is right"))
    return (
        f"The model's expected calibration error is {said('model', 'ece')} %: on average it is {lean} (confidence "
        f"{said('model', 'mean_confidence')} %, accuracy {said('model', 'accuracy')} %). A temperature of "
        f"{said('temperature', 'temperature')} {word} the error {'at' if word == 'leaves' else 'to'} "
        f"{said('temperature', 'ece')} %."
    )


def _answer(met: bool) -> str:
    return "Yes" if met else "No"


def _quality(figures: Figures, item: str) -> str:
    return f"AUROC {_auroc(figures, item)}{_at_cost(figures, item, HEADS)}"


def _auroc(figures: Figures, item: str) -> str:
    return estimate(figures, "fair_signals", item, f"auroc_{main_label(figures)}")


def _at_cost(figures: Figures, item: str, words: str) -> str:
    return f" at {cost(figures, item)} %{words}" if figures.has("fair_signals", item, "cost_share") else ""


def _share(figures: Figures, item: str) -> float:
    return number(figures, "fair_signals", item, "cost_share")


def _difference(figures: Figures, item: str, score: str) -> str:
    return difference(figures, "fair_differences", item, f"{score}_from_head_best")


def _against_head(figures: Figures, item: str) -> str:
    """The difference in AUROC from the best head signal, its p, and what the interval allows to say."""
    metric = "auroc_from_head_best"
    word = standing(optional(figures, "fair_differences", item, metric), low_is_good=False)
    p = holm(figures, item, metric)
    said = f"{_difference(figures, item, 'auroc')}{f' ({p})' if p else ''}"
    return f"{said}, so {signal_title(item)} is {word}" if word else said


def _kept(figures: Figures, item: str, head: str) -> str:
    """How much of the best head signal's AUROC above chance the other signal has."""
    metric = f"auroc_{main_label(figures)}"
    ours, theirs = (number(figures, "fair_signals", name, metric) - CHANCE for name in (item, head))
    if theirs <= 0 or ours == float("-inf"):
        return ""
    return f" It has {100 * ours / theirs:.1f} % of {signal_title(head)}'s AUROC above chance."


def _half(bounds: tuple[float, float]) -> str:
    return value_text(metric_label("fair_differences", "auroc_from_head_best"), (bounds[1] - bounds[0]) / 2)


def _resampled(figures: Figures) -> str:
    """The resampled units with their number, and why they are not documents where they are not."""
    count = text(figures, "fair_data", "clusters", "count")
    if figures.value("fair_data", "clusters", "are_documents"):
        return f"whole documents ({count})"
    documents = text(figures, "fair_data", "test", "documents")
    return (
        f"whole sequences ({count}), because {documents} test documents are too few to resample; tokens of one "
        "document are alike beyond a sequence, so these intervals may be too narrow"
    )
