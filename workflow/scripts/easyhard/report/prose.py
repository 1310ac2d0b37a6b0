"""What is said, as prose.j2 words it, and what of the founding conclusions holds.

A sentence whose figures were not measured is left out; one that needs a figure raises InputError naming it.
"""

from collections.abc import Iterable
from functools import cache, partial
from itertools import product
from math import exp
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from easyhard.report import items as choose
from easyhard.report import words
from easyhard.report.items import class_best, main_label
from easyhard.report.metrics import Figure, Figures
from easyhard.report.words import FROM_HEAD, SIGNIFICANT, WORSE, listed, percent, standing

KEPT = 0.95
"""The founding document's own mark for a faithful approximation: r with the exact metric above it."""

FINDINGS = (
    *("best_method", "best_signal", "exit_classifier", "loss_regression", "loss_classification", "metric_prediction"),
    *("low_rank", "correct_token", "loss_shape", "unseen_targets", "perplexity"),
)
"""What the founding experiments found, most telling first; the bands are told of the founding corpus alone."""

REACH = ("auroc_ceiling", "share_ceiling", "calibration")
"""How far the best signal is from what a calibrated model could reach, and how well the model is calibrated."""

NOTICES = ("leaks", "unchecked", "labels_left_out", "rows_left_out", "stand_in")
"""What a reader has to know before trusting the answer."""

STANDS, FALLS, UNDECIDED = "stands", "falls", "undecided"
FOUNDING_LIMIT = 0.27
"""The founding document's highest oracle share at inference."""

FOUNDING_CONFIDENCE = "max_probability"
FOUNDING_MODES = 2


class Conclusion(NamedTuple):
    """A claim of the founding document, its verdict, and the figures that this rests on."""

    claim: str
    verdict: str
    said: str


def say(name: str, figures: Figures, **facts: Any) -> str:
    """The sentence of that name; an empty one where what it speaks of is null. `facts` are what else it is given.

    Raises InputError naming a figure that it needs and the table does not have at all.
    """
    return str(getattr(_sentences().module, name)(figures, **facts)).strip()


def all_said(names: Iterable[str], figures: Figures) -> list[str]:
    """The sentences of these names but for the empty ones."""
    return [sentence for sentence in (say(name, figures) for name in names) if sentence]


def environment_of(folder: Path, **more: Any) -> Environment:
    """The templates of a folder; a name that they lack is an error."""
    loader = FileSystemLoader(folder)
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **more)


@cache
def _sentences() -> Template:
    environment = environment_of(Path(__file__).parent)
    environment.globals |= vars(choose) | vars(words)
    environment.globals |= {
        **{"title": words.signal_title, "item": words.item_title, "hard": words.hard_title, "KEPT": KEPT},
        **{"LEVELS": ("above", "below", "level with"), "compare": _compare},
        "of": lambda figures, *place: partial(words.text, figures, *place),
        "estimate_of": lambda figures, section: partial(words.estimate, figures, section),
        "lowest": lambda values: min(values, key=values.__getitem__),
    }
    environment.filters |= {"strong": words.strong, "exp": exp}
    return environment.get_template("prose.j2")


def _compare(figures: Figures, section: str, metric: str, pair: tuple[str, str], said: tuple[str, str, str]) -> str:
    """The word for how one item's metric stands to the other's; figures that look equal in the tables are level."""
    shown = {words.text(figures, section, item, metric) for item in pair}
    one, other = (figures.value(section, item, metric) for item in pair)
    return words.comparison(one, other, said) if len(shown) > 1 else said[2]


def conclusions(figures: Figures) -> list[Conclusion]:
    """What the founding document concluded, held against the intervals; what no figure speaks of is left out."""
    found = [_limit(figures), _low_rank_fails(figures), _classifier(figures), _two_modes(figures)]
    return [conclusion for conclusion in found if conclusion is not None]


def _limit(figures: Figures) -> Conclusion | None:
    """Whether 27 % of the oracle is the limit: whether any class's best signal is above it by its interval."""
    best = [item for item in class_best(figures).values() if figures.has("fair_signals", item, "oracle_share")]
    if not best:
        return None
    sides = [_side(figures.get("fair_signals", item, "oracle_share"), FOUNDING_LIMIT) for item in best]
    verdict = FALLS if "above" in sides else STANDS if set(sides) == {"below"} else UNDECIDED
    item = max(best, key=lambda name: figures.number("fair_signals", name, "oracle_share"))
    claim = f"{percent(FOUNDING_LIMIT)} % of the oracle is the limit"
    return Conclusion(claim, verdict, say("limit", figures, item=item))


