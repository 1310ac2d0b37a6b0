"""What the founding document concluded, held against the fair figures: stands, falls or undecided, by the intervals."""

from dataclasses import dataclass

from easyhard.report.items import (
    best_by,
    cheapest_first,
    class_best,
    low_rank,
    main_label,
    mode_places,
    ranks_by_kind,
    signals_by_class,
)
from easyhard.report.metrics import Figure, Figures
from easyhard.report.sentences import KEPT, say
from easyhard.report.words import SIGNIFICANT, WORSE, highest, listed, percent, standing, strong

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
    """A kind of low rank, as it is or refined, its ranks below full, and the names of its figures:

    how well its max probability agrees with the exact one, how often its most probable word is the exact one.
    """

    kind: str
    title: str
    refined: bool
    ranks: list[int]
    pearson: str
    kept: str


def conclusions(figures: Figures) -> list[Conclusion]:
    """The founding conclusions; those that the figures cannot speak of are left out.

    Raises InputError naming a figure that the table does not have at all.
    """
    found = [limit(figures), low_rank_fails(figures), classifier(figures), two_modes(figures)]
    return [conclusion for conclusion in found if conclusion is not None]


def limit(figures: Figures) -> Conclusion | None:
    """Whether 27 % of the oracle is the limit: whether any class's best signal is above it by its interval."""
    best = [item for item in class_best(figures).values() if figures.has("fair_signals", item, "oracle_share")]
    if not best:
        return None
    sides = [_side(figures.get("fair_signals", item, "oracle_share"), FOUNDING_LIMIT) for item in best]
    verdict = FALLS if "above" in sides else STANDS if set(sides) == {"below"} else UNDECIDED
    item = highest({name: figures.number("fair_signals", name, "oracle_share") for name in best})
    claim = f"{percent(FOUNDING_LIMIT)} % of the oracle is the limit"
    return Conclusion(claim, verdict, say("limit", figures, item=item))


def low_rank_fails(figures: Figures) -> Conclusion | None:
    """Whether low rank does not work, as it is and refined: by the max probability that it keeps, and as a signal."""
    if not figures.has_section("fair_low_rank"):
        return None
    kinds = ranks_by_kind(figures, below_full=True)
    ways = [Way(kind, kind, False, ranks, "max_probability_pearson", "argmax_kept") for kind, ranks in kinds.items()]
    ways += [
        Way(kind, f"{kind} refined", True, ranks, "refined_max_probability_pearson", "argmax_kept_refined")
        for kind, ranks in kinds.items()
    ]
    verdicts: dict[str, list[str]] = {}
    told = []
    for way in ways:
        if figures.has("fair_low_rank", f"{way.kind}/{way.ranks[-1]}", way.kept):
            verdicts.setdefault(_low_rank_verdict(figures, way), []).append(way.title)
            told.append(_low_rank_way(figures, way))
    if not told:
        return None
    said = ", ".join(f"{verdict} for {listed(own)}" for verdict, own in verdicts.items())
    return Conclusion("Low rank does not work", said, say("low_rank_fails", figures, ways=told))


def classifier(figures: Figures) -> Conclusion | None:
    """Whether the softmax confidence beats the best signal on the hidden state.

    Both are known by their paired differences from the best head signal. Where these intervals do not meet, the two
    signals differ: the standard error of their difference is at most the sum of the two.
    """
    item, score = class_best(figures).get("hidden"), f"auroc_{main_label(figures)}"
    if item is None or not figures.has("fair_signals", FOUNDING_CONFIDENCE, score):
        return None
    ours = figures.get("fair_differences", item, "auroc_from_head_best").interval
    theirs = figures.get("fair_differences", FOUNDING_CONFIDENCE, "auroc_from_class_best").interval
    if class_best(figures).get("head") == FOUNDING_CONFIDENCE:
        theirs = 0.0, 0.0
    if ours is None or theirs is None:
        return None
    verdict = FALLS if ours[0] > theirs[1] else STANDS if ours[1] < theirs[0] else UNDECIDED
    said = say("classifier", figures, item=item, confidence=FOUNDING_CONFIDENCE, score=score, verdict=verdict)
    return Conclusion("Drop the classifier, use softmax confidence", verdict, said)


