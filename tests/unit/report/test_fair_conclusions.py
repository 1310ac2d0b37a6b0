"""The founding conclusions stand, fall or stay undecided with the intervals."""

from collections.abc import Callable

import pytest

from easyhard.report import fair_conclusions as conclusions
from easyhard.report.metrics import Figures

Make = Callable[..., Figures]
BEST = ("stack_hidden", "stack_context", "weighted/32/entropy", "stack_head")


@pytest.mark.parametrize(
    ("share", "half", "verdict"), [(0.31, 0.02, "falls"), (0.28, 0.02, "undecided"), (0.2, 0.02, "stands")]
)
def test_the_limit(make_fair: Make, share: float, half: float, verdict: str) -> None:
    every = {("fair_signals", item, "oracle_share"): (share, share - half, share + half) for item in BEST}
    sentence = str(conclusions.limit(make_fair(every)))
    assert sentence.startswith(f"**“27 % of the oracle is the limit”: {verdict}.**")
    assert "Attainable without the target is 35.0" in sentence


def test_one_class_above_the_limit_is_enough_and_one_unsure_undoes_a_stand(make_fair: Make) -> None:
    low = {("fair_signals", item, "oracle_share"): (0.2, 0.18, 0.22) for item in BEST}
    above = make_fair(low | {("fair_signals", "stack_context", "oracle_share"): (0.3, 0.28, 0.32)})
    assert "falls.** Of the classes' best signals stack of hidden and context has" in str(conclusions.limit(above))
    unsure = make_fair(low | {("fair_signals", "stack_head", "oracle_share"): (0.26, 0.24, 0.28)})
    assert "limit”: undecided." in str(conclusions.limit(unsure))


def test_low_rank_fails_for_every_kind_that_neither_keeps_nor_separates(make_fair: Make) -> None:
    sentence = str(conclusions.low_rank_fails(make_fair()))
    assert sentence.startswith(
        "**“Low rank does not work”: stands for plain, centred, weighted, plain refined and centred refined, "
        "falls for weighted refined.**"  # whose made-up r is above the mark
    )
    assert (
        "Plain, rank 32 (50 % of the head's multiply-adds): r 0.460, argmax kept for 36.6 % of the tokens" in sentence
    )
    assert "Weighted refined, rank 32 (50 % of the head's multiply-adds): r 0.957" in sentence


def test_low_rank_works_where_the_max_probability_is_kept(make_fair: Make) -> None:
    kept = {("fair_low_rank", "weighted/32", "max_probability_pearson"): (0.97, None, None)}
    sentence = str(conclusions.low_rank_fails(make_fair(kept)))
    assert "falls for weighted and weighted refined.**" in sentence
    unsure = {("fair_low_rank", "weighted/32", "max_probability_pearson"): (0.96, 0.94, 0.98)}
    assert "undecided for weighted, " in str(conclusions.low_rank_fails(make_fair(unsure)))


def test_low_rank_works_where_a_signal_is_not_worse(make_fair: Make) -> None:
    found = {
        ("fair_differences", f"weighted/{rank}/refined_entropy", "auroc_from_head_best"): (-0.001, -0.004, 0.002)
        for rank in (20, 32)
    }
    sentence = str(conclusions.low_rank_fails(make_fair(found)))
    assert "falls for weighted refined.**" in sentence
    assert "the cheapest signal not worse is entropy, weighted rank 20 refined, at 31 %." in sentence


def test_a_full_rank_is_no_low_rank(make_fair: Make) -> None:
    full = {
        ("fair_low_rank", "plain/64", "coverage"): (1.0, None, None),
        ("fair_low_rank", "plain/64", "max_probability_pearson"): (1.0, None, None),
        ("fair_signals", "plain/64/entropy", "cost_share"): (1.001, None, None),
        ("fair_differences", "plain/64/entropy", "auroc_from_head_best"): (0.0, -0.001, 0.001),
    }
    assert "stands for plain," in str(conclusions.low_rank_fails(make_fair(full)))


def test_the_classifier_against_softmax_confidence(make_fair: Make) -> None:
    """Both differences are from the best head signal: apart, the verdict is clear, and else there is none."""
    assert "confidence”: falls.**" in str(conclusions.classifier(make_fair()))
    behind = {("fair_differences", "stack_hidden", "auroc_from_head_best"): (-0.05, -0.054, -0.046)}
    assert "confidence”: stands.**" in str(conclusions.classifier(make_fair(behind)))
    close = {("fair_differences", "stack_hidden", "auroc_from_head_best"): (-0.024, -0.028, -0.02)}
    assert "confidence”: undecided.**" in str(conclusions.classifier(make_fair(close)))


def test_softmax_confidence_may_be_the_best_head_signal_itself(make_fair: Make) -> None:
    itself = {
        ("fair_differences", "stack_head", "is_class_best"): (0.0, None, None),
        ("fair_differences", "max_probability", "is_class_best"): (1.0, None, None),
        ("fair_differences", "max_probability", "auroc_from_class_best"): (None, None, None),
    }
    assert "confidence”: stands.**" in str(conclusions.classifier(make_fair(itself)))
    ahead = {("fair_differences", "stack_hidden", "auroc_from_head_best"): (0.01, 0.006, 0.014)}
    assert "confidence”: falls.**" in str(conclusions.classifier(make_fair(itself | ahead)))


@pytest.mark.parametrize(
    ("modes", "low", "verdict"),
    [(3, 0.008, "falls"), (2, 0.008, "stands"), (2, 0.0, "undecided"), (1, 0.0, "undecided")],
)
def test_two_modes(make_fair: Make, modes: int, low: float, verdict: str) -> None:
    changed = {("fair_shape", "loss", "modes"): (modes, None, None), ("fair_shape", "loss", "dip"): (0.011, low, 0.014)}
    sentence = str(conclusions.two_modes(make_fair(changed)))
    assert sentence.startswith(f"**“Two modes”: {verdict}.**")
    assert ("is not rejected (dip 0.0110" in sentence) == (verdict == "undecided")
    assert "Without the targets that training never saw" in sentence


def test_without_an_interval_the_dip_is_judged_by_its_p(make_fair: Make) -> None:
    for p, verdict in ((0.01, "falls"), (0.3, "undecided")):
        changed = {
            ("fair_shape", "loss", "dip"): (0.011, None, None),
            ("fair_shape", "loss", "dip_p_thinned"): (p, None, None),
        }
        assert f"“Two modes”: {verdict}." in str(conclusions.two_modes(make_fair(changed)))


def test_a_run_of_bare_signals_is_asked_what_it_can_answer(bare_fair: Figures) -> None:
    limit, modes = conclusions.conclusions(bare_fair)
    assert "undecided.** Of the classes' best signals mine has the highest oracle share, 27.3 [25.7, 28.9] %." in limit
    assert "Two modes" in modes