def _low_rank_fails(figures: Figures) -> Conclusion | None:
    """Whether low rank does not work, each kind as it is and refined, at ranks below full.

    By the max probability that it keeps, and by its signals that cost less than the head: the best of each rank.
    """
    kinds = choose.ranks_by_kind(figures, below_full=True) if figures.has_section("fair_low_rank") else {}
    cheaper = {
        item: choose.low_rank(item)
        for item in choose.signals_by_class(figures).get("low_rank", [])
        if figures.number("fair_signals", item, "cost_share") < 1
    }
    verdicts: dict[str, list[str]] = {}
    told = []
    for refined, (kind, ranks) in product((False, True), kinds.items()):
        way, pearson, kept = kind, "max_probability_pearson", "argmax_kept"
        if refined:
            way, pearson, kept = f"{kind} refined", f"refined_{pearson}", f"{kept}_refined"
        if not figures.has("fair_low_rank", f"{kind}/{ranks[-1]}", kept):
            continue
        own = [item for item, parts in cheaper.items() if parts and (parts.kind, parts.refined) == (kind, refined)]
        signals = choose.cheapest_first(figures, choose.shortened(figures, own, by_rank=True))
        sides = {rank: _side(figures.figure("fair_low_rank", f"{kind}/{rank}", pearson), KEPT, True) for rank in ranks}
        standings = {item: standing(figures.get("fair_differences", item, FROM_HEAD)) for item in signals}
        first = next((item for item, word in standings.items() if word not in (WORSE, None)), None)
        verdict = UNDECIDED
        if "above" in sides.values() or first is not None:
            verdict = FALLS
        elif set(sides.values()) == {"below"} and set(standings.values()) <= {WORSE}:
            verdict = STANDS
        verdicts.setdefault(verdict, []).append(way)
        rank = next((rank for rank, side in sides.items() if side == "above"), ranks[-1])
        facts = {"way": way, "rank": rank, "place": f"{kind}/{rank}", "pearson": pearson, "kept": kept}
        has_rivals = "head" in class_best(figures) and bool(signals)
        told.append(say("low_rank_way", figures, first=first, has_rivals=has_rivals, **facts))
    if not told:
        return None
    said = ", ".join(f"{verdict} for {listed(own)}" for verdict, own in verdicts.items())
    return Conclusion("Low rank does not work", said, say("low_rank_fails", figures, ways=told))


def _classifier(figures: Figures) -> Conclusion | None:
    """Whether the softmax confidence beats the best signal on the hidden state.

    Both are known by their paired differences from the best head signal. Where these intervals do not meet, the two
    signals differ: the standard error of their difference is at most the sum of the two.
    """
    item, score = class_best(figures).get("hidden"), f"auroc_{main_label(figures)}"
    if item is None or not figures.has("fair_signals", FOUNDING_CONFIDENCE, score):
        return None
    ours = figures.get("fair_differences", item, FROM_HEAD).interval
    theirs = figures.get("fair_differences", FOUNDING_CONFIDENCE, "auroc_from_class_best").interval
    if class_best(figures).get("head") == FOUNDING_CONFIDENCE:
        theirs = 0.0, 0.0
    if ours is None or theirs is None:
        return None
    verdict = FALLS if ours[0] > theirs[1] else STANDS if ours[1] < theirs[0] else UNDECIDED
    said = say("classifier", figures, item=item, confidence=FOUNDING_CONFIDENCE, score=score, verdict=verdict)
    return Conclusion("Drop the classifier, use softmax confidence", verdict, said)


def _two_modes(figures: Figures) -> Conclusion | None:
    """Whether the loss has two modes: more than one is shown by the dip, then its density counts them."""
    if not figures.has("fair_shape", "loss", "modes"):
        return None
    several = {item: _has_several(figures, item) for item in ("loss", "loss_seen")}
    counted = STANDS if figures.value("fair_shape", "loss", "modes") == FOUNDING_MODES else FALLS
    verdict = counted if several["loss"] else UNDECIDED
    return Conclusion("Two modes", verdict, say("two_modes", figures, several=several))


def _side(figure: Figure, mark: float, exact: bool = False) -> str | None:
    """On which side of the mark the whole interval lies; None where it holds the mark or is not known.

    A figure that is `exact` needs no interval.
    """
    low, high = figure.interval or ((figure.value, figure.value) if exact else (None, None))
    if low is None or high is None:
        return None
    return "above" if low > mark else "below" if high < mark else None


def _has_several(figures: Figures, item: str) -> bool:
    """Whether the dip test rejects a single mode, on one token a sequence; not where it has no p."""
    p = figures.get("fair_shape", item, "dip_p_thinned").value
    return p is not None and p < SIGNIFICANT
