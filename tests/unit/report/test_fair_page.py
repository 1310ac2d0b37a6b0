"""The first page follows the figures: each test changes some and sees the words change."""

from collections.abc import Callable

import pytest

from easyhard.errors import InputError
from easyhard.report import fair_page as page
from easyhard.report.metrics import Figures

Make = Callable[..., Figures]
Estimate = tuple[float | None, float | None, float | None]

STACK, MLP, CONTEXT = "stack_hidden", "mlp_easy", "stack_context"


def gap(item: str, value: float, half: float, p: float = 0.01) -> dict[tuple[str, str, str], Estimate]:
    """A difference in AUROC from the best head signal."""
    return {
        ("fair_differences", item, "auroc_from_head_best"): (value, value - half, value + half),
        ("fair_differences", item, "auroc_from_head_best_p"): (p, None, None),
    }


def augrc(item: str, value: float, half: float) -> dict[tuple[str, str, str], Estimate]:
    """A difference in AUGRC from the best head signal."""
    return {("fair_differences", item, "augrc_from_head_best"): (value, value - half, value + half)}


def best(**marks: float) -> dict[tuple[str, str, str], Estimate]:
    """Which signals are the best of their class."""
    return {("fair_differences", item, "is_class_best"): (value, None, None) for item, value in marks.items()}


def test_the_recommendation_has_both_signals_and_their_difference(make_fair: Make) -> None:
    assert page.recommendation(make_fair()) == (
        "Without a pass over the vocabulary, use **stack of hidden**: AUROC 0.736 [0.725, 0.747] at 1.3 % of the "
        "head's multiply-adds; the best head signal, stack of head, has 0.744 [0.733, 0.755] at 101 %; the difference "
        "is -0.0080 [-0.0119, -0.0041] (Holm p < 0.001), so stack of hidden is worse."
    )


@pytest.mark.parametrize(
    ("value", "half", "word"),
    [
        (-0.01, 0.004, "is worse"),
        (-0.003, 0.004, "is not worse"),
        (0.0, 0.004, "is not worse"),
        (0.01, 0.004, "is better"),
    ],
)
def test_the_word_follows_the_interval(make_fair: Make, value: float, half: float, word: str) -> None:
    sentence = page.recommendation(make_fair(gap(STACK, value, half, p=0.25)))
    assert sentence.endswith(f"(Holm p = 0.250), so stack of hidden {word}.")


def test_a_difference_without_an_interval_gets_no_word(make_fair: Make) -> None:
    bare = {("fair_differences", STACK, "auroc_from_head_best"): (-0.01, None, None)}
    assert page.recommendation(make_fair(bare)).endswith("the difference is -0.0100 (Holm p < 0.001).")


def test_the_choice_is_the_one_marked_as_the_best(make_fair: Make) -> None:
    sentence = page.recommendation(make_fair(best(stack_hidden=0.0, mlp_entropy=1.0)))
    assert "use **MLP of the entropy**: AUROC 0.729 [0.718, 0.740] at 0.37 %" in sentence
    none = best(**dict.fromkeys((STACK, CONTEXT, "stack_head", "weighted/32/entropy"), 0.0))
    with pytest.raises(InputError, match="is_class_best"):
        page.recommendation(make_fair(none))


def test_other_classes_are_told_one_by_one(make_fair: Make) -> None:
    context, low_rank = page.other_classes(make_fair())
    assert context.startswith("With earlier tokens as well: **stack of hidden and context**, AUROC 0.751")
    assert context.endswith("so stack of hidden and context is better.")
    assert low_rank.startswith("With a low-rank head: **entropy, weighted rank 32**")
    none = best(**{CONTEXT: 0.0, "weighted/32/entropy": 0.0})
    assert page.other_classes(make_fair(none)) == []


def test_without_a_hidden_signal_the_next_class_is_recommended(make_fair: Make) -> None:
    assert page.recommendation(make_fair(best(stack_hidden=0.0))).startswith("With earlier tokens as well, use")
    only_head = best(**{STACK: 0.0, CONTEXT: 0.0, "weighted/32/entropy": 0.0})
    assert page.recommendation(make_fair(only_head)) == (
        "With a pass over the vocabulary, use **stack of head**: AUROC 0.744 [0.733, 0.755] at 101 % of the head's "
        "multiply-adds."
    )


