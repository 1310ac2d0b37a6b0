"""What the fair tables show: a sentence or two beside a table, with this run's figures."""

from easyhard.report.fair_items import number, optional
from easyhard.report.fair_tables import strata_items
from easyhard.report.fair_words import estimate, interval
from easyhard.report.labels import metric_label, signal_title, value_text
from easyhard.report.metrics import Figures
from easyhard.report.words import listed


def learning(figures: Figures) -> str:
    """What each probe gained by the last enlargement of the fit part, and whether that leaves its interval."""
    last = {probe: items[-2:] for probe, items in _by_probe(figures).items() if len(items) > 1}
    gains = {
        probe: number(figures, *_place(pair[1])) - number(figures, *_place(pair[0]))
        for probe, pair in last.items()
        if all(figures.has(*_place(item)) for item in pair)
    }
    if not gains:
        return "No probe was judged at two sizes of the fit part."
    label = metric_label("fair_differences", "auroc_from_head_best")
    told = listed([f"{signal_title(probe)} {value_text(label, gain)}" for probe, gain in gains.items()])
    clear = [signal_title(probe) for probe, pair in last.items() if _rises(figures, pair)]
    verdict = (
        f"Beyond the intervals it helped {listed(clear)}, so more text should help further."
        if clear
        else "No gain leaves the intervals, so whether more text would help cannot be told."
    )
    return f"By the last step to the whole fit part AUROC gained: {told}. {verdict}"


def rare_words(figures: Figures) -> str:
    """How much of each signal goes back to how often training saw the target."""
    known = [item for item in strata_items(figures) if figures.has("fair_strata", item, "frequency_share")]
    if not known:
        return "How often training saw the targets is not known for this run."
    told = [f"{signal_title(item)} {estimate(figures, 'fair_strata', item, 'frequency_share')} %" for item in known]
    return (
        "Of the AUROC above chance so much goes when only tokens are compared whose targets training saw about equally "
        f"often: {listed(told)}. That part only knows that the word is rare; the rest is more."
    )


def _by_probe(figures: Figures) -> dict[str, list[str]]:
    """The items of each probe, from the least text to the most."""
    found: dict[str, list[str]] = {}
    for item in sorted(figures.items("fair_learning"), key=lambda item: float(item.rpartition("/")[2])):
        found.setdefault(item.rpartition("/")[0], []).append(item)
    return found


def _place(item: str) -> tuple[str, str, str]:
    return "fair_learning", item, "auroc"


def _rises(figures: Figures, pair: list[str]) -> bool:
    """Whether the interval of the larger fit lies wholly above that of the smaller."""
    before, after = (interval(optional(figures, *_place(item))) for item in pair)
    return before is not None and after is not None and after[0] > before[1]
