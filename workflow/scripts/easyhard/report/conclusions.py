"""What the founding document concluded, held against the fair figures: stands, falls or undecided, by the intervals."""

from dataclasses import dataclass

from easyhard.report.items import (
    cheapest_first,
    class_best,
    low_rank,
    main_label,
    mode_places,
    ranks_by_kind,
    shortened,
    signals_by_class,
)
from easyhard.report.metrics import Figure, Figures
from easyhard.report.sentences import KEPT, say
from easyhard.report.words import FROM_HEAD, SIGNIFICANT, WORSE, listed, percent, standing, strong

STANDS, FALLS, UNDECIDED = "stands", "falls", "undecided"
FOUNDING_LIMIT = 0.27
"""The founding document's highest oracle share at inference."""

FOUNDING_CONFIDENCE = "max_probability"
FOUNDING_MODES = 2


@dataclass(frozen=True)
class Conclusion:
    """A claim of the founding document, its verdict, and the figures that this rests on."""

    claim: str
    verdict: str
    said: str

    @property
    def paragraph(self) -> str:
        """The claim and its verdict in front."""
        return f"{strong(f'“{self.claim}”: {self.verdict}.')} {self.said}"


@dataclass(frozen=True)
class Way:
    """A kind of low rank, as it is or refined: its ranks below full, and its signals that cost less than the head.

    `pearson` says how well its max probability agrees with the exact one, `kept` how often its first word does. Of the
    signals there is the best on select at each rank, the cheapest first.
    """

    kind: str
    title: str
    ranks: list[int]
    pearson: str
    kept: str
    signals: list[str]


def conclusions(figures: Figures) -> list[Conclusion]:
    """The founding conclusions; those that the figures cannot speak of are left out."""
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
    """Whether low rank does not work, as it is and refined: by the max probability that it keeps, and as a signal."""
    verdicts: dict[str, list[str]] = {}
    told = []
    for way in _ways(figures) if figures.has_section("fair_low_rank") else ():
        if not figures.has("fair_low_rank", f"{way.kind}/{way.ranks[-1]}", way.kept):
            continue
        sides = {rank: _side(_fidelity(figures, way, rank), KEPT) for rank in way.ranks}
        standings = {item: standing(figures.get("fair_differences", item, FROM_HEAD)) for item in way.signals}
        first = next((item for item, word in standings.items() if word not in (WORSE, None)), None)
        verdict = UNDECIDED
        if "above" in sides.values() or first is not None:
            verdict = FALLS
        elif set(sides.values()) == {"below"} and set(standings.values()) <= {WORSE}:
            verdict = STANDS
        verdicts.setdefault(verdict, []).append(way.title)
        rank = next((rank for rank, side in sides.items() if side == "above"), way.ranks[-1])
        has_rivals = "head" in class_best(figures) and bool(way.signals)
        told.append(say("low_rank_way", figures, way=way, rank=rank, first=first, has_rivals=has_rivals))
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
    verdict = UNDECIDED
    if _has_several(figures, "loss"):
        verdict = STANDS if figures.value("fair_shape", "loss", "modes") == FOUNDING_MODES else FALLS
    every, seen = (_shape(figures, item) for item in ("loss", "loss_seen"))
    return Conclusion("Two modes", verdict, say("two_modes", figures, every=every, seen=seen))


def _side(figure: Figure, mark: float) -> str | None:
    """On which side of the mark the whole interval lies; None where it holds the mark or is not known."""
    if figure.interval is None:
        return None
    low, high = figure.interval
    return "above" if low > mark else "below" if high < mark else None


def _ways(figures: Figures) -> list[Way]:
    """The kinds as they are, then refined."""
    every = [(item, low_rank(item)) for item in signals_by_class(figures).get("low_rank", [])]
    ways = []
    for refined in (False, True):
        pearson = "refined_max_probability_pearson" if refined else "max_probability_pearson"
        for kind, ranks in ranks_by_kind(figures, below_full=True).items():
            own = [item for item, parts in every if parts and (parts.kind, parts.refined) == (kind, refined)]
            cheaper = [item for item in own if figures.number("fair_signals", item, "cost_share") < 1]
            signals = cheapest_first(figures, shortened(figures, cheaper, by_rank=True))
            title, kept = (f"{kind} refined", "argmax_kept_refined") if refined else (kind, "argmax_kept")
            ways.append(Way(kind, title, ranks, pearson, kept, signals))
    return ways


def _fidelity(figures: Figures, way: Way, rank: int) -> Figure:
    """The r of the max probability with the exact one; a figure without an interval counts as its own bounds."""
    figure = figures.figure("fair_low_rank", f"{way.kind}/{rank}", way.pearson)
    return figure if figure.interval else Figure(figure.value, figure.value, figure.value)


def _shape(figures: Figures, item: str) -> str:
    if not figures.has("fair_shape", item, "modes"):
        return ""
    p = figures.get("fair_shape", item, "dip_p_thinned").value
    places = mode_places(figures, "fair_shape", item)
    return say("shape", figures, item=item, places=places, p=p, several=_has_several(figures, item))


def _has_several(figures: Figures, item: str) -> bool:
    """Whether the dip's lower limit is above 0; without an interval, whether its p is below the level."""
    interval = figures.get("fair_shape", item, "dip").interval
    p = figures.get("fair_shape", item, "dip_p_thinned").value
    return interval[0] > 0 if interval else p is not None and p < SIGNIFICANT
