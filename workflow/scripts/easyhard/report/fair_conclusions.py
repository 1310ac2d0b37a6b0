"""What the founding document concluded, held against the fair figures: stands, falls or undecided, by the intervals."""

from collections.abc import Iterator
from dataclasses import dataclass

from easyhard.report.fair_items import (
    best_by,
    cheapest_first,
    class_best,
    has_section,
    low_rank,
    main_label,
    number,
    optional,
    ranks_below_full,
    signals_by_class,
)
from easyhard.report.fair_words import (
    FALLS,
    STANDS,
    UNDECIDED,
    WORSE,
    cost,
    estimate,
    interval,
    percent,
    standing,
)
from easyhard.report.findings import KEPT, SIGNIFICANT
from easyhard.report.labels import signal_title
from easyhard.report.metrics import Figure, Figures
from easyhard.report.words import highest, listed, p_text, plural, text

FOUNDING_LIMIT = 0.27
"""The founding document's highest oracle share at inference."""

FOUNDING_CONFIDENCE = "max_probability"
FOUNDING_MODES = 2


@dataclass(frozen=True)
class Way:
    """A kind of low rank, as it is or refined."""

    kind: str
    refined: bool

    @property
    def title(self) -> str:
        return f"{self.kind} refined" if self.refined else self.kind

    @property
    def prefix(self) -> str:
        """What precedes the names of its figures."""
        return "refined_" if self.refined else ""

    @property
    def kept(self) -> str:
        """The name of the figure that says how often its most probable word is the exact one."""
        return "argmax_kept_refined" if self.refined else "argmax_kept"


def conclusions(figures: Figures) -> list[str]:
    """One paragraph a founding conclusion, its verdict in front; those that the figures cannot speak of are left out.

    Raises InputError naming a figure that the table does not have at all.
    """
    found = [limit(figures), low_rank_fails(figures), classifier(figures), two_modes(figures)]
    return [sentence for sentence in found if sentence is not None]


def verdicts(figures: Figures) -> dict[str, str]:
    """Each founding conclusion that the figures can speak of, with its verdict: what its paragraph opens with."""
    heads = (paragraph.removeprefix("**").partition(".**")[0] for paragraph in conclusions(figures))
    return {claim: verdict for claim, _, verdict in (head.partition(": ") for head in heads)}


def limit(figures: Figures) -> str | None:
    """Whether 27 % of the oracle is the limit: whether any class's best signal is above it by its interval."""
    best = [item for item in class_best(figures).values() if figures.has("fair_signals", item, "oracle_share")]
    if not best:
        return None
    shares = {item: optional(figures, "fair_signals", item, "oracle_share") for item in best}
    item = highest({name: number(figures, "fair_signals", name, "oracle_share") for name in best})
    verdict = _claim_of_a_ceiling([_side(figure, FOUNDING_LIMIT) for figure in shares.values()])
    reach = ""
    if figures.has("fair_ceilings", "loss", "oracle_share"):
        reach = f" Attainable without the target is {estimate(figures, 'fair_ceilings', 'loss', 'oracle_share')} %."
    return (
        f"**“{percent(FOUNDING_LIMIT)} % of the oracle is the limit”: {verdict}.** Of the classes' best signals "
        f"{signal_title(item)} has the highest oracle share, {estimate(figures, 'fair_signals', item, 'oracle_share')} "
        f"%.{reach}"
    )


def low_rank_fails(figures: Figures) -> str | None:
    """Whether low rank does not work, as it is and refined: by the max probability that it keeps, and as a signal."""
    if not has_section(figures, "fair_low_rank"):
        return None
    ways = {
        Way(kind, refined): ranks
        for refined in (False, True)
        for kind, ranks in ranks_below_full(figures).items()
        if ranks and figures.has("fair_low_rank", f"{kind}/{ranks[-1]}", Way(kind, refined).kept)
    }
    verdicts: dict[str, list[str]] = {}
    for way, ranks in ways.items():
        verdicts.setdefault(_low_rank_verdict(figures, way, ranks), []).append(way.title)
    if not verdicts:
        return None
    said = ", ".join(f"{verdict} for {listed(own)}" for verdict, own in verdicts.items())
    told = " ".join(_low_rank_way(figures, way, ranks) for way, ranks in ways.items())
    return (
        f"**“Low rank does not work”: {said}.** Working means r above {KEPT} with the exact max probability, the "
        f"founding mark, or a signal not worse than the best head signal, below full rank. Refined: the words that the "
        f"low rank puts first get their exact logits. {told}"
    )