def test_signals_brought_along_are_called_by_their_names(bare_fair: Figures) -> None:
    assert page.recommendation(bare_fair) == "Of the signals brought along, use **mine**: AUROC 0.710 [0.699, 0.721]."
    assert page.other_classes(bare_fair) == []
    assert page.marks(bare_fair) == []
    assert page.reach(bare_fair) == []
    assert "| own   | mine        |" in page.class_table(bare_fair)
    assert "of the ceiling" not in page.class_table(bare_fair)


def test_the_table_may_state_what_a_signal_needs(make_fair: Make) -> None:
    stated = make_fair(
        {
            ("fair_signals", "own_head", "needs_head"): (1.0, None, None),
            ("fair_signals", "own_head", "auroc_loss_over_3"): (0.9, 0.89, 0.91),
            ("fair_signals", "own_head", "select_auroc"): (0.9, None, None),
        }
        | best(own_head=1.0, stack_head=0.0)
    )
    assert "the best head signal, own_head, has 0.900 [0.890, 0.910];" in page.recommendation(stated)


def test_the_class_table_has_a_row_a_class(make_fair: Make) -> None:
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in page.class_table(make_fair()).splitlines()]
    assert rows[0][2:] == [
        "AUROC, loss > 3", "AUGRC (nats)", "oracle share (%)", "of the ceiling (%)", "multiply-adds",
        "of the head's (%)",
    ]  # fmt: skip
    assert [row[0] for row in rows[2:]] == ["hidden", "context", "low rank", "head"]
    assert rows[2][1:3] == ["stack of hidden", "0.736 [0.725, 0.747]"]
    assert rows[2][-2:] == ["60,000", "1.3"]


def test_the_main_label_comes_from_the_data(make_fair: Make) -> None:
    figures = make_fair({("fair_data", "clusters", "main_threshold"): (5.0, None, None)})
    assert "use **stack of hidden**: AUROC 0.706 [0.695, 0.717]" in page.recommendation(figures)
    assert page.basis(figures).startswith("Hard is a token with loss > 5 nats: 58.0 % of the 216,480 test tokens")
    with pytest.raises(InputError, match="main_threshold"):
        page.basis(make_fair({("fair_data", "clusters", "main_threshold"): (None, None, None)}))


def test_the_basis_names_what_is_resampled_and_why(make_fair: Make) -> None:
    words = page.basis(make_fair())
    assert "(56 documents)" in words
    assert "95 % intervals from 1,000 resamples, the same for all signals, of whole documents (56);" in words
    assert "too few" not in words
    few = {
        ("fair_data", "clusters", "are_documents"): (0.0, None, None),
        ("fair_data", "clusters", "count"): (1234.0, None, None),
        ("fair_data", "test", "documents"): (12.0, None, None),
    }
    assert "of whole sequences (1,234), because 12 test documents are too few to resample" in page.basis(make_fair(few))


@pytest.mark.parametrize(
    ("auroc", "risk", "answer"),
    [
        ((-0.002, 0.004), (0.01, 0.02), "Yes"),
        ((0.01, 0.004), (-0.03, 0.02), "Yes"),
        ((-0.01, 0.004), (0.01, 0.02), "No"),
        ((-0.002, 0.004), (0.03, 0.02), "No"),
    ],
)
def test_the_first_mark_wants_auroc_and_augrc(
    make_fair: Make, auroc: tuple[float, float], risk: tuple[float, float], answer: str
) -> None:
    sentence = str(page.cheap_mark(make_fair(gap(MLP, *auroc) | augrc(MLP, *risk))))
    assert sentence.startswith(f"**{answer}.** The best of these on select is MLP of loss > 3, at 0.37 %")
    assert sentence.endswith("It has 95.6 % of stack of head's AUROC above chance.")


