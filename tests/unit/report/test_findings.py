"""The findings follow the figures: each test changes one and sees the sentence change."""

from collections.abc import Callable

import pytest

from easyhard.errors import InputError
from easyhard.report import findings, remarks
from easyhard.report.metrics import Figures

Make = Callable[..., Figures]


def test_the_best_method_is_the_one_that_separates_best_without_the_target(make_figures: Make) -> None:
    assert "MLP-2-wide regression (trained on hidden states)" in str(findings.best_method(make_figures()))
    changed = make_figures({("separation", "margin", "loss_diff"): 3.655})
    assert "margin (from the logits) separates best" in str(findings.best_method(changed))
    assert "50.0 % of the oracle's 7.31" in str(findings.best_method(changed))


def test_the_best_signal_and_the_published_one(make_figures: Make) -> None:
    sentence = str(findings.best_signal(make_figures()))
    assert "entropy separates best, with Loss Diff 2.20 nats or 30.1 %" in sentence
    assert "margin worst, with 6.3 %" in sentence
    assert "max − mean was the best; it is here too" in sentence
    changed = str(findings.best_signal(make_figures({("separation", "max_logit", "oracle_share"): 0.4})))
    assert "max logit separates best" in changed
    assert "max − mean was the best; here it is max logit" in changed


@pytest.mark.parametrize(
    ("share", "words"), [(0.17, "4 of the 5"), (0.01, "all 5"), (0.9, "none of the 5"), (0.25, "3 of the 5")]
)
def test_the_exit_classifier_against_the_untrained(make_figures: Make, share: float, words: str) -> None:
    figures = make_figures({("separation", "exit_classifier", "oracle_share"): share})
    assert f"{words} untrained signals separate better" in str(findings.exit_classifier(figures))


@pytest.mark.parametrize(("r", "words"), [(0.258, "better than"), (0.5, "worse than"), (0.3512, "no better than")])
def test_mlps_against_a_linear_layer(make_figures: Make, r: float, words: str) -> None:
    sentence = str(findings.loss_regression(make_figures({("regression", "linear", "pearson"): r})))
    assert f"the hidden state {words} a linear layer" in sentence


@pytest.mark.parametrize(("accuracy", "word"), [(0.751, "above"), (0.9, "below"), (0.768, "level with")])
def test_classifiers_against_the_majority(make_figures: Make, accuracy: float, word: str) -> None:
    figures = make_figures({("classification", "majority", "accuracy"): accuracy})
    sentence = str(findings.loss_classification(figures))
    assert f"(MLP-2) is right on 76.8 %, {word} calling every token hard" in sentence
    assert "balanced accuracy is 58.0 %" in sentence


def test_the_majority_may_be_easy(make_figures: Make) -> None:
    figures = make_figures({("classification", "majority", "prevalence"): 0.6})
    assert "calling every token easy" in str(findings.loss_classification(figures))
    assert "Calling every token easy" in remarks.majority(figures)


def test_which_signal_is_predicted_best(make_figures: Make) -> None:
    figures = make_figures({("metric_prediction", "margin", "pearson"): 0.99})
    assert "margin is predicted best (r 0.990) and max probability worst" in str(findings.metric_prediction(figures))


def test_from_which_rank_the_max_probability_is_kept(make_figures: Make) -> None:
    assert "from rank 64 on; at rank 32 r is 0.276" in str(findings.low_rank(make_figures()))
    kept = {("low_rank", f"plain/{rank}", "max_probability_pearson"): 0.97 for rank in (20, 32)}
    assert "from rank 20 on; at rank 10 r is 0.183" in str(findings.low_rank(make_figures(kept)))
    lost = make_figures({("low_rank", "plain/64", "max_probability_pearson"): 0.9})
    assert "at none of the ranks tried; at rank 64 r is 0.900" in str(findings.low_rank(lost))