def classifier(figures: Figures) -> str | None:
    """Whether the softmax confidence beats the best signal on the hidden state.

    Both are known by their paired differences from the best head signal. Where these intervals do not meet, the two
    signals differ: the standard error of their difference is at most the sum of the two.
    """
    item = class_best(figures).get("hidden")
    metric = f"auroc_{main_label(figures)}"
    if item is None or not figures.has("fair_signals", FOUNDING_CONFIDENCE, metric):
        return None
    ours = interval(optional(figures, "fair_differences", item, "auroc_from_head_best"))
    theirs = interval(optional(figures, "fair_differences", FOUNDING_CONFIDENCE, "auroc_from_class_best"))
    if class_best(figures).get("head") == FOUNDING_CONFIDENCE:
        theirs = 0.0, 0.0
    if ours is None or theirs is None:
        return None
    verdict = FALLS if ours[0] > theirs[1] else STANDS if ours[1] < theirs[0] else UNDECIDED
    reason = {
        FALLS: "the first is ahead by their differences from the best head signal",
        STANDS: "the second is ahead by their differences from the best head signal",
        UNDECIDED: "their differences from the best head signal have intervals that meet",
    }[verdict]
    return (
        f"**“Drop the classifier, use softmax confidence”: {verdict}.** From the hidden state {signal_title(item)} "
        f"has AUROC {estimate(figures, 'fair_signals', item, metric)} at {cost(figures, item)} % of the head's "
        f"multiply-adds; {signal_title(FOUNDING_CONFIDENCE)} has "
        f"{estimate(figures, 'fair_signals', FOUNDING_CONFIDENCE, metric)} at {cost(figures, FOUNDING_CONFIDENCE)} %: "
        f"{reason}. The founding 100 % for softmax confidence was the target's probability, which inference lacks."
    )


def two_modes(figures: Figures) -> str | None:
    """Whether the loss has two modes: by the dip's lower limit, and by the modes of its density."""
    if not has_section(figures, "fair_shape") or not figures.has("fair_shape", "loss", "modes"):
        return None
    shape = _shape(figures, "loss")
    seen = ""
    if figures.has("fair_shape", "loss_seen", "modes"):
        seen = f" Without the targets that training never saw: {_shape_text(figures, 'loss_seen')}."
    return f"**“Two modes”: {shape}.** Of the loss: {_shape_text(figures, 'loss')}.{seen}"


def _side(figure: Figure, mark: float) -> str | None:
    """On which side of the mark the whole interval lies; None where it holds the mark or is not known."""
    bounds = interval(figure)
    if bounds is None:
        return None
    return "above" if bounds[0] > mark else "below" if bounds[1] < mark else None


def _claim_of_a_ceiling(sides: list[str | None]) -> str:
    """A claim that nothing gets above a mark falls by one that does, and stands by all that stay below."""
    if "above" in sides:
        return FALLS
    return STANDS if all(side == "below" for side in sides) else UNDECIDED


def _low_rank_verdict(figures: Figures, way: Way, ranks: list[int]) -> str:
    kept = [_side(_fidelity(figures, way, rank), KEPT) for rank in ranks]
    if "above" in kept or _first_not_worse(figures, way) is not None:
        return FALLS
    judged = [_standing(figures, item) for item in _of_way(figures, way)]
    return STANDS if all(side == "below" for side in kept) and all(word == WORSE for word in judged) else UNDECIDED