def test_the_first_mark_keeps_to_the_cost_and_to_the_classes(make_fair: Make) -> None:
    """A better signal above the mark's cost, or one that reads the context, does not count."""
    cheap = {("fair_signals", STACK, "cost_share"): (0.004, None, None)}
    assert "on select is stack of hidden" in str(page.cheap_mark(make_fair(cheap)))
    assert "on select is MLP of loss > 3," in str(page.cheap_mark(make_fair()))
    hidden = (
        "hidden_norm",
        "logit_std",
        "gaussian_lse",
        "mahalanobis",
        "exit_classifier",
        "mlp_loss",
        "mlp_easy",
        "mlp_entropy",
    )
    dear = {("fair_signals", item, "cost_share"): (0.02, None, None) for item in hidden}
    assert page.cheap_mark(make_fair(dear)) == (
        "**No.** No measured signal costs at most 0.5 % of the head's multiply-adds."
    )


def test_the_second_mark_wants_a_significant_lead(make_fair: Make) -> None:
    assert str(page.context_mark(make_fair())).startswith("**Yes.** The best of these on select is stack of hidden and")
    unadjusted = str(page.context_mark(make_fair(gap(CONTEXT, 0.007, 0.004, p=0.2))))
    assert unadjusted.startswith("**No.**")
    assert unadjusted.endswith("by the interval alone, not after adjusting for all signals compared.")
    unsure = str(page.context_mark(make_fair(gap(CONTEXT, 0.003, 0.004, p=0.2))))
    assert unsure.endswith("It is ahead by 0.0030, with an interval of ± 0.0040.")
    behind = str(page.context_mark(make_fair(gap(CONTEXT, -0.003, 0.004, p=0.2))))
    assert behind.endswith("so stack of hidden and context is not worse. It is behind by 0.0030.")
    assert page.context_mark(make_fair(best(stack_context=0.0))) is None


def test_the_marks_are_asked_with_their_limits(make_fair: Make) -> None:
    (cheap, _), (context, _) = page.marks(make_fair())
    assert "at no more than 0.5 % of the head's multiply-adds" in cheap
    assert context.startswith("Does the hidden state together with earlier tokens")


def test_the_ceilings_are_beside_the_best_signal(make_fair: Make) -> None:
    auroc, share = page.ceilings(make_fair())
    assert "the best possible AUROC for loss > 3 would be 0.754 [0.751, 0.757]" in auroc
    assert (
        "The best signal, stack of hidden and context, has 0.751 [0.740, 0.762]: 98.7 [94.7, 102.7] % of that" in auroc
    )
    assert "stack of hidden and context has 32.7 [31.1, 34.3] %" in share
    assert share.endswith("on drawn targets the best has 35.0 [34.6, 35.4] %.")
    other = make_fair({("fair_signals", STACK, "select_auroc"): (0.9, None, None)})
    assert "The best signal, stack of hidden, has 0.736" in page.ceilings(other)[0]
    assert page.ceilings(make_fair(without=("fair_ceilings",))) == []


@pytest.mark.parametrize(
    ("after", "confidence", "words"),
    [
        (0.008, 0.178, ("not sure enough", "lowers the error to 0.80")),
        (0.03, 0.25, ("too sure", "raises the error to 3.00")),
        (0.021, 0.19, ("as sure as it is right", "leaves the error at 2.10")),
    ],
)
def test_calibration(make_fair: Make, after: float, confidence: float, words: tuple[str, str]) -> None:
    changed = {
        ("fair_calibration", "temperature", "ece"): (after, None, None),
        ("fair_calibration", "model", "mean_confidence"): (confidence, None, None),
    }
    sentence = str(page.calibration(make_fair(changed)))
    for part in words:
        assert part in sentence
    assert page.calibration(make_fair(without=("fair_calibration",))) is None


def test_the_cheap_mark_names_the_harder_rival_by_augrc(make_fair: Make) -> None:
    assert "harder rival" not in str(page.cheap_mark(make_fair()))
    item = next(item for item in make_fair().items("fair_signals") if item.startswith("mlp_"))
    told = {
        ("fair_differences", "entropy", "is_head_lowest"): (1.0, None, None),
        **{
            ("fair_signals", name, "select_augrc"): (2.0 if name == item else 3.0, None, None)
            for name in make_fair().items("fair_signals")
        },
        ("fair_differences", item, "augrc_from_head_lowest"): (0.02, 0.01, 0.03),
    }
    answer = str(page.cheap_mark(make_fair(told)))
    assert "By AUGRC alone entropy is the head's best on select" in answer
    assert "+0.020 [+0.010, +0.030] nats (worse)" in answer