def test_the_correct_token_is_an_identity_or_an_error(make_figures: Make) -> None:
    assert "an identity, no finding" in str(findings.correct_token(make_figures()))
    wrong = make_figures({("separation", "target_probability", "oracle_share"): 0.9})
    assert "the losses or the probabilities are wrong" in str(findings.correct_token(wrong))


def test_modes_and_the_dip_test(make_figures: Make) -> None:
    assert "has 3 modes, near 1.8, 7.0 and 17.0 nats; the dip test rejects" in str(findings.loss_shape(make_figures()))
    one = make_figures(
        {("loss_distribution", "loss", "modes"): 1.0, ("loss_distribution", "loss", "dip_p_thinned"): 0.4}
    )
    assert "has one mode, near 1.8 nats; the dip test does not reject a single mode (p = 0.400" in str(
        findings.loss_shape(one)
    )
    tiny = make_figures({("loss_distribution", "loss", "dip_p_thinned"): 0.0})
    assert "p < 0.001" in str(findings.loss_shape(tiny))


def test_unseen_targets(make_figures: Make) -> None:
    sentence = str(findings.unseen_targets(make_figures()))
    assert sentence.startswith("7.7 % of the validation targets")
    assert "16.74 nats, above the 6.82 of all" in sentence
    none = {
        ("loss_distribution", "loss", "unseen_target_share"): 0.0,
        ("loss_distribution", "loss", "unseen_target_mean_loss"): None,
    }
    assert (
        findings.unseen_targets(make_figures(none))
        == "0.0 % of the validation targets never occur in the training text."
    )


def test_bands_are_counted_and_misses_named(make_figures: Make) -> None:
    assert findings.bands(make_figures()) == "All 25 figures that have a band for a faithful run are inside it."
    figures = make_figures({("low_rank", "plain/32", "max_probability_pearson"): 0.7})
    sentence = str(findings.bands(figures))
    assert "24 are inside it" in sentence
    assert "low rank, 32: r of max probability 0.700 (below 0.650)" in sentence


def test_findings_leave_out_what_is_null_and_refuse_what_is_missing(make_figures: Make) -> None:
    every = findings.findings(make_figures(), is_founding_corpus=True)
    share = ("separation", "target_probability", "oracle_share")
    assert len(findings.findings(make_figures({share: None}), is_founding_corpus=True)) == len(every) - 1
    assert len(findings.findings(make_figures(), is_founding_corpus=False)) == len(every) - 1
    with pytest.raises(InputError, match="separation/target_probability/oracle_share"):
        findings.findings(make_figures(without=(share,)), is_founding_corpus=True)


def test_cohens_d_is_held_against_plain_shapes(make_figures: Make) -> None:
    assert "comes from a uniform distribution" in remarks.cohens_d(make_figures())
    small = remarks.cohens_d(make_figures({("loss_distribution", "loss", "cohens_d"): 2.0}))
    assert "comes from a normal and a uniform distribution" in small
    assert "above all of these" in remarks.cohens_d(make_figures({("loss_distribution", "loss", "cohens_d"): 4.0}))


def test_remarks_follow_the_figures(make_figures: Make) -> None:
    figures = make_figures()
    assert "for the loss a single mode is rejected (dip 0.0123, p = 0.004)" in remarks.modes(figures)
    assert "for the log of the loss a single mode is not rejected" in remarks.modes(figures)
    assert "17.0 nats (10.0 % of the tokens; training never saw the target of 93.0 % of them)" in remarks.modes(figures)
    assert "linear +0.4, MLP-2 +1.7, MLP-3 +1.6, MLP-2-wide +1.3" in remarks.majority(figures)
    assert "MLP-2 calls 9.0 % of the tokens easy at 0.5 and has a Loss Diff of 3.05" in remarks.two_cuts(figures)
    assert "7.31 nats against the oracle's 7.31, 100.0 %" in remarks.tautology(figures)
    assert "At rank 32 the low-rank max − mean has 19.3 %" in remarks.low_rank(figures)
    worse = remarks.majority(make_figures({("classification", "majority", "accuracy"): 0.8}))
    assert "linear -4.5" in worse