def _low_rank_way(figures: Figures, way: Way, ranks: list[int]) -> str:
    """What a kind keeps at the lowest rank that keeps enough, else at the highest below full, and how it separates."""
    enough = (rank for rank in ranks if _side(_fidelity(figures, way, rank), KEPT) == "above")
    rank = next(enough, ranks[-1])
    item = f"{way.kind}/{rank}"
    share = optional(figures, "fair_low_rank", item, "cost_share").value
    sentence = (
        f"{way.title.capitalize()}, rank {rank} ({percent(share)} % of the head's multiply-adds): r "
        f"{text(figures, 'fair_low_rank', item, f'{way.prefix}max_probability_pearson')}, argmax kept for "
        f"{text(figures, 'fair_low_rank', item, way.kept)} % of the tokens"
    )
    if "head" not in class_best(figures) or not _of_way(figures, way):
        return f"{sentence}."
    first = _first_not_worse(figures, way)
    if first is None:
        return f"{sentence}; as a signal worse than the best head signal at every rank."
    return f"{sentence}; the cheapest signal not worse is {signal_title(first)}, at {cost(figures, first)} %."


def _first_not_worse(figures: Figures, way: Way) -> str | None:
    """The cheapest of a kind's signals that is not worse than the best head signal; at each rank the best on select."""
    found = (item for item in _of_way(figures, way) if _standing(figures, item) not in (WORSE, None))
    return next(found, None)


def _of_way(figures: Figures, way: Way) -> list[str]:
    """A kind's signals that cost less than the head, the best on select at each rank, the cheapest first."""
    every = [item for item in signals_by_class(figures).get("low_rank", []) if _is_of(item, way)]
    cheaper = [item for item in every if number(figures, "fair_signals", item, "cost_share") < 1]
    return cheapest_first(figures, best_by(figures, cheaper, "rank"))


def _is_of(item: str, way: Way) -> bool:
    parts = low_rank(item)
    return parts is not None and (parts.kind, parts.refined) == (way.kind, way.refined)


def _standing(figures: Figures, item: str) -> str | None:
    return standing(optional(figures, "fair_differences", item, "auroc_from_head_best"), low_is_good=False)


def _fidelity(figures: Figures, way: Way, rank: int) -> Figure:
    """The r of the max probability with the exact one; a figure without an interval counts as its own bounds."""
    figure = figures.figure("fair_low_rank", f"{way.kind}/{rank}", f"{way.prefix}max_probability_pearson")
    return figure if interval(figure) else Figure(figure.value, figure.value, figure.value, None, None, None)


def _shape(figures: Figures, item: str) -> str:
    """More than one mode is shown by the dip (`_has_several`); then the density counts them."""
    if not _has_several(figures, item):
        return UNDECIDED
    return STANDS if figures.value("fair_shape", item, "modes") == FOUNDING_MODES else FALLS


def _has_several(figures: Figures, item: str) -> bool:
    """Whether the dip's lower limit is above 0; without an interval, whether its p is below the level."""
    bounds = interval(optional(figures, "fair_shape", item, "dip"))
    if bounds:
        return bounds[0] > 0
    p = optional(figures, "fair_shape", item, "dip_p_thinned").value
    return p is not None and p < SIGNIFICANT


def _shape_text(figures: Figures, item: str) -> str:
    count = int(number(figures, "fair_shape", item, "modes"))
    places = listed(list(_mode_places(figures, item, count)))
    p = optional(figures, "fair_shape", item, "dip_p_thinned").value
    tested = "" if p is None else f", {p_text(p)} on one token a sequence"
    rejected = "a single mode is rejected" if _has_several(figures, item) else "a single mode is not rejected"
    dip = estimate(figures, "fair_shape", item, "dip")
    return f"{rejected} (dip {dip}{tested}), and the density has {plural(count, 'mode')}, near {places} nats"


def _mode_places(figures: Figures, item: str, count: int) -> Iterator[str]:
    for index in range(1, count + 1):
        yield text(figures, "fair_shape", item, f"mode_{index}")
