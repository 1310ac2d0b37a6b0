"""The founding conclusions stand, fall or stay undecided with the intervals."""

import pytest

from easyhard.report import conclusions
from easyhard.report.conclusions import Conclusion
from easyhard.report.metrics import Figures
from easyhard.report.words import strong

from .conftest import Make, Value

BEST = ("stack_hidden", "stack_context", "weighted/32/entropy", "stack_head")
LIMIT, LOW_RANK, CLASSIFIER, MODES = range(4)


def conclude(figures: Figures, which: int) -> Conclusion:
    return conclusions.conclusions(figures)[which]


def shares(half: float, **values: float) -> dict[str, Value]:
    """Oracle shares with their intervals."""
    return {f"fair_signals/{item}/oracle_share": (value, value - half, value + half) for item, value in values.items()}


@pytest.mark.parametrize(("share", "verdict"), [(0.31, "falls"), (0.28, "undecided"), (0.2, "stands")])
def test_the_limit(make_fair: Make, share: float, verdict: str) -> None:
    found = conclude(make_fair(shares(0.02, **dict.fromkeys(BEST, share))), LIMIT)
    assert found.paragraph.startswith(strong(f"“27 % of the oracle is the limit”: {verdict}."))
    assert "Attainable without the target is 35.0" in found.said


def test_one_class_above_the_limit_is_enough_and_one_unsure_undoes_a_stand(make_fair: Make) -> None:
    low = shares(0.02, **dict.fromkeys(BEST, 0.2))
    above = conclude(make_fair(low | shares(0.02, stack_context=0.3)), LIMIT)
    assert above.verdict == "falls"
    assert above.said.startswith("Of the classes' best signals stack of hidden and context has the highest")
    assert conclude(make_fair(low | shares(0.02, stack_head=0.26)), LIMIT).verdict == "undecided"


def test_low_rank_fails_for_every_kind_that_neither_keeps_nor_separates(make_fair: Make) -> None:
    found = conclude(make_fair(), LOW_RANK)
    assert found.verdict == (
        "stands for plain, centred, weighted, plain refined and centred refined, falls for weighted refined"
    ), "whose made-up r is above the mark"
    plain = "Plain, rank 32 (50 % of the head's multiply-adds): r 0.460, argmax kept for 36.6 % of the tokens"
    assert f"{plain}; as a signal worse than the best head signal at every rank." in found.said
    assert "Weighted refined, rank 32 (50 % of the head's multiply-adds): r 0.957" in found.said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"fair_low_rank/weighted/32/max_probability_pearson": 0.97}, "falls for weighted and weighted refined"),
        ({"fair_low_rank/weighted/32/max_probability_pearson": (0.96, 0.94, 0.98)}, "undecided for weighted, "),
        (
            {f"fair_differences/weighted/{r}/entropy/auroc_from_head_best": None for r in (2, 5)},
            "undecided for weighted",
        ),
    ],
)
def test_low_rank_works_where_the_max_probability_is_kept(
    make_fair: Make, changed: dict[str, Value], words: str
) -> None:
    assert words in conclude(make_fair(changed), LOW_RANK).verdict


def test_low_rank_works_where_a_signal_is_not_worse(make_fair: Make) -> None:
    names = [f"fair_differences/weighted/{rank}/refined_entropy/auroc_from_head_best" for rank in (20, 32)]
    found = conclude(make_fair(dict.fromkeys(names, (-0.001, -0.004, 0.002))), LOW_RANK)
    assert found.verdict.endswith("falls for weighted refined")
    assert found.said.endswith("the cheapest signal not worse is entropy, weighted rank 20 refined, at 31 %.")


def test_a_full_rank_is_no_low_rank(make_fair: Make) -> None:
    full: dict[str, Value] = {
        "fair_low_rank/plain/64/coverage": 1.0,
        "fair_low_rank/plain/64/max_probability_pearson": 1.0,
        "fair_signals/plain/64/entropy/cost_share": 1.001,
        "fair_differences/plain/64/entropy/auroc_from_head_best": (0.0, -0.001, 0.001),
    }
    assert conclude(make_fair(full), LOW_RANK).verdict.startswith("stands for plain,")


ITSELF: dict[str, Value] = {
    "fair_differences/stack_head/is_class_best": 0.0,
    "fair_differences/max_probability/is_class_best": 1.0,
    "fair_differences/max_probability/auroc_from_class_best": None,
}
OURS = "fair_differences/stack_hidden/auroc_from_head_best"


@pytest.mark.parametrize(
    ("changed", "verdict", "words"),
    [
        ({}, "falls", "the first is ahead by their differences"),
        ({OURS: (-0.05, -0.054, -0.046)}, "stands", "the second is ahead by their differences"),
        ({OURS: (-0.024, -0.028, -0.02)}, "undecided", "have intervals that meet"),
        (ITSELF, "stands", "max probability has"),
        (ITSELF | {OURS: (0.01, 0.006, 0.014)}, "falls", "max probability has"),
    ],
)
def test_the_classifier_against_softmax_confidence(
    make_fair: Make, changed: dict[str, Value], verdict: str, words: str
) -> None:
    """Both differences are from the best head signal, which may be softmax confidence itself."""
    found = conclude(make_fair(changed), CLASSIFIER)
    assert found.verdict == verdict
    assert words in found.said


@pytest.mark.parametrize(
    ("modes", "low", "p", "verdict"),
    [
        *(
            (3, 0.008, 0.5, "falls"),
            (2, 0.008, 0.5, "stands"),
            (2, 0.0, 0.01, "undecided"),
            (1, 0.0, 0.01, "undecided"),
        ),
        *((3, None, 0.01, "falls"), (3, None, 0.3, "undecided")),
    ],
)
def test_two_modes(make_fair: Make, modes: int, low: float | None, p: float, verdict: str) -> None:
    """Without an interval the dip is judged by its p."""
    high = None if low is None else 0.014
    dip: dict[str, Value] = {"fair_shape/loss/dip": (0.011, low, high), "fair_shape/loss/dip_p_thinned": p}
    found = conclude(make_fair({"fair_shape/loss/modes": float(modes)} | dip), MODES)
    assert found.verdict == verdict
    assert ("is not rejected (dip 0.0110" in found.said.partition("Without")[0]) == (verdict == "undecided")
    assert "Without the targets that training never saw: a single mode is rejected" in found.said


def test_a_run_of_bare_signals_is_asked_what_it_can_answer(bare_fair: Figures) -> None:
    limit, modes = conclusions.conclusions(bare_fair)
    assert limit.verdict == "undecided"
    assert limit.said == "Of the classes' best signals mine has the highest oracle share, 27.3 [25.7, 28.9] %."
    assert modes.claim == "Two modes"