def two_modes(figures: Figures) -> Conclusion | None:
    """Whether the loss has two modes: more than one is shown by the dip, then its density counts them."""
    if not figures.has("fair_shape", "loss", "modes"):
        return None
    verdict = UNDECIDED
    if _has_several(figures, "loss"):
        verdict = STANDS if figures.value("fair_shape", "loss", "modes") == FOUNDING_MODES else FALLS
    seen = _shape(figures, "loss_seen") if figures.has("fair_shape", "loss_seen", "modes") else ""
    return Conclusion("Two modes", verdict, say("two_modes", figures, every=_shape(figures, "loss"), seen=seen))


def _side(figure: Figure, mark: float) -> str | None:
    """On which side of the mark the whole interval lies; None where it holds the mark or is not known."""
    if figure.interval is None:
        return None
    low, high = figure.interval
    return "above" if low > mark else "below" if high < mark else None


def _low_rank_verdict(figures: Figures, way: Way) -> str:
    kept = {_side(_fidelity(figures, way, rank), KEPT) for rank in way.ranks}
    if "above" in kept or _first_not_worse(figures, way) is not None:
        return FALLS
    judged = {_standing(figures, item) for item in _signals_of_way(figures, way)}
    return STANDS if kept == {"below"} and judged <= {WORSE} else UNDECIDED


def _low_rank_way(figures: Figures, way: Way) -> str:
    """What a kind keeps at the lowest rank that keeps enough, else at the highest below full, and how it separates."""
    enough = (rank for rank in way.ranks if _side(_fidelity(figures, way, rank), KEPT) == "above")
    facts = {"way": way, "rank": next(enough, way.ranks[-1]), "first": _first_not_worse(figures, way)}
    has_rivals = "head" in class_best(figures) and bool(_signals_of_way(figures, way))
    return say("low_rank_way", figures, has_rivals=has_rivals, **facts)


def _first_not_worse(figures: Figures, way: Way) -> str | None:
    """The cheapest of a kind's signals that is not worse than the best head signal; at each rank the best on select."""
    found = (item for item in _signals_of_way(figures, way) if _standing(figures, item) not in (WORSE, None))
    return next(found, None)


def _signals_of_way(figures: Figures, way: Way) -> list[str]:
    """A kind's signals that cost less than the head, the best on select at each rank, the cheapest first."""
    every = [(item, low_rank(item)) for item in signals_by_class(figures).get("low_rank", [])]
    own = [item for item, parts in every if parts and (parts.kind, parts.refined) == (way.kind, way.refined)]
    cheaper = [item for item in own if figures.number("fair_signals", item, "cost_share") < 1]
    return cheapest_first(figures, best_by(figures, cheaper, "rank"))


def _standing(figures: Figures, item: str) -> str | None:
    return standing(figures.get("fair_differences", item, "auroc_from_head_best"))


def _fidelity(figures: Figures, way: Way, rank: int) -> Figure:
    """The r of the max probability with the exact one; a figure without an interval counts as its own bounds."""
    figure = figures.figure("fair_low_rank", f"{way.kind}/{rank}", way.pearson)
    return figure if figure.interval else Figure(figure.value, figure.value, figure.value)


def _has_several(figures: Figures, item: str) -> bool:
    """Whether the dip's lower limit is above 0; without an interval, whether its p is below the level."""
    interval = figures.get("fair_shape", item, "dip").interval
    p = figures.get("fair_shape", item, "dip_p_thinned").value
    return interval[0] > 0 if interval else p is not None and p < SIGNIFICANT


def _shape(figures: Figures, item: str) -> str:
    p = figures.get("fair_shape", item, "dip_p_thinned").value
    places = mode_places(figures, "fair_shape", item)
    return say("shape", figures, item=item, places=places, p=p, several=_has_several(figures, item))
